#pragma once

// The stack's own timers: the wheel of the runtime, whose entries call what they are part of.

#include "../time/instant.hpp"
#include "../time/wheel.hpp"

#include <cstdint>

namespace skerry::stack {

/// A part of something that has to do something later.
///
/// Lifetime: cancelled before it goes away.
struct Timer : ListLink {
    std::int64_t deadline_ns = 0;
    void (*on_time)(Timer&, time::Instant now) noexcept = nullptr;
};

/// Threads: one core.
class Timers {
public:
    explicit Timers(time::Instant start) noexcept : wheel_(start) {}

    /// Sets or moves the timer.
    void set(Timer& timer, time::Instant deadline) noexcept {
        cancel(timer);
        timer.deadline_ns = deadline.as_nanos();
        wheel_.insert(timer);
    }
    static void cancel(Timer& timer) noexcept {
        if (timer.is_linked()) time::BasicWheel<Timer>::remove(timer);
    }

    void advance(time::Instant now) noexcept {
        wheel_.advance(now, [now](Timer& timer) { timer.on_time(timer, now); });
    }
    [[nodiscard]] time::Instant next_deadline() noexcept { return wheel_.next_deadline(); }
    [[nodiscard]] bool empty() noexcept { return wheel_.empty(); }

private:
    time::BasicWheel<Timer> wheel_;
};

}  // namespace skerry::stack
