// Who may shut a runtime down, how often, and for how long.

#include "runtime_support.hpp"

#include "support/catch.hpp"
#include "support/death.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/spawn_blocking.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

using namespace skerry;
using namespace skerry::tests;
using namespace std::chrono_literals;

namespace {

Task<> block(std::latch* began, std::shared_ptr<std::latch> until) {
    began->count_down();
    until->wait();
    co_return;
}

/// A runtime of which a core is in a task that blocks until release().
struct StuckCore {
    StuckCore() {
        runtime.handle().spawn_on(task::CoreId(0), block(&began, until)).detach();
        began.wait();
    }
    void release() {
        is_released = true;
        until->count_down();
    }
    /// Until a shutdown has begun.
    void await_stop() const {
        while (!runtime.handle().spawn_on(task::CoreId(0), give(0)).is_finished()) std::this_thread::yield();
    }

    std::latch began{1};
    std::shared_ptr<std::latch> until = std::make_shared<std::latch>(1);
    std::atomic<bool> is_released{false};
    runtime::Runtime runtime = make(runtime::Flavour::per_core);
};

}  // namespace

#if !SKERRY_TSAN  // it does not let a forked child start threads
TEST_CASE("behaviour 20: a runtime that one of its own tasks shuts down is asserted", "[runtime][shutdown]") {
    struct Work {
        static Task<> shut_down(runtime::Runtime* runtime) {
            (void)runtime->shutdown(0ns);
            std::_Exit(0);  // it has returned
            co_return;
        }
        static Task<> drop(std::optional<runtime::Runtime>* runtime) {
            runtime->reset();
            std::_Exit(0);
            co_return;
        }
    };
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    SECTION("by shutdown()") {
        CHECK(aborts([&] {
            auto runtime = make(flavour);
            runtime.block_on(Work::shut_down(&runtime));
        }));
    }
    SECTION("by dropping it") {
        CHECK(aborts([&] {
            auto config = config_of(flavour);
            config.grace = 0ns;
            std::optional<runtime::Runtime> runtime(std::move(*runtime::Builder(config).build()));
            runtime->block_on(Work::drop(&runtime));
        }));
    }
}

TEST_CASE("a runtime that one of its own blocking calls shuts down is asserted", "[runtime][shutdown][blocking]") {
    struct Work {
        static Task<> shut_down(runtime::Runtime* runtime) {
            (void)co_await spawn_blocking([runtime] { (void)runtime->shutdown(0ns); });
        }
    };
    CHECK(aborts([] {
        auto runtime = make(runtime::Flavour::per_core);
        (void)runtime.try_block_on(Work::shut_down(&runtime));
    }));
}
#endif

TEST_CASE("a task of one runtime may shut another one down", "[runtime][shutdown]") {
    struct Work {
        static Task<bool> shut_down(runtime::Runtime* runtime) { co_return runtime->shutdown(10s).is_clean(); }
    };
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    auto outer = make(runtime::Flavour::current_thread);
    auto inner = make(flavour);
    CHECK(outer.block_on(Work::shut_down(&inner)));
}

TEST_CASE("a later shutdown waits for what the first has left behind, and reports it", "[runtime][shutdown]") {
    StuckCore stuck;
    CHECK_FALSE(stuck.runtime.shutdown(0ns).is_clean());
    CHECK_FALSE(stuck.runtime.shutdown(0ns).is_clean());
    std::thread releaser([&] { stuck.release(); });
    CHECK(stuck.runtime.shutdown(1h).is_clean());
    CHECK(stuck.is_released);
    releaser.join();
    CHECK(stuck.runtime.shutdown(0ns).is_clean());
}

TEST_CASE("a later shutdown waits for a blocking call that the first has left behind, and reports it",
          "[runtime][shutdown][blocking]") {
    struct Work {
        static Task<> begin(std::latch* began, std::latch* until) {
            spawn_blocking([=] {
                began->count_down();
                until->wait();
            }).detach();
            co_return;
        }
    };
    std::latch began(1);
    std::latch until(1);
    auto runtime = make(runtime::Flavour::current_thread);
    runtime.block_on(Work::begin(&began, &until));
    runtime.block_on(give(0));
    began.wait();
    CHECK(runtime.shutdown(0ns).stuck.size() == 1);
    CHECK(runtime.shutdown(0ns).stuck.size() == 1);
    until.count_down();
    CHECK(runtime.shutdown(1h).is_clean());
}

TEST_CASE("two threads that shut one runtime down both wait for its cores", "[runtime][shutdown]") {
    StuckCore stuck;
    std::atomic<int> early{0};
    std::atomic<int> clean{0};
    const auto shut_down = [&] {
        if (stuck.runtime.shutdown(1h).is_clean()) ++clean;
        if (!stuck.is_released) ++early;
    };
    std::thread one(shut_down);
    std::thread other(shut_down);
    stuck.await_stop();
    for (int i = 0; i < 1000 && early == 0; ++i) std::this_thread::yield();
    stuck.release();
    one.join();
    other.join();
    CHECK(early == 0);
    CHECK(clean == 2);
}

TEST_CASE("the longest grace does not overflow", "[runtime][shutdown]") {
    StuckCore stuck;
    std::thread releaser([&] {
        stuck.await_stop();
        stuck.release();
    });
    CHECK(stuck.runtime.shutdown(std::chrono::hours::max()).is_clean());
    CHECK(stuck.is_released);
    releaser.join();
    runtime::Config config;
    config.grace = std::chrono::hours::max();
    CHECK(config.grace == std::chrono::nanoseconds::max());
    config.grace = std::chrono::hours::min();
    CHECK(config.grace == std::chrono::nanoseconds::min());
}
