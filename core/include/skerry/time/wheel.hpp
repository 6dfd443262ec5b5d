#pragma once

// A hierarchical timer wheel for one core. Hot path.
//
// Twelve levels, each a ring of 64 slots. A slot of level 0 is one tick of 128 ns, a slot of level n is 32^n ticks,
// and twelve levels cover the whole time line, so no deadline is ever clamped. An entry sits on the lowest level that
// reaches it: its slot there is less than 64 behind the current one.
//
// A ring is twice as long as the slot above it. So all of a slot fits into the level below while time still passes
// through the slot before it, and moves there a few entries a turn (`entries_ahead`): with one slot moved down at
// once, 100,000 timers of a second stopped the core for 600 µs every 34 ms. Only what is left when the slot's own
// time comes, because the core slept or the clock jumped, moves in one go. Each entry moves at most eleven times, and
// most are removed before they move once (timeouts).
//
// Never early, and exact: level 0 compares the deadline itself in the slot of the current tick, so the tick
// bounds the work and not the precision. 128 ns is about one turn of a polling loop: with finer ticks short
// timers move down more often (level 0 then covers less than 8 µs), with coarser ones each turn looks again
// at entries of the current tick that are not due yet. Ticks are nanoseconds of the time line and not
// cycles, because the clock's rate is corrected each second and a deadline in cycles would drift.
//
// Three invariants carry the algorithm:
//   - the slots of a level are told apart by their distance from the current one, 0 to 63; above level 0 an entry is
//     put at a distance of 2 at least and has left its slot when the distance would be 0;
//   - an occupied slot has its bit set (a set bit may be stale: remove() only unlinks);
//   - `quiet_until_ns_` is at most the deadline of every entry on level 0, and the beginning of the slot before
//     every occupied slot above. While now is below it nothing can be due and no entry can move, so that
//     advance() is one comparison and `tick_` may follow the time.
//
// Rejected: a heap (moving one timer of a million costs 20 levels of cache misses), one level of buckets
// with a sorted rest (timeouts of seconds are the common case), clearing bits in remove() (it would have to
// know the slot: eight bytes more in each entry, or a computation), levels of 64 slots each of which is all of the
// level below (a slot can then move down only when its time has come, and all at once).
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
/// Cost:     12 KiB; nothing is allocated.
template <class Entry>
class BasicWheel {
public:
    static constexpr int tick_bits = 7;
    static constexpr int level_bits = 5;  ///< by so many bits a slot is longer than one of the level below
    static constexpr std::size_t slots_per_level = std::size_t{2} << level_bits;
    static constexpr std::size_t levels = 12;

    /// How many entries one advance() moves down before their slot's time has come: about a microsecond when none of
    /// them is in the cache, and enough for 8 million timers a second that are set a second ahead.
    static constexpr int entries_ahead = 8;

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
    /// in the order they came to its slot, which is that of insertion where they were as far ahead when inserted. The
    /// entry is unlinked and belongs to `fire`.
    ///
    /// `fire` may insert and remove any entry. What it inserts fires in a later advance(), even with a
    /// deadline at or before `now`, so that a timer which renews itself cannot hold the loop; what it
    /// removes does not fire. It must not throw, advance this wheel or end its life. A `now` below an
    /// earlier one is no error: it fires what is due at it.
    /// Returns how many fired.
    /// Cost: one comparison while nothing is due or about to be. Else the entries of the slots that time went
    ///       through, and `entries_ahead` of those it will enter next; see moved_down().
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
    /// Cost: at most eight entries of a slot, and of few levels; all of the current tick's.
    [[nodiscard]] Instant next_deadline() noexcept { return occupied_levels_ == 0 ? Instant::max() : first_deadline(); }

    /// Whether no entry is left.
    [[nodiscard]] bool empty() noexcept { return !find_first().found; }

    /// How often an entry has moved down a level so far: what advance() does besides firing.
    [[nodiscard]] std::uint64_t moved_down() const noexcept { return moved_down_; }

private:
    using Slot = IntrusiveList<Entry>;

    /// An occupied slot: the how manieth since time began, which tells its place in the ring and when it begins.
    struct Place {
        bool found = false;
        std::size_t level = 0;
        std::int64_t slot = 0;

        [[nodiscard]] std::int64_t first_tick() const noexcept { return slot << shift_of(level); }
        [[nodiscard]] std::size_t in_ring() const noexcept {
            return static_cast<std::size_t>(slot) & (slots_per_level - 1);
        }
    };

    static constexpr std::int64_t never_ns = std::numeric_limits<std::int64_t>::max();
    static constexpr int entries_looked_at = 8;

    static constexpr std::int64_t tick_of(std::int64_t ns) noexcept { return ns >> tick_bits; }
    static constexpr int shift_of(std::size_t level) noexcept { return static_cast<int>(level) * level_bits; }

    /// For the highest bit of a distance in ticks, the lowest level that reaches so far, or almost: see place(). A
    /// table, because the division by five is on the path of every insert.
    static constexpr auto level_of_bit = [] {
        std::array<std::uint8_t, 63 - tick_bits> table{};
        for (std::size_t bit = 1; bit < table.size(); ++bit)
            table[bit] = static_cast<std::uint8_t>((bit - 1) / level_bits);
        return table;
    }();
    static_assert(level_of_bit.back() + 2 == levels, "the levels cover every deadline");

    /// Links an entry where it belongs at `tick_`; returns until when it can be left alone.
    SKERRY_ALWAYS_INLINE std::int64_t place(Entry& entry) noexcept;

    /// The first slot of a level with an entry in it, after clearing the stale bits before it.
    Place first_of(std::size_t level) noexcept;

    /// The slot that begins first of all levels; of two that begin together the one above. Not always that of the
    /// earliest entry: one above may begin later, or earlier and hold later ones.
    Place find_first() noexcept;

    /// next_deadline() when some slot may be occupied.
    Instant first_deadline() noexcept;

    /// The earliest deadline of a slot, or when its entries are many, a time that is not later.
    std::int64_t deadline_in(const Place& place) noexcept;

    /// Moves what is due at `now_ns` to `due`, and the wheel to `now_ns`.
    void collect(std::int64_t now_ns, Slot& due) noexcept;

    /// Puts every entry of a slot above level 0 where it belongs now that its time has come.
    void move_down(const Place& from) noexcept;

    /// Moves a few entries of the slots that time will enter next.
    void move_ahead() noexcept;

    /// From when on some entry of level 1 or above can move.
    [[nodiscard]] std::int64_t next_move_ns() noexcept;

    /// Moves the due entries of the current tick's slot to `due`; returns the earliest deadline that is left.
    static std::int64_t collect_current(Slot& slot, std::int64_t now_ns, Slot& due) noexcept;

    void clear_bit(const Place& place) noexcept {
        occupied_[place.level] &= ~(std::uint64_t{1} << place.in_ring());
        if (occupied_[place.level] == 0) occupied_levels_ &= ~(std::uint32_t{1} << place.level);
    }

    Slot& slot_at(const Place& place) noexcept { return slots_[place.level][place.in_ring()]; }

    std::int64_t quiet_until_ns_ = never_ns;
    std::int64_t tick_;
    std::uint64_t moved_down_ = 0;
    std::uint32_t occupied_levels_ = 0;
    std::array<std::uint64_t, levels> occupied_{};
    std::array<std::array<Slot, slots_per_level>, levels> slots_;
};

template <class Entry>
SKERRY_ALWAYS_INLINE std::int64_t BasicWheel<Entry>::place(Entry& entry) noexcept {
    const std::int64_t tick = std::max(tick_of(entry.deadline_ns), tick_);
    const auto distance = static_cast<std::uint64_t>(tick - tick_);
    std::size_t level = level_of_bit[static_cast<std::size_t>(63 - std::countl_zero(distance | 1))];
    // Less than 64 slots of time can touch 65 slots: then the level above reaches it.
    const auto slots_to = [&] { return (tick >> shift_of(level)) - (tick_ >> shift_of(level)); };
    if (slots_to() >= static_cast<std::int64_t>(slots_per_level)) [[unlikely]]
        ++level;
    const std::int64_t slot = tick >> shift_of(level);
    const auto in_ring = static_cast<std::size_t>(slot) & (slots_per_level - 1);
    occupied_[level] |= std::uint64_t{1} << in_ring;
    occupied_levels_ |= std::uint32_t{1} << level;
    slots_[level][in_ring].push_back(entry);
    if (level == 0) return entry.deadline_ns;
    return ((slot - 1) << shift_of(level)) << tick_bits;
}

template <class Entry>
auto BasicWheel<Entry>::first_of(std::size_t level) noexcept -> Place {
    const std::int64_t current = tick_ >> shift_of(level);
    while (occupied_[level] != 0) {
        const int behind = std::countr_zero(std::rotr(occupied_[level], static_cast<int>(current & 63)));
        const Place place{.found = true, .level = level, .slot = current + behind};
        if (!slot_at(place).empty()) return place;
        clear_bit(place);
    }
    return Place{};
}

template <class Entry>
auto BasicWheel<Entry>::find_first() noexcept -> Place {
    Place first;
    for (std::uint32_t left = occupied_levels_; left != 0; left &= left - 1) {
        const Place place = first_of(static_cast<std::size_t>(std::countr_zero(left)));
        if (place.found && (!first.found || place.first_tick() <= first.first_tick())) first = place;
    }
    return first;
}

template <class Entry>
void BasicWheel<Entry>::collect(std::int64_t now_ns, Slot& due) noexcept {
    const std::int64_t now_tick = std::max(tick_of(now_ns), tick_);
    std::int64_t left_ns = never_ns;
    for (Place first = find_first(); first.found; first = find_first()) {
        if (first.first_tick() > now_tick) break;
        if (first.level > 0) {
            move_down(first);
        } else if (first.first_tick() < now_tick) {
            due.splice_back(slot_at(first));
            clear_bit(first);
        } else {
            left_ns = collect_current(slot_at(first), now_ns, due);
            if (!slot_at(first).empty()) break;
            clear_bit(first);
        }
    }
    tick_ = now_tick;
    move_ahead();
    // Asked of level 0 last: what has just moved there, and what stood there beside it.
    const Place next = first_of(0);
    if (next.found && next.first_tick() > tick_) left_ns = next.first_tick() << tick_bits;
    quiet_until_ns_ = std::min(left_ns, next_move_ns());
}

template <class Entry>
void BasicWheel<Entry>::move_down(const Place& from) noexcept {
    tick_ = std::max(tick_, from.first_tick());
    Slot moving;
    moving.splice_back(slot_at(from));
    clear_bit(from);
    while (Entry* entry = moving.pop_front()) {
        place(*entry);
        ++moved_down_;
    }
}

template <class Entry>
void BasicWheel<Entry>::move_ahead() noexcept {
    int left_to_move = entries_ahead;
    for (std::uint32_t left = occupied_levels_ & ~std::uint32_t{1}; left != 0; left &= left - 1) {
        const auto level = static_cast<std::size_t>(std::countr_zero(left));
        const Place next{.found = true, .level = level, .slot = (tick_ >> shift_of(level)) + 1};
        Slot& slot = slot_at(next);
        while (!slot.empty()) {
            if (left_to_move-- == 0) return;
            place(*slot.pop_front());
            ++moved_down_;
        }
    }
}

template <class Entry>
std::int64_t BasicWheel<Entry>::next_move_ns() noexcept {
    std::int64_t earliest_ns = never_ns;
    for (std::uint32_t left = occupied_levels_ & ~std::uint32_t{1}; left != 0; left &= left - 1) {
        const Place first = first_of(static_cast<std::size_t>(std::countr_zero(left)));
        if (!first.found) continue;
        const std::int64_t from_tick = (first.slot - 1) << shift_of(first.level);
        earliest_ns = std::min(earliest_ns, from_tick << tick_bits);
    }
    return earliest_ns;
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
    std::int64_t earliest_ns = never_ns;
    bool found = false;
    for (std::uint32_t left = occupied_levels_; left != 0; left &= left - 1) {
        const Place first = first_of(static_cast<std::size_t>(std::countr_zero(left)));
        if (!first.found) continue;
        found = true;
        if (first.first_tick() <= tick_of(earliest_ns)) earliest_ns = std::min(earliest_ns, deadline_in(first));
    }
    if (!found) quiet_until_ns_ = never_ns;
    return Instant::from_nanos(earliest_ns);
}

template <class Entry>
std::int64_t BasicWheel<Entry>::deadline_in(const Place& place) noexcept {
    // In the slot of the current tick a deadline may lie before the tick, and its beginning is no bound.
    const bool look_at_all = place.first_tick() <= tick_;
    Slot& slot = slot_at(place);
    std::int64_t earliest_ns = never_ns;
    Entry* entry = &slot.front();
    for (int looked_at = 0; entry != nullptr && (looked_at < entries_looked_at || look_at_all); ++looked_at) {
        earliest_ns = std::min(earliest_ns, entry->deadline_ns);
        entry = slot.next_of(*entry);
    }
    return entry == nullptr ? earliest_ns : place.first_tick() << tick_bits;
}

/// The plain entry, for owners that need no more than a deadline: the stack's timers derive from it.
struct TimerEntry : ListLink {
    std::int64_t deadline_ns = 0;
};

extern template class BasicWheel<TimerEntry>;

/// Timers of the plain kind.
using Wheel = BasicWheel<TimerEntry>;

}  // namespace skerry::time
