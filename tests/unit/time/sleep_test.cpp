#include "support/catch.hpp"

#include <skerry/time/sleep.hpp>

#include <skerry/sync/notify.hpp>
#include <skerry/task/select.hpp>
#include <skerry/testing/no_alloc.hpp>
#include <skerry/testing/runtime.hpp>

#include <chrono>
#include <limits>
#include <optional>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

// The wheel's levels: 64 slots of 128 ns, then 64 that are 32 times as long, and so on.
std::vector<nanoseconds> durations_around_wheel_boundaries() {
    std::vector<nanoseconds> durations{1ns, 127ns, 128ns, 129ns, 1us, 999us};
    for (const auto ms : {1, 2, 62, 63, 64, 65, 127, 128, 1000, 4095, 4096, 4097, 65'536, 262'143, 262'144})
        durations.emplace_back(std::chrono::milliseconds{ms});
    for (std::int64_t level = 128 * 64; level < (std::int64_t{1} << 56); level *= 32)
        for (const std::int64_t off : {-129, -128, -127, -1, 0, 1, 127, 128, 129}) durations.emplace_back(level + off);
    return durations;
}

// Behaviour 27: never early, for each duration and from any place in the wheel. Virtual time has no lateness either.
TEST_CASE("a sleep ends exactly at its deadline for durations around every wheel boundary", "[time][sleep]") {
    for (const std::int64_t start :
         {std::int64_t{0}, std::int64_t{1}, std::int64_t{127}, std::int64_t{8191}, std::int64_t{3'600'000'000'123}}) {
        testing::Options options;
        options.start = time::Instant::from_nanos(start);
        testing::Runtime rt(options);
        for (const nanoseconds duration : durations_around_wheel_boundaries()) {
            const time::Instant before = rt.now();
            rt.run(time::sleep(duration));
            INFO("start " << start << ", " << duration.count() << " ns");
            CHECK((rt.now() - before).count() == duration.count());
        }
    }
}

// Behaviour 27.
TEST_CASE("a sleep is not over one nanosecond before its deadline", "[time][sleep]") {
    for (const nanoseconds duration : durations_around_wheel_boundaries()) {
        if (duration == 1ns) continue;
        testing::Runtime rt;
        const auto sleeping = rt.start(time::sleep(duration));
        rt.advance(duration - 1ns);
        INFO(duration.count() << " ns");
        CHECK_FALSE(sleeping.is_done());
        rt.advance(1ns);
        CHECK(sleeping.is_done());
    }
}

TEST_CASE("the longest sleep does not overflow and does not end", "[time][sleep]") {
    testing::Runtime rt;
    const auto sleeping = rt.start(time::sleep(std::chrono::hours::max()));
    const auto until = rt.start(time::sleep_until(time::Instant::max()));
    rt.run_for(std::chrono::hours{24 * 365 * 200});
    CHECK_FALSE(sleeping.is_done());
    CHECK_FALSE(until.is_done());
}

TEST_CASE("a sleep until the end of time is reported as waiting for ever", "[time][sleep]") {
    testing::Runtime rt;
    CHECK_THROWS_AS(rt.run(time::sleep_until(time::Instant::max())), testing::Failure);
}

TEST_CASE("a sleep of nothing or less completes without waiting", "[time][sleep]") {
    testing::Runtime rt;
    const std::uint64_t resumed = rt.counters().resumed.load();
    rt.run([]() -> Task<> {
        co_await time::sleep(0s);
        co_await time::sleep(-1h);
        co_await time::sleep_until(time::Instant::from_nanos(0));
    });
    CHECK(rt.counters().resumed.load() - resumed == 1);
}

TEST_CASE("a sleep counts from its call and not from the await", "[time][sleep]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    rt.run([]() -> Task<> {
        const time::Sleep first = time::sleep(10ms);
        co_await time::sleep(4ms);
        co_await first;
    });
    CHECK(rt.now() - before == 10ms);
}

TEST_CASE("sleeps of one deadline end in the order in which they began", "[time][sleep]") {
    testing::Runtime rt;
    std::vector<int> order;
    const auto sleeper = [](int number, std::vector<int>& out) -> Task<> {
        co_await time::sleep_until(time::Instant::from_nanos(std::chrono::nanoseconds(2h).count()));
        out.push_back(number);
    };
    std::vector<testing::Started<void>> started;
    for (int i = 0; i < 10; ++i) started.push_back(rt.start(sleeper(i, order)));
    rt.run_for(1h);
    CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("100,000 sleeps of any length all end on time", "[time][sleep]") {
    testing::Runtime rt;
    std::uint64_t late = 0;
    std::uint64_t ended = 0;
    const auto sleeper = [](nanoseconds duration, std::uint64_t& late_count, std::uint64_t& count) -> Task<> {
        const time::Instant due = time::Instant::now() + duration;
        co_await time::sleep(duration);
        late_count += time::Instant::now() != due;
        ++count;
    };
    std::uint64_t random = 1;
    for (int i = 0; i < 100'000; ++i) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        rt.spawn(sleeper(nanoseconds(1 + (random >> 33) % 1'000'000'000), late, ended)).detach();
    }
    rt.run_for(2s);
    CHECK(ended == 100'000);
    CHECK(late == 0);
}

// --- behaviour 28: dropping and setting again, in every state

TEST_CASE("a sleep can be dropped before it is awaited, while it waits and after it has fired",
          "[time][sleep][cancel]") {
    testing::Runtime rt;
    {
        [[maybe_unused]] const time::Sleep unused = time::sleep(1ms);
    }
    {
        auto waiting = rt.start(time::sleep(1ms));
        waiting.cancel();
    }
    {
        auto fired = rt.start(time::sleep(1ms));
        rt.clock().advance(1ms);
        rt.start([]() -> Task<> { co_return; }).cancel();  // one turn: the timer fires
        fired.cancel();
    }
    rt.run(time::sleep(1s));
    CHECK(rt.live_tasks() == 0);
}

TEST_CASE("a sleep that was woken and not yet run can be dropped by another task", "[time][sleep][cancel]") {
    testing::Runtime rt;
    auto victim = rt.spawn([]() -> Task<> { co_await time::sleep(2ms); }());
    std::optional<bool> killed;
    auto killer = rt.spawn([](JoinHandle<void>& handle, std::optional<bool>& out) -> Task<> {
        co_await time::sleep(1ms);
        co_await testing::advance(1ms);
        handle.abort();
        auto outcome = co_await handle;
        out = !outcome && outcome.error().is_cancelled();
    }(victim, killed));
    rt.run_for(1s);
    REQUIRE(killed.has_value());
    CHECK(rt.live_tasks() == 0);
}

// A losing branch is a deadline that is set again: earlier, later, before and after the first one.
TEST_CASE("a deadline can be moved earlier and later by selecting anew", "[time][sleep][cancel]") {
    testing::Runtime rt;
    sync::Notify moved;
    time::Instant deadline = rt.now() + 10ms;
    std::optional<time::Instant> ended;
    const auto sleeper = rt.start([&]() -> Task<> {
        for (;;) {
            auto first = co_await select(time::sleep_until(deadline), moved.notified());
            if (first.index() == 0) break;
        }
        ended = time::Instant::now();
    });
    const time::Instant begin = rt.now();
    rt.advance(5ms);
    deadline = begin + 100ms;  // later, before it fires
    moved.notify_one();
    rt.advance(50ms);
    CHECK_FALSE(ended);
    deadline = begin + 60ms;  // earlier
    moved.notify_one();
    rt.run_for(1s);
    REQUIRE(ended);
    CHECK(*ended - begin == 60ms);
}

TEST_CASE("a sleeper that has fired and waits for its run can be ended", "[time][sleep][cancel]") {
    testing::Options options;
    options.config.event_interval = 1;  // one run a turn: the abort is taken between the two sleepers of one instant
    testing::Runtime rt(options);
    std::optional<JoinHandle<void>> second;
    bool second_ran = false;
    const auto first = rt.start([&second]() -> Task<> {
        co_await time::sleep(1ms);
        second->abort();
    });
    second = rt.spawn([](bool& ran) -> Task<> {
        co_await time::sleep(1ms);
        ran = true;
    }(second_ran));
    rt.run_for(10ms);
    CHECK(first.is_done());
    CHECK_FALSE(second_ran);
    CHECK(rt.live_tasks() == 0);
}

// --- behaviour 31

TEST_CASE("timers of two runtimes with different starts do not mix", "[time][sleep]") {
    testing::Options late;
    late.start = time::Instant::from_nanos(std::chrono::nanoseconds(100h).count());
    testing::Runtime one;
    testing::Runtime other(late);
    const auto of_one = one.start([]() -> Task<> { co_await time::sleep(10ms); });
    const auto of_other = other.start([]() -> Task<> { co_await time::sleep(20ms); });
    one.advance(10ms);
    CHECK(of_one.is_done());
    CHECK_FALSE(of_other.is_done());
    other.advance(20ms - 1ns);
    CHECK_FALSE(of_other.is_done());
    other.advance(1ns);
    CHECK(of_other.is_done());
}

TEST_CASE("arming and cancelling a timer allocates nothing", "[time][sleep]") {
    testing::Runtime rt;
    const auto lose = []() -> Task<> {
        for (int i = 0; i < 1000; ++i) (void)co_await select_biased(time::sleep(0s), time::sleep(1h));
    };
    rt.run(lose());
    const testing::NoAlloc guard;
    rt.run(lose());
    const std::uint64_t allocations = guard.allocations();
    CHECK(allocations == 0);
}

}  // namespace
}  // namespace skerry
