// model sources: core/src/task/scheduler.cpp core/src/task/promise.cpp core/src/task/slab.cpp
//
// The task header's atomic word, the inbox and the sleeping mark: aborts, drops and joins from another core against
// the end of the task; a post against a core that goes to sleep.

#include "channel_model.hpp"

#include <skerry/task/join_handle.hpp>
#include <skerry/task/yield.hpp>

#include <optional>
#include <utility>

namespace {

using namespace skerry;
using skerry::test_support::TestCore;

struct State {
    TestCore a;
    TestCore b{2};
    State() { model::cores_are_per_thread(); }
};

// Counts its frames: the explorer reports one that is never destroyed, or twice.
Task<int> yield_once(model::Tracked) {
    co_await yield_now();
    co_return 3;
}

Task<> join_into(JoinHandle<int> handle, std::optional<Result<int, JoinError>>* out) { out->emplace(co_await handle); }

void end_against_abort_and_drop() {
    State s;
    std::optional<JoinHandle<int>> handle(model::start(s.a, [] { return yield_once(model::Tracked()); }));
    model::thread([&] { model::poll(s.a); });
    model::thread([&] {
        s.b.in([&] {
            handle->abort();
            handle.reset();
        });
    });
    model::join_all();
    s.a.run_until_idle();
    MODEL_ASSERT(s.a.scheduler().slab_stats().live_blocks == 0, "the block is freed once nothing is posted");
}

void end_against_join() {
    State s;
    std::optional<Result<int, JoinError>> outcome;
    auto handle = model::start(s.a, [] { return yield_once(model::Tracked()); });
    model::start(s.b, [&] { return join_into(std::move(handle), &outcome); }).detach();
    model::thread([&] { model::poll(s.a); });
    model::thread([&] { model::poll(s.b); });
    model::join_all();
    MODEL_ASSERT(outcome.has_value() && outcome->has_value() && **outcome == 3, "the joiner gets the value");
    s.a.run_until_idle();
    MODEL_ASSERT(s.a.scheduler().slab_stats().live_blocks == 0);
}

void end_against_cancelled_join() {
    State s;
    std::optional<Result<int, JoinError>> outcome;
    auto handle = model::start(s.a, [] { return yield_once(model::Tracked()); });
    model::thread([&] { model::poll(s.a); });
    model::thread([&] {
        auto joiner = model::start(s.b, [&] { return join_into(std::move(handle), &outcome); });
        s.b.step(1);
        s.b.in([&] { joiner.abort(); });
        model::poll(s.b);
    });
    model::join_all();
    s.b.run_until_idle();
    s.a.run_until_idle();
    s.b.run_until_idle();
    MODEL_ASSERT(s.a.scheduler().slab_stats().live_blocks == 0);
    MODEL_ASSERT(s.b.scheduler().slab_stats().live_blocks == 0);
}

void handles_made_and_dropped_elsewhere() {
    State s;
    auto handle = model::start(s.a, [] { return yield_once(model::Tracked()); });
    std::optional<AbortHandle> first(s.a.in([&] { return handle.abort_handle(); }));
    std::optional<AbortHandle> second;
    model::thread([&] {
        s.a.in([&] { std::move(handle).detach(); });
        model::poll(s.a);
    });
    model::thread([&] {
        s.b.in([&] {
            second.emplace(*first);
            first.reset();
        });
    });
    model::join_all();
    s.a.run_until_idle();
    MODEL_ASSERT(s.a.scheduler().slab_stats().live_blocks == 1, "a handle that lives keeps the block");
    s.b.in([&] { second.reset(); });
    s.a.run_until_idle();
    MODEL_ASSERT(s.a.scheduler().slab_stats().live_blocks == 0);
}

// A core that sleeps as a run loop does, on an event instead of in the kernel.
struct Sleeper {
    model::Event bell;

    void run(TestCore& core, const bool& done) {
        core.scheduler().set_doorbell([](void* event) noexcept { static_cast<model::Event*>(event)->set(); }, &bell);
        while (!done) {
            core.step(1);
            if (done || core.scheduler().has_ready() || !core.scheduler().try_sleep()) continue;
            bell.wait();
            core.scheduler().awake();
        }
    }
};

Task<model::Message> give(int value) { co_return model::Message(value); }

Task<> hold(model::Tracked) { co_return; }

void start_on(TestCore& target) {
    task::TaskHeader& header = task::make_root(hold(model::Tracked()), {});
    task::Scheduler::start_on(target.scheduler(), header);
    task::Scheduler::drop_handle(header);
}

void close(TestCore& core) {
    core.in([&] {
        core.run_until_idle();
        core.scheduler().close();
    });
}

/// The outcome of a task that is over goes with its handle, whether its core has closed by then or not.
void drop_against_close() {
    State s;
    std::optional<JoinHandle<model::Message>> handle(model::start(s.a, [] { return give(7); }));
    s.a.run_until_idle();
    model::thread([&] { close(s.a); });
    model::thread([&] { s.b.in([&] { handle.reset(); }); });
    model::join_all();
    MODEL_ASSERT(s.a.scheduler().slab_stats().live_blocks == 0);
}

/// A task that arrives while its core closes runs, or is cancelled.
void arrival_against_close() {
    State s;
    model::thread([&] { close(s.a); });
    model::thread([&] { s.b.in([&] { start_on(s.a); }); });
    model::join_all();
    MODEL_ASSERT(s.a.scheduler().live_tasks() == 0);
    s.b.run_until_idle();
    MODEL_ASSERT(s.b.scheduler().slab_stats().live_blocks == 0);
}

/// Two tasks arrive at a closed core at once: one of the two that sent them ends both, or each ends its own.
void two_arrivals_at_a_closed_core() {
    State s;
    close(s.a);
    model::thread([&] { s.b.in([&] { start_on(s.a); }); });
    model::thread([&] { start_on(s.a); });
    model::join_all();
    MODEL_ASSERT(s.a.scheduler().live_tasks() == 0);
    s.b.run_until_idle();
    MODEL_ASSERT(s.b.scheduler().slab_stats().live_blocks == 0);
}

Task<> set(bool* done) {
    *done = true;
    co_return;
}

void post_against_sleep() {
    State s;
    Sleeper sleeper;
    bool done = false;
    model::thread([&] { sleeper.run(s.a, done); });
    model::thread(
        [&] { s.b.in([&] { task::Scheduler::start_on(s.a.scheduler(), task::make_root(set(&done), {})); }); });
    model::join_all();
    MODEL_ASSERT(done, "the post is not missed");
}

// The broken twin: looks at the inbox and then sleeps without the mark.
void post_against_sleep_without_the_mark() {
    State s;
    model::Event bell;
    bool done = false;
    s.a.scheduler().set_doorbell([](void* event) noexcept { static_cast<model::Event*>(event)->set(); }, &bell);
    model::thread([&] {
        while (!done) {
            s.a.step(1);
            if (!done) bell.wait();
        }
    });
    model::thread(
        [&] { s.b.in([&] { task::Scheduler::start_on(s.a.scheduler(), task::make_root(set(&done), {})); }); });
    model::join_all();
}

}  // namespace

int main() {
    model::Suite suite;
    suite.expect_pass("the end of a task against abort and drop", {.preemptions_max = 3},
                      [] { end_against_abort_and_drop(); });
    suite.expect_pass("the end of a task against a join", {.preemptions_max = 2}, [] { end_against_join(); });
    suite.expect_pass("the end of a task against a cancelled join", {.preemptions_max = 2},
                      [] { end_against_cancelled_join(); });
    suite.expect_pass("handles made and dropped on another core", {.preemptions_max = 3},
                      [] { handles_made_and_dropped_elsewhere(); });
    suite.expect_pass("a handle's drop against the close of its core", {.preemptions_max = 3},
                      [] { drop_against_close(); });
    suite.expect_pass("an arrival against the close of its core", {.preemptions_max = 3},
                      [] { arrival_against_close(); });
    suite.expect_pass("two arrivals at a closed core", {.preemptions_max = 3}, [] { two_arrivals_at_a_closed_core(); });
    suite.expect_pass("a post against a core that goes to sleep", {.preemptions_max = 3}, [] { post_against_sleep(); });
    suite.expect_failure("a core that sleeps without the mark", {.preemptions_max = 2}, "deadlock",
                         [] { post_against_sleep_without_the_mark(); });
    return suite.exit_code();
}
