#include "jitter.hpp"

namespace skerry::loadgen {

JitterResult measure_jitter(Nanos duration, Nanos threshold) {
    const auto now = [] { return Nanos(std::chrono::steady_clock::now().time_since_epoch()); };
    return watch_jitter(now, duration, threshold);
}

}  // namespace skerry::loadgen
