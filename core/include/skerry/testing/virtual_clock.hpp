#pragma once

// The clock of a testing runtime. It stands still unless somebody moves it: a test with advance(), or the idle
// runtime itself, which jumps to the next deadline as soon as nothing is left to run (auto-advance). A test of
// a five-minute timeout takes microseconds, and takes the same turns each time.

#include "../runtime/driver_waiters.hpp"
#include "../task/task.hpp"
#include "../task/yield.hpp"
#include "../time/clock.hpp"
#include "../time/instant.hpp"

#include <chrono>
#include <cstdint>

namespace skerry::testing {

/// A time that one thread sees instead of the real one.
///
/// Threads: the testing runtime's own.
class VirtualClock {
public:
    explicit VirtualClock(time::Instant start) noexcept { time_.now_ns = start.as_nanos(); }

    [[nodiscard]] time::Instant now() const noexcept { return time::Instant::from_nanos(time_.now_ns); }

    /// Jumps ahead by `duration` at once. Whatever became due is woken in the next turn. The clock must be
    /// paused, as it is from the start; asserted.
    void advance(time::AnyDuration duration) noexcept;

    /// Jumps ahead to `at`; never back.
    void advance_to(time::Instant at) noexcept;

    /// Lets the clock go with the real time from here on, read once a turn. It no longer jumps.
    void resume() noexcept;

    /// Stops the clock where it is.
    void pause() noexcept;

    [[nodiscard]] bool is_paused() const noexcept { return is_paused_; }

    /// Catches up with the real time; nothing while paused.
    void follow() noexcept;

    /// For time::VirtualTimeScope.
    [[nodiscard]] const time::VirtualTime& time() const noexcept { return time_; }

private:
    time::VirtualTime time_;
    bool is_paused_ = true;
    std::int64_t ahead_of_real_ns_ = 0;  // while not paused
};

/// The clock of this thread's testing runtime; null where there is none.
inline thread_local constinit VirtualClock* current_clock = nullptr;

/// Moves the clock of this testing runtime ahead and waits until what became due has had a run. It does not
/// wait for timers beyond. For tasks; a test's body calls Runtime::advance().
///
/// Cancel: partial: the clock has been moved.
[[nodiscard]] Task<> advance(time::AnyDuration duration);

/// VirtualClock::pause() and resume() for tasks.
void pause() noexcept;
void resume() noexcept;

}  // namespace skerry::testing
