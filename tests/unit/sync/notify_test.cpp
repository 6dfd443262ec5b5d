#include <skerry/sync/notify.hpp>

#include "support/catch.hpp"
#include "support/test_core.hpp"

#include <skerry/task/branch.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/yield.hpp>

#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

using namespace skerry;
using test_support::TestCore;

namespace {

static_assert(task::BranchAwaiter<sync::Notify::Awaiter>);
static_assert(task::BranchAwaiter<sync::local::Notify::Awaiter>);
static_assert(std::is_trivially_copyable_v<sync::Notify::Notified>);

using Order = std::vector<int>;

template <class Notify>
Task<void> wait_once(Notify& notify) {
    co_await notify.notified();
}

template <class Notify>
Task<void> wait_and_mark(Notify& notify, Order& order, int mark) {
    co_await notify.notified();
    order.push_back(mark);
}

template <class Notify>
Task<void> wait_for(typename Notify::Notified notified) {
    co_await notified;
}

template <class Notify>
Task<void> wait_again_and_again(Notify& notify, int& rounds) {
    for (;;) {
        co_await notify.notified();
        ++rounds;
    }
}

template <class Notify>
Task<void> notify_self(Notify& notify, int times, const bool& stop, int& done) {
    while (done < times && !stop) {
        notify.notify_one();
        co_await notify.notified();
        ++done;
    }
}

template <class Notify>
Task<std::size_t> notified_or_yield(Notify& notify) {
    auto winner = co_await select_biased(notify.notified(), yield_now());
    co_return winner.index();
}

Task<void> set(bool& flag) {
    flag = true;
    co_return;
}

// `count` waiters in order, each queued before the next.
template <class Notify>
std::vector<JoinHandle<void>> line_up(TestCore& core, Notify& notify, Order& order, int count) {
    std::vector<JoinHandle<void>> tasks;
    for (int i = 0; i < count; ++i) {
        tasks.push_back(core.start(wait_and_mark(notify, order, i)));
        core.run_until_idle();
    }
    return tasks;
}

}  // namespace

TEMPLATE_TEST_CASE("a notification before the await is stored once", "[sync][notify]", sync::local::Notify,
                   sync::Notify) {
    TestType notify;
    TestCore core;
    core.in([&] {
        for (int i = 0; i < 5; ++i) notify.notify_one();
    });
    auto first = core.start(wait_once(notify));
    auto second = core.start(wait_once(notify));
    core.run_until_idle();
    CHECK(first.is_finished() != second.is_finished());
    core.in([&] { notify.notify_one(); });
    core.run_until_idle();
    CHECK(first.is_finished());
    CHECK(second.is_finished());
}

TEMPLATE_TEST_CASE("notify_one wakes the task that waits longest", "[sync][notify]", sync::local::Notify,
                   sync::Notify) {
    TestType notify;
    Order order;
    TestCore core;
    auto tasks = line_up(core, notify, order, 3);
    for (int i = 0; i < 3; ++i) {
        core.in([&] { notify.notify_one(); });
        core.run_until_idle();
    }
    CHECK(order == Order{0, 1, 2});
}

TEMPLATE_TEST_CASE("notify_last wakes the task that came last", "[sync][notify]", sync::local::Notify, sync::Notify) {
    TestType notify;
    Order order;
    TestCore core;
    auto tasks = line_up(core, notify, order, 3);
    for (int i = 0; i < 3; ++i) {
        core.in([&] { notify.notify_last(); });
        core.run_until_idle();
    }
    CHECK(order == Order{2, 1, 0});

    core.in([&] { notify.notify_last(); });  // nobody waits: stored
    CHECK(core.run(notified_or_yield(notify)) == 0U);
}

TEMPLATE_TEST_CASE("notify_waiters wakes all who wait, in order, and stores nothing", "[sync][notify]",
                   sync::local::Notify, sync::Notify) {
    TestType notify;
    Order order;
    TestCore core;
    auto tasks = line_up(core, notify, order, 100);  // more than one batch
    core.in([&] { notify.notify_waiters(); });
    core.run_until_idle();
    REQUIRE(order.size() == 100);
    CHECK(std::is_sorted(order.begin(), order.end()));
    CHECK(core.run(notified_or_yield(notify)) == 1U);
}

TEMPLATE_TEST_CASE("notify_waiters completes a notified() that is not yet awaited", "[sync][notify]",
                   sync::local::Notify, sync::Notify) {
    TestType notify;
    TestCore core;
    const auto before = core.in([&] { return notify.notified(); });
    core.in([&] { notify.notify_waiters(); });
    const auto after = core.in([&] { return notify.notified(); });

    auto early = core.start(wait_for<TestType>(before));
    auto late = core.start(wait_for<TestType>(after));
    core.run_until_idle();
    CHECK(early.is_finished());
    CHECK_FALSE(late.is_finished());
}

TEMPLATE_TEST_CASE("notify_waiters neither takes a stored permit nor lets its waiters take one", "[sync][notify]",
                   sync::local::Notify, sync::Notify) {
    TestType notify;
    TestCore core;
    const auto before = core.in([&] { return notify.notified(); });
    core.in([&] {
        notify.notify_one();
        notify.notify_waiters();
    });
    auto early = core.start(wait_for<TestType>(before));
    core.run_until_idle();
    CHECK(early.is_finished());
    CHECK(core.run(notified_or_yield(notify)) == 0U);  // the permit is still there
    CHECK(core.run(notified_or_yield(notify)) == 1U);
}

TEMPLATE_TEST_CASE("a task that waits again while notify_waiters runs is woken once", "[sync][notify]",
                   sync::local::Notify, sync::Notify) {
    TestType notify;
    TestCore core;
    std::vector<int> rounds(100, 0);
    std::vector<JoinHandle<void>> tasks;
    for (int& round : rounds) tasks.push_back(core.start(wait_again_and_again(notify, round)));
    core.run_until_idle();
    core.in([&] { notify.notify_waiters(); });
    core.run_until_idle();
    CHECK(rounds == std::vector<int>(100, 1));
    core.in([&] { notify.notify_waiters(); });
    core.run_until_idle();
    CHECK(rounds == std::vector<int>(100, 2));
}

TEMPLATE_TEST_CASE("a cancelled waiter leaves the queue", "[sync][notify][cancel]", sync::local::Notify, sync::Notify) {
    TestType notify;
    Order order;
    TestCore core;
    auto tasks = line_up(core, notify, order, 3);
    tasks[0].abort();
    core.run_until_idle();
    core.in([&] { notify.notify_one(); });
    core.run_until_idle();
    CHECK(order == Order{1});
    tasks[2].abort();
    core.run_until_idle();
    core.in([&] { notify.notify_one(); });
    CHECK(core.run(notified_or_yield(notify)) == 0U);
}

TEMPLATE_TEST_CASE("a picked task that gives up hands the notification to the next one", "[sync][notify][cancel]",
                   sync::local::Notify, sync::Notify) {
    TestType notify;
    Order order;
    TestCore core;
    auto tasks = line_up(core, notify, order, 4);
    SECTION("notify_one, to the oldest") {
        tasks[0].abort();
        core.in([&] { notify.notify_one(); });
        core.run_until_idle();
        CHECK(order == Order{1});
    }
    SECTION("notify_last, to the newest") {
        tasks[3].abort();
        core.in([&] { notify.notify_last(); });
        core.run_until_idle();
        CHECK(order == Order{2});
    }
    SECTION("and is stored when nobody is left") {
        for (auto& task : tasks) task.abort();
        core.in([&] { notify.notify_one(); });
        core.run_until_idle();
        CHECK(order.empty());
        CHECK(core.run(notified_or_yield(notify)) == 0U);
    }
}

TEMPLATE_TEST_CASE("a task that notify_waiters woke and that gives up hands on nothing", "[sync][notify][cancel]",
                   sync::local::Notify, sync::Notify) {
    TestType notify;
    Order order;
    TestCore core;
    auto tasks = line_up(core, notify, order, 2);
    tasks[0].abort();
    core.in([&] { notify.notify_waiters(); });
    core.run_until_idle();
    CHECK(order == Order{1});
    CHECK(core.run(notified_or_yield(notify)) == 1U);
}

TEMPLATE_TEST_CASE("a notification picked by notify_one is handed on although notify_waiters came after it",
                   "[sync][notify][cancel]", sync::local::Notify, sync::Notify) {
    TestType notify;
    Order order;
    TestCore core;
    auto tasks = line_up(core, notify, order, 2);
    tasks[0].abort();
    core.in([&] {
        notify.notify_one();
        notify.notify_waiters();
    });
    core.run_until_idle();
    CHECK(order == Order{1});
    CHECK(core.run(notified_or_yield(notify)) == 0U);
}

TEMPLATE_TEST_CASE("a notified() that loses a select takes no permit with it", "[sync][notify][select]",
                   sync::local::Notify, sync::Notify) {
    TestType notify;
    TestCore core;
    CHECK(core.run(notified_or_yield(notify)) == 1U);
    core.in([&] { notify.notify_one(); });
    CHECK(core.run(notified_or_yield(notify)) == 0U);
}

TEMPLATE_TEST_CASE("a loop of notifications gives way when the budget is spent", "[sync][notify]", sync::local::Notify,
                   sync::Notify) {
    TestType notify;
    TestCore core;
    bool stop = false;
    int done = 0;
    auto greedy = core.start(notify_self(notify, 100'000, stop, done));
    core.step(1);
    auto other = core.start(set(stop));
    core.run_until_idle();
    CHECK(greedy.is_finished());
    CHECK(done <= 3 * 128);
}

TEMPLATE_TEST_CASE("aborting a task that took the permit with its last unit of budget stores it again",
                   "[sync][notify][cancel]", sync::local::Notify, sync::Notify) {
    TestType notify;
    TestCore core;
    auto spends_all = [](TestType& n) -> Task<void> {
        for (int i = 0; i < 127; ++i) co_await consume_budget();
        co_await n.notified();
    };
    auto task = core.start(spends_all(notify));
    core.in([&] { notify.notify_one(); });
    core.step(1);
    CHECK_FALSE(task.is_finished());
    task.abort();
    core.run_until_idle();
    CHECK(core.run(notified_or_yield(notify)) == 0U);
}

TEST_CASE("a notification crosses cores in whichever order they are stepped", "[sync][notify][cross_core]") {
    sync::Notify notify;
    TestCore a;
    TestCore b;
    auto on_a = a.start(wait_once(notify));
    a.run_until_idle();
    auto on_b = b.start(wait_once(notify));
    b.run_until_idle();
    SECTION("to the oldest, which is on the other core") {
        b.in([&] { notify.notify_one(); });
        b.run_until_idle();
        CHECK_FALSE(on_a.is_finished());
        a.run_until_idle();
        CHECK(on_a.is_finished());
        CHECK_FALSE(on_b.is_finished());
    }
    SECTION("to all, from a thread that is no core") {
        notify.notify_waiters();
        b.run_until_idle();
        CHECK(on_b.is_finished());
        CHECK_FALSE(on_a.is_finished());
        a.run_until_idle();
        CHECK(on_a.is_finished());
    }
    SECTION("from one that dies before its core looks to the one on the other core") {
        b.in([&] {
            notify.notify_one();
            on_a.abort();
        });
        a.run_until_idle();
        b.run_until_idle();
        CHECK(on_a.is_finished());
        CHECK(on_b.is_finished());
    }
}

TEST_CASE("a fired waiter that dies in its own core's run hands the notification on", "[sync][notify][cross_core]") {
    // The waiter is destroyed by its owner's frame, so while its wake is fired and not drained.
    sync::Notify notify;
    sync::Notify stop;
    TestCore a;
    TestCore b;
    auto either = [](sync::Notify& first, sync::Notify& second) -> Task<std::size_t> {
        auto winner = co_await select_biased(first.notified(), second.notified());
        co_return winner.index();
    };
    auto waiting = a.start(either(stop, notify));
    a.run_until_idle();
    a.in([&] { stop.notify_one(); });    // queued on a
    b.in([&] { notify.notify_one(); });  // fired towards a
    {
        const TestCore::Entered here(a);
        a.scheduler().run(61);  // no drain in between
    }
    CHECK(waiting.is_finished());
    a.run_until_idle();
    CHECK(b.run(notified_or_yield(notify)) == 0U);
}
