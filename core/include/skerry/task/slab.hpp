#pragma once

// Hot path. Coroutine frames come from here: per-core size classes, a free list each, memory cut from
// 2 MiB chunks and never given back while the core lives. 16-byte classes up to 512 bytes because a parked
// task is about 136 bytes: 64-byte classes would round it to 192 and cost a fifth of spawn in cache misses.
// Blocks of all classes lie end to end in a chunk and each header knows its class, so the live tasks can be
// walked without a list. Frames that do not fit, and frames made on threads that are no core, are malloc'ed
// behind the same header (class 0).

#include "header.hpp"

#include "../base/compiler.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace skerry::task {

inline constexpr unsigned heap_class = 0;
inline constexpr std::size_t fine_limit = 512;       ///< classes are 16 bytes apart up to here
inline constexpr std::size_t block_bytes_max = 2048;  ///< and 64 bytes apart up to here
inline constexpr unsigned fine_classes = fine_limit / 16;
inline constexpr unsigned size_classes = fine_classes + (block_bytes_max - fine_limit) / 64 + 1;
static_assert(size_classes <= 64, "TaskHeader keeps the class in six bits");

/// The class of a block of `bytes`, header included; heap_class when it is too large.
[[nodiscard]] constexpr unsigned class_of(std::size_t bytes) noexcept {
    if (bytes <= fine_limit) return static_cast<unsigned>((bytes + 15) / 16);
    if (bytes <= block_bytes_max) return fine_classes + static_cast<unsigned>((bytes - fine_limit + 63) / 64);
    return heap_class;
}

/// The bytes of a block of class `index`, header included.
[[nodiscard]] constexpr std::size_t class_bytes(unsigned index) noexcept {
    return index <= fine_classes ? std::size_t{index} * 16 : fine_limit + std::size_t{index - fine_classes} * 64;
}

/// What a slab holds; read by tests and metrics on the owner's core.
struct SlabStats {
    std::uint64_t chunk_bytes = 0;   ///< mapped
    std::uint64_t carved_bytes = 0;  ///< cut into blocks
    std::uint64_t live_blocks = 0;   ///< handed out and not returned
    std::uint64_t heap_frames = 0;   ///< malloc'ed so far because no class fits
};

/// The frames of one core.
///
/// Threads: the owner's core. Other cores send blocks back through the owner's inbox.
/// Cost:    allocate and release touch the free list's head and the block's header line.
class Slab {
public:
    explicit Slab(std::uint16_t home) noexcept : home_(home) {}
    ~Slab();
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;

    /// A block for a frame of `frame_bytes`, its header zero but for home and class.
    [[nodiscard]] TaskHeader& allocate(std::size_t frame_bytes) {
        const unsigned index = class_of(frame_bytes + sizeof(TaskHeader));
        TaskHeader* block = index == heap_class ? nullptr : free_[index];
        if (block == nullptr) [[unlikely]]
            return allocate_slow(frame_bytes, index);
        free_[index] = block->next;
        unpoison_memory(block + 1, class_bytes(index) - sizeof(TaskHeader));
        ++live_blocks_;
        return *block;
    }

    /// Takes back a block of this slab.
    void release(TaskHeader& block) noexcept {
        const unsigned index = block.size_class();
        block.state = 0;
        ++block.generation;
        poison_memory(&block + 1, class_bytes(index) - sizeof(TaskHeader));
        block.next = free_[index];
        free_[index] = &block;
        --live_blocks_;
    }

    /// A block that belongs to no slab, for threads that are no core and for frames over the largest class.
    [[nodiscard]] static TaskHeader& allocate_heap(std::size_t frame_bytes);
    static void release_heap(TaskHeader& block) noexcept;

    /// The number of the core whose slab `block` is of; `block` must be of one.
    [[nodiscard]] static std::uint16_t owner_of(const TaskHeader& block) noexcept;

    /// Calls `visit(TaskHeader&)` for every block ever cut, free ones included, and for those that it cuts itself.
    template <class Visitor>
    void for_each_block(Visitor&& visit) {
        for (std::size_t i = 0; i < chunks_.size(); ++i) {
            for (std::byte* at = chunks_[i].begin; at < used_end(i);) {
                auto& block = *reinterpret_cast<TaskHeader*>(at);
                at += class_bytes(block.size_class());
                visit(block);
            }
        }
    }

    /// Gives all memory back. Nothing may be live.
    void reset() noexcept;

    [[nodiscard]] SlabStats stats() const noexcept;

private:
    struct Chunk {
        std::byte* begin;     // the first block; the owner's number stands in front of it
        std::byte* used_end;  // valid for all chunks but the last
    };

    SKERRY_NOINLINE TaskHeader& allocate_slow(std::size_t frame_bytes, unsigned index);
    void add_chunk();
    [[nodiscard]] std::byte* used_end(std::size_t chunk) const noexcept {
        return chunk + 1 == chunks_.size() ? bump_ : chunks_[chunk].used_end;
    }

    std::array<TaskHeader*, size_classes> free_{};
    std::byte* bump_ = nullptr;
    std::byte* bump_end_ = nullptr;
    std::uint64_t live_blocks_ = 0;
    std::uint64_t heap_frames_ = 0;
    std::uint64_t carved_bytes_ = 0;
    std::uint16_t home_;
    std::vector<Chunk> chunks_;
};

}  // namespace skerry::task
