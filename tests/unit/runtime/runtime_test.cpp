#include "support/catch.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/no_io.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/sync/oneshot.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace skerry;
using namespace std::chrono_literals;

namespace {

runtime::Runtime make(runtime::Flavour flavour) {
    runtime::Config config;
    config.flavour = flavour;
    config.pin = false;
    auto built = runtime::Builder(config).build();
    REQUIRE(built.has_value());
    return std::move(*built);
}

bool has_two_cores(runtime::Runtime& runtime) { return runtime.handle().core_count() >= 2; }

Task<int> give(int value) {
    co_await yield_now();
    co_return value;
}

Task<int> fail() {
    co_await yield_now();
    throw std::runtime_error("on purpose");
}

// Lives until its frame is destroyed.
struct Alive {
    explicit Alive(std::atomic<int>* count) : count_(count) { ++*count_; }
    Alive(Alive&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    Alive& operator=(Alive&&) = delete;
    ~Alive() {
        if (count_ != nullptr) --*count_;
    }

private:
    std::atomic<int>* count_;
};

Task<> wait_for_ever(Alive) {
    for (;;) co_await time::sleep(1h);
}

Task<task::CoreId> where_am_i() { co_return this_core(); }

}  // namespace

TEST_CASE("block_on gives the task's value and rethrows its exception", "[runtime]") {
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    auto runtime = make(flavour);
    CHECK(runtime.block_on(give(5)) == 5);
    CHECK_THROWS_AS(runtime.block_on(fail()), std::runtime_error);
    CHECK(runtime.block_on(give(6)) == 6);
}

TEST_CASE("timers work inside block_on", "[runtime]") {
    struct Work {
        static Task<bool> sleep_some() {
            const time::Instant deadline = time::Instant::now() + 2ms;
            co_await time::sleep_until(deadline);
            co_return time::Instant::now() >= deadline;
        }
    };
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    auto runtime = make(flavour);
    CHECK(runtime.block_on(Work::sleep_some()));
}

TEST_CASE("tasks are spawned from threads that are no core", "[runtime]") {
    auto runtime = make(runtime::Flavour::per_core);
    const auto handle = runtime.handle();
    std::vector<JoinHandle<int>> handles;
    for (int i = 0; i < 100; ++i) handles.push_back(handle.spawn(give(i)));
    struct Work {
        static Task<int> sum(std::vector<JoinHandle<int>>* tasks) {
            int total = 0;
            for (auto& one : *tasks) {
                auto outcome = co_await one;
                total += *outcome;
            }
            co_return total;
        }
    };
    CHECK(runtime.block_on(Work::sum(&handles)) == 4950);
}

TEST_CASE("spawn_on and on_each_core run where they say", "[runtime]") {
    struct Work {
        static Task<bool> check() {
            bool right = true;
            for (std::uint16_t i = 0; i < core_count(); ++i) {
                auto core = co_await spawn_on(task::CoreId(i), where_am_i());
                right = right && core && *core == task::CoreId(i);
            }
            auto everywhere = on_each_core(&where_am_i);
            std::uint16_t expected = 0;
            for (auto& handle : everywhere) {
                auto core = co_await handle;
                right = right && core && *core == task::CoreId(expected++);
            }
            co_return right;
        }
    };
    auto runtime = make(runtime::Flavour::per_core);
    CHECK(runtime.block_on(Work::check()));
}

TEST_CASE("behaviour 7: a core whose task blocks does not stop another core's timers", "[runtime]") {
    auto runtime = make(runtime::Flavour::per_core);
    if (!has_two_cores(runtime)) return;
    std::latch release(1);
    struct Work {
        static Task<> block(std::latch* until) {
            until->wait();
            co_return;
        }
        static Task<> sleep_then_release(std::latch* blocked) {
            co_await time::sleep(1ms);
            blocked->count_down();
        }
    };
    const auto handle = runtime.handle();
    auto blocked = handle.spawn_on(task::CoreId(1), Work::block(&release));
    auto timer = handle.spawn_on(task::CoreId(0), Work::sleep_then_release(&release));
    struct Join {
        static Task<bool> both(JoinHandle<void>* a, JoinHandle<void>* b) {
            auto first = co_await *a;
            auto second = co_await *b;
            co_return first.has_value() && second.has_value();
        }
    };
    CHECK(runtime.block_on(Join::both(&blocked, &timer)));
}

TEST_CASE("behaviour 16: a shutdown destroys tasks that nobody polls", "[runtime][shutdown]") {
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    std::atomic<int> alive{0};
    auto runtime = make(flavour);
    const auto handle = runtime.handle();
    for (int i = 0; i < 50; ++i) handle.spawn(wait_for_ever(Alive(&alive))).detach();
    (void)runtime.block_on(give(0));
    CHECK(alive == 50);
    const auto report = runtime.shutdown(5s);
    CHECK(report.is_clean());
    CHECK(alive == 0);
}

TEST_CASE("behaviour 17: a spawn after the shutdown gives a cancelled join", "[runtime][shutdown]") {
    std::atomic<int> alive{0};
    auto first = make(runtime::Flavour::per_core);
    const auto handle = first.handle();
    (void)first.shutdown(5s);
    auto late = handle.spawn(wait_for_ever(Alive(&alive)));
    CHECK(alive == 0);
    CHECK(late.is_finished());
    struct Join {
        static Task<bool> cancelled(JoinHandle<void>* late_task) {
            auto outcome = co_await *late_task;
            co_return !outcome && outcome.error().is_cancelled();
        }
    };
    auto second = make(runtime::Flavour::current_thread);
    CHECK(second.block_on(Join::cancelled(&late)));
}

TEST_CASE("behaviour 15: ten thousand spawns that race with a shutdown are all ended", "[runtime][shutdown]") {
    for (int round = 0; round < 5; ++round) {
        std::atomic<int> alive{0};
        auto runtime = make(runtime::Flavour::per_core);
        const auto handle = runtime.handle();
        std::latch begun(1);
        std::thread spawner([&] {
            for (int i = 0; i < 10'000; ++i) {
                handle.spawn(wait_for_ever(Alive(&alive))).detach();
                if (i == 100) begun.count_down();
            }
        });
        begun.wait();
        (void)runtime.shutdown(10s);
        spawner.join();
        CHECK(alive == 0);
    }
}

TEST_CASE("a handle may outlive its runtime and be dropped or aborted anywhere", "[runtime][shutdown]") {
    std::atomic<int> alive{0};
    std::vector<JoinHandle<void>> handles;
    {
        auto runtime = make(runtime::Flavour::per_core);
        const auto handle = runtime.handle();
        for (int i = 0; i < 10; ++i) handles.push_back(handle.spawn(wait_for_ever(Alive(&alive))));
        (void)runtime.block_on(give(0));
    }
    CHECK(alive == 0);
    for (auto& handle : handles) {
        CHECK(handle.is_finished());
        handle.abort();
    }
}

TEST_CASE("a shutdown reports the core that does not return to its loop", "[runtime][shutdown]") {
    struct Work {
        static Task<> block(std::latch* began, std::shared_ptr<std::latch> until) {
            began->count_down();
            until->wait();
            co_return;
        }
    };
    std::latch began(1);
    auto release = std::make_shared<std::latch>(1);
    auto runtime = make(runtime::Flavour::per_core);
    runtime.handle().spawn_on(task::CoreId(0), Work::block(&began, release)).detach();
    began.wait();
    const auto report = runtime.shutdown(20ms);
    release->count_down();
    REQUIRE(report.stuck.size() == 1);
    CHECK(report.stuck.front().find("core 0") != std::string::npos);
}

TEST_CASE("two runtimes on two threads talk through channels", "[runtime]") {
    struct Work {
        static Task<> answer(sync::oneshot::Receiver<int> question, sync::oneshot::Sender<int> reply) {
            auto value = co_await question.recv();
            (void)reply.send(*value + 1);
        }
        static Task<int> ask(sync::oneshot::Sender<int> question, sync::oneshot::Receiver<int> reply) {
            (void)question.send(1);
            auto value = co_await reply.recv();
            co_return *value;
        }
    };
    auto there = sync::oneshot::channel<int>();
    auto back = sync::oneshot::channel<int>();
    std::thread other([question = std::move(there.second), reply = std::move(back.first)]() mutable {
        auto runtime = make(runtime::Flavour::current_thread);
        runtime.block_on(Work::answer(std::move(question), std::move(reply)));
    });
    auto runtime = make(runtime::Flavour::current_thread);
    CHECK(runtime.block_on(Work::ask(std::move(there.first), std::move(back.second))) == 2);
    other.join();
}

TEST_CASE("poll_once turns a runtime from a foreign loop", "[runtime]") {
    auto runtime = make(runtime::Flavour::current_thread);
    std::atomic<bool> done{false};
    struct Work {
        static Task<> set(std::atomic<bool>* flag) {
            for (int i = 0; i < 100; ++i) co_await yield_now();
            *flag = true;
        }
    };
    runtime.handle().spawn(Work::set(&done)).detach();
    int turns = 0;
    while (!done && turns < 1000) {
        (void)runtime.poll_once();
        ++turns;
    }
    CHECK(done);
    CHECK(runtime.poll_once() == time::Instant::max());
}

TEST_CASE("hooks see each task begin, run and end", "[runtime][hooks]") {
    int spawned = 0;
    int runs = 0;
    int ended = 0;
    task::TaskHooks hooks;
    hooks.on_spawn = [&](task::TaskId) { ++spawned; };
    hooks.before_run = [&](task::TaskId) { ++runs; };
    hooks.on_terminate = [&](task::TaskId) { ++ended; };
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.pin = false;
    {
        auto runtime = runtime::Builder(config).hooks(std::move(hooks)).build();
        REQUIRE(runtime.has_value());
        (void)runtime->block_on(give(1));
    }
    CHECK(spawned == 2);  // the root and the task that waits for it
    CHECK(ended == 2);
    CHECK(runs >= 3);
}
