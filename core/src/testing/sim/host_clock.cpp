#include "host_clock.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <cmath>

namespace skerry::testing {

using time::detail::Int128;

void HostClock::set(const ClockSkew& skew, time::Instant since, time::Instant true_time) noexcept {
    SKERRY_ASSERT(skew.drift_ppm > -1e6, "a clock that stands still or goes back");
    follow(true_time);
    true_base_ = since.as_nanos();
    own_base_ = true_base_ + skew.ahead.count();
    rate_ = one + std::llround(skew.drift_ppm * 1e3);
    follow(true_time);
}

void HostClock::follow(time::Instant true_time) noexcept {
    time_.now_ns = std::max(time_.now_ns, own_time_of(true_time).as_nanos());
}

time::Instant HostClock::own_time_of(time::Instant true_time) const noexcept {
    if (true_time == time::Instant::max()) return true_time;
    const Int128 passed = Int128{true_time.as_nanos() - true_base_} * rate_;
    return time::Instant::from_nanos(own_base_ + static_cast<std::int64_t>(passed / one));
}

time::Instant HostClock::true_time_of(time::Instant own) const noexcept {
    if (own == time::Instant::max()) return own;
    if (own.as_nanos() <= time_.now_ns) return {};  // it is past
    const Int128 to_pass = Int128{own.as_nanos() - own_base_} * one;
    return time::Instant::from_nanos(true_base_ + static_cast<std::int64_t>((to_pass + rate_ - 1) / rate_));
}

}  // namespace skerry::testing
