#pragma once

// Hot path. The memory that files of one core are read into and written from. Each buffer begins with a page, as
// O_DIRECT and the device below may ask for. Three sizes are pooled; what is longer, or more than a pool holds, is the
// heap's.

#include <skerry/base/buffer_pool.hpp>
#include <skerry/base/io_buf.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace skerry::kernel_io::uring {

class FileBuffers {
public:
    static constexpr std::size_t page_bytes = 4096;
    static constexpr std::size_t pooled_bytes_max = 16 * page_bytes;

    explicit FileBuffers(std::uint16_t home);

    /// `size` bytes; false when the heap refuses.
    [[nodiscard]] IoBuf allocate(std::size_t size) noexcept;

    /// Of the pools, those that are not back.
    [[nodiscard]] std::uint64_t out() const noexcept;

private:
    [[nodiscard]] BufferPool* pool_for(std::size_t size) noexcept;

    std::array<BufferPool, 3> pools_;  // of 1, 4 and 16 pages
};

}  // namespace skerry::kernel_io::uring
