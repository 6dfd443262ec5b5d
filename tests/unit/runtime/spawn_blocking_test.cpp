#include "support/catch.hpp"

#include <skerry/runtime/spawn_blocking.hpp>

#include <skerry/runtime/builder.hpp>
#include <skerry/task/yield.hpp>

#include <atomic>
#include <latch>
#include <memory>
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
        static void hold(std::latch* until) { until->wait(); }
        static void count(std::atomic<int>* calls) { ++*calls; }
        static Task<int> run(std::latch* release, std::atomic<int>* calls) {
            auto holder = spawn_blocking(&hold, release);
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
