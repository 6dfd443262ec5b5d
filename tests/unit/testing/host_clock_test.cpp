// A host's clock beside the simulation's.

#include "support/catch.hpp"

#include "testing/sim/host_clock.hpp"

#include <chrono>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using testing::HostClock;
using time::Instant;

const Instant start = Instant::from_nanos(3'600'000'000'000);

TEST_CASE("a clock without skew is the simulation's", "[testing][clock]") {
    HostClock clock(start);
    CHECK(clock.own_time_of(start + 5s) == start + 5s);
    CHECK(clock.true_time_of(start + 5s) == start + 5s);
    clock.follow(start + 1s);
    CHECK(clock.time().now_ns == (start + 1s).as_nanos());
}

TEST_CASE("a clock that drifts gains so much a second, and its timers are due sooner", "[testing][clock]") {
    HostClock clock(start);
    clock.set({.drift_ppm = 1000}, start);
    CHECK(clock.own_time_of(start + 1s) == start + 1001ms);
    CHECK(clock.true_time_of(start + 1001ms) == start + 1s);
    clock.set({.ahead = 1ms, .drift_ppm = -1000}, start + 1s);  // where it stands, and slower from now on
    CHECK(clock.own_time_of(start + 2s) == start + 2s);
}

TEST_CASE("a clock that is set as of before shows what it would have shown, and does not go back", "[testing][clock]") {
    HostClock clock(start);
    clock.set({.ahead = 1s, .drift_ppm = 1000}, start, start + 1s);
    CHECK(clock.time().now_ns == (start + 2001ms).as_nanos());
    CHECK(clock.own_time_of(start + 2s) == start + 3002ms);
    clock.set({.ahead = 0s, .drift_ppm = 1000}, start, start + 2s);
    CHECK(clock.time().now_ns == (start + 3002ms).as_nanos());
    CHECK(clock.true_time_of(start + 4004ms) == start + 4s);
}

TEST_CASE("an instant by a host's clock has come when the simulation says so", "[testing][clock]") {
    for (const double drift : {-300'000.0, -1.0, 1.0, 77.7, 999'999.0}) {
        HostClock clock(start);
        clock.set({.drift_ppm = drift}, start);
        for (std::int64_t ns = 1; ns < 1'000'000; ns = ns * 3 + 1) {
            const Instant own = start + std::chrono::nanoseconds(ns);
            const Instant due = clock.true_time_of(own);
            CHECK(clock.own_time_of(due) >= own);
            CHECK(clock.own_time_of(due - 1ns) < own);
        }
    }
}

TEST_CASE("a clock that is set ahead jumps, one that is set back stands still until then", "[testing][clock]") {
    HostClock clock(start);
    clock.set({.ahead = 2s}, start);
    CHECK(clock.time().now_ns == (start + 2s).as_nanos());
    CHECK(clock.true_time_of(start + 1s) == Instant());  // has been
    clock.set({}, start);
    clock.follow(start + 1s);
    CHECK(clock.time().now_ns == (start + 2s).as_nanos());
    CHECK(clock.true_time_of(start + 3s) == start + 3s);
    clock.follow(start + 3s);
    CHECK(clock.time().now_ns == (start + 3s).as_nanos());
}

TEST_CASE("never is never on every clock", "[testing][clock]") {
    HostClock clock(start);
    clock.set({.ahead = 2s, .drift_ppm = 10}, start);
    CHECK(clock.own_time_of(Instant::max()) == Instant::max());
    CHECK(clock.true_time_of(Instant::max()) == Instant::max());
}

}  // namespace
}  // namespace skerry
