#pragma once

// interval: ticks at a fixed period.

#include "sleep.hpp"

#include "../base/assert.hpp"

#include <chrono>
#include <coroutine>
#include <cstdint>

namespace skerry::time {

/// What an interval does when a tick is taken late, after the next was due.
enum class MissedTickBehavior : std::uint8_t {
    burst,  ///< the missed ticks come at once, until it has caught up with its schedule
    delay,  ///< the next tick is a full period after the late one; the schedule moves
    skip,   ///< missed ticks are left out; the next one is on the old schedule
};

class Interval;

/// Waits for an interval's next tick.
class TickAwaiter {
public:
    explicit TickAwaiter(Interval& interval) noexcept;
    [[nodiscard]] bool await_ready() const noexcept { return sleep_.await_ready(); }
    bool await_suspend(std::coroutine_handle<> awaiting) noexcept { return sleep_.await_suspend(awaiting); }
    [[nodiscard]] bool is_complete() const noexcept { return sleep_.is_complete(); }
    void cancel() noexcept { sleep_.cancel(); }
    Instant await_resume() noexcept;

private:
    Interval* interval_;
    Instant due_;
    SleepAwaiter sleep_;
};

/// What Interval::tick returns.
class [[nodiscard]] Tick {
public:
    explicit Tick(Interval& interval) noexcept : interval_(&interval) {}
    [[nodiscard]] TickAwaiter operator co_await() const noexcept { return TickAwaiter(*interval_); }

private:
    Interval* interval_;
};

/// A schedule of ticks, the first at `start`.
///
/// Lifetime: outlives the ticks that are awaited on it.
/// Threads:  the core of the task that uses it.
class Interval {
public:
    Interval(Instant start, AnyDuration period) noexcept : next_(start), period_(period) {
        SKERRY_ASSERT(period_.count() > 0, "the period of an interval is longer than nothing");
    }

    /// Waits for the next tick and gives the instant it was due at.
    ///
    /// Cancel: safe: the tick is not taken.
    [[nodiscard]] Tick tick() noexcept { return Tick(*this); }

    /// The next tick comes a period from now; at once; after `after`; at `at`. A tick that is being awaited
    /// meanwhile keeps its time, and the new schedule begins behind it.
    void reset() noexcept { next_ = Instant::now() + period_; }
    void reset_immediately() noexcept { next_ = Instant::now(); }
    void reset_after(AnyDuration after) noexcept { next_ = Instant::now() + std::chrono::nanoseconds{after}; }
    void reset_at(Instant at) noexcept { next_ = at; }

    [[nodiscard]] MissedTickBehavior missed_tick_behavior() const noexcept { return behavior_; }
    void set_missed_tick_behavior(MissedTickBehavior behavior) noexcept { behavior_ = behavior; }
    [[nodiscard]] std::chrono::nanoseconds period() const noexcept { return period_; }

private:
    friend TickAwaiter;

    Instant take(Instant due) noexcept {
        if (due != next_) return due;  // reset while this tick was awaited
        const Instant now = Instant::now();
        next_ = due + period_;
        if (now < next_) return due;  // on time, or late by less than a period
        if (behavior_ == MissedTickBehavior::delay) {
            next_ = now + period_;
        } else if (behavior_ == MissedTickBehavior::skip) {
            const std::int64_t missed = (now - due).count() / period_.count();
            next_ = due + period_ * missed + period_;
        }
        return due;
    }

    Instant next_;
    std::chrono::nanoseconds period_;
    MissedTickBehavior behavior_ = MissedTickBehavior::burst;
};

inline TickAwaiter::TickAwaiter(Interval& interval) noexcept
    : interval_(&interval), due_(interval.next_), sleep_(interval.next_) {}

inline Instant TickAwaiter::await_resume() noexcept { return interval_->take(due_); }

/// Ticks every `period`, the first at once.
[[nodiscard]] inline Interval interval(AnyDuration period) noexcept { return {Instant::now(), period}; }

/// Ticks every `period`, the first at `start`.
[[nodiscard]] inline Interval interval_at(Instant start, AnyDuration period) noexcept { return {start, period}; }

}  // namespace skerry::time
