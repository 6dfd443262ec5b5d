#pragma once

// How a core on virtual time waits: instead of sleeping it moves the clock.

#include <skerry/task/scheduler.hpp>
#include <skerry/testing/options.hpp>
#include <skerry/testing/virtual_clock.hpp>
#include <skerry/time/instant.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace skerry::testing {

/// What is done when nothing can wake a task any more.
enum class OnStandstill : std::uint8_t {
    abort,   ///< prints the live tasks and aborts
    report,  ///< sets Pace::is_stuck and returns, so that the harness can throw
    wait,    ///< waits for the doorbell: other threads wake tasks
};

/// The time of one runtime, and how far an idle core may move it.
struct Pace {
    Pace(time::Instant start, OnStandstill standstill) noexcept : clock(start), on_standstill(standstill) {}

    VirtualClock clock;
    OnStandstill on_standstill;
    bool is_stuck = false;
    time::Instant clock_limit = time::Instant::max();  ///< the idle clock does not jump beyond
};

/// What other threads ring, and other cores of this one.
///
/// Threads: any.
class Bell {
public:
    void ring() noexcept {
        const std::lock_guard guard(mutex_);
        is_rung_ = true;
        changed_.notify_one();
    }
    /// Whether it rang since the last time.
    [[nodiscard]] bool take() noexcept {
        const std::lock_guard guard(mutex_);
        return std::exchange(is_rung_, false);
    }
    /// Waits in real time until it rings.
    void wait(std::chrono::nanoseconds at_most) noexcept {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, at_most, [this] { return is_rung_; });
        is_rung_ = false;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_rung_ = false;
};

/// A blocking call that nobody awaits any more rings nobody when it ends: look again so often.
inline constexpr auto blocking_poll = std::chrono::microseconds{200};

/// The park() of a runtime of one core. Jumps to `wake_at`, or waits for real where the time does not decide: while
/// blocking calls are under way, while the clock is not paused, and for threads of the test's own.
void park(Pace& pace, Bell& bell, time::Instant wake_at) noexcept;

/// The live tasks of a scheduler, one a line: name, place of the spawn, whether it has run.
[[nodiscard]] std::string list_tasks(task::Scheduler& scheduler);

}  // namespace skerry::testing
