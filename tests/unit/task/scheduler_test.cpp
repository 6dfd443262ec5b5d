#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/test_core.hpp"

#include <skerry/sync/notify.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/wait_queue.hpp>
#include <skerry/task/yield.hpp>

#include <cstdlib>
#include <array>
#include <string>
#include <vector>

using namespace skerry;
using skerry::test_support::TestCore;

namespace {

Task<> append(std::vector<int>* order, int number) {
    order->push_back(number);
    co_return;
}

Task<> append_after_yields(std::vector<int>* order, int number, int yields) {
    for (int i = 0; i < yields; ++i) co_await yield_now();
    order->push_back(number);
}

Task<> yield_for_ever() {
    for (;;) co_await yield_now();
}

Task<> spawn_one_per_yield(std::vector<int>* started, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        spawn(append(started, i)).detach();
        co_await yield_now();
    }
}

// Waits in a core-local queue; the smallest awaiter there is.
class WaitIn : private task::WaitNode {
public:
    explicit WaitIn(task::LocalWaiters& waiters) : waiters_(&waiters) {}
    ~WaitIn() {
        if (state() == task::node_state::idle || waiters_->remove(*this)) return;
        task::discard_wake(*this);
    }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        task::current_scheduler->bind(*this, awaiting);
        waiters_->add(*this);
        return true;
    }
    void await_resume() noexcept { take_claim(); }

private:
    task::LocalWaiters* waiters_;
};

Task<> wake_each_other(task::LocalWaiters* mine, task::LocalWaiters* other, int* rounds, int limit) {
    while (*rounds < limit) {
        ++*rounds;
        task::PendingPosts posts;
        other->wake_one(posts);
        co_await WaitIn(*mine);
    }
    task::PendingPosts posts;
    other->wake_one(posts);
}

}  // namespace

TEST_CASE("a core leaves alone what another thread is about to start, also in its own memory", "[task][scheduler]") {
    std::vector<int> order;
    TestCore made;
    TestCore runs;
    Task<> work = made.in([&] { return append(&order, 1); });
    task::TaskHeader& header = task::make_root(std::move(work), std::source_location::current());  // on no core
    made.in([&] { made.scheduler().abort_all(); });
    task::Scheduler::start_on(runs.scheduler(), header);
    const JoinHandle<void> handle(header);
    runs.run_until_idle();
    CHECK(order == std::vector{1});
    CHECK(handle.is_finished());
}

TEST_CASE("the last task spawned starts first", "[task][scheduler]") {
    std::vector<int> order;
    TestCore core;
    for (int i = 0; i < 3; ++i) core.start(append(&order, i)).detach();
    core.run_until_idle();
    CHECK(order == std::vector<int>{2, 1, 0});
}

TEST_CASE("every 61st start takes the oldest unstarted task", "[task][scheduler]") {
    std::vector<int> order;
    TestCore core;
    for (int i = 0; i < 100; ++i) core.start(append(&order, i)).detach();
    core.run_until_idle();
    REQUIRE(order.size() == 100);
    CHECK(order[59] == 40);
    CHECK(order[60] == 0);
}

TEST_CASE("tasks that yield run in turn", "[task][scheduler]") {
    struct Work {
        static Task<> rounds(std::vector<int>* order, int number) {
            for (int i = 0; i < 100; ++i) {
                order->push_back(number);
                co_await yield_now();
            }
        }
    };
    std::vector<int> order;
    TestCore core;
    for (int i = 0; i < 3; ++i) core.start(Work::rounds(&order, i)).detach();
    core.run_until_idle();
    REQUIRE(order.size() == 300);
    for (std::size_t i = 20; i < 280; ++i) REQUIRE(order[i] == order[i - 3]);
}

// Behaviour 3.
TEST_CASE("unstarted tasks are not starved by tasks that yield", "[task][scheduler]") {
    TestCore core;
    for (int i = 0; i < 64; ++i) core.start(yield_for_ever()).detach();
    while (core.scheduler().counters().resumed.load() < 1000) core.step();
    std::vector<int> started;
    core.start(append(&started, 1)).detach();
    core.step(4);
    CHECK(started.size() == 1);
}

// Behaviour 3.
TEST_CASE("a task that spawns one child per yield does not outrun them", "[task][scheduler]") {
    std::vector<int> started;
    TestCore core;
    std::vector<JoinHandle<void>> spawners;
    for (int i = 0; i < 64; ++i) spawners.push_back(core.start(spawn_one_per_yield(&started, 100)));
    std::size_t most_waiting = 0;
    while (!spawners.front().is_finished() || core.step() != 0) {
        core.step(10);
        const std::uint64_t spawned = core.scheduler().counters().spawned.load();
        most_waiting = std::max<std::size_t>(most_waiting, spawned - 64 - started.size());
    }
    CHECK(started.size() == 6400);
    CHECK(most_waiting < 640);  // ring first, it would be nearly all of the 6400
}

// Behaviour 2.
TEST_CASE("two tasks that wake each other do not keep the ring waiting", "[task][scheduler]") {
    task::LocalWaiters a;
    task::LocalWaiters b;
    int rounds = 0;
    std::vector<int> order;
    TestCore core;
    core.start(wake_each_other(&a, &b, &rounds, 1'000'000)).detach();
    core.start(wake_each_other(&b, &a, &rounds, 1'000'000)).detach();
    core.step(10);
    core.start(append_after_yields(&order, 7, 1)).detach();
    core.step(20);
    CHECK(order.size() == 1);
}

// Behaviour 2.
TEST_CASE("100 pairs that wake each other do not stop a task that yields five times", "[task][scheduler]") {
    constexpr int pairs = 100;
    std::vector<task::LocalWaiters> waiters(2 * pairs);
    int rounds = 0;
    std::vector<int> order;
    TestCore core;
    for (std::size_t i = 0; i < waiters.size(); i += 2) {
        core.start(wake_each_other(&waiters[i], &waiters[i + 1], &rounds, 10'000'000)).detach();
        core.start(wake_each_other(&waiters[i + 1], &waiters[i], &rounds, 10'000'000)).detach();
    }
    core.step(10 * pairs);
    auto yielding = core.start(append_after_yields(&order, 7, 5));
    unsigned runs = 0;
    for (; order.empty() && runs < 100'000; ++runs) core.step(1);
    CHECK(order.size() == 1);
    // Each of its six runs waits for at most all the others, and three runs of the next slot for each.
    CHECK(runs <= 6 * 4 * (2 * pairs + 1));
}

// Behaviour 3.
TEST_CASE("a task that spawns its successor and ends does not starve one that yields", "[task][scheduler]") {
    struct Chain {
        static Task<> link(const bool* is_over, int* links) {
            ++*links;
            if (!*is_over) spawn(link(is_over, links)).detach();
            co_return;
        }
    };
    bool is_over = false;
    int links = 0;
    std::vector<int> order;
    TestCore core;
    core.start(Chain::link(&is_over, &links)).detach();
    auto yielding = core.start(append_after_yields(&order, 7, 100));
    for (unsigned runs = 0; order.empty() && runs < 100'000; ++runs) core.step(1);
    CHECK(order.size() == 1);
    CHECK(links <= 2 * 101);  // ring and stack take turns
    is_over = true;
    core.run_until_idle();
}

TEST_CASE("a chain of a million awaits that end at once does not overflow the stack", "[task][scheduler]") {
    struct Steps {
        static Task<int> one(int x) { co_return x + 1; }
        static Task<int> many(int n) {
            int x = 0;
            for (int i = 0; i < n; ++i) x = co_await one(x);
            co_return x;
        }
    };
    TestCore core;
    auto outcome = core.run(Steps::many(1'000'000));
    REQUIRE(outcome.has_value());
    CHECK(*outcome == 1'000'000);
}

TEST_CASE("frames of ended tasks are used again", "[task][slab]") {
    struct Work {
        static Task<> nothing() { co_return; }
    };
    TestCore core;
    for (int i = 0; i < 10; ++i) core.in([] { spawn(Work::nothing()).detach(); });
    core.run_until_idle();
    const auto carved = core.scheduler().slab_stats().carved_bytes;
    for (int i = 0; i < 10'000; ++i) {
        core.in([] { spawn(Work::nothing()).detach(); });
        core.run_until_idle();
    }
    CHECK(core.scheduler().slab_stats().carved_bytes == carved);
    CHECK(core.scheduler().slab_stats().live_blocks == 0);
}

TEST_CASE("frames larger than the largest class come from the heap and are counted", "[task][slab]") {
    struct Work {
        static Task<int> large() {
            std::array<char, 4096> room{};
            room[0] = 1;
            asm volatile("" : : "r"(room.data()) : "memory");  // all of it is in use on both sides of the await
            co_await yield_now();
            asm volatile("" : : "r"(room.data()) : "memory");
            co_return room[0];
        }
    };
    TestCore core;
    auto outcome = core.in([&] { return core.run(Work::large()); });
    REQUIRE(outcome.has_value());
    CHECK(*outcome == 1);
    CHECK(core.scheduler().slab_stats().heap_frames == 1);
}

TEST_CASE("size classes hold what is asked for and waste less than a class", "[task][slab]") {
    for (std::size_t bytes = 33; bytes <= task::block_bytes_max; ++bytes) {
        const std::size_t block = task::class_bytes(task::class_of(bytes));
        REQUIRE(block >= bytes);
        REQUIRE(block - bytes < (bytes <= task::fine_limit ? 16U : 64U));
    }
    CHECK(task::class_of(task::block_bytes_max + 1) == task::heap_class);
}

TEST_CASE("a post to a sleeping core rings its doorbell once, and none is missed", "[task][inbox]") {
    int rings = 0;
    std::vector<int> order;
    TestCore here;
    TestCore there;
    there.scheduler().set_doorbell([](void* count) noexcept { ++*static_cast<int*>(count); }, &rings);

    REQUIRE(there.scheduler().try_sleep());
    here.in([&] { task::Scheduler::start_on(there.scheduler(), task::make_root(append(&order, 1), {})); });
    CHECK(rings == 1);
    here.in([&] { task::Scheduler::start_on(there.scheduler(), task::make_root(append(&order, 2), {})); });
    CHECK(rings == 1);
    CHECK_FALSE(there.scheduler().try_sleep());
    CHECK_FALSE(there.scheduler().awake());  // it was woken by a post
    there.run_until_idle();
    CHECK(order.size() == 2);
    REQUIRE(there.scheduler().try_sleep());
    CHECK(there.scheduler().awake());
}

TEST_CASE("a task that takes back what had fired is not pushed a second time before the drain", "[task][inbox]") {
    sync::Notify remote;
    sync::Notify local;
    int steps = 0;
    const auto run = [](sync::Notify& from_there, sync::Notify& from_here, int& count) -> Task<void> {
        (void)co_await select_biased(from_there.notified(), from_here.notified());
        ++count;
        co_await from_there.notified();  // what the loser passed on
        ++count;
        co_await from_there.notified();
        ++count;
    };
    TestCore here;
    TestCore there;
    auto task = here.start(run(remote, local, steps));
    here.run_until_idle();
    here.in([&] { local.notify_one(); });
    there.in([&] { remote.notify_one(); });            // into the inbox
    here.in([&] { (void)here.scheduler().run(61); });  // without a drain
    CHECK(steps == 2);
    there.in([&] { remote.notify_one(); });  // the header is in the inbox still
    here.run_until_idle();
    CHECK(steps == 3);
    CHECK(task.is_finished());
}

TEST_CASE("the hook after a run gets the id of the task that ran, also when it is gone", "[task][hooks]") {
    struct Work {
        static Task<> end_at_once() { co_return; }
        static Task<> end_in_a_large_frame() {
            std::array<char, 4000> large{};
            co_await yield_now();
            large[1] = 1;
            co_await yield_now();
            if (large[1] != 1) co_await yield_now();
        }
    };
    std::vector<task::TaskId> before;
    std::vector<task::TaskId> after;
    task::TaskHooks hooks;
    hooks.before_run = [&](task::TaskId id) { before.push_back(id); };
    hooks.after_run = [&](task::TaskId id) { after.push_back(id); };
    TestCore core;
    core.scheduler().configure(task::CoreId{0}, {}, &hooks, 1);
    core.in([] {
        spawn(Work::end_at_once()).detach();
        spawn(Work::end_in_a_large_frame()).detach();
    });
    core.run_until_idle();
    core.scheduler().configure(task::CoreId{0}, {}, nullptr, 1);
    CHECK(before.size() == 4);
    CHECK(before == after);
}

TEST_CASE("posts of one sender are taken in its order", "[task][inbox]") {
    std::vector<int> order;
    TestCore here;
    TestCore there;
    for (int i = 0; i < 5; ++i)
        here.in([&] {
            task::Scheduler::start_on(there.scheduler(), task::make_root(append_after_yields(&order, i, 0), {}));
        });
    there.run_until_idle();
    CHECK(order == std::vector<int>{4, 3, 2, 1, 0});  // arrived in order, so the last one is on top of the stack
}

TEST_CASE("a task that gives way can be aborted there, and nothing stays in the ring", "[task][scheduler][cancel]") {
    struct Loops {
        static Task<void> yields(int& rounds) {
            for (;; ++rounds) co_await yield_now();
        }
        static Task<void> consumes(int& rounds) {
            for (;; ++rounds) co_await consume_budget();
        }
    };
    int rounds = 0;
    TestCore core;
    auto task = core.start(GENERATE(&Loops::yields, &Loops::consumes)(rounds));
    core.step(1);
    CHECK_FALSE(task.is_finished());
    task.abort();
    const int before = rounds;
    core.run_until_idle();
    CHECK(task.is_finished());
    CHECK(rounds == before);
    CHECK_FALSE(core.scheduler().has_ready());
    CHECK(core.scheduler().live_tasks() == 0);
}

TEST_CASE("a process has no more schedulers than their number has bits for", "[task][scheduler]") {
    CHECK(tests::aborts([] {
        for (unsigned i = 0; i <= task::max_schedulers; ++i)
            if (task::Scheduler::acquire() == nullptr) std::abort();
    }));
}
