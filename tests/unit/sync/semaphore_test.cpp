#include <skerry/sync/semaphore.hpp>

#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/test_core.hpp"

#include <skerry/task/branch.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/yield.hpp>

#include <type_traits>
#include <utility>
#include <vector>

using namespace skerry;
using test_support::TestCore;
using tests::aborts;

namespace {

static_assert(task::BranchAwaiter<sync::Semaphore::Awaiter>);
static_assert(task::BranchAwaiter<sync::local::Semaphore::Awaiter>);
static_assert(std::is_trivially_copyable_v<sync::Semaphore::Acquire>);

using Order = std::vector<int>;

template <class Semaphore>
Task<Error> acquire_and_mark(Semaphore& semaphore, std::size_t n, Order& order, int mark) {
    auto permit = co_await semaphore.acquire(n);
    if (!permit) co_return permit.error();
    order.push_back(mark);
    permit->forget();
    co_return Error();
}

template <class Semaphore>
Task<std::size_t> acquire_or_yield(Semaphore& semaphore, std::size_t n) {
    auto winner = co_await select_biased(semaphore.acquire(n), yield_now());
    co_return winner.index();
}

template <class Semaphore>
Task<void> acquire_many_times(Semaphore& semaphore, int times, const bool& stop, int& done) {
    while (done < times && !stop) {
        auto permit = co_await semaphore.acquire();
        ++done;
    }
}

Task<void> set(bool& flag) {
    flag = true;
    co_return;
}

}  // namespace

TEMPLATE_TEST_CASE("permits are counted and come back", "[sync][semaphore]", sync::local::Semaphore, sync::Semaphore) {
    TestType semaphore(3);
    CHECK(semaphore.available_permits() == 3);
    {
        auto two = semaphore.try_acquire(2);
        REQUIRE(two);
        CHECK(two->count() == 2);
        CHECK(semaphore.available_permits() == 1);
        auto more = semaphore.try_acquire(2);
        REQUIRE_FALSE(more);
        CHECK(more.error() == Errc::would_block);
    }
    CHECK(semaphore.available_permits() == 3);
}

TEMPLATE_TEST_CASE("permits are granted in the order of the requests", "[sync][semaphore]", sync::local::Semaphore,
                   sync::Semaphore) {
    TestType semaphore(0);
    Order order;
    TestCore core;
    std::vector<JoinHandle<Error>> tasks;
    for (int i = 0; i < 5; ++i) {
        tasks.push_back(core.start(acquire_and_mark(semaphore, 1, order, i)));
        core.run_until_idle();
    }
    core.in([&] { semaphore.add_permits(1); });
    core.run_until_idle();
    CHECK(order == Order{0});
    core.in([&] { semaphore.add_permits(4); });
    core.run_until_idle();
    CHECK(order == Order{0, 1, 2, 3, 4});
    CHECK(semaphore.available_permits() == 0);
}

TEMPLATE_TEST_CASE("a big request at the head holds back the small ones", "[sync][semaphore]", sync::local::Semaphore,
                   sync::Semaphore) {
    TestType semaphore(2);
    Order order;
    TestCore core;
    auto big = core.start(acquire_and_mark(semaphore, 4, order, 4));
    core.run_until_idle();
    auto small = core.start(acquire_and_mark(semaphore, 1, order, 1));
    core.run_until_idle();
    core.in([&] {
        semaphore.add_permits(1);
        CHECK(semaphore.available_permits() == 3);
        CHECK(semaphore.try_acquire().error() == Errc::would_block);
    });
    core.run_until_idle();
    CHECK(order.empty());
    core.in([&] { semaphore.add_permits(2); });
    core.run_until_idle();
    CHECK(order == Order{4, 1});
    CHECK(semaphore.available_permits() == 0);
}

TEMPLATE_TEST_CASE("cancelling the request at the head lets the next ones run", "[sync][semaphore][cancel]",
                   sync::local::Semaphore, sync::Semaphore) {
    TestType semaphore(2);
    Order order;
    TestCore core;
    auto big = core.start(acquire_and_mark(semaphore, 4, order, 4));
    core.run_until_idle();
    auto one = core.start(acquire_and_mark(semaphore, 1, order, 1));
    core.run_until_idle();
    auto two = core.start(acquire_and_mark(semaphore, 1, order, 2));
    core.run_until_idle();
    big.abort();
    core.run_until_idle();
    CHECK(order == Order{1, 2});
    CHECK(semaphore.try_acquire().error() == Errc::would_block);
    core.in([&] { semaphore.add_permits(1); });
    CHECK(semaphore.try_acquire().has_value());  // nobody waits any more
}

TEMPLATE_TEST_CASE("a request that is cancelled after it was granted passes its permits on",
                   "[sync][semaphore][cancel]", sync::local::Semaphore, sync::Semaphore) {
    TestType semaphore(0);
    Order order;
    TestCore core;
    auto two = core.start(acquire_and_mark(semaphore, 2, order, 2));
    core.run_until_idle();
    auto one = core.start(acquire_and_mark(semaphore, 1, order, 1));
    core.run_until_idle();
    two.abort();
    core.in([&] { semaphore.add_permits(2); });
    core.run_until_idle();
    CHECK(order == Order{1});
    CHECK(semaphore.available_permits() == 1);
}

TEMPLATE_TEST_CASE("close() ends waiting and later requests with an error", "[sync][semaphore]", sync::local::Semaphore,
                   sync::Semaphore) {
    TestType semaphore(1);
    Order order;
    TestCore core;
    auto held = core.in([&] { return semaphore.try_acquire(); });
    auto waiting = core.start(acquire_and_mark(semaphore, 1, order, 1));
    core.run_until_idle();
    core.in([&] { semaphore.close(); });
    CHECK(semaphore.is_closed());
    core.run_until_idle();
    CHECK(waiting.is_finished());
    CHECK(order.empty());
    CHECK(core.run(acquire_and_mark(semaphore, 0, order, 0)) == Error(Errc::closed));
    CHECK(semaphore.try_acquire(0).error() == Errc::closed);
    core.in([&] { held->release(); });
    CHECK(semaphore.available_permits() == 1);
    CHECK(semaphore.try_acquire().error() == Errc::closed);
}

TEMPLATE_TEST_CASE("a request that is cancelled after close() gives nothing back", "[sync][semaphore][cancel]",
                   sync::local::Semaphore, sync::Semaphore) {
    TestType semaphore(0);
    Order order;
    TestCore core;
    auto waiting = core.start(acquire_and_mark(semaphore, 1, order, 1));
    core.run_until_idle();
    waiting.abort();
    core.in([&] { semaphore.close(); });
    core.run_until_idle();
    CHECK(semaphore.available_permits() == 0);
}

TEMPLATE_TEST_CASE("permits are split, merged and forgotten", "[sync][semaphore]", sync::local::Semaphore,
                   sync::Semaphore) {
    TestType semaphore(5);
    auto all = semaphore.try_acquire(5);
    auto two = all->split(2);
    CHECK(all->count() == 3);
    CHECK(two.count() == 2);
    auto one = two.split(1);
    one.forget();
    one.release();
    CHECK(semaphore.available_permits() == 0);
    all->merge(std::move(two));
    CHECK(two.count() == 0);
    CHECK(all->count() == 4);
    all->release();
    CHECK(semaphore.available_permits() == 4);
    CHECK(semaphore.forget_permits(3) == 3);
    CHECK(semaphore.forget_permits(3) == 1);
    CHECK(semaphore.available_permits() == 0);
}

TEMPLATE_TEST_CASE("merging permits of two semaphores is a bug", "[sync][semaphore]", sync::local::Semaphore,
                   sync::Semaphore) {
    TestType a(1);
    TestType b(1);
    CHECK(aborts([&] { a.try_acquire()->merge(*b.try_acquire()); }));
    CHECK_FALSE(aborts([&] { a.try_acquire()->merge(*a.try_acquire(0)); }));
}

TEMPLATE_TEST_CASE("adding permits past the limit is a bug", "[sync][semaphore]", sync::local::Semaphore,
                   sync::Semaphore) {
    TestType semaphore(TestType::max_permits - 1);
    CHECK_FALSE(aborts([&] { semaphore.add_permits(1); }));
    CHECK(aborts([&] { semaphore.add_permits(2); }));
    CHECK(aborts([] { const TestType more(TestType::max_permits + 1); }));
}

TEMPLATE_TEST_CASE("an acquire() that loses a select takes nothing with it", "[sync][semaphore][select]",
                   sync::local::Semaphore, sync::Semaphore) {
    TestType semaphore(1);
    TestCore core;
    CHECK(core.run(acquire_or_yield(semaphore, 2)) == 1U);
    CHECK(semaphore.available_permits() == 1);
    CHECK(core.run(acquire_or_yield(semaphore, 1)) == 0U);
    CHECK(semaphore.available_permits() == 1);
}

TEMPLATE_TEST_CASE("acquire() in a loop gives way when the budget is spent", "[sync][semaphore]",
                   sync::local::Semaphore, sync::Semaphore) {
    TestType semaphore(1);
    TestCore core;
    bool stop = false;
    int done = 0;
    auto greedy = core.start(acquire_many_times(semaphore, 100'000, stop, done));
    core.step(1);
    auto other = core.start(set(stop));
    core.run_until_idle();
    CHECK(greedy.is_finished());
    CHECK(done <= 3 * 128);
}

TEMPLATE_TEST_CASE("aborting a task that took permits with its last unit of budget gives them back",
                   "[sync][semaphore][cancel]", sync::local::Semaphore, sync::Semaphore) {
    TestType semaphore(2);
    TestCore core;
    auto spends_all = [](TestType& s) -> Task<void> {
        for (int i = 0; i < 127; ++i) co_await consume_budget();
        auto permit = co_await s.acquire(2);
    };
    auto task = core.start(spends_all(semaphore));
    core.step(1);
    CHECK(semaphore.available_permits() == 0);
    task.abort();
    core.run_until_idle();
    CHECK(semaphore.available_permits() == 2);
}

TEST_CASE("permits cross cores in FIFO order", "[sync][semaphore][cross_core]") {
    sync::Semaphore semaphore(0);
    Order order;
    TestCore a;
    TestCore b;
    std::vector<JoinHandle<Error>> tasks;
    for (int i = 0; i < 6; ++i) {
        TestCore& core = i % 2 == 0 ? a : b;
        tasks.push_back(core.start(acquire_and_mark(semaphore, 1, order, i)));
        core.run_until_idle();
    }
    for (int i = 0; i < 6; ++i) {
        semaphore.add_permits(1);  // from no core
        b.run_until_idle();
        a.run_until_idle();
    }
    CHECK(order == Order{0, 1, 2, 3, 4, 5});
}

TEST_CASE("a granted request on another core that dies before its core looks passes its permits on",
          "[sync][semaphore][cross_core]") {
    sync::Semaphore semaphore(0);
    Order order;
    TestCore a;
    TestCore b;
    auto first = b.start(acquire_and_mark(semaphore, 2, order, 1));
    b.run_until_idle();
    auto second = a.start(acquire_and_mark(semaphore, 2, order, 2));
    a.run_until_idle();
    a.in([&] {
        semaphore.add_permits(2);
        first.abort();
    });
    b.run_until_idle();
    a.run_until_idle();
    CHECK(order == Order{2});
    CHECK(semaphore.available_permits() == 0);
}
