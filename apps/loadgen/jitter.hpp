#pragma once

// The floor of the machine: how long and how often the thread is stopped by what is not the program, that is
// interrupts, the scheduler, a hypervisor. The thread reads the clock again and again; a distance of two readings
// is an interruption when it is above a threshold well over the cost of a reading. A latency tail shorter than the
// longest interruption says nothing about the program that was measured, so reports print both side by side.
//
// Source: the method of sysjitter and of the kernel's osnoise tracer.

#include "schedule.hpp"

#include <skerry/metrics/hdr_histogram.hpp>

#include <algorithm>
#include <cstdint>

namespace skerry::loadgen {

struct JitterResult {
    metrics::HdrHistogram interruptions;  ///< lengths above the threshold, in nanoseconds
    Nanos longest{0};                     ///< of all distances of two readings, those below the threshold too
    Nanos p999{0};                        ///< p99.9 of the interruptions; 0 when there was none
    Nanos stolen{0};                      ///< all interruptions together
    Nanos watched{0};
    std::uint64_t readings = 0;

    /// What reports call jitter_us: the longest interruption seen, in microseconds.
    [[nodiscard]] double jitter_us() const noexcept { return static_cast<double>(longest.count()) / 1e3; }
};

/// An interruption is longer than this: a clock reading takes 10 to 50 ns, the shortest interrupt about 1 µs.
inline constexpr Nanos jitter_threshold = std::chrono::microseconds{1};

/// Watches `now`, a callable that returns Nanos, until `duration` has passed by it.
template <class Now>
[[nodiscard]] JitterResult watch_jitter(Now now, Nanos duration, Nanos threshold = jitter_threshold) {
    JitterResult result;
    const Nanos start = now();
    Nanos last = start;
    while (last - start < duration) {
        const Nanos reading = now();
        const Nanos distance = reading - last;
        last = reading;
        ++result.readings;
        result.longest = std::max(result.longest, distance);
        if (distance <= threshold) continue;
        result.interruptions.record(static_cast<std::uint64_t>(distance.count()));
        result.stolen += distance;
    }
    result.watched = last - start;
    result.p999 = Nanos(static_cast<Nanos::rep>(result.interruptions.value_at_percentile(99.9)));
    return result;
}

/// Spins on the monotonic clock of the current thread for `duration`. Pin the thread first: the figure belongs to
/// the core it runs on.
[[nodiscard]] JitterResult measure_jitter(Nanos duration, Nanos threshold = jitter_threshold);

}  // namespace skerry::loadgen
