#pragma once

// Memory for the objects of one core of which there may be very many: connections, sockets. Pieces are cut from blocks,
// one behind the other, and all go back together. The first blocks come from the heap, each twice as long as the one
// before, so that a program with a few objects pays for a few; those after half a MiB are regions of 2 MiB in one page
// each. So it never holds more than twice what was cut and such a region.
//
// Rejected: huge pages for the whole heap (glibc.malloc.hugetlb), which is the user's choice and not a library's.

#include "huge_pages.hpp"

#include <cstddef>
#include <cstdint>

namespace skerry {

/// Threads: one core.
/// Cost:    cut() is an addition, but for one in many, which asks the heap or the kernel.
class ObjectMemory {
public:
    static constexpr std::size_t first_block_bytes = std::size_t{4} << 10U;
    static constexpr std::size_t heap_block_bytes_max = std::size_t{256} << 10U;
    /// The longest piece.
    static constexpr std::size_t piece_bytes_max = heap_block_bytes_max;

    ObjectMemory() noexcept = default;
    ObjectMemory(const ObjectMemory&) = delete;
    ObjectMemory& operator=(const ObjectMemory&) = delete;
    ~ObjectMemory();

    /// A piece that begins at a multiple of a cache line. Where there are no huge pages it lies in small ones, and
    /// where nothing can be mapped on the heap.
    ///
    /// Shape:    0 < bytes <= piece_bytes_max; rounded up to cache lines.
    /// Errors:   null, when there is no memory. What was cut before stays.
    /// Lifetime: as long as this object.
    [[nodiscard]] std::byte* cut(std::size_t bytes) noexcept;

    /// Asked of the heap and of the kernel.
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    struct Block;

    [[nodiscard]] bool add_block(std::size_t piece_bytes) noexcept;
    [[nodiscard]] bool add_region() noexcept;
    [[nodiscard]] bool add_heap_block(std::size_t bytes) noexcept;
    void take(std::byte* memory, std::size_t bytes, bool is_mapped) noexcept;

    Block* newest_ = nullptr;
    std::byte* at_ = nullptr;
    std::byte* end_ = nullptr;
    std::size_t bytes_ = 0;
    std::size_t next_block_bytes_ = first_block_bytes;
};

}  // namespace skerry
