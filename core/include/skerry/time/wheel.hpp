#pragma once

// A hierarchical timer wheel for one core. Hot path.
//
// Ten levels of 64 slots. A slot of level 0 is one tick of 128 ns, a slot of level n is 64^n ticks, and ten
// levels cover the whole time line, so no deadline is ever clamped. An entry sits on the level of the
// highest base-64 digit in which its tick differs from the current one; as time reaches its slot it moves
// down. Each entry moves at most nine times, and most are removed before they move once (timeouts).
//
// Never early, and exact: level 0 compares the deadline itself in the slot of the current tick, so the tick
// bounds the work and not the precision. 128 ns is about one turn of a polling loop: with finer ticks short
// timers move down more often (level 0 then covers less than 8 µs), with coarser ones each turn looks again
// at entries of the current tick that are not due yet. Ticks are nanoseconds of the time line and not
// cycles, because the clock's rate is corrected each second and a deadline in cycles would drift.
//
// Three invariants carry the algorithm:
//   - an entry on level n >= 1 has the same digits above n as `tick_` and a greater digit n, so slots of a
//     level never wrap and the lowest occupied slot of the lowest occupied level holds the earliest entry;
//   - an occupied slot has its bit set (a set bit may be stale: remove() only unlinks);
//   - `quiet_until_ns_` is at most the deadline of every entry on level 0 and the beginning of every occupied
//     slot above. While now is below it nothing can be due and no entry can need to move, so that
//     advance() is one comparison and `tick_` may follow the time.
//
// Rejected: a heap (moving one timer of a million costs 20 levels of cache misses), one level of buckets
// with a sorted rest (timeouts of seconds are the common case), clearing bits in remove() (it would have to
// know the slot: eight bytes more in each entry, or a computation).
//
// Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987.

#include "../base/assert.hpp"
#include "../base/compiler.hpp"
#include "../base/intrusive_list.hpp"
#include "instant.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace skerry::time {

/// What a wheel can hold: a list element with its deadline in nanoseconds on the line of Instant.
template <class Entry>
concept WheelEntry = std::derived_from<Entry, ListLink> && requires(Entry& entry) {
    { (entry.deadline_ns) } -> std::same_as<std::int64_t&>;
};

/// Timers of one core, ordered by deadline.
///
/// Lifetime: an entry is removed, or has fired, before it goes away, and before the wheel does.
/// Threads:  the owner's core only.
/// Cost:     10 KiB; nothing is allocated.
template <class Entry>
class BasicWheel {
public:
    static constexpr int tick_bits = 7;
    static constexpr int slot_bits = 6;
    static constexpr std::size_t slots_per_level = std::size_t{1} << slot_bits;
    static constexpr std::size_t levels = (63 - tick_bits + slot_bits - 1) / slot_bits;

    /// `start` is a time that advance() will not go below; deadlines before it are due at once.
    explicit BasicWheel(Instant start = Instant{}) noexcept
        : tick_(std::max<std::int64_t>(0, tick_of(start.as_nanos()))) {
        static_assert(WheelEntry<Entry>);
    }
    ~BasicWheel() { SKERRY_DEBUG_ASSERT(empty(), "an entry outlives its wheel"); }
    BasicWheel(const BasicWheel&) = delete;
    BasicWheel& operator=(const BasicWheel&) = delete;

    /// Adds an entry, which is in no list. Its deadline stays as it is until it has fired or been removed.
    /// A deadline in the past fires in the next advance().
    /// Cost: two cache lines, about 2 ns.
    void insert(Entry& entry) noexcept {
        SKERRY_DEBUG_ASSERT(!entry.is_linked(), "an entry is inserted once");
        quiet_until_ns_ = std::min(quiet_until_ns_, place(entry));
    }

    /// Takes an entry out before it fires, also one that is due in the advance() under way.
    /// Cost: the entry and its two neighbours, about 1 ns when they are in the cache.
    static void remove(Entry& entry) noexcept { entry.unlink(); }

    /// Calls `fire(entry)` for each entry whose deadline is at or before `now`: tick by tick, within a tick
    /// in the order they came to its slot. The entry is unlinked and belongs to `fire`.
    ///
    /// `fire` may insert and remove any entry. What it inserts fires in a later advance(), even with a
    /// deadline at or before `now`, so that a timer which renews itself cannot hold the loop; what it
    /// removes does not fire. It must not throw, advance this wheel or end its life. A `now` below an
    /// earlier one is no error: it fires what is due at it.
    /// Returns how many fired.
    /// Cost: one comparison while nothing is due. When time enters a slot of level n >= 1, all entries of
    ///       that slot move down in one call.
    template <std::invocable<Entry&> Fire>
    std::size_t advance(Instant now, Fire&& fire) noexcept {
        const std::int64_t now_ns = now.as_nanos();
        if (now_ns < quiet_until_ns_) [[likely]] {
            tick_ = std::max(tick_, tick_of(now_ns));
            return 0;
        }
        // Everything due is set aside first: while user code runs, the wheel is at rest and may be changed.
        IntrusiveList<Entry> due;
        collect(now_ns, due);
        std::size_t fired = 0;
        while (Entry* entry = due.pop_front()) {
            fire(*entry);
            ++fired;
        }
        return fired;
    }

    /// When to look again: never later than the earliest deadline, Instant::max() when there is none.
    ///
    /// Exact when the slot of the earliest entry holds at most eight; else it may be as early as that slot
    /// begins, and a sleeper that wakes for it finds nothing due and asks again.
    /// Cost: the entries of one slot, at most eight.
    [[nodiscard]] Instant next_deadline() noexcept { return occupied_levels_ == 0 ? Instant::max() : first_deadline(); }

    /// Whether no entry is left.
    [[nodiscard]] bool empty() noexcept { return !find_first().found; }

private:
    using Slot = IntrusiveList<Entry>;

    /// An occupied slot and the tick it begins at.
    struct Place {
        bool found = false;
        std::size_t level = 0;
        std::size_t slot = 0;
        std::int64_t first_tick = 0;
    };

    static constexpr std::int64_t never_ns = std::numeric_limits<std::int64_t>::max();
    static constexpr int entries_looked_at = 8;
    static_assert(static_cast<int>(levels) * slot_bits + tick_bits >= 63, "the levels cover every deadline");

    static constexpr std::int64_t tick_of(std::int64_t ns) noexcept { return ns >> tick_bits; }

    /// For the bit in which two ticks differ, the level that decides. A table, because the division by six
    /// is on the path of every insert.
    static constexpr auto level_of_bit = [] {
        std::array<std::uint8_t, 64> table{};
        for (std::size_t bit = 0; bit < table.size(); ++bit) table[bit] = static_cast<std::uint8_t>(bit / slot_bits);
        return table;
    }();

    /// Links an entry where it belongs at `tick_`; returns until when it can be left alone.
    SKERRY_ALWAYS_INLINE std::int64_t place(Entry& entry) noexcept;

    /// The lowest slot with an entry in it, after clearing the stale bits below.
    Place find_first() noexcept;

    /// next_deadline() when some slot may be occupied.
    Instant first_deadline() noexcept;

    /// Moves what is due at `now_ns` to `due`, and the wheel to `now_ns`.
    void collect(std::int64_t now_ns, Slot& due) noexcept;

    /// Puts every entry of a slot above level 0 where it belongs now that its time has come.
    void move_down(const Place& from) noexcept;

    /// Moves the due entries of the current tick's slot to `due`; returns the earliest deadline that is left.
    static std::int64_t collect_current(Slot& slot, std::int64_t now_ns, Slot& due) noexcept;

    void clear_bit(const Place& place) noexcept {
        occupied_[place.level] &= ~(std::uint64_t{1} << place.slot);
        if (occupied_[place.level] == 0) occupied_levels_ &= ~(std::uint32_t{1} << place.level);
    }

    Slot& slot_at(const Place& place) noexcept { return slots_[place.level][place.slot]; }

    std::int64_t quiet_until_ns_ = never_ns;
    std::int64_t tick_;
    std::uint32_t occupied_levels_ = 0;
    std::array<std::uint64_t, levels> occupied_{};
    std::array<std::array<Slot, slots_per_level>, levels> slots_;
};

template <class Entry>
SKERRY_ALWAYS_INLINE std::int64_t BasicWheel<Entry>::place(Entry& entry) noexcept {
    const std::int64_t tick = std::max(tick_of(entry.deadline_ns), tick_);
    const auto differing = static_cast<std::uint64_t>(tick ^ tick_) | 1;
    const std::size_t level = level_of_bit[static_cast<std::size_t>(63 - std::countl_zero(differing))];
    const int shift = static_cast<int>(level) * slot_bits;
    const auto slot = static_cast<std::size_t>(tick >> shift) & (slots_per_level - 1);
    occupied_[level] |= std::uint64_t{1} << slot;
    occupied_levels_ |= std::uint32_t{1} << level;
    slots_[level][slot].push_back(entry);
    if (level == 0) return entry.deadline_ns;
    return ((tick >> shift) << shift) << tick_bits;
}

template <class Entry>
auto BasicWheel<Entry>::find_first() noexcept -> Place {
    while (occupied_levels_ != 0) {
        Place place{.found = true};
        place.level = static_cast<std::size_t>(std::countr_zero(occupied_levels_));
        place.slot = static_cast<std::size_t>(std::countr_zero(occupied_[place.level]));
        if (!slot_at(place).empty()) {
            const int shift = static_cast<int>(place.level) * slot_bits;
            const std::int64_t window = (tick_ >> (shift + slot_bits)) << (shift + slot_bits);
            place.first_tick = window | (static_cast<std::int64_t>(place.slot) << shift);
            return place;
        }
        clear_bit(place);
    }
    return Place{};
}

template <class Entry>
void BasicWheel<Entry>::collect(std::int64_t now_ns, Slot& due) noexcept {
    const std::int64_t now_tick = std::max(tick_of(now_ns), tick_);
    quiet_until_ns_ = never_ns;
    for (Place first = find_first(); first.found; first = find_first()) {
        if (first.first_tick > now_tick) {
            quiet_until_ns_ = first.first_tick << tick_bits;
            break;
        }
        if (first.level > 0) {
            move_down(first);
        } else if (first.first_tick < now_tick) {
            due.splice_back(slot_at(first));
            clear_bit(first);
        } else {
            quiet_until_ns_ = collect_current(slot_at(first), now_ns, due);
            if (!slot_at(first).empty()) break;
            clear_bit(first);
        }
    }
    tick_ = now_tick;
}

template <class Entry>
void BasicWheel<Entry>::move_down(const Place& from) noexcept {
    tick_ = from.first_tick;
    Slot moving;
    moving.splice_back(slot_at(from));
    clear_bit(from);
    while (Entry* entry = moving.pop_front()) place(*entry);
}

template <class Entry>
std::int64_t BasicWheel<Entry>::collect_current(Slot& slot, std::int64_t now_ns, Slot& due) noexcept {
    std::int64_t earliest_ns = never_ns;
    Entry* next = nullptr;
    for (Entry* entry = &slot.front(); entry != nullptr; entry = next) {
        next = slot.next_of(*entry);
        if (entry->deadline_ns > now_ns) {
            earliest_ns = std::min(earliest_ns, entry->deadline_ns);
            continue;
        }
        entry->unlink();
        due.push_back(*entry);
    }
    return earliest_ns;
}

template <class Entry>
Instant BasicWheel<Entry>::first_deadline() noexcept {
    const Place first = find_first();
    if (!first.found) {
        quiet_until_ns_ = never_ns;
        return Instant::max();
    }
    Slot& slot = slot_at(first);
    std::int64_t earliest_ns = never_ns;
    Entry* entry = &slot.front();
    for (int looked_at = 0; entry != nullptr && looked_at < entries_looked_at; ++looked_at) {
        earliest_ns = std::min(earliest_ns, entry->deadline_ns);
        entry = slot.next_of(*entry);
    }
    if (entry == nullptr) return Instant::from_nanos(earliest_ns);
    // In the slot of the current tick a deadline may lie before the tick, and only the bound knows.
    if (first.first_tick <= tick_) return Instant::from_nanos(quiet_until_ns_);
    return Instant::from_nanos(first.first_tick << tick_bits);
}

/// The plain entry, for owners that need no more than a deadline: the stack's timers derive from it.
struct TimerEntry : ListLink {
    std::int64_t deadline_ns = 0;
};

extern template class BasicWheel<TimerEntry>;

/// Timers of the plain kind.
using Wheel = BasicWheel<TimerEntry>;

}  // namespace skerry::time
