#include "support/catch.hpp"

#include <skerry/time/instant.hpp>

#include <cmath>
#include <limits>
#include <ratio>
#include <type_traits>

namespace {

using namespace std::chrono_literals;
using skerry::time::Clock;
using skerry::time::ClockSource;
using skerry::time::Instant;
using skerry::time::saturating_ns;
using skerry::time::VirtualTime;
using skerry::time::VirtualTimeScope;
using skerry::time::detail::KeptLine;
using std::chrono::nanoseconds;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();

static_assert(std::is_trivially_copyable_v<Instant>);
static_assert(noexcept(Instant::now()));

}  // namespace

TEST_CASE("an instant moves by durations of any unit", "[time][instant]") {
    const Instant start = Instant::from_nanos(1'000'000'000);
    CHECK((start + 1ns).as_nanos() == 1'000'000'001);
    CHECK((start + 2s).as_nanos() == 3'000'000'000);
    CHECK((start - 500ms).as_nanos() == 500'000'000);
    CHECK(start - (start + 3us) == -3us);

    Instant moved = start;
    moved += 1h;
    moved -= 1min;
    CHECK(moved - start == 59min);
}

TEST_CASE("never plus anything is never and nothing overflows", "[time][instant]") {
    CHECK(Instant::max() + 1ns == Instant::max());
    CHECK(Instant::from_nanos(5) + std::chrono::hours::max() == Instant::max());
    CHECK(Instant::from_nanos(-5) + std::chrono::hours::min() == Instant::from_nanos(least));
    CHECK(Instant::from_nanos(-5) - nanoseconds::max() == Instant::from_nanos(least));
    CHECK(Instant::from_nanos(5) - nanoseconds::min() == Instant::max());
    CHECK(Instant::max() - Instant::from_nanos(-1) == nanoseconds::max());
    CHECK(Instant::from_nanos(least) - Instant::from_nanos(1) == nanoseconds::min());
}

TEST_CASE("a duration finer than a nanosecond rounds up", "[time][instant]") {
    using Picoseconds = std::chrono::duration<std::int64_t, std::pico>;
    CHECK(saturating_ns(Picoseconds{1}) == 1ns);
    CHECK(saturating_ns(Picoseconds{1000}) == 1ns);
    CHECK(saturating_ns(Picoseconds{1001}) == 2ns);
    CHECK(saturating_ns(Picoseconds{-1999}) == -1ns);
    CHECK(saturating_ns(std::chrono::duration<double, std::nano>{1.25}) == 2ns);
    CHECK(saturating_ns(std::chrono::duration<double, std::nano>{-1.25}) == -1ns);
}

TEST_CASE("a duration that does not fit becomes the nearest bound", "[time][instant]") {
    CHECK(saturating_ns(std::chrono::seconds::max()).count() == most);
    CHECK(saturating_ns(std::chrono::seconds::min()).count() == least);
    CHECK(saturating_ns(nanoseconds::max()).count() == most);
    CHECK(saturating_ns(std::chrono::duration<std::uint64_t, std::nano>{~std::uint64_t{0}}).count() == most);
    CHECK(saturating_ns(std::chrono::duration<double>{1e300}).count() == most);
    CHECK(saturating_ns(std::chrono::duration<double>{-1e300}).count() == least);
    CHECK(saturating_ns(std::chrono::duration<float>{INFINITY}).count() == most);
    CHECK(saturating_ns(std::chrono::duration<double>{NAN}).count() == 0);
}

TEST_CASE("instants are ordered and never is the last", "[time][instant]") {
    CHECK(Instant::from_nanos(1) < Instant::from_nanos(2));
    CHECK(Instant::from_nanos(2) == Instant::from_nanos(2));
    CHECK(Instant::from_nanos(most - 1) < Instant::max());
    CHECK(Instant{} == Instant::from_nanos(0));
}

TEST_CASE("an instant and a steady time point of the same moment are the same", "[time][instant]") {
    const auto point = std::chrono::steady_clock::now();
    CHECK(Instant::from_steady(point).to_steady() == point);
    CHECK(Instant::from_steady(point).as_nanos() == point.time_since_epoch().count());
    CHECK(Instant::from_nanos(77).to_steady().time_since_epoch() == 77ns);
}

TEST_CASE("elapsed is what has passed and 0 for what is still to come", "[time][instant]") {
    VirtualTime clock{.now_ns = 1000};
    const VirtualTimeScope scope{clock};
    CHECK(Instant::from_nanos(400).elapsed() == 600ns);
    CHECK(Instant::from_nanos(1001).elapsed() == 0ns);
    CHECK(Instant::max().elapsed() == 0ns);
    CHECK(Instant::from_nanos(least).elapsed() == nanoseconds::max());
}

TEST_CASE("a kept line gives the time until its limit, and none on virtual time", "[time][instant]") {
    Clock::init();
    if (Clock::source() == ClockSource::monotonic) return;  // there is no line
    KeptLine line;
    Instant now;
    CHECK_FALSE(Instant::read(line, now));

    Clock::keep(line, 1h);
    const Instant before = Instant::now();
    REQUIRE(Instant::read(line, now));
    CHECK(before <= now);
    CHECK(now <= Instant::now());

    Instant untouched;
    {
        const VirtualTime clock{.now_ns = 1000};
        const VirtualTimeScope scope{clock};
        CHECK_FALSE(Instant::read(line, untouched));
    }
    Clock::keep(line, 0ns);
    CHECK_FALSE(Instant::read(line, untouched));
    CHECK(untouched == Instant{});
}
