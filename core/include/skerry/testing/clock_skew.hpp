#pragma once

#include <chrono>

namespace skerry::testing {

/// How a host's clock differs from the simulation's. Everything on the host goes by it: its tasks' sleeps, the timers
/// of its stack, time::Instant::now().
struct ClockSkew {
    std::chrono::nanoseconds ahead{0};  ///< now; negative: behind
    double drift_ppm = 0;               ///< so many microseconds a second faster; negative: slower; above -1'000'000
};

}  // namespace skerry::testing
