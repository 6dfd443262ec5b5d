#include "support/catch.hpp"

#include <skerry/time/interval.hpp>

#include <skerry/task/select.hpp>
#include <skerry/testing/runtime.hpp>

#include "support/death.hpp"

#include <chrono>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using time::MissedTickBehavior;
using Times = std::vector<std::int64_t>;  // milliseconds since the beginning

/// What an interval gave, and when it gave it.
struct Ticks {
    Times due;
    Times taken;
};

std::int64_t ms_since(time::Instant begin, time::Instant at) { return (at - begin) / 1ms; }

// Takes ticks of 50 ms; `busy[i]` is the time that the work after tick i needs.
Ticks take_ticks(MissedTickBehavior behavior, const Times& busy) {
    testing::Runtime rt;
    const time::Instant begin = rt.now();
    Ticks ticks;
    rt.run([&]() -> Task<> {
        time::Interval every = time::interval(50ms);
        every.set_missed_tick_behavior(behavior);
        for (const std::int64_t work : busy) {
            const time::Instant due = co_await every.tick();
            ticks.due.push_back(ms_since(begin, due));
            ticks.taken.push_back(ms_since(begin, time::Instant::now()));
            rt.clock().advance(std::chrono::milliseconds{work});
        }
    });
    return ticks;
}

TEST_CASE("an interval ticks at once and then each period", "[time][interval]") {
    const Ticks ticks = take_ticks(MissedTickBehavior::burst, {0, 0, 0, 0});
    CHECK(ticks.due == Times{0, 50, 100, 150});
    CHECK(ticks.taken == ticks.due);
}

TEST_CASE("the time between ticks does not drift with the work", "[time][interval]") {
    const Ticks ticks = take_ticks(MissedTickBehavior::burst, {20, 49, 1, 0});
    CHECK(ticks.taken == Times{0, 50, 100, 150});
}

// Behaviour 30.
TEST_CASE("burst gives the missed ticks at once until it has caught up", "[time][interval]") {
    const Ticks ticks = take_ticks(MissedTickBehavior::burst, {0, 175, 0, 0, 0, 0, 0});
    CHECK(ticks.due == Times{0, 50, 100, 150, 200, 250, 300});
    CHECK(ticks.taken == Times{0, 50, 225, 225, 225, 250, 300});
}

// Behaviour 30.
TEST_CASE("delay begins a full period at the late tick", "[time][interval]") {
    const Ticks ticks = take_ticks(MissedTickBehavior::delay, {0, 175, 0, 0, 0});
    CHECK(ticks.due == Times{0, 50, 100, 275, 325});
    CHECK(ticks.taken == Times{0, 50, 225, 275, 325});
}

// Behaviour 30.
TEST_CASE("skip leaves the missed ticks out and stays on the schedule", "[time][interval]") {
    const Ticks ticks = take_ticks(MissedTickBehavior::skip, {0, 175, 0, 0, 0});
    CHECK(ticks.due == Times{0, 50, 100, 250, 300});
    CHECK(ticks.taken == Times{0, 50, 225, 250, 300});
}

TEST_CASE("a tick that is late by exactly its period has missed one", "[time][interval]") {
    CHECK(take_ticks(MissedTickBehavior::burst, {100, 0, 0, 0}).taken == Times{0, 100, 100, 150});
    CHECK(take_ticks(MissedTickBehavior::delay, {100, 0, 0, 0}).taken == Times{0, 100, 150, 200});
    CHECK(take_ticks(MissedTickBehavior::skip, {100, 0, 0, 0}).taken == Times{0, 100, 150, 200});
}

TEST_CASE("an interval can begin later or in the past", "[time][interval]") {
    testing::Runtime rt;
    const time::Instant begin = rt.now();
    time::Interval later = time::interval_at(begin + 30ms, 50ms);
    CHECK(rt.run(later.tick()) == begin + 30ms);
    CHECK(rt.now() == begin + 30ms);
    time::Interval past = time::interval_at(begin, 20ms);
    CHECK(rt.run(past.tick()) == begin);
    CHECK(rt.now() == begin + 30ms);
}

// --- resets

TEST_CASE("reset begins a period now", "[time][interval]") {
    testing::Runtime rt;
    const time::Instant begin = rt.now();
    time::Interval every = time::interval(50ms);
    (void)rt.run(every.tick());
    rt.advance(20ms);
    every.reset();
    CHECK(rt.run(every.tick()) == begin + 70ms);
    CHECK(rt.run(every.tick()) == begin + 120ms);
}

TEST_CASE("reset_immediately ticks at once and goes on from there", "[time][interval]") {
    testing::Runtime rt;
    const time::Instant begin = rt.now();
    time::Interval every = time::interval(50ms);
    (void)rt.run(every.tick());
    rt.advance(20ms);
    every.reset_immediately();
    CHECK(rt.run(every.tick()) == begin + 20ms);
    CHECK(rt.run(every.tick()) == begin + 70ms);
}

TEST_CASE("reset_after and reset_at set the next tick and keep the period", "[time][interval]") {
    testing::Runtime rt;
    const time::Instant begin = rt.now();
    time::Interval every = time::interval(50ms);
    (void)rt.run(every.tick());
    every.reset_after(5ms);
    CHECK(rt.run(every.tick()) == begin + 5ms);
    CHECK(rt.run(every.tick()) == begin + 55ms);
    every.reset_at(begin + 300ms);
    CHECK(rt.run(every.tick()) == begin + 300ms);
    CHECK(rt.run(every.tick()) == begin + 350ms);
}

TEST_CASE("a tick that is awaited keeps its time when the interval is reset", "[time][interval]") {
    testing::Runtime rt;
    const time::Instant begin = rt.now();
    time::Interval every = time::interval(50ms);
    (void)rt.run(every.tick());
    auto waiting = rt.start(every.tick());
    rt.advance(10ms);
    every.reset();  // to 60 ms
    CHECK(rt.finish(std::move(waiting)) == begin + 50ms);
    CHECK(rt.run(every.tick()) == begin + 60ms);
}

// --- limits

// Behaviour 30.
TEST_CASE("the longest period does not overflow", "[time][interval]") {
    testing::Runtime rt;
    const time::Instant begin = rt.now();
    for (const auto behavior : {MissedTickBehavior::burst, MissedTickBehavior::delay, MissedTickBehavior::skip}) {
        time::Interval every = time::interval_at(begin, std::chrono::nanoseconds::max());
        every.set_missed_tick_behavior(behavior);
        CHECK(rt.run(every.tick()) == begin);
        CHECK_THROWS_AS(rt.run(every.tick()), testing::Failure);
        every.reset();
        CHECK_THROWS_AS(rt.run(every.tick()), testing::Failure);
    }
}

TEST_CASE("a period of any unit does not overflow", "[time][interval]") {
    testing::Runtime rt;
    const time::Instant begin = rt.now();
    time::Interval every = time::interval(std::chrono::hours::max());
    CHECK(every.period() == std::chrono::nanoseconds::max());
    CHECK(rt.run(every.tick()) == begin);
    CHECK_THROWS_AS(rt.run(every.tick()), testing::Failure);
    every.reset_after(std::chrono::hours::max());
    CHECK_THROWS_AS(rt.run(every.tick()), testing::Failure);
    CHECK(time::interval_at(begin, std::chrono::seconds::max()).period() == std::chrono::nanoseconds::max());
}

TEST_CASE("a period of nothing is a bug", "[time][interval]") {
    testing::Runtime rt;
    CHECK(tests::aborts([] { (void)time::interval(0ns); }));
}

// --- cancelling

TEST_CASE("a tick that is given up is not taken", "[time][interval][cancel]") {
    testing::Runtime rt;
    const time::Instant begin = rt.now();
    time::Interval every = time::interval(50ms);
    (void)rt.run(every.tick());
    {
        auto waiting = rt.start(every.tick());
        rt.advance(49ms);
    }
    {
        auto waiting = rt.start(every.tick());
        rt.clock().advance(1ms);  // due, and given up before it runs
    }
    CHECK(rt.run(every.tick()) == begin + 50ms);
    CHECK(rt.run(every.tick()) == begin + 100ms);
}

TEST_CASE("a tick that loses a select comes back", "[time][interval][cancel]") {
    testing::Runtime rt;
    const time::Instant begin = rt.now();
    std::vector<time::Instant> ticks;
    rt.run([&]() -> Task<> {
        time::Interval every = time::interval_at(begin + 50ms, 50ms);
        while (ticks.size() < 3) {
            auto first = co_await select(every.tick(), time::sleep(7ms));
            if (first.index() == 0) ticks.push_back(std::get<0>(first));
        }
    });
    CHECK(ticks == std::vector{begin + 50ms, begin + 100ms, begin + 150ms});
}

}  // namespace
}  // namespace skerry
