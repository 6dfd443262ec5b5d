#include "support/catch.hpp"

#include <skerry/runtime/spawn_blocking.hpp>

#include <skerry/runtime/builder.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/topology/bind_thread.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using namespace skerry;
using namespace std::chrono_literals;

namespace {

runtime::Runtime make(runtime::Flavour flavour, std::uint32_t blocking_threads = 4) {
    runtime::Config config;
    config.flavour = flavour;
    config.pin = false;
    config.blocking_threads_max = blocking_threads;
    auto built = runtime::Builder(config).build();
    REQUIRE(built.has_value());
    return std::move(*built);
}

// Lives until it is destroyed.
struct Alive {
    explicit Alive(std::atomic<int>* count) : count_(count) { ++*count_; }
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;
    ~Alive() { --*count_; }

private:
    std::atomic<int>* count_;
};

}  // namespace

TEST_CASE("a call on the blocking pool gives its value, or its exception", "[runtime][blocking]") {
    struct Work {
        static int twice(int x) { return 2 * x; }
        static int bad() { throw std::runtime_error("from the pool"); }
        static Task<int> run() {
            auto value = co_await spawn_blocking(&twice, 21);
            auto failure = co_await spawn_blocking(&bad);
            co_return value && !failure && failure.error().message() == "from the pool" ? *value : -1;
        }
    };
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    auto runtime = make(flavour);
    CHECK(runtime.block_on(Work::run()) == 42);
}

TEST_CASE("behaviour 21: a full pool queues calls and runs them later, never above its threads",
          "[runtime][blocking]") {
    struct Shared {
        std::atomic<int> running{0};
        std::atomic<int> most{0};
        std::latch all_in{2};
    };
    struct Work {
        static int call(Shared* shared) {
            const int now = ++shared->running;
            int most = shared->most.load();
            while (now > most && !shared->most.compare_exchange_weak(most, now)) {
            }
            std::this_thread::yield();
            --shared->running;
            return 1;
        }
        static Task<int> run(Shared* shared) {
            std::vector<JoinHandle<int>> handles;
            for (int i = 0; i < 100; ++i) handles.push_back(spawn_blocking(&call, shared));
            int total = 0;
            for (auto& handle : handles) {
                auto outcome = co_await handle;
                total += *outcome;
            }
            co_return total;
        }
    };
    Shared shared;
    auto runtime = make(runtime::Flavour::current_thread, 2);
    CHECK(runtime.block_on(Work::run(&shared)) == 100);
    CHECK(shared.most <= 2);
}

// Behaviour 21.
TEST_CASE("calls that wait for each other in pairs do not stall a pool that has room", "[runtime][blocking]") {
    struct Work {
        static void meet(std::latch* pair) { pair->arrive_and_wait(); }
        static Task<bool> run() {
            for (int i = 0; i < 20; ++i) {
                std::latch pair(2);
                auto a = spawn_blocking(&meet, &pair);
                auto b = spawn_blocking(&meet, &pair);
                (void)co_await a;
                (void)co_await b;
            }
            co_return true;
        }
    };
    auto runtime = make(runtime::Flavour::current_thread, 2);
    CHECK(runtime.block_on(Work::run()));
}

TEST_CASE("a blocking call that was aborted while it waited never runs", "[runtime][blocking]") {
    struct Work {
        static void hold(std::latch* until, std::atomic<bool>* holds) {
            *holds = true;
            until->wait();
        }
        static void count(std::atomic<int>* calls) { ++*calls; }
        static Task<int> run(std::latch* release, std::atomic<int>* calls) {
            std::atomic<bool> holds{false};
            auto holder = spawn_blocking(&hold, release, &holds);
            while (!holds) co_await yield_now();  // the one thread there is
            auto waiting = spawn_blocking(&count, calls);
            for (int i = 0; i < 10; ++i) co_await yield_now();
            waiting.abort();
            (void)co_await waiting;
            release->count_down();
            (void)co_await holder;
            auto last = co_await spawn_blocking([] { return 0; });
            co_return calls->load() + *last;
        }
    };
    std::latch release(1);
    std::atomic<int> calls{0};
    auto runtime = make(runtime::Flavour::current_thread, 1);
    CHECK(runtime.block_on(Work::run(&release, &calls)) == 0);
}

TEST_CASE("a blocking call that runs is not interrupted by an abort, and its value is dropped", "[runtime][blocking]") {
    struct Work {
        static std::unique_ptr<Alive> call(std::latch* began, std::latch* until, std::atomic<int>* alive) {
            auto value = std::make_unique<Alive>(alive);
            began->count_down();
            until->wait();
            return value;
        }
        static Task<bool> run(std::latch* began, std::latch* release, std::atomic<int>* alive) {
            auto running = spawn_blocking(&call, began, release, alive);
            while (!began->try_wait()) co_await yield_now();
            running.abort();
            auto outcome = co_await running;  // at once, although the call still runs
            const bool was_running = *alive == 1;
            release->count_down();
            (void)co_await spawn_blocking([] {});  // the pool has one thread: the first call is over
            co_return was_running && !outcome && outcome.error().is_cancelled();
        }
    };
    std::latch began(1);
    std::latch release(1);
    std::atomic<int> alive{0};
    auto runtime = make(runtime::Flavour::current_thread, 1);
    CHECK(runtime.block_on(Work::run(&began, &release, &alive)));
    CHECK(alive == 0);
}

namespace {

// The value of a call that nobody waits for any more; its end takes until the next call has run.
struct EndsAfterTheNext {
    struct Shared {
        std::atomic<bool> is_ending{false};
        std::binary_semaphore next_ran{0};
        std::atomic<bool> ended_in_time{false};
    };

    explicit EndsAfterTheNext(Shared* shared) : shared_(shared) {}
    EndsAfterTheNext(EndsAfterTheNext&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
    ~EndsAfterTheNext() {
        if (shared_ == nullptr) return;
        shared_->is_ending = true;
        shared_->ended_in_time = shared_->next_ran.try_acquire_for(5s);
    }

private:
    Shared* shared_;
};

}  // namespace

TEST_CASE("a call is not handed to a thread that still drops what an aborted one had", "[runtime][blocking]") {
    using Shared = EndsAfterTheNext::Shared;
    struct Work {
        static EndsAfterTheNext call(Shared* shared, std::latch* began, std::latch* until) {
            EndsAfterTheNext value(shared);
            began->count_down();
            until->wait();
            return value;
        }
        static Task<> run(Shared* shared, std::latch* began, std::latch* release) {
            auto running = spawn_blocking(&call, shared, began, release);
            while (!began->try_wait()) co_await yield_now();
            running.abort();
            (void)co_await running;
            release->count_down();
            while (!shared->is_ending) co_await yield_now();
            (void)co_await spawn_blocking([shared] { shared->next_ran.release(); });
        }
    };
    Shared shared;
    std::latch began(1);
    std::latch release(1);
    auto runtime = make(runtime::Flavour::current_thread, 2);
    runtime.block_on(Work::run(&shared, &began, &release));
    CHECK(runtime.shutdown(20s).is_clean());
    CHECK(shared.ended_in_time);
}

TEST_CASE("a blocking call that waits when the runtime shuts down never runs and is joined as cancelled",
          "[runtime][blocking][shutdown]") {
    struct Work {
        // The call outlasts the runtime and may outlast the case.
        static void hold(std::shared_ptr<std::latch> began, std::shared_ptr<std::latch> until) {
            began->count_down();
            until->wait();
        }
        static void count(std::atomic<int>* calls) { ++*calls; }
        static Task<JoinHandle<void>> run(std::shared_ptr<std::latch> until, std::atomic<int>* calls) {
            auto began = std::make_shared<std::latch>(1);
            spawn_blocking(&hold, began, until).detach();
            while (!began->try_wait()) co_await yield_now();
            auto waiting = spawn_blocking(&count, calls);
            for (int i = 0; i < 10; ++i) co_await yield_now();
            co_return std::move(waiting);
        }
        static Task<bool> is_cancelled(JoinHandle<void>* ended) {
            auto outcome = co_await *ended;
            co_return !outcome && outcome.error().is_cancelled();
        }
    };
    auto release = std::make_shared<std::latch>(1);
    std::atomic<int> calls{0};
    auto first = make(runtime::Flavour::current_thread, 1);
    auto waiting = first.block_on(Work::run(release, &calls));
    const auto report = first.shutdown(1ms);
    REQUIRE(report.stuck.size() == 1);
    CHECK(report.stuck.front() == "1 blocking call(s) did not return");
    release->count_down();
    auto second = make(runtime::Flavour::current_thread);
    CHECK(second.block_on(Work::is_cancelled(&waiting)));
    CHECK(calls == 0);
}

TEST_CASE("what a blocking call had is gone when it is answered", "[runtime][blocking]") {
    using Argument = std::shared_ptr<int>;
    using Function = void (*)(const Argument&);
    using Call = runtime::detail::BlockingCall<void, Function, Argument>;
    auto ends = sync::oneshot::channel<Call::Outcome>();
    sync::Semaphore slots(1);
    auto slot = slots.try_acquire();
    REQUIRE(slot.has_value());
    auto argument = std::make_shared<int>(7);
    const std::weak_ptr<int> seen = argument;
    Function nothing = [](const Argument&) {};
    Call call(std::move(ends.first), std::move(*slot), std::move(nothing), std::move(argument));
    CHECK_FALSE(seen.expired());
    call.run();
    CHECK(seen.expired());
}

// Whether its core would wait awake before one of 40 sleeps (it does not before the first 32) while a call is under
// way.
Task<bool> lingers_for_calls() {
    bool lingered = false;
    for (int i = 0; i < 40; ++i) {
        std::latch may_end{1};
        auto call = spawn_blocking([&may_end] { may_end.wait(); });
        for (int turn = 0; turn < 3; ++turn) co_await yield_now();  // it goes to the pool
        lingered |= task::current_scheduler->lingers(true);
        may_end.count_down();
        (void)co_await call;
        if (task::current_scheduler->lingers(true)) co_return false;  // nothing is under way
    }
    co_return lingered;
}

TEST_CASE("a core waits awake for a blocking call where another CPU is free", "[runtime][blocking]") {
    const bool is_pinned = GENERATE(false, true);
    const auto everywhere = topology::current_affinity();
    REQUIRE(everywhere.has_value());
    bool lingers = false;
    std::uint32_t awake_max = 0;
    std::thread([&] {
        if (is_pinned && !topology::pin_current_thread(*everywhere->begin())) return;
        auto runtime = make(runtime::Flavour::current_thread);
        awake_max = runtime.plan().awake_max;
        lingers = runtime.block_on(lingers_for_calls());
    }).join();
    CHECK(lingers == (awake_max > 1));
    if (is_pinned) CHECK_FALSE(lingers);
}
