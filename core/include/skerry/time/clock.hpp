#pragma once

// The process's clock: nanoseconds on the CLOCK_MONOTONIC time line, read from the CPU's cycle counter.
// Hot path.
//
// A counter read costs about 10 ns in the guest this was measured on, clock_gettime 30. The counter is
// turned into nanoseconds by a line (start, rate) that every core reads and that slew() bends about once a
// second so that it keeps following CLOCK_MONOTONIC, whose rate NTP moves.
//
// What bending must not do is let time run backwards on any core. A seqlock alone does not give that: a
// reader that still uses the old, faster line after the new one has begun shows a time which the next
// reader undercuts. So a new line never begins now, but at a counter value one millisecond ahead, where it
// meets the old line:
//
//   1. the writer announces that cycle (`limit`) and marks the change as pending;
//   2. while it is pending, readers use the old line up to the limit, and past it they wait;
//   3. the writer checks that the limit is still far, fills the spare slot and publishes it;
//   4. readers of the new line that are before its start use the old one, which stays in its slot.
//
// Both lines agree at the only point where readers change over. A writer that is descheduled between 1 and
// 3 makes others wait only if it stays away for the whole millisecond. Rejected: a plain seqlock (each
// descheduled writer stalls every core), a largest-value-so-far shared by all cores (10 to 100 ns a read).
//
// A line that corrects an error has an end, after which the measured rate goes on uncorrected: a process
// whose cores all sleep for an hour does not go on correcting an error of one second ago.

#include "../base/cache_line.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace skerry::time {

/// The time that one thread sees instead of the real one: tests and the simulator own one and move it.
struct VirtualTime {
    std::int64_t now_ns = 0;
};

/// Set: Instant::now() on this thread returns that time. Null: the real time.
inline thread_local constinit const VirtualTime* tls_virtual_time = nullptr;

/// Puts a thread on a virtual time for the length of a block. Scopes nest.
///
/// Lifetime: `time` outlives the scope, which ends on the thread it began on.
class VirtualTimeScope {
public:
    explicit VirtualTimeScope(const VirtualTime& time) noexcept : outer_(tls_virtual_time) { tls_virtual_time = &time; }
    ~VirtualTimeScope() { tls_virtual_time = outer_; }
    VirtualTimeScope(const VirtualTimeScope&) = delete;
    VirtualTimeScope& operator=(const VirtualTimeScope&) = delete;

private:
    const VirtualTime* outer_;
};

/// Where the time comes from.
enum class ClockSource : std::uint8_t {
    unprobed,   ///< Clock::init() has not run
    monotonic,  ///< clock_gettime: no counter that can be trusted
    tsc,        ///< x86: an invariant time stamp counter which the kernel offers too
    cntvct,     ///< arm64: the virtual counter
};

namespace detail {

__extension__ using Int128 = __int128;

/// The bare counter, 0 where the architecture has none. The memory clobber keeps the compiler from moving
/// loads across it, on which the check in CycleScale::read relies.
inline std::uint64_t read_counter() noexcept {
#if defined(__x86_64__)
    std::uint64_t low;  // the instruction clears the upper halves
    std::uint64_t high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return high << 32 | low;
#elif defined(__aarch64__)
    std::uint64_t count;
    asm volatile("mrs %0, cntvct_el0" : "=r"(count)::"memory");
    return count;
#else
    return 0;
#endif
}

/// The same, but not before the loads that stand in front of it have finished.
inline std::uint64_t read_counter_ordered() noexcept {
#if defined(__x86_64__)
    asm volatile("lfence" ::: "memory");
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#endif
    return read_counter();
}

/// Nanoseconds per cycle (or cycles per nanosecond) with 32 binary places.
using Rate = std::int64_t;
inline constexpr int rate_fraction_bits = 32;

/// `amount * rate`, rounded down. Exact: the product has 128 bits.
inline std::int64_t scaled(std::int64_t amount, Rate rate) noexcept {
    return static_cast<std::int64_t>((static_cast<Int128>(amount) * rate) >> rate_fraction_bits);
}

/// How the line goes on from its next bend: `rate` for `length_cycles`, then `rate_after`.
struct Bend {
    Rate rate = 0;
    Rate rate_after = 0;
    std::uint64_t length_cycles = 0;
    std::int64_t step_ns = 0;  ///< jump at the bend, never negative
};

/// A bend that is never left.
inline constexpr std::uint64_t endless_cycles = std::uint64_t{1} << 62;

/// One thread's copy of the line, for who reads it often. Empty: it cannot be read by.
struct KeptLine {
    std::uint64_t version = 0;
    std::uint64_t start_cycles = 0;
    std::uint64_t length_cycles = 0;
    std::int64_t start_ns = 0;
    Rate rate = 0;
};

/// The line from cycles to nanoseconds; see the top of the file.
///
/// Threads: any number of readers; bend() by one thread at a time, a millisecond or more apart.
class alignas(cache_line_bytes) CycleScale {
public:
    constexpr CycleScale() noexcept = default;

    /// Gives the first line. Until then read() answers false.
    void start(std::uint64_t cycles, std::int64_t now_ns, Rate rate) noexcept;

    /// The usual read. False, with `now_ns` untouched, when the line is unset, pending, not begun or past
    /// its end: read_slowly() then.
    /// Cost: one counter read and about 2 ns.
    template <class Counter>
    [[nodiscard]] bool read(Counter&& counter, std::int64_t& now_ns) const noexcept {
        // Pairs with the release in bend() and start(): the slot of this version is filled.
        const std::uint64_t version = version_.load(std::memory_order_acquire);
        const Slot& slot = slots_[slot_of(version)];
        const std::uint64_t start_cycles = slot.start_cycles.load(std::memory_order_acquire);
        const std::uint64_t length_cycles = slot.length_cycles.load(std::memory_order_acquire);
        const std::int64_t start_ns = slot.start_ns.load(std::memory_order_acquire);
        const Rate rate = slot.rate.load(std::memory_order_acquire);
        const std::uint64_t elapsed = counter() - start_cycles;
        // An elapsed time before the start wraps round and is above every length.
        // One that is pending differs from itself without the mark.
        if (elapsed >= length_cycles || version_.load(std::memory_order_relaxed) != (version & ~pending)) [[unlikely]]
            return false;
        now_ns = start_ns + scaled(static_cast<std::int64_t>(elapsed), rate);
        return true;
    }

    /// The same by a copy that keep() filled; false also when the line is another by now.
    /// Cost: one counter read and a look at the version.
    template <class Counter>
    [[nodiscard]] bool read(Counter&& counter, const KeptLine& line, std::int64_t& now_ns) const noexcept {
        const std::uint64_t elapsed = counter() - line.start_cycles;
        if (elapsed >= line.length_cycles || version_.load(std::memory_order_relaxed) != line.version) [[unlikely]]
            return false;
        now_ns = line.start_ns + scaled(static_cast<std::int64_t>(elapsed), line.rate);
        return true;
    }

    /// Copies the line; the copy is empty while the line is unset or pending.
    void keep(KeptLine& line) const noexcept;

    /// Every case that read() leaves out. start() has been called.
    [[nodiscard]] std::int64_t read_slowly(std::uint64_t (*counter)() noexcept) const noexcept;

    /// What the line shows at `cycles`, a moment ago. For the thread that bends.
    [[nodiscard]] std::int64_t at(std::uint64_t cycles) const noexcept;

    /// Bends the line `margin_cycles` from now. False, and nothing has changed, if half of the margin went
    /// by before the bend could be announced.
    bool bend(std::uint64_t (*counter)() noexcept, std::uint64_t margin_cycles, const Bend& bend) noexcept;

private:
    struct Segment {
        std::uint64_t start_cycles;
        std::int64_t start_ns;
        std::uint64_t length_cycles;
        Rate rate;
        Rate rate_after;

        [[nodiscard]] std::int64_t at(std::uint64_t cycles) const noexcept;
    };

    /// Acquire and release on the fields themselves stand where a seqlock would have fences: a reader that
    /// sees a value of a later version sees that version in its second look too.
    struct alignas(cache_line_bytes) Slot {
        std::atomic<std::uint64_t> start_cycles{0};
        std::atomic<std::int64_t> start_ns{0};
        std::atomic<std::uint64_t> length_cycles{0};
        std::atomic<Rate> rate{0};
        std::atomic<Rate> rate_after{0};

        [[nodiscard]] Segment load() const noexcept;
        void store(const Segment& segment) noexcept;
    };

    /// Versions count in twos; the odd one in between says that the next is announced.
    static constexpr std::uint64_t pending = 1;
    static constexpr std::size_t slot_of(std::uint64_t version) noexcept { return (version >> 1) & 1; }

    std::atomic<std::uint64_t> version_{pending};
    std::atomic<std::uint64_t> limit_{0};
    std::array<Slot, 2> slots_{};
};

/// What the counter and CLOCK_MONOTONIC showed at the same moment.
struct ClockSample {
    std::uint64_t cycles = 0;
    std::int64_t now_ns = 0;
    std::uint64_t window_cycles = 0;  ///< how far apart "the same moment" may be
};

/// How to bend the line, which shows `shown_ns` at `now`, so that it meets CLOCK_MONOTONIC again.
[[nodiscard]] Bend plan_bend(const ClockSample& before, const ClockSample& now, std::int64_t shown_ns) noexcept;

/// Whether the kernel below `sysroot` lists the counter as a clock source. It takes an unstable one off.
[[nodiscard]] bool kernel_offers_tsc(std::string_view sysroot);

struct ClockState {
    CycleScale scale;
    alignas(cache_line_bytes) std::atomic<ClockSource> source{ClockSource::unprobed};
    std::atomic<Rate> cycles_per_ns{Rate{1} << rate_fraction_bits};
};

inline constinit ClockState clock_state;

}  // namespace detail

/// The process-wide clock. Instant::now() is what most code wants; this is what stands below it.
///
/// Threads: any, all functions.
class Clock {
public:
    /// Finds the source and calibrates it, once per process; every other function does so at need.
    /// Cost: the first call spins for about 5 ms (20 ms at most while it is not descheduled); others return at once.
    static void init() noexcept;

    [[nodiscard]] static ClockSource source() noexcept;

    /// Nanoseconds on the CLOCK_MONOTONIC time line, never virtual. Never runs backwards on one thread.
    /// Between threads it may by some 100 ns, because the CPU may read its counter before earlier loads
    /// finish (of 10 million hand-overs with the bare counter 111 went back, 65 ns at most on a Zen 5 guest);
    /// now_ns_ordered() may not.
    /// Cost: about 11 ns with a counter, 30 ns through clock_gettime.
    [[nodiscard]] static std::int64_t now_ns() noexcept {
        std::int64_t now_ns;
        if (detail::clock_state.scale.read(detail::read_counter, now_ns)) [[likely]]
            return now_ns;
        return now_ns_slow();
    }

    /// The same by a line that keep() has copied: a third of the instructions. False, with `now_ns` untouched, when it
    /// has to be copied anew.
    [[nodiscard]] static bool read(const detail::KeptLine& line, std::int64_t& now_ns) noexcept {
        return detail::clock_state.scale.read(detail::read_counter, line, now_ns);
    }

    /// Copies the line for read(), to be used for `limit` at most.
    static void keep(detail::KeptLine& line, std::chrono::nanoseconds limit) noexcept;

    /// The same, and never less than what any thread read before it handed over to this one.
    /// Cost: about 9 ns more, and the pipeline is drained.
    [[nodiscard]] static std::int64_t now_ns_ordered() noexcept {
        std::int64_t now_ns;
        if (detail::clock_state.scale.read(detail::read_counter_ordered, now_ns)) [[likely]]
            return now_ns;
        return now_ns_slow();
    }

    /// The raw counter (nanoseconds when there is none), for budgets: compare it with an earlier value plus
    /// cycles_from(). Never virtual: whoever runs on virtual time sets no budget in cycles.
    /// Cost: one counter read.
    [[nodiscard]] static std::uint64_t cycles() noexcept {
        const ClockSource source = detail::clock_state.source.load(std::memory_order_relaxed);
        if (source >= ClockSource::tsc) [[likely]]
            return detail::read_counter();
        return cycles_slow();
    }

    /// How many cycles pass in `duration`: 0 when it is negative, and 2^62 at most, so that adding it to
    /// cycles() does not wrap round.
    [[nodiscard]] static std::uint64_t cycles_from(std::chrono::nanoseconds duration) noexcept;

    /// The reverse.
    [[nodiscard]] static std::chrono::nanoseconds duration_of(std::uint64_t cycles) noexcept;

    /// Compares the clock with CLOCK_MONOTONIC and bends it so that the error is gone within a second.
    ///
    /// To be called about once a second by any core; calls less than 100 ms apart, and all but one of
    /// simultaneous ones, return at once. The correction is at most 500 ppm, so an error above 500 µs takes
    /// longer. Above 10 ms (the counter jumped: a virtual machine was moved) a clock that is behind steps
    /// forward at once, and one that is ahead runs slower, at half speed at the least, so that the time
    /// catches up within a second or twice the error. It never steps back.
    /// Returns whether it bent the clock.
    /// Cost: a counter read when it is too early, else about 1 µs; for 1 ms after it a read costs 2 ns more.
    static bool slew() noexcept;

    /// One line for the log: "tsc, 2595.1 MHz, calibrated in 5 ms, read 9 ns".
    [[nodiscard]] static std::string describe();

private:
    static std::int64_t now_ns_slow() noexcept;
    static std::uint64_t cycles_slow() noexcept;
};

}  // namespace skerry::time
