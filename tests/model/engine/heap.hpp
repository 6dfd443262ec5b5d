#pragma once

// The memory behind model::allocate(). Blocks are cut from one region, one behind the other, and none is
// used twice in a schedule: freed memory stays in quarantine until the schedule ends. So addresses are the
// same in every run of a schedule, and an access to a freed block is always seen as one.

#include "engine/vector_clock.hpp"

#include <cstddef>
#include <vector>

namespace skerry::model {

class Heap {
public:
    struct Block {
        std::size_t offset;
        std::size_t bytes;
        bool freed;
        VectorClock accesses;  // when each thread last used an atomic or var in here
    };

    Heap() = default;
    Heap(const Heap&) = delete;
    Heap& operator=(const Heap&) = delete;
    ~Heap();

    /// Null when the region of 16 MiB is used up.
    [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment);

    /// Puts `block` into quarantine.
    void free(Block& block) noexcept;

    [[nodiscard]] bool owns(const void* address) const noexcept {
        return address >= region_ && address < region_ + used_;
    }

    /// The block that holds `address`, or null. Red zones between blocks belong to none.
    [[nodiscard]] Block* find(const void* address) noexcept;

    [[nodiscard]] std::size_t number_of(const Block& block) const noexcept {
        return static_cast<std::size_t>(&block - blocks_.data());
    }
    [[nodiscard]] std::size_t offset_in(const Block& block, const void* address) const noexcept {
        return static_cast<std::size_t>(static_cast<const std::byte*>(address) - region_) - block.offset;
    }

    [[nodiscard]] const std::vector<Block>& blocks() const noexcept { return blocks_; }

    /// The first freed block that somebody has written to since, or null.
    [[nodiscard]] const Block* find_overwritten() noexcept;

    /// Forgets every block.
    void reset() noexcept;

private:
    std::byte* region_ = nullptr;
    std::size_t used_ = 0;
    std::vector<Block> blocks_;
};

}  // namespace skerry::model
