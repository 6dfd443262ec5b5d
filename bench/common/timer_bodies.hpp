#pragma once

// What timers are made to do, so many times; see task_bodies.hpp.

#include "timed.hpp"

#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace skerry::bench {

/// Registers a timer and leaves it again, without suspending for it.
class ArmAndCancel {
public:
    explicit ArmAndCancel(time::Sleep sleep) : deadline_(sleep.deadline()) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) {
        time::SleepAwaiter sleeper(deadline_);
        sleeper.await_suspend(awaiting);
        keep(&sleeper);
        return false;
    }
    void await_resume() const noexcept {}

private:
    time::Instant deadline_;
};

inline Task<> arm_and_cancel_sleep_until(std::size_t count) {
    const time::Instant base = time::Instant::now() + std::chrono::seconds{60};
    for (std::size_t i = 0; i < count; ++i)
        co_await ArmAndCancel(time::sleep_until(base + std::chrono::milliseconds{i % 1000}));
}

/// As above, and each reads the clock.
inline Task<> arm_and_cancel_sleep(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        co_await ArmAndCancel(time::sleep(std::chrono::seconds{60} + std::chrono::milliseconds{i % 1000}));
}

/// Sleeps one after the other.
inline Task<> sleeps(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) co_await time::sleep(std::chrono::microseconds{1});
}

/// How many nanoseconds after `at` this task runs again.
inline Task<std::uint64_t> sleep_and_measure(time::Instant at) {
    co_await time::sleep_until(at);
    co_return static_cast<std::uint64_t>((time::Instant::now() - at).count());
}

using Sleepers = std::vector<JoinHandle<std::uint64_t>>;

/// Spawns `count` tasks whose timers are spread over the second after `base`.
[[nodiscard]] inline Sleepers spawn_sleepers(std::size_t count, time::Instant base) {
    Sleepers sleepers;
    sleepers.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        sleepers.push_back(
            spawn(sleep_and_measure(base + std::chrono::nanoseconds{i * 7919 % count * (1'000'000'000 / count)})));
    return sleepers;
}

/// How late each was, in nanoseconds.
inline Task<std::vector<std::uint64_t>> lateness_of(Sleepers sleepers) {
    std::vector<std::uint64_t> late_ns;
    late_ns.reserve(sleepers.size());
    for (auto& sleeper : sleepers) {
        auto outcome = co_await sleeper;
        late_ns.push_back(*outcome);
    }
    co_return late_ns;
}

}  // namespace skerry::bench
