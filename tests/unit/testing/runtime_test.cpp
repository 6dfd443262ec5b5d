#include "support/catch.hpp"

#include <skerry/testing/runtime.hpp>

#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/spawn_blocking.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/task/select.hpp>
#include <skerry/testing/backend.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include "support/death.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;

Task<int> answer() { co_return 42; }

Task<> throws() {
    throw std::runtime_error("thrown by the task");
    co_return;
}

Task<> yields(int times) {
    for (int i = 0; i < times; ++i) co_await yield_now();
}

struct SetOnExit {
    bool* flag;
    explicit SetOnExit(bool& f) noexcept : flag(&f) {}
    SetOnExit(const SetOnExit&) = delete;
    SetOnExit& operator=(const SetOnExit&) = delete;
    ~SetOnExit() { *flag = true; }
};

Task<> waits_on(sync::Notify& notify, bool& destroyed) {
    const SetOnExit on_exit(destroyed);
    co_await notify.notified();
}

// --- run

TEST_CASE("run gives the value of a Task", "[testing][runtime]") {
    testing::Runtime rt;
    CHECK(rt.run(answer()) == 42);
}

TEST_CASE("run gives the value of an operation", "[testing][runtime]") {
    testing::Runtime rt;
    const auto timed = rt.run(time::timeout(1s, time::sleep(2s)));
    CHECK(timed.error() == Errc::timed_out);
}

TEST_CASE("run keeps a closure alive while the task that it makes runs", "[testing][runtime]") {
    testing::Runtime rt;
    const std::string text(100, 'x');
    const auto started = rt.start([text]() -> Task<std::size_t> {
        co_await time::sleep(1s);
        co_return text.size();
    });
    CHECK_FALSE(started.is_done());
    CHECK(rt.run([text]() -> Task<std::size_t> {
        co_await time::sleep(1s);
        co_return text.size();
    }) == 100);
    CHECK(started.is_done());
}

TEST_CASE("run rethrows the exception of the task", "[testing][runtime]") {
    testing::Runtime rt;
    CHECK_THROWS_WITH(rt.run(throws()), "thrown by the task");
}

TEST_CASE("run of a task that waits for ever fails with a list of the live tasks", "[testing][runtime]") {
    testing::Runtime rt;
    sync::Notify never;
    auto named = rt.run([]() -> Task<int> { co_return 1; });
    CHECK(named == 1);
    spawn_named("the idle one", []() -> Task<> { co_await sync::Notify().notified(); }()).detach();
    CHECK_THROWS_WITH(rt.run(never.notified()), Contains("waits for ever") && Contains("the idle one") &&
                                                    Contains("runtime_test.cpp") && Contains("2 live task"));
    CHECK(rt.run(answer()) == 42);
}

TEST_CASE("the task of a failed run is gone", "[testing][runtime]") {
    testing::Runtime rt;
    sync::Notify never;
    bool destroyed = false;
    CHECK_THROWS_AS(rt.run(waits_on(never, destroyed)), testing::Failure);
    CHECK(destroyed);
    CHECK(rt.live_tasks() == 0);
}

// --- start and cancel

TEST_CASE("start runs until the first wait and not on", "[testing][runtime]") {
    testing::Runtime rt;
    int steps = 0;
    const auto started = rt.start([&steps]() -> Task<> {
        ++steps;
        co_await time::sleep(1ms);
        ++steps;
    });
    CHECK(steps == 1);
    CHECK_FALSE(started.is_done());
}

TEST_CASE("cancel has destroyed the frame when it returns", "[testing][runtime]") {
    testing::Runtime rt;
    sync::Notify never;
    bool destroyed = false;
    auto started = rt.start(waits_on(never, destroyed));
    CHECK_FALSE(destroyed);
    started.cancel();
    CHECK(destroyed);
    CHECK(started.is_done());
    CHECK(rt.live_tasks() == 0);
}

TEST_CASE("dropping what was started cancels it", "[testing][runtime]") {
    testing::Runtime rt;
    sync::Notify never;
    bool destroyed = false;
    {
        const auto started = rt.start(waits_on(never, destroyed));
    }
    CHECK(destroyed);
}

TEST_CASE("detach lets it run on", "[testing][runtime]") {
    testing::Runtime rt;
    bool destroyed = false;
    sync::Notify notify;
    rt.start(waits_on(notify, destroyed)).detach();
    CHECK_FALSE(destroyed);
    notify.notify_one();
    rt.run_until_idle();
    CHECK(destroyed);
}

TEST_CASE("take gives the value once it is done and fails before", "[testing][runtime]") {
    testing::Runtime rt;
    sync::Notify notify;
    auto started = rt.start([&notify]() -> Task<int> {
        co_await notify.notified();
        co_return 7;
    });
    CHECK_THROWS_AS(started.take(), testing::Failure);
    notify.notify_one();
    rt.run_until_idle();
    REQUIRE(started.is_done());
    CHECK(started.take() == 7);
}

TEST_CASE("finish runs what was started to its end", "[testing][runtime]") {
    testing::Runtime rt;
    auto started = rt.start([]() -> Task<int> {
        co_await time::sleep(1h);
        co_return 7;
    });
    CHECK(rt.finish(std::move(started)) == 7);
}

// --- steps

TEST_CASE("a turn runs at most 61 tasks", "[testing][runtime]") {
    testing::Runtime rt;
    for (int i = 0; i < 100; ++i) rt.spawn(yields(0)).detach();
    CHECK(rt.step());
    CHECK(rt.live_tasks() == 39);
    rt.run_until_idle();
    CHECK(rt.live_tasks() == 0);
    CHECK_FALSE(rt.step());
}

TEST_CASE("steps and idle runs leave the clock alone", "[testing][runtime]") {
    testing::Runtime rt;
    const time::Instant before = rt.now();
    const auto sleeping = rt.start(time::sleep(1ns));
    rt.run_until_idle();
    CHECK(rt.now() == before);
    CHECK_FALSE(sleeping.is_done());
}

TEST_CASE("the body of a test stands on the runtime's core and clock", "[testing][runtime]") {
    testing::Runtime rt;
    CHECK(time::Instant::now() == rt.now());
    auto handle = spawn(answer());
    CHECK(rt.run([&handle]() -> Task<int> {
        auto outcome = co_await handle;
        co_return *outcome;
    }) == 42);
}

TEST_CASE("runtimes nest and the inner one gives the thread back", "[testing][runtime]") {
    testing::Runtime outer;
    outer.advance(5s);
    {
        testing::Runtime inner;
        CHECK(time::Instant::now() == inner.now());
        CHECK(outer.run(answer()) == 42);
        CHECK(time::Instant::now() == inner.now());
        CHECK(inner.run(answer()) == 42);
    }
    CHECK(time::Instant::now() == outer.now());
    CHECK(outer.run(answer()) == 42);
}

TEST_CASE("dropping the runtime ends every task", "[testing][runtime]") {
    bool destroyed = false;
    {
        testing::Runtime rt;
        auto notify = std::make_shared<sync::Notify>();
        rt.spawn([](std::shared_ptr<sync::Notify> kept, bool& flag) -> Task<> {
              const SetOnExit on_exit(flag);
              co_await kept->notified();
          }(notify, destroyed))
            .detach();
        rt.run_until_idle();
        CHECK(rt.live_tasks() == 1);
        CHECK(rt.tasks().size() == 1);
    }
    CHECK(destroyed);
}

TEST_CASE("frames are back in the slab when their tasks are over", "[testing][runtime]") {
    testing::Runtime rt;
    for (int i = 0; i < 1000; ++i) rt.run(answer());
    CHECK(rt.slab_stats().live_blocks == 0);
    CHECK(rt.slab_stats().carved_bytes < 4096);
}

// --- the seed

Task<std::string> choices() {
    std::string chosen;
    for (int i = 0; i < 200; ++i) {
        auto winner = co_await select(yield_now(), yield_now(), yield_now());
        chosen += static_cast<char>('a' + winner.index());
    }
    co_return chosen;
}

// select(yield, yield) is decided by the order in which the branches are armed, which is drawn.
TEST_CASE("the same seed gives the same choices and another seed others", "[testing][runtime]") {
    const auto with_seed = [](std::uint64_t seed) {
        testing::Options options;
        options.seed = seed;
        testing::Runtime rt(options);
        return rt.run(choices());
    };
    CHECK(with_seed(7) == with_seed(7));
    CHECK(with_seed(7) != with_seed(8));
}

// --- threads

TEST_CASE("a blocking call gives its value to a task on virtual time", "[testing][runtime]") {
    testing::Runtime rt;
    const int value = rt.run([]() -> Task<int> {
        auto handle = spawn_blocking([] { return 5; });
        auto outcome = co_await handle;
        co_return *outcome;
    });
    CHECK(value == 5);
}

TEST_CASE("other threads may wake a runtime that expects them", "[testing][runtime]") {
    testing::Options options;
    options.woken_from_outside = true;
    testing::Runtime rt(options);
    sync::Notify notify;
    auto waiting = rt.start(notify.notified());
    std::thread thread([&notify] { notify.notify_one(); });
    rt.finish(std::move(waiting));
    thread.join();
    CHECK(rt.live_tasks() == 0);
}

// --- without the harness

TEST_CASE("the backend runs in a runtime of the Builder's", "[testing][backend]") {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    auto built = runtime::Builder(config).offer(testing::make_backend()).build();
    REQUIRE(built);
    CHECK(built->driver() == "testing");
    CHECK(built->block_on([]() -> Task<int> {
        const time::Instant before = time::Instant::now();
        co_await time::sleep(24h);
        co_return static_cast<int>((time::Instant::now() - before) / 1h);
    }()) == 24);
}

TEST_CASE("the backend aborts a program that waits for ever", "[testing][backend]") {
    CHECK(tests::aborts([] {
        runtime::Config config;
        config.flavour = runtime::Flavour::current_thread;
        auto built = runtime::Builder(config).offer(testing::make_backend()).build();
        sync::Notify never;
        built->block_on([](sync::Notify& waited) -> Task<> { co_await waited.notified(); }(never));
    }));
}

TEST_CASE("the backend makes one core a runtime", "[testing][backend]") {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    auto first = testing::make_backend();
    backend::CoreSetup setup;
    setup.scheduler = task::Scheduler::acquire();
    setup.scheduler->configure(task::CoreId{}, {}, nullptr, 1);
    const auto core = first->make_core("testing", setup);
    REQUIRE(core);
    CHECK_FALSE(first->make_core("testing", setup));
    setup.scheduler->retire();
}

TEST_CASE("a loop that was polled once can be run and dropped", "[testing][backend]") {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    auto built = runtime::Builder(config).offer(testing::make_backend()).build();
    REQUIRE(built);
    CHECK(built->poll_once() == time::Instant::max());
    CHECK(built->block_on(answer()) == 42);
    CHECK(built->poll_once() == time::Instant::max());
}

}  // namespace
}  // namespace skerry
