#include "runtime_support.hpp"

#include "support/catch.hpp"
#include "support/death.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/sync/oneshot.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>

#include <array>
#include <atomic>
#include <latch>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace skerry;
using namespace skerry::tests;
using namespace std::chrono_literals;

namespace {

bool has_two_cores(runtime::Runtime& runtime) { return runtime.handle().core_count() >= 2; }

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

#if !SKERRY_TSAN  // it does not let a forked child start threads
TEST_CASE("behaviour 20: a block_on where it would stop a core is asserted", "[runtime]") {
    struct Work {
        static Task<> nested(runtime::Runtime* runtime) {
            (void)runtime->block_on(give(1));
            co_return;
        }
    };
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    SECTION("of its own runtime") {
        CHECK(aborts([&] {
            auto runtime = make(flavour);
            runtime.block_on(Work::nested(&runtime));
        }));
    }
    SECTION("of another runtime") {
        CHECK(aborts([&] {
            auto outer = make(runtime::Flavour::current_thread);
            auto inner = make(flavour);
            outer.block_on(Work::nested(&inner));
        }));
    }
}
#endif

TEST_CASE("block_on and poll_once inside a task are asserted", "[runtime]") {
    struct Work {
        static Task<int> block(runtime::Runtime* runtime) { co_return runtime->block_on(give(1)); }
        static Task<> poll(runtime::Runtime* runtime) {
            (void)runtime->poll_once();
            co_return;
        }
    };
    auto runtime = make(runtime::Flavour::current_thread);
    auto other = make(runtime::Flavour::current_thread);
    CHECK(aborts([&] { (void)runtime.block_on(Work::block(&runtime)); }));
    CHECK(aborts([&] { (void)runtime.block_on(Work::block(&other)); }));
    CHECK(aborts([&] { runtime.block_on(Work::poll(&runtime)); }));
}

TEST_CASE("a build that fails leaves no scheduler behind", "[runtime]") {
    struct Refusing final : backend::Backend {
        [[nodiscard]] std::span<const std::string_view> drivers() const noexcept override {
            static constexpr std::array<std::string_view, 1> names{"refusing"};
            return names;
        }
        [[nodiscard]] backend::Probe probe(std::string_view, const backend::Options&) override { return {true, ""}; }
        [[nodiscard]] Result<std::unique_ptr<backend::Core>, backend::SetupError> make_core(
            std::string_view, const backend::CoreSetup&) override {
            return Unexpected(backend::SetupError{"refused"});
        }
    };
    task::Scheduler* const before = task::Scheduler::acquire();
    before->retire();
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.pin = false;
    const auto built = runtime::Builder(config).offer(std::make_unique<Refusing>()).build();
    REQUIRE_FALSE(built.has_value());
    CHECK(built.error().message == "refused");
    task::Scheduler* const after = task::Scheduler::acquire();
    CHECK(after == before);
    after->retire();
}

TEST_CASE("a busy core keeps its clock on CLOCK_MONOTONIC", "[runtime][clock]") {
    if (time::Clock::source() == time::ClockSource::monotonic) return;
    struct Work {
        static auto rate() { return time::detail::clock_state.cycles_per_ns.load(std::memory_order_relaxed); }
        // The time between two corrections passes at once; a correction measures the rate anew.
        static Task<> until_corrected(time::VirtualTime* now) {
            const auto before = rate();
            while (rate() == before) {
                now->now_ns += 1'000'000'000;
                co_await yield_to_driver();
            }
        }
    };
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.pin = false;
    config.idle = GENERATE(runtime::IdlePolicy::spin, runtime::IdlePolicy::sleep);
    auto runtime = runtime::Builder(config).build();
    REQUIRE(runtime.has_value());
    time::VirtualTime now{time::Instant::now().as_nanos()};
    const time::VirtualTimeScope scope(now);
    runtime->block_on(Work::until_corrected(&now));
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
        auto runtime = runtime::Builder(config_of(runtime::Flavour::current_thread)).build();
        if (!runtime) std::abort();
        runtime->block_on(Work::answer(std::move(question), std::move(reply)));
    });
    auto runtime = make(runtime::Flavour::current_thread);
    CHECK(runtime.block_on(Work::ask(std::move(there.first), std::move(back.second))) == 2);
    other.join();
}

#if !SKERRY_TSAN  // it does not let a forked child start threads
TEST_CASE("a current_thread runtime is driven by the thread that built it and dropped by any", "[runtime]") {
    auto runtime = make(runtime::Flavour::current_thread);
    CHECK(runtime.block_on(give(1)) == 1);
    const auto on_another_thread = [](auto&& what) { std::thread(what).join(); };
    CHECK(aborts([&] { on_another_thread([&] { (void)runtime.block_on(give(2)); }); }));
    CHECK(aborts([&] { on_another_thread([&] { (void)runtime.poll_once(); }); }));
    std::atomic<int> alive = 0;
    runtime.handle().spawn(wait_for_ever(Alive(&alive))).detach();
    runtime.poll_once();
    on_another_thread([&] { (void)std::move(runtime).shutdown(1s); });
    CHECK(alive == 0);
}
#endif

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
    CHECK(spawned == 1);
    CHECK(ended == 1);
    CHECK(runs == 2);
}
