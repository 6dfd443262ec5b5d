#pragma once

// Hot path. Where the messages of an mpsc channel lie. A message has an index that only grows (32 bits, it may wrap);
// the storage turns an index into a slot. It has two ends, because senders and receiver each keep what they need in
// a line of their own, and a part that both touch rarely.
//
// Ring: one array, allocated once; the power of two at or above the capacity.
// Blocks: a list of blocks of 32 slots. The receiver gives empty blocks back for reuse, a few of them; in steady
// state nothing is allocated.

#include "cell.hpp"

#include "../../base/assert.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace skerry::sync::detail {

/// The storage of a bounded channel.
template <class T, class Scope>
class Ring {
public:
    static constexpr bool is_bounded = true;
    static constexpr std::uint32_t capacity_max = std::uint32_t{1} << 30;
    static constexpr std::uint32_t first_index = 0;

    /// What one side keeps in its line.
    struct End {
        T* slots = nullptr;
        std::uint32_t mask = 0;
        [[nodiscard]] T* slot(std::uint32_t index) const noexcept { return slots + (index & mask); }
    };
    using PushEnd = End;
    using PopEnd = End;

    void allocate(PushEnd& push, PopEnd& pop, std::size_t capacity) {
        SKERRY_ASSERT(capacity >= 1 && capacity <= capacity_max, "a channel's capacity is 1 to 2^30");
        const auto slots = std::bit_ceil(static_cast<std::uint32_t>(capacity));
        push.slots = std::allocator<T>().allocate(slots);
        push.mask = slots - 1;
        pop = push;
    }

    void free_all(PushEnd& push, PopEnd&) noexcept {
        std::allocator<T>().deallocate(push.slots, std::size_t{push.mask} + 1);
    }

    /// The slot to fill for `index`.
    [[nodiscard]] T* push_slot(PushEnd& end, std::uint32_t index) noexcept { return end.slot(index); }
    /// The filled slot of `index`; asked for in order, once for each.
    [[nodiscard]] T* pop_slot(PopEnd& end, std::uint32_t index) noexcept { return end.slot(index); }
    /// Where that will be, if it is known; to be fetched.
    [[nodiscard]] const T* next_to_pop(const PopEnd& end, std::uint32_t index) const noexcept {
        return end.slot(index);
    }
};

/// The storage of an unbounded channel.
template <class T, class Scope>
class Blocks {
public:
    static constexpr bool is_bounded = false;
    static constexpr std::uint32_t block_slots = 32;
    static constexpr std::uint32_t spare_blocks_max = 8;
    /// Index 0 of a block means "go on to the next block", so the very first slot stays unused.
    static constexpr std::uint32_t first_index = 1;

    struct Block {
        Block* next = nullptr;
        alignas(T) std::array<std::byte, sizeof(T) * block_slots> bytes;
        [[nodiscard]] T* slot(std::uint32_t index) noexcept {
            return reinterpret_cast<T*>(bytes.data()) + index % block_slots;
        }
    };
    struct PushEnd {
        Block* block = nullptr;
        Block* spares = nullptr;
    };
    struct PopEnd {
        Block* block = nullptr;
    };

    void allocate(PushEnd& push, PopEnd& pop, std::size_t) {
        push.block = new Block;
        pop.block = push.block;
    }

    void free_all(PushEnd& push, PopEnd& pop) noexcept {
        free_list(pop.block);
        free_list(push.spares);
        free_list(returned_.exchange(nullptr, std::memory_order_acquire));
    }

    [[nodiscard]] T* push_slot(PushEnd& end, std::uint32_t index) noexcept { return end.block->slot(index); }

    [[nodiscard]] const T* next_to_pop(const PopEnd& end, std::uint32_t index) const noexcept {
        return index % block_slots != 0 ? end.block->slot(index) : nullptr;
    }
    [[nodiscard]] T* pop_slot(PopEnd& end, std::uint32_t index) noexcept {
        if (index % block_slots == 0) [[unlikely]]
            give_back(*std::exchange(end.block, end.block->next));
        return end.block->slot(index);
    }

    /// Puts a block that is at hand behind the last one; false when there is none. Under the senders' lock.
    [[nodiscard]] bool append_spare(PushEnd& end) noexcept {
        // Acquire: pairs with give_back(); the receiver's last reads of the block are over.
        if (end.spares == nullptr) end.spares = returned_.exchange(nullptr, std::memory_order_acquire);
        if (end.spares == nullptr) return false;
        spares_.fetch_sub(1, std::memory_order_relaxed);
        Block* const block = std::exchange(end.spares, end.spares->next);
        block->next = nullptr;
        end.block = end.block->next = block;
        return true;
    }

    /// Makes a block and keeps it as a spare. Under the senders' lock, except for the allocation itself.
    void add_spare(PushEnd& end, Block* block) noexcept {
        spares_.fetch_add(1, std::memory_order_relaxed);
        block->next = end.spares;
        end.spares = block;
    }

private:
    // Receiver's side: only it pushes and senders take everything, so the swap cannot be fooled by reuse.
    void give_back(Block& block) noexcept {
        if (spares_.load(std::memory_order_relaxed) >= spare_blocks_max) {
            delete &block;
            return;
        }
        spares_.fetch_add(1, std::memory_order_relaxed);
        Block* seen = returned_.load(std::memory_order_relaxed);
        do block.next = seen;
        while (!returned_.compare_exchange_weak(seen, &block, std::memory_order_release, std::memory_order_relaxed));
    }

    static void free_list(Block* block) noexcept {
        while (block != nullptr) delete std::exchange(block, block->next);
    }

    Cell<Scope, Block*> returned_{nullptr};
    Cell<Scope, std::uint32_t> spares_{0};
};

}  // namespace skerry::sync::detail
