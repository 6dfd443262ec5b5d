#pragma once

// Hot path. sleep and sleep_until.

#include "timer.hpp"

#include <chrono>
#include <coroutine>

namespace skerry::time {

/// Waits in the core's timer wheel.
class SleepAwaiter : private TimerNode {
public:
    explicit SleepAwaiter(Instant deadline) noexcept { deadline_ns = deadline.as_nanos(); }
    ~SleepAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() const noexcept {
        return !task::current_scheduler->spend() && deadline_ns <= current_timers->turn_time().as_nanos();
    }
    bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        task::current_scheduler->bind(*this, awaiting);
        current_timers->arm(*this);
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if (state() == task::node_state::idle) [[likely]]
            return;
        if (state() == task::node_state::linked)
            current_timers->disarm(*this);
        else
            task::current_scheduler->blank(*this);
    }
    void await_resume() const noexcept {}
};

/// What sleep() and sleep_until() return: a deadline to wait for.
class [[nodiscard]] Sleep {
public:
    explicit constexpr Sleep(Instant deadline) noexcept : deadline_(deadline) {}
    [[nodiscard]] constexpr Instant deadline() const noexcept { return deadline_; }
    [[nodiscard]] SleepAwaiter operator co_await() const noexcept { return SleepAwaiter(deadline_); }

private:
    Instant deadline_;
};

/// Waits until `deadline`. Never early; while the core polls, late by the length of a turn.
///
/// A core that has gone to sleep, as it does by default (Config::idle), is late by its wake-up as well, and by more on
/// purpose: from the turn in which it fired timers it does not wake for another one before 64 us are over, or 512 us
/// where it fired four or more in that turn. So timers that are due soon after each other fire together, and cost one
/// wake-up. Whatever else wakes the core meanwhile fires those that are due. Who cannot wait so long sets
/// IdlePolicy::spin; IdlePolicy::adaptive is as prompt until it sleeps.
///
/// Cancel: safe: the timer is gone when this is destroyed.
/// Threads: any core of a runtime.
/// Cost:   a link and an unlink in the core's wheel, no allocation, no clock read.
[[nodiscard]] inline Sleep sleep_until(Instant deadline) noexcept { return Sleep(deadline); }

/// Waits for `duration` from now, that is from this call and not from the await. Zero or less completes at
/// once.
///
/// Cancel: safe.
/// Cost:   as sleep_until, and a fresh read of the clock: a stale one would fire early.
template <class Rep, class Period>
[[nodiscard]] Sleep sleep(std::chrono::duration<Rep, Period> duration) noexcept {
    if (duration <= duration.zero()) return Sleep(Instant::from_nanos(0));
    return Sleep(Instant::now() + duration);
}

}  // namespace skerry::time
