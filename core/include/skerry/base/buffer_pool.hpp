#pragma once

// Hot path. The buffers that one core receives into and builds messages in: all of one size, taken from the
// heap when first needed and kept. Last in, first out, so that the next buffer is the one still in cache.
// A buffer that goes away on another thread comes home over a lock-free stack, which the owner takes whole
// when its own list is empty; so the usual allocate and release touch no atomic that anybody else writes.

#include "assert.hpp"
#include "cache_line.hpp"
#include "compiler.hpp"
#include "io_buf.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace skerry {

/// What a BufferPool is made of.
struct BufferPoolOptions {
    std::uint32_t payload_bytes = 64 * 1024;  ///< size() of a fresh buffer; at least 1
    std::uint32_t headroom_bytes = 128;       ///< in front of it, for headers; a multiple of 64 keeps it aligned
    std::uint32_t buffers_max = 1024;         ///< handed out at a time; 8 bytes each are taken at once
    std::uint32_t alignment_bytes = 64;  ///< of a fresh buffer's payload; a power of two, at most a page of 4 KiB
    std::uint16_t home = no_home_core;  ///< the number of the core, for BufferOwner::home

    constexpr BufferPoolOptions() noexcept {}
};

/// Numbers of a pool, from its own core.
struct BufferPoolStats {
    std::uint64_t live = 0;  ///< handed out and not back; those that wait on the return stack count
    std::uint64_t high_water = 0;  ///< the most that were ever out, which is how many buffers exist
    std::uint64_t misses = 0;  ///< allocate() calls that found the limit reached or the heap empty
};

/// A pool of equal buffers for one core.
///
/// Lifetime: may go away before its buffers; each of them is then freed where it is dropped, and the last
///           one takes what is left of the pool with it.
/// Threads:  all but the drop of a buffer on the owner: the thread that made the pool, or the last that called
///           adopt(). Buffers may be dropped anywhere. Destroyed by the owner, or when that thread has ended.
/// Cost:     allocate and release together 4 ns while the core keeps its buffers; see bench/buffer_pool.cpp.
class BufferPool {
public:
    explicit BufferPool(const BufferPoolOptions& options = {});
    ~BufferPool();
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;

    /// A buffer of payload_bytes, not initialized, with the pool's headroom.
    ///
    /// Errors:   an IoBuf that is false, when buffers_max are out or the heap refuses (misses).
    /// Cost:     no allocation once as many buffers exist as are in use.
    [[nodiscard]] IoBuf allocate() noexcept {
        if (!make_free()) [[unlikely]]
            return {};
        return take_free();
    }

    /// Fetches what take_free() touches when so many others have been taken.
    SKERRY_ALWAYS_INLINE void fetch_free(std::size_t ahead) const noexcept {
        if (list_->count > ahead) prefetch_write(list_->blocks[list_->count - 1 - ahead]);
    }

    /// Whether a buffer is at hand. Then take_free() is allocate(), and calls no function.
    [[nodiscard]] bool has_free() const noexcept {
        SKERRY_DEBUG_ASSERT(is_owner(), "a buffer pool is used by its owner only; see adopt()");
        return list_->count != 0;
    }
    /// Sees to it. Errors: false, where allocate() would give nothing.
    [[nodiscard]] bool make_free() noexcept { return has_free() || refill(); }
    [[nodiscard]] IoBuf take_free() noexcept {
        FreeList& list = *list_;
        Block& block = *list.blocks[--list.count];
        unpoison_memory(block.memory(), list.capacity);
        return {block, block.memory(), list.capacity, list.headroom, list.payload};
    }

    /// Makes the calling thread the owner: for a pool that is made in one thread and used in another.
    void adopt() noexcept;

    [[nodiscard]] BufferPoolStats stats() const noexcept;
    [[nodiscard]] std::size_t payload_bytes() const noexcept;

private:
    struct Shared;

    /// Stands in front of each buffer's memory.
    struct alignas(cache_line_bytes) Block : BufferOwner {
        Shared* shared = nullptr;
        Block* next = nullptr;  // on the return stack
        void* allocation = nullptr;  // where malloc put the whole

        [[nodiscard]] std::byte* memory() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    };

    /// What allocate() and a release at home touch; the rest of Shared is for the rare cases.
    struct FreeList {
        std::vector<Block*> blocks;  // a slot for each buffer there is; those in front of `count` are free
        std::size_t count = 0;
        std::uint32_t capacity = 0;
        std::uint32_t headroom = 0;
        std::uint32_t payload = 0;
    };

    static void release(BufferOwner* owner) noexcept;
    [[nodiscard]] bool is_owner() const noexcept;
    [[nodiscard]] SKERRY_COLD bool refill() noexcept;
    [[nodiscard]] Shared& shared() const noexcept;

    FreeList* list_;  // the base of a Shared
};

}  // namespace skerry
