#include "loadgen/jitter.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace {

using namespace skerry::loadgen;
using namespace std::chrono_literals;

/// A clock that moves on by the given steps, one a reading, and then by 30 ns for ever.
struct SteppingClock {
    std::vector<Nanos> steps;
    std::size_t at = 0;
    Nanos time{0};

    Nanos operator()() {
        time += at < steps.size() ? steps[at] : 30ns;
        ++at;
        return time;
    }
};

}  // namespace

TEST_CASE("only distances above the threshold are interruptions", "[apps][loadgen]") {
    const auto seen = watch_jitter(SteppingClock{{5s, 30ns, 1us, 1'001ns, 40us, 30ns}}, 1ms, 1us);
    CHECK(seen.interruptions.total_count() == 2);
    CHECK(seen.interruptions.min() == 1'001);
    CHECK(seen.longest == 40us);
    CHECK(seen.jitter_us() == 40.0);
    CHECK(seen.stolen == 41'001ns);
    CHECK(seen.p999 / 1us == 40);
}

TEST_CASE("the watch lasts as long as asked and no reading longer", "[apps][loadgen]") {
    const auto seen = watch_jitter(SteppingClock{}, 300ns, 1us);
    CHECK(seen.watched == 300ns);
    CHECK(seen.readings == 10);
}

TEST_CASE("without an interruption the longest distance of two readings is the floor", "[apps][loadgen]") {
    const auto seen = watch_jitter(SteppingClock{{0ns, 30ns, 45ns}}, 300ns, 1us);
    CHECK(seen.interruptions.empty());
    CHECK(seen.longest == 45ns);
    CHECK(seen.p999 == 0ns);
    CHECK(seen.stolen == 0ns);
}

TEST_CASE("the clock of this machine is watched for the time asked", "[apps][loadgen]") {
    const auto seen = measure_jitter(200us);
    CHECK(seen.watched >= 200us);
    CHECK(seen.readings > 0);
    CHECK(seen.longest > 0ns);
}
