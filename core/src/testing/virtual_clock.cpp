#include <skerry/testing/virtual_clock.hpp>

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <utility>

namespace skerry::testing {

void VirtualClock::advance(time::AnyDuration duration) noexcept {
    SKERRY_ASSERT(is_paused_, "a clock that goes by itself cannot be advanced: pause() it first");
    advance_to(now() + std::chrono::nanoseconds{duration});
}

void VirtualClock::advance_to(time::Instant at) noexcept { time_.now_ns = std::max(time_.now_ns, at.as_nanos()); }

void VirtualClock::resume() noexcept {
    if (!std::exchange(is_paused_, false)) return;
    ahead_of_real_ns_ = time_.now_ns - time::Clock::now_ns();
}

void VirtualClock::pause() noexcept {
    follow();
    is_paused_ = true;
}

void VirtualClock::follow() noexcept {
    if (!is_paused_) advance_to(time::Instant::from_nanos(time::Clock::now_ns() + ahead_of_real_ns_));
}

Task<> advance(time::AnyDuration duration) {
    SKERRY_ASSERT(current_clock != nullptr, "testing::advance() outside a testing runtime");
    current_clock->advance(duration);
    co_await yield_to_driver();  // timers fire behind those who wait for the driver
    co_await yield_now();
}

void pause() noexcept {
    SKERRY_ASSERT(current_clock != nullptr, "testing::pause() outside a testing runtime");
    current_clock->pause();
}

void resume() noexcept {
    SKERRY_ASSERT(current_clock != nullptr, "testing::resume() outside a testing runtime");
    current_clock->resume();
}

}  // namespace skerry::testing
