#include "support/catch.hpp"
#include "support/probe.hpp"
#include "support/test_core.hpp"

#include <skerry/task/scheduler.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>

#include <array>
#include <optional>
#include <utility>

// A core that has closed: who posts to it does its work, and nothing that a handle still holds is lost.

using namespace skerry;
using skerry::test_support::Probe;
using skerry::test_support::TestCore;

namespace {

Task<Probe> give(Probe probe) { co_return std::move(probe); }

Task<Probe> give_from_a_large_frame(Probe probe) {
    std::array<char, 4000> large{};
    co_await yield_now();
    large[1] = 1;
    co_await yield_now();
    if (large[1] != 1) co_await yield_now();
    co_return std::move(probe);
}

template <class T>
JoinHandle<T> start_on(task::Scheduler& target, Task<T> task) {
    task::TaskHeader& header = task::make_root(std::move(task), {});
    task::Scheduler::start_on(target, header);
    return JoinHandle<T>(header);
}

// Starts a task on another core when it goes away.
struct StartsAnother {
    StartsAnother(task::Scheduler* target, int* alive) : target_(target), alive_(alive) {}
    StartsAnother(StartsAnother&& other) noexcept
        : target_(std::exchange(other.target_, nullptr)), alive_(other.alive_) {}
    StartsAnother& operator=(StartsAnother&&) = delete;
    ~StartsAnother() {
        if (target_ != nullptr) start_on(*target_, give(Probe(alive_))).detach();
    }

private:
    task::Scheduler* target_;
    int* alive_;
};

Task<> hold(StartsAnother) { co_return; }

// A scheduler that has closed while a handle of a task of it is alive, as at the end of a runtime.
class ClosedCore {
public:
    ClosedCore() : scheduler_(task::Scheduler::acquire()) {
        scheduler_->configure(task::CoreId{}, {}, nullptr, 1);
        scheduler_->close();
    }
    ClosedCore(const ClosedCore&) = delete;
    ClosedCore& operator=(const ClosedCore&) = delete;
    ~ClosedCore() { scheduler_->retire(); }

    [[nodiscard]] task::Scheduler& scheduler() noexcept { return *scheduler_; }

private:
    task::Scheduler* scheduler_;
};

}  // namespace

TEST_CASE("a task that arrives at a closed core is cancelled by whoever sent it", "[task][close]") {
    int alive = 0;
    TestCore other;
    ClosedCore closed;
    const bool from_a_core = GENERATE(true, false);
    const auto send = [&] { return start_on(closed.scheduler(), give(Probe(&alive))); };
    auto handle = from_a_core ? other.in(send) : send();
    CHECK(alive == 0);
    CHECK(handle.is_finished());
    other.in([&] { std::move(handle).detach(); });
    other.run_until_idle();
    CHECK(other.scheduler().slab_stats().live_blocks == 0);
}

TEST_CASE("a destructor on a closed core may post to that core and to another closed one", "[task][close]") {
    int alive = 0;
    ClosedCore first;
    ClosedCore second;
    start_on(first.scheduler(), hold(StartsAnother(&first.scheduler(), &alive))).detach();
    start_on(first.scheduler(), hold(StartsAnother(&second.scheduler(), &alive))).detach();
    CHECK(alive == 0);
    CHECK(first.scheduler().live_tasks() == 0);
    CHECK(second.scheduler().live_tasks() == 0);
}

TEST_CASE("an outcome in a block of the heap is dropped with its handle after the core has closed", "[task][close]") {
    int alive = 0;
    std::optional<JoinHandle<Probe>> handle;
    {
        TestCore core;
        handle.emplace(core.in([&] { return spawn(give_from_a_large_frame(Probe(&alive))); }));
        core.run_until_idle();
        REQUIRE(core.in([&] { return handle->is_finished(); }));
    }
    CHECK(alive == 1);
    handle.reset();
    CHECK(alive == 0);
}

TEST_CASE("an outcome in a block of another core is dropped with its handle after the task's core has closed",
          "[task][close]") {
    int alive = 0;
    TestCore made_here;
    std::optional<JoinHandle<Probe>> handle;
    {
        TestCore core(2);
        made_here.in([&] { handle.emplace(start_on(core.scheduler(), give(Probe(&alive)))); });
        core.run_until_idle();
    }
    CHECK(alive == 1);
    made_here.in([&] { handle.reset(); });
    made_here.run_until_idle();
    CHECK(alive == 0);
    CHECK(made_here.scheduler().slab_stats().live_blocks == 0);
}

TEST_CASE("a scheduler is used again when its owner and the last block have gone", "[task][close]") {
    int alive = 0;
    task::Scheduler* const first = task::Scheduler::acquire();
    first->configure(task::CoreId{}, {}, nullptr, 1);
    first->close();
    std::optional<JoinHandle<Probe>> handle(start_on(*first, give(Probe(&alive))));
    first->retire();
    task::Scheduler* const second = task::Scheduler::acquire();
    CHECK(second != first);
    handle.reset();
    task::Scheduler* const third = task::Scheduler::acquire();
    CHECK(third == first);
    second->retire();
    third->retire();
}
