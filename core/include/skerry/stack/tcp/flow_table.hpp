#pragma once

// Hot path. From a connection's hash to the number under which it is kept. Open addressing in slots of 8 bytes, eight a
// cache line: a tag of 32 bits of the hash and the number. A tag that is equal is no proof; who owns the number
// compares the addresses.
//
// The table doubles at three quarters. It does not stop for that: the old slots stay where they are and each change
// brings 16 of them over, so that the new table, which takes at least as many changes to fill up, never waits for them.
// What was brought over is marked in the old table and not emptied, because an empty slot ends a search.
//
// A table of 2 MiB or more, which is that of some 100,000 connections, asks for pages of that size.
//
// Rejected: chains (a miss for each link), a load of 7/8 (a search for an absent one would look at 32 slots, not 8).

#include "../../base/compiler.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace skerry::stack::tcp {

/// Threads: one core.
class FlowTable {
public:
    static constexpr std::uint32_t none = 0xffff'ffff;
    static constexpr std::uint32_t number_max = 0xffff'fffd;

    FlowTable() noexcept = default;

    /// The number whose tag fits and that `is_it(number)` accepts; none when there is none.
    template <class IsIt>
    [[nodiscard]] std::uint32_t find(std::uint64_t hash, IsIt&& is_it) const noexcept {
        const std::uint32_t found = find_in(table_, tag_of(hash), is_it);
        if (found != none || old_.slots == nullptr) [[likely]]
            return found;
        return find_in(old_, tag_of(hash), is_it);
    }

    /// Fetches the slots in which find() will look.
    void fetch(std::uint64_t hash) const noexcept {
        if (table_.slots != nullptr) prefetch_read(&table_.slots[tag_of(hash) & table_.mask]);
    }
    /// The number that find() would ask about first; none when it would find none, or look further.
    [[nodiscard]] std::uint32_t first(std::uint64_t hash) const noexcept {
        return find_in(table_, tag_of(hash), [](std::uint32_t) { return true; });
    }

    /// Adds a number, which is not there yet. False when there is no memory.
    [[nodiscard]] bool insert(std::uint64_t hash, std::uint32_t number) noexcept;
    /// Takes a number out. It must be there.
    void erase(std::uint64_t hash, std::uint32_t number) noexcept;
    /// Puts another number in the place of `from`, which must be there.
    void replace(std::uint64_t hash, std::uint32_t from, std::uint32_t to) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return table_.used + old_.used; }
    [[nodiscard]] std::size_t capacity() const noexcept { return table_.slots == nullptr ? 0 : table_.mask + 1; }
    [[nodiscard]] bool is_growing() const noexcept { return old_.slots != nullptr; }

private:
    struct Slot {
        std::uint32_t tag = 0;
        std::uint32_t stored = empty;  // the number and 1
    };
    static_assert(sizeof(Slot) == 8);
    static constexpr std::uint32_t empty = 0;
    static constexpr std::uint32_t moved = 0xffff'ffff;

    struct Free {
        Free() noexcept : mapped_bytes(0) {}
        explicit Free(std::size_t bytes) noexcept : mapped_bytes(bytes) {}
        void operator()(Slot* slots) const noexcept;
        std::size_t mapped_bytes;  // 0: of the heap
    };
    using Slots = std::unique_ptr<Slot[], Free>;
    struct Table {
        Slots slots;
        std::size_t mask = 0;
        std::size_t used = 0;
    };

    [[nodiscard]] static std::uint32_t tag_of(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash); }

    template <class IsIt>
    [[nodiscard]] static std::uint32_t find_in(const Table& table, std::uint32_t tag, IsIt&& is_it) noexcept {
        if (table.slots == nullptr) return none;
        for (std::size_t at = tag & table.mask;; at = (at + 1) & table.mask) {
            const Slot& slot = table.slots[at];
            if (slot.stored == empty) return none;
            if (slot.tag == tag && slot.stored != moved && is_it(slot.stored - 1)) return slot.stored - 1;
        }
    }
    [[nodiscard]] Slot* slot_of(std::uint64_t hash, std::uint32_t number) noexcept;
    [[nodiscard]] static Slots make_slots(std::size_t count) noexcept;
    static void place(Table& table, Slot slot) noexcept;
    static void close_gap(Table& table, std::size_t gap) noexcept;
    [[nodiscard]] SKERRY_COLD bool grow() noexcept;
    void bring_over(std::size_t count) noexcept;

    Table table_;
    Table old_;
    std::size_t next_old_ = 0;
};

}  // namespace skerry::stack::tcp
