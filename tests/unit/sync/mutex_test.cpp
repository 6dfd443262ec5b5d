#include <skerry/sync/mutex.hpp>

#include "support/catch.hpp"
#include "support/test_core.hpp"

#include <skerry/task/branch.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/yield.hpp>

#include <optional>
#include <utility>
#include <vector>

using namespace skerry;
using test_support::TestCore;

namespace {

static_assert(task::BranchAwaiter<sync::Mutex<int>::Awaiter>);
static_assert(task::BranchAwaiter<sync::local::Mutex<int>::Awaiter>);
static_assert(std::is_trivially_copyable_v<sync::Mutex<int>::Lock>);

using Order = std::vector<int>;

template <class Scope>
Task<void> push_under_lock(sync::BasicMutex<Order, Scope>& mutex, int mark) {
    auto guard = co_await mutex.lock();
    guard->push_back(mark);
}

template <class Scope>
Task<void> push_and_hold(sync::BasicMutex<Order, Scope>& mutex, int mark, int yields) {
    auto guard = co_await mutex.lock();
    for (int i = 0; i < yields; ++i) co_await yield_now();
    guard->push_back(mark);
}

template <class Scope>
Task<void> add_in_two_steps(sync::BasicMutex<int, Scope>& mutex, int times) {
    for (int i = 0; i < times; ++i) {
        auto guard = co_await mutex.lock();
        const int seen = *guard;
        co_await yield_now();
        *guard = seen + 1;
    }
}

template <class Scope>
Task<int> lock_many(sync::BasicMutex<int, Scope>& mutex, int times, const bool& stop) {
    int done = 0;
    while (done < times && !stop) {
        auto guard = co_await mutex.lock();
        ++done;
    }
    co_return done;
}

Task<void> set(bool& flag) {
    flag = true;
    co_return;
}

template <class Scope>
Task<std::size_t> lock_or_yield(sync::BasicMutex<int, Scope>& mutex) {
    auto winner = co_await select_biased(mutex.lock(), yield_now());
    co_return winner.index();
}

template <class Scope>
Task<int> add_both(sync::BasicMutex<int, Scope>& a, sync::BasicMutex<int, Scope>& b) {
    auto guards = co_await join(a.lock(), b.lock());
    co_return *std::get<0>(guards) + *std::get<1>(guards);
}

}  // namespace

TEMPLATE_TEST_CASE("a second lock waits until the guard goes away", "[sync][mutex]", task::LocalScope,
                   task::SharedScope) {
    sync::BasicMutex<Order, TestType> mutex;
    TestCore core;
    auto held = core.in([&] { return mutex.try_lock(); });
    REQUIRE(held);
    CHECK_FALSE(core.in([&] { return mutex.try_lock().has_value(); }));

    auto waiting = core.start(push_under_lock(mutex, 1));
    core.run_until_idle();
    CHECK_FALSE(waiting.is_finished());

    core.in([&] { held.reset(); });
    core.run_until_idle();
    CHECK(waiting.is_finished());
    CHECK_FALSE(mutex.is_locked());
    CHECK(**mutex.try_lock() == Order{1});
}

TEMPLATE_TEST_CASE("a mutex is handed over in the order of the lock() calls", "[sync][mutex]", task::LocalScope,
                   task::SharedScope) {
    sync::BasicMutex<Order, TestType> mutex;
    TestCore core;
    auto held = core.in([&] { return mutex.try_lock(); });
    std::vector<JoinHandle<void>> tasks;
    for (int i = 0; i < 5; ++i) {
        tasks.push_back(core.start(push_and_hold(mutex, i, i % 2)));
        core.run_until_idle();
    }
    core.in([&] { held.reset(); });
    core.run_until_idle();
    CHECK(**mutex.try_lock() == Order{0, 1, 2, 3, 4});
}

TEMPLATE_TEST_CASE("a released mutex cannot be overtaken while somebody waits", "[sync][mutex]", task::LocalScope,
                   task::SharedScope) {
    sync::BasicMutex<Order, TestType> mutex;
    TestCore core;
    auto held = core.in([&] { return mutex.try_lock(); });
    auto waiting = core.start(push_under_lock(mutex, 1));
    core.run_until_idle();

    core.in([&] {
        held.reset();
        CHECK_FALSE(mutex.try_lock().has_value());  // handed over, although the waiter has not run yet
    });
    core.run_until_idle();
    CHECK(waiting.is_finished());
}

TEMPLATE_TEST_CASE("a guard may be held across an await", "[sync][mutex]", task::LocalScope, task::SharedScope) {
    sync::BasicMutex<int, TestType> mutex(0);
    TestCore core;
    std::vector<JoinHandle<void>> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(core.start(add_in_two_steps(mutex, 100)));
    core.run_until_idle();
    CHECK(**mutex.try_lock() == 400);
}

TEMPLATE_TEST_CASE("cancelling the head of the queue lets the next one run", "[sync][mutex][cancel]", task::LocalScope,
                   task::SharedScope) {
    sync::BasicMutex<Order, TestType> mutex;
    TestCore core;
    auto held = core.in([&] { return mutex.try_lock(); });
    auto first = core.start(push_under_lock(mutex, 1));
    core.run_until_idle();
    auto second = core.start(push_under_lock(mutex, 2));
    core.run_until_idle();

    first.abort();
    core.run_until_idle();
    core.in([&] { held.reset(); });
    core.run_until_idle();
    CHECK(second.is_finished());
    CHECK(**mutex.try_lock() == Order{2});
}

TEMPLATE_TEST_CASE("a task that is cancelled after the hand-over passes the mutex on", "[sync][mutex][cancel]",
                   task::LocalScope, task::SharedScope) {
    sync::BasicMutex<Order, TestType> mutex;
    TestCore core;
    auto held = core.in([&] { return mutex.try_lock(); });
    auto first = core.start(push_under_lock(mutex, 1));
    core.run_until_idle();
    auto second = core.start(push_under_lock(mutex, 2));
    core.run_until_idle();

    first.abort();                      // posted, not yet processed
    core.in([&] { held.reset(); });     // hands over to the first, which is never resumed
    core.run_until_idle();
    CHECK(first.is_finished());
    CHECK(second.is_finished());
    CHECK(**mutex.try_lock() == Order{2});
}

TEMPLATE_TEST_CASE("the last waiter that is cancelled after the hand-over leaves the mutex open",
                   "[sync][mutex][cancel]", task::LocalScope, task::SharedScope) {
    sync::BasicMutex<Order, TestType> mutex;
    TestCore core;
    auto held = core.in([&] { return mutex.try_lock(); });
    auto first = core.start(push_under_lock(mutex, 1));
    core.run_until_idle();
    first.abort();
    core.in([&] { held.reset(); });
    core.run_until_idle();
    CHECK(mutex.try_lock().has_value());
}

TEMPLATE_TEST_CASE("a mutex whose only waiter gave up opens at unlock", "[sync][mutex][cancel]", task::LocalScope,
                   task::SharedScope) {
    sync::BasicMutex<Order, TestType> mutex;
    TestCore core;
    auto held = core.in([&] { return mutex.try_lock(); });
    auto first = core.start(push_under_lock(mutex, 1));
    core.run_until_idle();
    first.abort();
    core.run_until_idle();
    CHECK(mutex.is_locked());
    core.in([&] { held.reset(); });
    CHECK_FALSE(mutex.is_locked());
}

TEMPLATE_TEST_CASE("lock() in a loop gives way when the budget is spent", "[sync][mutex]", task::LocalScope,
                   task::SharedScope) {
    sync::BasicMutex<int, TestType> mutex(0);
    TestCore core;
    bool stop = false;
    auto greedy = core.start(lock_many(mutex, 100'000, stop));
    core.step(1);
    auto other = core.start(set(stop));
    core.run_until_idle();
    const auto done = core.run([](JoinHandle<int>& handle) -> Task<int> {
        auto outcome = co_await handle;
        co_return *outcome;
    }(greedy));
    CHECK(*done <= 3 * 128);
}

template <class Mutex>
Task<void> push_out_of_budget(Mutex& mutex, int value) {
    for (int i = 0; i < 127; ++i) co_await consume_budget();
    auto guard = co_await mutex.lock();  // the unit that spends the budget
    guard->push_back(value);
}

TEMPLATE_TEST_CASE("a task that gives way to others does not hold an open mutex meanwhile", "[sync][mutex]",
                   task::LocalScope, task::SharedScope) {
    sync::BasicMutex<Order, TestType> mutex;
    TestCore core;
    auto first = core.start(push_out_of_budget(mutex, 1));
    core.step(1);
    CHECK_FALSE(first.is_finished());
    CHECK_FALSE(mutex.is_locked());
    core.run_until_idle();
    CHECK(first.is_finished());
    CHECK(**mutex.try_lock() == Order{1});
}

TEMPLATE_TEST_CASE("a task that gave way and finds the mutex taken waits in its turn", "[sync][mutex]",
                   task::LocalScope, task::SharedScope) {
    sync::BasicMutex<Order, TestType> mutex;
    TestCore core;
    auto first = core.start(push_out_of_budget(mutex, 1));
    core.step(1);
    auto held = core.in([&] { return mutex.try_lock(); });
    REQUIRE(held);
    core.run_until_idle();
    CHECK_FALSE(first.is_finished());
    auto second = core.start(push_under_lock(mutex, 2));
    core.run_until_idle();
    core.in([&] { held.reset(); });
    core.run_until_idle();
    CHECK(first.is_finished());
    CHECK(second.is_finished());
    CHECK(**mutex.try_lock() == Order{1, 2});
}

TEMPLATE_TEST_CASE("aborting a task that gave way before it took the mutex leaves the mutex alone",
                   "[sync][mutex][cancel]", task::LocalScope, task::SharedScope) {
    sync::BasicMutex<Order, TestType> mutex;
    TestCore core;
    auto first = core.start(push_out_of_budget(mutex, 1));
    core.step(1);
    auto held = core.in([&] { return mutex.try_lock(); });
    SECTION("while it is queued") {}
    SECTION("while it waits") {
        core.run_until_idle();
        CHECK_FALSE(first.is_finished());
    }
    first.abort();
    core.run_until_idle();
    CHECK(first.is_finished());
    CHECK(mutex.is_locked());
    core.in([&] { held.reset(); });
    CHECK_FALSE(mutex.is_locked());
}

TEMPLATE_TEST_CASE("many tasks that lock in a loop do not queue up behind each other", "[sync][mutex]",
                   task::LocalScope, task::SharedScope) {
    sync::BasicMutex<int, TestType> mutex(0);
    TestCore core;
    const bool stop = false;
    std::vector<JoinHandle<int>> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(core.start(lock_many(mutex, 1'000, stop)));
    const auto resumed = [&] { return core.scheduler().counters().resumed.load(); };
    const auto before = resumed();
    core.run_until_idle();
    CHECK(resumed() - before < 4 * (1'000 / 128 + 2));
}

TEMPLATE_TEST_CASE("a lock() that loses a select takes nothing with it", "[sync][mutex][select]", task::LocalScope,
                   task::SharedScope) {
    sync::BasicMutex<int, TestType> mutex(0);
    TestCore core;
    auto held = core.in([&] { return mutex.try_lock(); });
    CHECK(*core.run(lock_or_yield(mutex)) == 1);
    core.in([&] { held.reset(); });
    CHECK_FALSE(mutex.is_locked());
    CHECK(*core.run(lock_or_yield(mutex)) == 0);
    CHECK_FALSE(mutex.is_locked());
}

TEMPLATE_TEST_CASE("join takes two mutexes at once", "[sync][mutex][join]", task::LocalScope, task::SharedScope) {
    sync::BasicMutex<int, TestType> a(1);
    sync::BasicMutex<int, TestType> b(2);
    TestCore core;
    auto held = core.in([&] { return a.try_lock(); });
    auto both = core.start(add_both(a, b));
    core.run_until_idle();
    CHECK_FALSE(both.is_finished());
    core.in([&] { held.reset(); });
    core.run_until_idle();
    CHECK(both.is_finished());
    CHECK_FALSE(a.is_locked());
    CHECK_FALSE(b.is_locked());
}

TEST_CASE("unlock() opens the mutex before the guard goes away", "[sync][mutex]") {
    sync::Mutex<int> mutex(3);
    auto guard = mutex.try_lock();
    CHECK(**guard == 3);
    auto moved = std::move(*guard);
    CHECK_FALSE(guard->owns_lock());
    CHECK(moved.owns_lock());
    moved.unlock();
    CHECK_FALSE(moved.owns_lock());
    CHECK_FALSE(mutex.is_locked());
}

TEST_CASE("a mutex passes between two cores in FIFO order", "[sync][mutex][cross_core]") {
    sync::Mutex<Order> mutex;
    TestCore a;
    TestCore b;
    auto held = a.in([&] { return mutex.try_lock(); });
    std::vector<JoinHandle<void>> tasks;
    for (int i = 0; i < 6; ++i) {
        TestCore& core = i % 2 == 0 ? b : a;
        tasks.push_back(core.start(push_and_hold(mutex, i, 1)));
        core.run_until_idle();
    }
    a.in([&] { held.reset(); });
    for (int i = 0; i < 20; ++i) {
        a.step(1);
        b.step(1);
    }
    CHECK(**mutex.try_lock() == Order{0, 1, 2, 3, 4, 5});
}

TEST_CASE("a waiter on another core that dies before its core looks passes the mutex on", "[sync][mutex][cross_core]") {
    sync::Mutex<Order> mutex;
    TestCore a;
    TestCore b;
    auto held = a.in([&] { return mutex.try_lock(); });
    auto first = b.start(push_under_lock(mutex, 1));
    b.run_until_idle();
    auto second = a.start(push_under_lock(mutex, 2));
    a.run_until_idle();

    a.in([&] {
        held.reset();   // fired towards b, which has not drained
        first.abort();
    });
    b.run_until_idle();
    a.run_until_idle();
    CHECK(first.is_finished());
    CHECK(second.is_finished());
    CHECK(**mutex.try_lock() == Order{2});
}

TEST_CASE("a mutex can be unlocked by a thread that is no core", "[sync][mutex][cross_core]") {
    sync::Mutex<Order> mutex;
    TestCore core;
    auto held = mutex.try_lock();
    auto waiting = core.start(push_under_lock(mutex, 1));
    core.run_until_idle();
    held.reset();
    core.run_until_idle();
    CHECK(waiting.is_finished());
}
