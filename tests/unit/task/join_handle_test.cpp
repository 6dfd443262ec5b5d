#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/probe.hpp"
#include "support/test_core.hpp"
#include "support/throws_when_destroyed.hpp"

#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace skerry;
using skerry::test_support::Probe;
using skerry::test_support::TestCore;

namespace {

Task<int> give(int value, Probe) { co_return value; }

Task<int> give_after(int value, int yields, Probe) {
    for (int i = 0; i < yields; ++i) co_await yield_now();
    co_return value;
}

Task<int> fail_after(int yields, Probe) {
    for (int i = 0; i < yields; ++i) co_await yield_now();
    throw std::runtime_error("failed on purpose");
}

Task<> for_ever(Probe) {
    for (;;) co_await yield_now();
}

Task<> for_ever_with_bad_destructor() {
    const tests::ThrowsWhenDestroyed local;
    for (;;) co_await yield_now();
}

Task<bool> was_destroyed_before_join(JoinHandle<int> handle, const int* alive) {
    auto outcome = co_await handle;
    co_return outcome.has_value() && *alive == 0;
}

}  // namespace

TEST_CASE("a join gives the task's value", "[task][join]") {
    int alive = 0;
    TestCore core;
    auto outcome = core.run(give_after(42, 3, Probe(&alive)));
    REQUIRE(outcome.has_value());
    CHECK(*outcome == 42);
    CHECK(alive == 0);
}

TEST_CASE("behaviour 11: a task's destructors have finished before its join completes", "[task][join]") {
    int alive = 0;
    TestCore core;
    auto handle = core.start(give_after(1, 2, Probe(&alive)));
    auto outcome = core.run(was_destroyed_before_join(std::move(handle), &alive));
    REQUIRE(outcome.has_value());
    CHECK(*outcome);
}

TEST_CASE("an exception reaches the join and nobody else", "[task][join]") {
    int alive = 0;
    TestCore core;
    auto other = core.start(give_after(7, 5, Probe(&alive)));
    auto outcome = core.run(fail_after(1, Probe(&alive)));
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().is_exception());
    CHECK(outcome.error().message() == "failed on purpose");
    core.run_until_idle();
    CHECK(core.in([&] { return other.is_finished(); }));
    CHECK(alive == 0);
}

TEST_CASE("a dropped handle lets the task run on", "[task][join]") {
    int alive = 0;
    TestCore core;
    core.in([&] { spawn(give_after(1, 3, Probe(&alive))).detach(); });
    CHECK(alive == 1);
    core.run_until_idle();
    CHECK(alive == 0);
    CHECK(core.scheduler().slab_stats().live_blocks == 0);
}

TEST_CASE("abort ends a task where it waits and the join says cancelled", "[task][abort]") {
    int alive = 0;
    TestCore core;
    auto handle = core.start(for_ever(Probe(&alive)));
    core.step();
    core.in([&] { handle.abort(); });
    CHECK(alive == 1);  // asynchronous: the frame goes when the core looks at its inbox
    core.step(0);
    CHECK(alive == 0);
    struct Join {
        static Task<bool> cancelled(JoinHandle<void>* h) {
            auto outcome = co_await *h;
            co_return !outcome && outcome.error().is_cancelled();
        }
    };
    auto cancelled = core.run(Join::cancelled(&handle));
    CHECK(*cancelled);
}

TEST_CASE("abort of a task that has not started never runs it", "[task][abort]") {
    int alive = 0;
    TestCore core;
    auto handle = core.start(give(1, Probe(&alive)));
    core.in([&] { handle.abort(); });
    core.run_until_idle();
    CHECK(alive == 0);
    CHECK(core.scheduler().counters().aborted.load() == 1);
}

TEST_CASE("abort after the end keeps the value, and twice is as good as once", "[task][abort]") {
    int alive = 0;
    TestCore core;
    auto handle = core.start(give(5, Probe(&alive)));
    core.run_until_idle();
    core.in([&] {
        handle.abort();
        handle.abort();
    });
    core.run_until_idle();
    struct Join {
        static Task<int> value(JoinHandle<int>* h) {
            auto outcome = co_await *h;
            co_return outcome ? *outcome : -1;
        }
    };
    auto value = core.run(Join::value(&handle));
    CHECK(*value == 5);
}

TEST_CASE("abort works when the handle is dropped right after it", "[task][abort]") {
    int alive = 0;
    TestCore core;
    {
        auto handle = core.start(for_ever(Probe(&alive)));
        core.step();
        core.in([&] {
            const JoinHandle<void> dropped = std::move(handle);
            dropped.abort();
        });
    }
    core.step();
    CHECK(alive == 0);
    CHECK(core.scheduler().slab_stats().live_blocks == 0);
}

TEST_CASE("a task that aborts itself goes on to where it waits next", "[task][abort]") {
    int alive = 0;
    int alive_after_abort = 0;
    bool waited = false;
    std::optional<AbortHandle> self;
    struct Work {
        static Task<> run(Probe, const std::optional<AbortHandle>* own, const int* now, int* later, bool* past) {
            own->value().abort();
            *later = *now;
            co_await yield_now();
            *past = true;
        }
    };
    TestCore core;
    auto task = core.start(Work::run(Probe(&alive), &self, &alive, &alive_after_abort, &waited));
    core.in([&] { self.emplace(task.abort_handle()); });
    core.step(1);  // runs to its yield; the drain of the next step ends it there
    core.run_until_idle();
    CHECK(alive_after_abort == 1);
    CHECK_FALSE(waited);
    CHECK(alive == 0);
    CHECK(task.is_finished());
    core.in([&] { self.reset(); });
}

TEST_CASE("behaviour 12: a destructor that throws during an abort is reported by the join", "[task][abort]") {
    TestCore core;
    auto handle = core.start(for_ever_with_bad_destructor());
    core.step();
    core.in([&] { handle.abort(); });
    struct Join {
        static Task<std::string> message(JoinHandle<void>* h) {
            auto outcome = co_await *h;
            co_return outcome ? "ended" : outcome.error().message();
        }
    };
    auto message = core.run(Join::message(&handle));
    CHECK(*message == "thrown by a destructor");
}

TEST_CASE("behaviour 14: an abort from another core runs the destructors on the task's own core", "[task][abort]") {
    struct Where {
        task::Scheduler** destroyed_on;
        explicit Where(task::Scheduler** on) : destroyed_on(on) {}
        Where(Where&& other) noexcept : destroyed_on(std::exchange(other.destroyed_on, nullptr)) {}
        Where& operator=(Where&&) = delete;
        ~Where() {
            if (destroyed_on != nullptr) *destroyed_on = task::current_scheduler;
        }
        static Task<> wait(Where) {
            for (;;) co_await yield_now();
        }
    };
    task::Scheduler* destroyed_on = nullptr;
    TestCore here;
    TestCore there;
    auto handle = there.start(Where::wait(Where(&destroyed_on)));
    there.step();
    here.in([&] { handle.abort(); });
    CHECK(destroyed_on == nullptr);
    there.step();
    CHECK(destroyed_on == &there.scheduler());
}

TEST_CASE("a task of another core is joined in either order of events", "[task][join][cross_core]") {
    struct Join {
        static Task<int> value(JoinHandle<int> handle) {
            auto outcome = co_await handle;
            co_return outcome ? *outcome : -1;
        }
    };
    const bool join_first = GENERATE(true, false);
    int alive = 0;
    TestCore here;
    TestCore there;
    auto handle = there.start(give_after(9, 2, Probe(&alive)));
    if (!join_first) there.run_until_idle();
    auto joiner = here.start(Join::value(std::move(handle)));
    here.step();
    there.run_until_idle();
    here.run_until_idle();
    there.run_until_idle();
    CHECK(here.in([&] { return joiner.is_finished(); }));
    auto value = here.run(Join::value(std::move(joiner)));
    CHECK(*value == 9);
    there.run_until_idle();
    CHECK(alive == 0);
    CHECK(there.scheduler().slab_stats().live_blocks == 0);
}

TEST_CASE("a join of another core's task that is given up leaves nothing behind", "[task][join][cross_core]") {
    struct Join {
        static Task<> forever(JoinHandle<int> handle) { (void)co_await handle; }
    };
    const int ended_before_the_abort = GENERATE(0, 1);
    int alive = 0;
    TestCore here;
    TestCore there;
    auto joiner = here.start(Join::forever(there.start(give_after(9, 2, Probe(&alive)))));
    here.step();
    if (ended_before_the_abort != 0) there.run_until_idle();
    here.in([&] { joiner.abort(); });
    here.run_until_idle();
    there.run_until_idle();
    here.run_until_idle();
    there.run_until_idle();
    CHECK(here.in([&] { return joiner.is_finished(); }));
    CHECK(alive == 0);
    CHECK(there.scheduler().slab_stats().live_blocks == 0);
}

TEST_CASE("abort handles are counted wherever they are copied and dropped", "[task][abort][cross_core]") {
    int alive = 0;
    TestCore here;
    TestCore there;
    auto handle = there.start(for_ever(Probe(&alive)));
    there.step();
    auto first = there.in([&] { return std::optional<AbortHandle>(handle.abort_handle()); });
    auto second = here.in([&] { return std::optional<AbortHandle>(*first); });
    there.in([&] { first.reset(); });
    there.in([&] { std::move(handle).detach(); });
    there.step(1);
    here.in([&] { second->abort(); });
    here.in([&] { second.reset(); });
    there.run_until_idle();
    CHECK(alive == 0);
    CHECK(there.scheduler().slab_stats().live_blocks == 0);
}

// Behaviour 10: every combination of how a task ends, when it is aborted, when its handle goes, and from where.
TEST_CASE("twenty thousand abort handles may be dropped on another core before the home core looks",
          "[task][abort][cross_core]") {
    int alive = 0;
    std::vector<AbortHandle> handles;
    TestCore here;
    TestCore there;
    auto handle = there.in([&] { return spawn(for_ever(Probe(&alive))); });
    there.step();
    there.in([&] {
        for (int i = 0; i < 10'000; ++i) handles.push_back(handle.abort_handle());
    });
    here.in([&] {
        for (int i = 0; i < 10'000; ++i) handles.push_back(handles.front());
    });
    there.in([&] {
        handle.abort();
        std::move(handle).detach();
    });
    there.step();
    CHECK(alive == 0);
    CHECK(there.scheduler().slab_stats().live_blocks == 1);
    here.in([&] { handles.clear(); });
    there.step();
    CHECK(there.scheduler().slab_stats().live_blocks == 0);
}

TEST_CASE("more handles of a task than can be counted are refused, which is asserted", "[task][abort]") {
    int alive = 0;
    TestCore core;
    auto handle = core.start(for_ever(Probe(&alive)));
    CHECK(tests::aborts([&] {
        std::vector<AbortHandle> handles;
        core.in([&] {
            for (int i = 0; i < 40'000; ++i) handles.push_back(handle.abort_handle());
        });
    }));
}

TEST_CASE("joining many tasks of another core gives way when the budget is spent", "[task][join][cross_core]") {
    struct Join {
        static Task<> all(std::vector<JoinHandle<int>>* handles, int* joined) {
            for (auto& handle : *handles) {
                (void)co_await handle;
                ++*joined;
            }
        }
    };
    int alive = 0;
    int joined = 0;
    std::vector<JoinHandle<int>> handles;
    TestCore here;
    TestCore there;
    for (int i = 0; i < 1000; ++i) handles.push_back(there.start(give(i, Probe(&alive))));
    there.run_until_idle();
    here.start(Join::all(&handles, &joined)).detach();
    here.step(1);
    CHECK(joined > 0);
    CHECK(joined <= 128);
    here.run_until_idle();
    CHECK(joined == 1000);
    here.in([&] { handles.clear(); });
    there.run_until_idle();
    CHECK(there.scheduler().slab_stats().live_blocks == 0);
}

TEST_CASE("behaviour 10: no combination of ending, abort and drop leaks, hangs or runs a destructor twice",
          "[task][join][abort]") {
    enum class End { value, exception, for_ever, bad_destructor };
    enum class At { never, before_start, while_waiting, after_end };
    const auto end = GENERATE(End::value, End::exception, End::for_ever, End::bad_destructor);
    const auto abort_at = GENERATE(At::never, At::before_start, At::while_waiting, At::after_end);
    const auto drop_at = GENERATE(At::never, At::before_start, At::while_waiting, At::after_end);
    const bool abort_remotely = GENERATE(true, false);
    const bool drop_remotely = GENERATE(true, false);
    const bool join = GENERATE(true, false);

    enum class Outcome { none, value, exception, cancelled };
    int alive = 0;
    auto joined = Outcome::none;
    struct Work {
        static Task<int> run(End how, Probe) {
            if (how == End::bad_destructor) {
                const tests::ThrowsWhenDestroyed local;
                for (;;) co_await yield_now();
            }
            for (int i = 0; i < 3 || how == End::for_ever; ++i) co_await yield_now();
            if (how == End::exception) throw std::runtime_error("ended by an exception");
            co_return 1;
        }
        static Task<> wait_for(JoinHandle<int> handle, Outcome& out) {
            auto outcome = co_await handle;
            if (outcome)
                out = Outcome::value;
            else
                out = outcome.error().is_cancelled() ? Outcome::cancelled : Outcome::exception;
        }
    };
    const bool ends_alone = end == End::value || end == End::exception;
    const bool is_dropped_first = drop_at != At::never && drop_at < abort_at;
    const bool is_aborted = abort_at != At::never && !is_dropped_first && !(ends_alone && abort_at == At::after_end);
    auto expected = Outcome::none;
    if (is_aborted && end == End::bad_destructor && abort_at != At::before_start)
        expected = Outcome::exception;
    else if (is_aborted)
        expected = Outcome::cancelled;
    else if (ends_alone)
        expected = end == End::value ? Outcome::value : Outcome::exception;
    {
        TestCore here;
        TestCore there;
        std::optional<JoinHandle<int>> handle(there.start(Work::run(end, Probe(&alive))));
        const auto moment = [&](At now) {
            if (abort_at == now && handle) (abort_remotely ? here : there).in([&] { handle->abort(); });
            if (drop_at == now && handle) (drop_remotely ? here : there).in([&] { handle.reset(); });
        };
        moment(At::before_start);
        there.step(2);
        moment(At::while_waiting);
        there.step(20);
        moment(At::after_end);
        std::optional<JoinHandle<void>> joiner;
        if (join && handle) joiner.emplace(here.start(Work::wait_for(std::move(*handle), joined)));
        handle.reset();
        for (int i = 0; i < 5; ++i) {
            here.step(20);
            there.step(20);
        }
        if (joiner) {
            CHECK(joined == expected);
            CHECK(here.in([&] { return joiner->is_finished(); }) == (expected != Outcome::none));
        }
        here.in([&] { joiner.reset(); });
        here.step(1);
        there.step(1);
        if (expected != Outcome::none) {
            CHECK(here.scheduler().slab_stats().live_blocks == 0);
            CHECK(there.scheduler().slab_stats().live_blocks == 0);
        }
    }
    // What stands in a frame before a destructor that throws is not destroyed: the unwinding stops there.
    if (end != End::bad_destructor) CHECK(alive == 0);
}

TEST_CASE("an outcome that nobody takes is destroyed with its handle", "[task][join]") {
    TestCore core;
    struct Work {
        static Task<std::shared_ptr<int>> give(std::shared_ptr<int> value) { co_return value; }
    };
    auto value = std::make_shared<int>(3);
    {
        auto handle = core.start(Work::give(value));
        core.run_until_idle();
        CHECK(value.use_count() == 2);
        core.in([&] { const auto dropped = std::move(handle); });
    }
    CHECK(value.use_count() == 1);
    CHECK(core.scheduler().slab_stats().live_blocks == 0);
}

TEST_CASE("a value that was returned before a destructor threw is destroyed", "[task][join]") {
    struct Work {
        static Task<std::shared_ptr<int>> give(std::shared_ptr<int> value) {
            const tests::ThrowsWhenDestroyed local;
            co_return value;
        }
    };
    const auto value = std::make_shared<int>(3);
    TestCore core;
    {
        auto outcome = core.run(Work::give(value));
        REQUIRE_FALSE(outcome.has_value());
        CHECK(outcome.error().message() == "thrown by a destructor");
    }
    CHECK(value.use_count() == 1);
}

TEST_CASE("an outcome is taken once, which is asserted", "[task][join]") {
    struct Work {
        static Task<int> one() { co_return 1; }
        static Task<> join(JoinHandle<int>* handle, int times) {
            for (int i = 0; i < times; ++i) (void)co_await *handle;
        }
    };
    TestCore core;
    auto handle = core.start(Work::one());
    CHECK(tests::aborts([&] { (void)core.run(Work::join(&handle, 2)); }));
    CHECK(core.run(Work::join(&handle, 1)).has_value());
}

TEST_CASE("an outcome that nobody takes is destroyed while its task is the current one", "[task][join]") {
    struct AsksForId {
        explicit AsksForId(task::TaskId* seen) : seen_(seen) {}
        AsksForId(AsksForId&& other) noexcept : seen_(std::exchange(other.seen_, nullptr)) {}
        AsksForId& operator=(AsksForId&&) = delete;
        ~AsksForId() {
            if (seen_ != nullptr) *seen_ = this_task::id();
        }
        static Task<AsksForId> give(task::TaskId* seen) { co_return AsksForId(seen); }

    private:
        task::TaskId* seen_;
    };
    task::TaskId seen;
    task::TaskId id;
    TestCore core;
    core.in([&] {
        auto handle = spawn(AsksForId::give(&seen));
        id = handle.id();
    });
    core.run_until_idle();
    CHECK(seen == id);
}

// Behaviour 13.
TEST_CASE("an exception that nobody joins is counted", "[task][join]") {
    int alive = 0;
    TestCore core;
    core.in([&] { spawn(fail_after(0, Probe(&alive))).detach(); });
    core.run_until_idle();
    CHECK(core.scheduler().counters().unhandled_exceptions.load() == 1);
}

TEST_CASE("a name goes with its task, and not to the next one in its memory", "[task][spawn]") {
    struct Reader {
        static Task<std::string> run() { co_return std::string(this_task::name()); }
    };
    TestCore core;
    core.in([&] { spawn_named("reader", Reader::run()).detach(); });
    core.run_until_idle();
    Task<std::string> next = core.in([] { return Reader::run(); });  // in memory of the core's
    CHECK(core.run(std::move(next)) == "");
}

TEST_CASE("a task's id and name are readable in its destructors", "[task][id]") {
    struct Reader {
        std::string* name;
        explicit Reader(std::string* out) : name(out) {}
        Reader(const Reader&) = delete;
        Reader& operator=(const Reader&) = delete;
        ~Reader() { *name = std::string(this_task::name()); }
        static Task<> run(std::string* out) {
            const Reader reader(out);
            for (;;) co_await yield_now();
        }
    };
    TestCore core;
    std::string name;
    auto handle = core.in([&] { return spawn_named("reader", Reader::run(&name)); });
    core.step();
    core.in([&] { handle.abort(); });
    core.step();
    CHECK(name == "reader");
}

TEST_CASE("ids differ between tasks that use the same block one after the other", "[task][id]") {
    int alive = 0;
    TestCore core;
    auto first = core.in([&] { return spawn(give(1, Probe(&alive))); });
    const auto first_id = first.id();
    core.run_until_idle();
    core.in([&] { const auto dropped = std::move(first); });
    auto second = core.in([&] { return spawn(give(1, Probe(&alive))); });
    CHECK_FALSE(second.id() == first_id);
}

TEST_CASE("the list of live tasks has their names and the places of their spawns", "[task][id]") {
    int alive = 0;
    TestCore core;
    auto named = core.in([&] { return spawn_named("feed", for_ever(Probe(&alive))); });
    auto plain = core.start(for_ever(Probe(&alive)));
    core.step();
    std::vector<task::TaskInfo> tasks;
    core.in([&] { core.scheduler().collect(tasks); });
    REQUIRE(tasks.size() == 2);
    CHECK(tasks[0].name == "feed");
    CHECK(std::string(tasks[0].spawned_at.file_name()).find("join_handle_test.cpp") != std::string::npos);
    CHECK(tasks[0].started);
}

TEST_CASE("two awaits of one handle at a time are asserted", "[task][join]") {
    struct Work {
        static Task<> join(JoinHandle<void>* handle) { (void)co_await *handle; }
    };
    int alive = 0;
    TestCore here;
    TestCore there;
    const bool is_elsewhere = GENERATE(false, true);
    auto handle = (is_elsewhere ? there : here).start(for_ever(Probe(&alive)));
    CHECK(tests::aborts([&] {
        auto one = here.start(Work::join(&handle));
        auto other = here.start(Work::join(&handle));
        here.step(5);
        here.step(5);
    }));
    // One after the other is none of that.
    for (int i = 0; i < 2; ++i) {
        auto one = here.start(Work::join(&handle));
        here.step(5);
        here.in([&] { one.abort(); });
        here.step(5);
        CHECK(here.in([&] { return one.is_finished(); }));
        here.in([&] { const auto dropped = std::move(one); });
    }
    (is_elsewhere ? there : here).in([&] {
        handle.abort();
        const auto dropped = std::move(handle);
    });
}
