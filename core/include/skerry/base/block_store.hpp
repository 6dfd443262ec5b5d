#pragma once

// Blocks of one size whose owner may go before they do: sockets, which a program may hold longer than their core lives.
// While the owner is there, one thread takes and returns them. After that they are only returned, on any thread, and
// the last one takes the store's memory with it.

#include "object_memory.hpp"

#include <atomic>
#include <cstddef>

namespace skerry {

/// Lifetime: make() to leave(), or to the last block's return if that is later.
/// Threads:  one core; after leave() any.
class BlockStore {
public:
    /// Null when there is no memory. `block_bytes` is a multiple of a cache line.
    [[nodiscard]] static BlockStore* make(std::size_t block_bytes) noexcept;

    BlockStore(const BlockStore&) = delete;
    BlockStore& operator=(const BlockStore&) = delete;

    /// A block at a multiple of a cache line; null when there is no memory.
    [[nodiscard]] void* take() noexcept;
    /// Takes a block back.
    void put(void* block) noexcept;
    /// The owner goes: nobody takes any more.
    void leave() noexcept;

    /// Blocks that are out. Before leave().
    [[nodiscard]] std::size_t out() const noexcept { return out_; }

private:
    struct Free {
        Free* next;
    };

    explicit BlockStore(std::size_t block_bytes) noexcept : block_bytes_(block_bytes) {}
    ~BlockStore() = default;

    ObjectMemory memory_;
    Free* free_ = nullptr;
    std::size_t block_bytes_;
    std::size_t out_ = 0;
    // 0 until the owner leaves, then how many are out. The last one sees what all others wrote to their blocks.
    std::atomic<std::size_t> left_{0};
};

}  // namespace skerry
