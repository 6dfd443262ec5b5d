#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/test_core.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/runtime/no_io.hpp>
#include <skerry/sync/mpsc.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/sync/oneshot.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>

#include <array>
#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

using namespace skerry;
using namespace std::chrono_literals;

namespace {

runtime::Config config_of(runtime::Flavour flavour) {
    runtime::Config config;
    config.flavour = flavour;
    config.pin = false;
    return config;
}

runtime::Runtime make(runtime::Flavour flavour) {
    auto built = runtime::Builder(config_of(flavour)).build();
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
        CHECK(tests::aborts([&] {
            auto runtime = make(flavour);
            runtime.block_on(Work::nested(&runtime));
        }));
    }
    SECTION("of another runtime") {
        CHECK(tests::aborts([&] {
            auto outer = make(runtime::Flavour::current_thread);
            auto inner = make(flavour);
            outer.block_on(Work::nested(&inner));
        }));
    }
}
#endif

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

TEST_CASE("behaviour 16: tasks that hold each other's handles are destroyed too", "[runtime][shutdown]") {
    struct Work {
        // Waits for a handle that comes through the channel, and holds it.
        static Task<> join_other(Alive, sync::mpsc::Receiver<JoinHandle<void>> from) {
            auto other = co_await from.recv();
            if (other) (void)co_await *other;
        }
        static Task<> start(std::atomic<int>* alive) {
            auto one = sync::mpsc::channel<JoinHandle<void>>(1);
            auto two = sync::mpsc::channel<JoinHandle<void>>(1);
            auto first = spawn(join_other(Alive(alive), std::move(one.second)));
            auto second = spawn(join_other(Alive(alive), std::move(two.second)));
            (void)one.first.try_send(std::move(second));
            (void)two.first.try_send(std::move(first));
            for (int i = 0; i < 10; ++i) co_await yield_now();
        }
    };
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    std::atomic<int> alive{0};
    auto runtime = make(flavour);
    runtime.block_on(Work::start(&alive));
    CHECK(alive == 2);
    CHECK(runtime.shutdown(5s).is_clean());
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

TEST_CASE("a runtime that was shut down ends what comes, and has nothing to do", "[runtime][shutdown]") {
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    auto runtime = make(flavour);
    CHECK(runtime.shutdown(std::chrono::nanoseconds::max()).is_clean());
    const auto ended = runtime.try_block_on(give(5));
    REQUIRE_FALSE(ended);
    CHECK(ended.error().is_cancelled());
    CHECK(runtime.wake_fd() == -1);
    if (flavour == runtime::Flavour::current_thread) CHECK(runtime.poll_once() == time::Instant::max());
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

TEST_CASE("behaviour 15: wakes that race with a shutdown find the tasks or nobody", "[runtime][shutdown]") {
    struct Work {
        static Task<> listen(sync::Notify* notify, Alive) {
            for (;;) co_await notify->notified();
        }
    };
    for (int round = 0; round < 5; ++round) {
        std::atomic<int> alive{0};
        sync::Notify notify;
        auto runtime = make(runtime::Flavour::per_core);
        for (int i = 0; i < 50; ++i) runtime.handle().spawn(Work::listen(&notify, Alive(&alive))).detach();
        std::atomic<bool> is_over{false};
        std::latch begun(1);
        std::thread waker([&] {
            for (int i = 0; !is_over; ++i) {
                if (i % 2 == 0)
                    notify.notify_one();
                else
                    notify.notify_waiters();
                if (i == 1000) begun.count_down();
            }
        });
        begun.wait();
        CHECK(runtime.shutdown(10s).is_clean());
        CHECK(alive == 0);
        is_over = true;
        waker.join();
    }
}

TEST_CASE("behaviour 15: what is local to a core's thread may wake others when the thread ends",
          "[runtime][shutdown]") {
    struct WakesAtTheEnd {
        sync::Notify* notify = nullptr;
        ~WakesAtTheEnd() {
            if (notify != nullptr) notify->notify_one();
        }
    };
    struct Work {
        static void arm_this_thread(sync::Notify* notify) {
            thread_local WakesAtTheEnd last;
            last.notify = notify;
        }
        static Task<> arm(sync::Notify* notify) {
            arm_this_thread(notify);
            co_return;
        }
        static Task<> wait(sync::Notify* notify) { co_await notify->notified(); }
    };
    sync::Notify notify;
    auto waits = make(runtime::Flavour::per_core);
    {
        auto ends = make(runtime::Flavour::per_core);
        ends.block_on(Work::arm(&notify));
    }
    waits.block_on(Work::wait(&notify));
}

TEST_CASE("a spawn after the shutdown may spawn again from its arguments' destructors", "[runtime][shutdown]") {
    struct SpawnsAnother {
        SpawnsAnother(const runtime::Handle* handle, std::atomic<int>* count) : handle_(handle), count_(count) {}
        SpawnsAnother(SpawnsAnother&& other) noexcept
            : handle_(std::exchange(other.handle_, nullptr)), count_(other.count_) {}
        SpawnsAnother& operator=(SpawnsAnother&&) = delete;
        ~SpawnsAnother() {
            if (handle_ != nullptr) handle_->spawn(wait_for_ever(Alive(count_))).detach();
        }
        static Task<> hold(SpawnsAnother) { co_return; }

    private:
        const runtime::Handle* handle_;
        std::atomic<int>* count_;
    };
    std::atomic<int> alive{0};
    auto runtime = make(runtime::Flavour::current_thread);
    const auto handle = runtime.handle();
    (void)runtime.shutdown(5s);
    handle.spawn(SpawnsAnother::hold(SpawnsAnother(&handle, &alive))).detach();
    CHECK(alive == 0);
}

TEST_CASE("a shutdown that ends a block_on tells the caller when the task is gone", "[runtime][shutdown]") {
    struct Looks {
        Looks(const runtime::Completion* told, bool* early) : told_(told), early_(early) {}
        Looks(Looks&& other) noexcept : told_(std::exchange(other.told_, nullptr)), early_(other.early_) {}
        Looks& operator=(Looks&&) = delete;
        ~Looks() {
            if (told_ != nullptr) *early_ = told_->is_signalled();
        }
        static Task<> wait(Looks) {
            for (;;) co_await yield_now();
        }

    private:
        const runtime::Completion* told_;
        bool* early_;
    };
    bool told_early = true;
    runtime::detail::RootOutcome<void> root;
    {
        test_support::TestCore core;
        // Made on no core, the root is the first that a shutdown ends.
        auto task = core.in([&] { return Looks::wait(Looks(&root.completion, &told_early)); });
        auto run =
            runtime::detail::run_root<void>(runtime::detail::Root<void>(root.completion, std::move(task)), &root.value);
        core.in([&] { spawn(std::move(run)).detach(); });
        core.step();
        core.step();
    }
    CHECK(root.completion.is_signalled());
    CHECK_FALSE(told_early);
    CHECK_FALSE(root.value.has_value());
}

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
    CHECK(tests::aborts([&] { (void)runtime.block_on(Work::block(&runtime)); }));
    CHECK(tests::aborts([&] { (void)runtime.block_on(Work::block(&other)); }));
    CHECK(tests::aborts([&] { runtime.block_on(Work::poll(&runtime)); }));
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

TEST_CASE("a task that a shutdown ended is joined as cancelled", "[runtime][shutdown]") {
    std::atomic<int> alive{0};
    std::optional<JoinHandle<void>> handle;
    {
        auto runtime = make(runtime::Flavour::per_core);
        handle = runtime.handle().spawn(wait_for_ever(Alive(&alive)));
        (void)runtime.block_on(give(0));
    }
    struct Join {
        static Task<bool> is_cancelled(JoinHandle<void>* ended) {
            auto outcome = co_await *ended;
            co_return !outcome && outcome.error().is_cancelled();
        }
    };
    auto second = make(runtime::Flavour::current_thread);
    CHECK(second.block_on(Join::is_cancelled(&*handle)));
}

TEST_CASE("try_block_on gives the value, the exception, or cancelled when a shutdown comes first",
          "[runtime][shutdown]") {
    auto runtime = make(runtime::Flavour::per_core);
    CHECK(runtime.try_block_on(give(5)) == 5);
    const auto failed = runtime.try_block_on(fail());
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message() == "on purpose");

    std::atomic<int> alive{0};
    bool was_cancelled = false;
    std::thread waiting([&] {
        const auto outcome = runtime.try_block_on(wait_for_ever(Alive(&alive)));
        was_cancelled = !outcome && outcome.error().is_cancelled();
    });
    struct Work {
        static Task<> until_it_waits(const std::atomic<int>* begun) {
            while (*begun == 0) co_await yield_now();
            for (int i = 0; i < 100; ++i) co_await yield_now();
        }
    };
    runtime.block_on(Work::until_it_waits(&alive));
    CHECK(runtime.shutdown(10s).is_clean());
    waiting.join();
    CHECK(was_cancelled);
    CHECK(alive == 0);
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
        auto runtime = runtime::Builder(config_of(runtime::Flavour::current_thread)).build();
        if (!runtime) std::abort();
        runtime->block_on(Work::answer(std::move(question), std::move(reply)));
    });
    auto runtime = make(runtime::Flavour::current_thread);
    CHECK(runtime.block_on(Work::ask(std::move(there.first), std::move(back.second))) == 2);
    other.join();
}

TEST_CASE("a current_thread runtime is driven by the thread that built it and dropped by any", "[runtime]") {
    auto runtime = make(runtime::Flavour::current_thread);
    CHECK(runtime.block_on(give(1)) == 1);
    const auto on_another_thread = [](auto&& what) { std::thread(what).join(); };
    CHECK(tests::aborts([&] { on_another_thread([&] { (void)runtime.block_on(give(2)); }); }));
    CHECK(tests::aborts([&] { on_another_thread([&] { (void)runtime.poll_once(); }); }));
    std::atomic<int> alive = 0;
    runtime.handle().spawn(wait_for_ever(Alive(&alive))).detach();
    runtime.poll_once();
    on_another_thread([&] { (void)std::move(runtime).shutdown(1s); });
    CHECK(alive == 0);
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
    CHECK(spawned == 1);
    CHECK(ended == 1);
    CHECK(runs == 2);
}
