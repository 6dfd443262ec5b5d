#include "support/catch.hpp"

#include <skerry/testing/runtime.hpp>

#include <skerry/runtime/spawn_blocking.hpp>
#include <skerry/task/select.hpp>
#include <skerry/testing/virtual_clock.hpp>
#include <skerry/time/sleep.hpp>

#include "support/death.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using Order = std::vector<int>;

Task<> note_after(std::chrono::nanoseconds duration, int number, Order& order) {
    co_await time::sleep(duration);
    order.push_back(number);
}

TEST_CASE("a paused clock stands still while tasks run", "[testing][clock]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    rt.run([]() -> Task<> {
        for (int i = 0; i < 1000; ++i) co_await yield_now();
    });
    CHECK(rt.now() == before);
    CHECK(time::Instant::now() == before);
}

TEST_CASE("an idle runtime jumps exactly to the next deadline", "[testing][clock]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    rt.run(time::sleep(5min + 1ns));
    CHECK(rt.now() - before == 5min + 1ns);
}

// Behaviour 29.
TEST_CASE("auto-advance wakes the sleepers in the order of their deadlines, the same each time", "[testing][clock]") {
    const auto run = [] {
        testing::Runtime rt;
        Order order;
        std::vector<JoinHandle<void>> handles;
        for (int i = 0; i < 100; ++i) handles.push_back(rt.spawn(note_after(((i * 37) % 100 + 1) * 1ms, i, order)));
        rt.run(time::sleep(1s));
        return order;
    };
    const Order order = run();
    REQUIRE(order.size() == 100);
    for (std::size_t i = 1; i < order.size(); ++i) CHECK(order[i - 1] * 37 % 100 < order[i] * 37 % 100);
    CHECK(run() == order);
}

TEST_CASE("advance jumps at once and fires what is due in order", "[testing][clock]") {
    Order order;
    testing::Runtime rt;
    const auto later = rt.spawn(note_after(20ms, 2, order));
    const auto sooner = rt.spawn(note_after(10ms, 1, order));
    const auto last = rt.spawn(note_after(31ms, 3, order));
    rt.run_until_idle();
    const time::Instant before = rt.now();
    rt.advance(30ms);
    CHECK(rt.now() - before == 30ms);
    CHECK(order == Order{1, 2});
}

TEST_CASE("advance does not wait for a timer that is set on the way", "[testing][clock]") {
    testing::Runtime rt;
    Order order;
    const auto twice = rt.start([&order]() -> Task<> {
        co_await note_after(10ms, 1, order);
        co_await note_after(10ms, 2, order);  // from the new now
    });
    rt.advance(20ms);
    CHECK(order == Order{1});
    rt.advance(10ms);
    CHECK(order == Order{1, 2});
}

TEST_CASE("advance inside a task lets what became due run first", "[testing][clock]") {
    testing::Runtime rt;
    Order order;
    const auto sleeping = rt.start(note_after(10ms, 1, order));
    rt.run([&order]() -> Task<> {
        co_await testing::advance(10ms);
        order.push_back(2);
    });
    CHECK(order == Order{1, 2});
}

TEST_CASE("an advance that is cancelled has moved the clock", "[testing][clock][cancel]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    auto advancing = rt.start(testing::advance(10ms));
    CHECK_FALSE(advancing.is_done());
    advancing.cancel();
    CHECK(rt.now() - before == 10ms);
    CHECK(rt.live_tasks() == 0);
}

// Behaviour 29.
TEST_CASE("advances of less than a millisecond add up", "[testing][clock]") {
    testing::Runtime rt;
    const auto sleeping = rt.start(time::sleep(1ms));
    for (int i = 0; i < 9; ++i) rt.advance(100us);
    CHECK_FALSE(sleeping.is_done());
    rt.advance(100us - 1ns);
    CHECK_FALSE(sleeping.is_done());
    rt.advance(1ns);
    CHECK(sleeping.is_done());
}

TEST_CASE("run_for goes from deadline to deadline and ends on time", "[testing][clock]") {
    testing::Runtime rt;
    Order order;
    const auto twice = rt.start([&order]() -> Task<> {
        co_await note_after(10ms, 1, order);
        co_await note_after(10ms, 2, order);
        co_await note_after(10ms, 3, order);
    });
    const time::Instant before = rt.now();
    rt.run_for(20ms);
    CHECK(order == Order{1, 2});
    CHECK(rt.now() - before == 20ms);
    rt.run_for(9ms);
    CHECK(order == Order{1, 2});
    CHECK(rt.now() - before == 29ms);
}

// --- blocking calls

// Behaviour 29.
TEST_CASE("the clock does not jump while a blocking call runs", "[testing][clock]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    const std::size_t first = rt.run([]() -> Task<std::size_t> {
        auto call = spawn_blocking([] {
            for (int i = 0; i < 1000; ++i) std::this_thread::yield();
        });
        auto winner = co_await select_biased(time::sleep(1h), call);
        co_return winner.index();
    });
    CHECK(first == 1);
    CHECK(rt.now() == before);
}

// Behaviour 29.
TEST_CASE("a blocking call that throws stops the clock no longer than it runs", "[testing][clock]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    rt.run([]() -> Task<> {
        auto call = spawn_blocking([] { throw std::runtime_error("no"); });
        auto outcome = co_await call;
        if (outcome) throw std::logic_error("the call threw");
        co_await time::sleep(1h);
    });
    CHECK(rt.now() - before == 1h);
}

// Behaviour 29.
TEST_CASE("a blocking call that nobody awaits stops the clock no longer than it runs", "[testing][clock]") {
    testing::Runtime rt;
    std::atomic<bool> ran = false;
    const time::Instant before = rt.now();
    rt.run([&ran]() -> Task<> {
        spawn_blocking([&ran] {
            for (int i = 0; i < 1000; ++i) std::this_thread::yield();
            ran = true;
        }).detach();
        co_await yield_now();
        co_await yield_now();
        co_await time::sleep(1h);
    });
    CHECK(ran);
    CHECK(rt.now() - before == 1h);
}

// --- real time

TEST_CASE("a clock that was resumed follows the real time and one that is paused again stands", "[testing][clock]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    rt.clock().resume();
    CHECK_FALSE(rt.clock().is_paused());
    rt.run(time::sleep(1us));
    CHECK(rt.now() - before >= 1us);
    CHECK(rt.now() - before < 1h);
    rt.clock().pause();
    const time::Instant stopped = rt.now();
    rt.run([]() -> Task<> { co_await yield_now(); });
    CHECK(rt.now() == stopped);
    rt.run(time::sleep(1h));
    CHECK(rt.now() - stopped == 1h);
}

TEST_CASE("a clock that goes by itself cannot be advanced", "[testing][clock]") {
    testing::Runtime rt;
    rt.clock().resume();
    CHECK(tests::aborts([&rt] { rt.advance(1ms); }));
}

TEST_CASE("the clock goes as far as any unit can say", "[testing][clock]") {
    testing::Runtime rt;
    bool is_over = false;
    auto sleeping = rt.start([&]() -> Task<> {
        co_await time::sleep(1h);
        is_over = true;
    });
    SECTION("from deadline to deadline, until none is left") {
        const time::Instant begin = rt.now();
        rt.run_for(std::chrono::hours::max());
        CHECK(is_over);
        CHECK(rt.now() == begin + 1h);
        auto another = rt.start(time::sleep(1h));
        rt.run_for(std::chrono::hours::max());
        CHECK(another.is_done());
    }
    SECTION("at once") {
        rt.advance(std::chrono::hours::max());
        CHECK(is_over);
        CHECK(rt.now() == time::Instant::max());
    }
    SECTION("by a task") {
        rt.run([]() -> Task<> { co_await testing::advance(std::chrono::hours::max()); });
        CHECK(is_over);
    }
}

}  // namespace
}  // namespace skerry
