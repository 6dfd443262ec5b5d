#include <skerry/task/select.hpp>

#include "support/catch.hpp"
#include "support/test_core.hpp"

#include <skerry/sync/mutex.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/sync/semaphore.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/yield.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace skerry;
using test_support::TestCore;
using sync::local::Notify;

namespace {

struct CountDrop {
    int* count = nullptr;
    explicit CountDrop(int& to) : count(&to) {}
    CountDrop(CountDrop&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
    CountDrop& operator=(CountDrop&&) = delete;
    ~CountDrop() {
        if (count != nullptr) ++*count;
    }
};

Task<int> value(int v) { co_return v; }

Task<int> after_yields(int yields, int v) {
    for (int i = 0; i < yields; ++i) co_await yield_now();
    co_return v;
}

Task<int> throws_after(int yields) {
    for (int i = 0; i < yields; ++i) co_await yield_now();
    throw std::runtime_error("boo");
}

Task<int> asleep(Notify& never, CountDrop) {
    co_await never.notified();
    co_return 0;
}

Task<std::size_t> first_of(Notify& a, Notify& b) {
    auto winner = co_await select(a.notified(), b.notified());
    co_return winner.index();
}

Task<std::size_t> first_of_biased(Notify& a, Notify& b) {
    auto winner = co_await select_biased(a.notified(), b.notified());
    co_return winner.index();
}

Task<void> collect(std::vector<std::size_t>& order, int times) {
    for (int i = 0; i < times; ++i) {
        auto winner = co_await select(value(0), value(1), value(2));
        order.push_back(winner.index());
    }
}

std::vector<std::size_t> picks(std::uint64_t seed) {
    std::vector<std::size_t> order;
    TestCore core(seed);
    (void)core.run(collect(order, 200));
    return order;
}

Task<void> set(bool& flag) {
    flag = true;
    co_return;
}

}  // namespace

TEST_CASE("select gives the index and the value of the first to complete", "[task][select]") {
    TestCore core;
    const auto run = []() -> Task<int> {
        auto winner = co_await select(after_yields(5, 5), after_yields(2, 2));
        co_return winner.index() == 1 ? std::get<1>(winner) : -1;
    };
    CHECK(core.run(run()) == 2);
}

TEST_CASE("select waits for what completes later", "[task][select]") {
    Notify a;
    Notify b;
    TestCore core;
    auto waiting = core.start(first_of(a, b));
    core.run_until_idle();
    CHECK_FALSE(waiting.is_finished());
    core.in([&] { b.notify_one(); });
    core.run_until_idle();
    CHECK(waiting.is_finished());
}

TEST_CASE("the loser of a select has left its queue before the expression goes on", "[task][select][cancel]") {
    Notify a;
    Notify b;
    TestCore core;
    const auto run = [](Notify& first, Notify& second) -> Task<std::size_t> {
        auto winner = co_await select(first.notified(), second.notified());
        // If the loser were still linked, this would wake it and be lost.
        second.notify_one();
        auto again = co_await select_biased(second.notified(), yield_now());
        co_return winner.index() * 10 + again.index();
    };
    auto task = core.start(run(a, b));
    core.run_until_idle();
    core.in([&] { a.notify_one(); });
    core.run_until_idle();
    REQUIRE(task.is_finished());
    const auto take = [](JoinHandle<std::size_t>& handle) -> Task<std::size_t> {
        auto outcome = co_await handle;
        co_return *outcome;
    };
    CHECK(core.run(take(task)) == 0U);
}

TEST_CASE("a stale wake of a loser does not complete the next await", "[task][select][cancel]") {
    Notify a;
    Notify b;
    Notify c;
    TestCore core;
    const auto run = [](Notify& first, Notify& second, Notify& third) -> Task<void> {
        auto winner = co_await select_biased(first.notified(), second.notified());
        (void)winner;
        co_await third.notified();
    };
    auto task = core.start(run(a, b, c));
    core.run_until_idle();
    core.in([&] {
        a.notify_one();
        b.notify_one();  // both are woken; one of the two wakes must come to nothing
    });
    core.run_until_idle();
    CHECK_FALSE(task.is_finished());
    core.in([&] { c.notify_one(); });
    core.run_until_idle();
    CHECK(task.is_finished());
}

TEST_CASE("a loser that was woken too passes its claim on", "[task][select][cancel]") {
    Notify a;
    Notify b;
    TestCore core;
    auto task = core.start(first_of_biased(a, b));
    core.run_until_idle();
    core.in([&] {
        a.notify_one();
        b.notify_one();
    });
    core.run_until_idle();
    CHECK(task.is_finished());
    // Exactly one of the two permits is stored again.
    const auto stored = [](Notify& notify) -> Task<std::size_t> {
        auto winner = co_await select_biased(notify.notified(), yield_now());
        co_return winner.index() == 0 ? 1 : 0;
    };
    const auto from_a = core.run(stored(a));
    const auto from_b = core.run(stored(b));
    CHECK(*from_a + *from_b == 1);
}

TEST_CASE("select_biased prefers the earlier of two that are ready", "[task][select]") {
    Notify a;
    Notify b;
    TestCore core;
    for (int i = 0; i < 20; ++i) {
        core.in([&] {
            a.notify_one();
            b.notify_one();
        });
        CHECK(core.run(first_of_biased(a, b)) == 0U);
    }
    CHECK(core.run(first_of_biased(a, b)) == 1U);
}

// Behaviour 25.
TEST_CASE("select gives each that is ready its turn, the same for the same seed", "[task][select]") {
    const auto order = picks(7);
    CHECK(order == picks(7));
    CHECK(order != picks(8));
    for (std::size_t index = 0; index < 3; ++index) CHECK(std::count(order.begin(), order.end(), index) > 20);
}

TEST_CASE("select starves nobody where a task takes its turns in step", "[task][select]") {
    // Of two selects of a loop, each has the same parity at every turn of it.
    std::array<std::array<int, 2>, 2> won{};
    TestCore core;
    const auto done = core.run([](std::array<std::array<int, 2>, 2>& counts) -> Task<void> {
        for (int i = 0; i < 2000; ++i) {
            auto first = co_await select(value(0), value(1));
            ++counts[0][first.index()];
            auto second = co_await select(value(0), value(1));
            ++counts[1][second.index()];
        }
    }(won));
    CHECK(done);
    for (const auto& of_one : won)
        for (const int count : of_one) CHECK(count > 500);
}

TEST_CASE("a Task that loses a select is destroyed where it waits", "[task][select][cancel]") {
    Notify never;
    int dropped = 0;
    TestCore core;
    const auto run = [](Notify& n, int& count) -> Task<int> {
        Task<int> sleeper = asleep(n, CountDrop(count));
        auto winner = co_await select_biased(std::move(sleeper), yield_now());
        co_return static_cast<int>(winner.index()) * 10 + count;
    };
    CHECK(core.run(run(never, dropped)) == 11);  // gone before the expression goes on
    CHECK(core.in([&] {
        never.notify_one();
        return true;
    }));
    CHECK(core.run(first_of_biased(never, never)) == 0U);
}

TEST_CASE("a Task that is not reached by select_biased is never started", "[task][select]") {
    int dropped = 0;
    bool ran = false;
    TestCore core;
    const auto member = [](bool& flag, CountDrop) -> Task<int> {
        flag = true;
        co_return 1;
    };
    const auto run = [member](Notify& ready, bool& flag, int& count) -> Task<std::size_t> {
        Task<int> never_started = member(flag, CountDrop(count));
        ready.notify_one();
        auto winner = co_await select_biased(ready.notified(), std::move(never_started));
        co_return winner.index();
    };
    Notify ready;
    CHECK(core.run(run(ready, ran, dropped)) == 0U);
    CHECK_FALSE(ran);
    CHECK(dropped == 1);
}

TEST_CASE("a Task branch that ends while it is started completes the select", "[task][select]") {
    Notify never;
    TestCore core;
    const auto run = [](Notify& n) -> Task<int> {
        auto winner = co_await select(n.notified(), value(3), n.notified());
        co_return winner.index() == 1 ? std::get<1>(winner) : -1;
    };
    for (int i = 0; i < 10; ++i) CHECK(core.run(run(never)) == 3);
}

TEST_CASE("an exception of the winning branch comes out of the select", "[task][select]") {
    Notify never;
    TestCore core;
    const auto run = [](Notify& n, int yields) -> Task<int> {
        auto winner = co_await select(throws_after(yields), n.notified());
        co_return static_cast<int>(winner.index());
    };
    for (int yields : {0, 3}) {
        const auto outcome = core.run(run(never, yields));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().message() == "boo");
    }
    core.in([&] { never.notify_one(); });
    CHECK(core.run(first_of_biased(never, never)) == 0U);  // no waiter was left behind
}

TEST_CASE("a branch that when() disables takes no part", "[task][select]") {
    Notify a;
    TestCore core;
    const auto run = [](Notify& n, bool enabled) -> Task<std::size_t> {
        auto winner = co_await select_biased(when(enabled, n.notified()), yield_now());
        co_return winner.index();
    };
    core.in([&] { a.notify_one(); });
    CHECK(core.run(run(a, false)) == 1U);
    CHECK(core.run(run(a, true)) == 0U);
}

TEST_CASE("a branch that when() lets take part loses as any other does", "[task][select][cancel]") {
    Notify a;
    Notify b;
    TestCore core;
    const auto run = [](Notify& first, Notify& second) -> Task<std::size_t> {
        auto winner = co_await select_biased(when(true, first.notified()), when(true, second.notified()));
        co_return winner.index();
    };
    auto racing = core.start(run(a, b));
    core.run_until_idle();
    core.in([&] {
        b.notify_one();
        a.notify_one();
    });
    core.run_until_idle();
    CHECK(racing.is_finished());
    // One of the two has lost the permit that it was picked for, and stored it again.
    const auto left = [](Notify& first, Notify& second) -> Task<std::size_t> {
        auto winner = co_await select_biased(first.notified(), second.notified(), yield_now());
        co_return winner.index();
    };
    CHECK(core.run(left(a, b)).value() < 2U);
    CHECK(core.run(left(a, b)) == 2U);
}

TEST_CASE("a disabled branch of a Task never runs", "[task][select]") {
    bool ran = false;
    TestCore core;
    const auto run = [](bool& flag) -> Task<std::size_t> {
        Task<void> disabled = set(flag);
        auto winner = co_await select_biased(when(false, std::move(disabled)), yield_now());
        co_return winner.index();
    };
    CHECK(core.run(run(ran)) == 1U);
    CHECK_FALSE(ran);
}

TEST_CASE("a JoinHandle is a branch by reference and can be awaited again", "[task][select][cancel]") {
    TestCore core;
    const auto run = []() -> Task<int> {
        auto handle = spawn(after_yields(10, 7));
        auto early = co_await select_biased(handle, yield_now());
        auto outcome = co_await handle;
        co_return static_cast<int>(early.index()) * 100 + outcome.value_or(-1);
    };
    CHECK(core.run(run()) == 107);
}

TEST_CASE("selects nest, and a loser's own branches leave their queues", "[task][select][cancel]") {
    Notify a;
    Notify b;
    Notify c;
    TestCore core;
    const auto run = [](Notify& first, Notify& second, Notify& third) -> Task<std::size_t> {
        auto winner = co_await select(select(first.notified(), second.notified()), third.notified());
        co_return winner.index() == 0 ? std::get<0>(winner).index() : 2;
    };
    auto inner = core.start(run(a, b, c));
    core.run_until_idle();
    core.in([&] { b.notify_one(); });
    core.run_until_idle();
    CHECK(inner.is_finished());

    auto outer = core.start(run(a, b, c));
    core.run_until_idle();
    core.in([&] { c.notify_one(); });
    core.run_until_idle();
    CHECK(outer.is_finished());
    core.in([&] { a.notify_one(); });
    CHECK(core.run(first_of_biased(a, b)) == 0U);
}

TEST_CASE("the loser of a select inside a join has left its queue while the join still waits",
          "[task][select][cancel]") {
    Notify a;
    Notify b;
    Notify c;
    TestCore core;
    const auto run = [](Notify& first, Notify& second, Notify& third) -> Task<void> {
        (void)co_await join(select(first.notified(), second.notified()), third.notified());
    };
    auto task = core.start(run(a, b, c));
    core.run_until_idle();
    core.in([&] { a.notify_one(); });
    core.run_until_idle();
    core.in([&] { b.notify_one(); });  // nobody waits for it any more: it is stored
    core.run_until_idle();
    CHECK_FALSE(task.is_finished());
    CHECK(core.run(first_of_biased(a, b)) == 1U);
    core.in([&] { c.notify_one(); });
    core.run_until_idle();
    CHECK(task.is_finished());
}

TEST_CASE("aborting a task inside a select cancels every branch", "[task][select][cancel]") {
    Notify a;
    Notify b;
    int dropped = 0;
    TestCore core;
    const auto run = [](Notify& first, Notify& second, int& count) -> Task<void> {
        Task<int> sleeper = asleep(second, CountDrop(count));
        auto winner = co_await select(first.notified(), std::move(sleeper));
        (void)winner;
    };
    auto task = core.start(run(a, b, dropped));
    core.run_until_idle();
    task.abort();
    core.run_until_idle();
    CHECK(dropped == 1);
    core.in([&] {
        a.notify_one();
        b.notify_one();
    });
    CHECK(core.run(first_of_biased(a, a)) == 0U);
    CHECK(core.run(first_of_biased(b, b)) == 0U);
}

// Behaviour 25.
TEST_CASE("a loop of selects gives way when the budget is spent", "[task][select]") {
    // The offset decides which of the branches meets the unit that spends the budget.
    for (int offset = 0; offset < 5; ++offset) {
        sync::local::Semaphore never(0);
        sync::local::Mutex<int> ready;
        sync::local::Mutex<int> ready_too;
        bool stop = false;
        int rounds = 0;
        TestCore core;
        SECTION("with one ready branch") {
            const auto run = [](sync::local::Semaphore& n, sync::local::Mutex<int>& r, int skip, const bool& flag,
                                int& count) -> Task<void> {
                for (int i = 0; i < skip; ++i) co_await consume_budget();
                for (; !flag && count < 100'000; ++count) (void)co_await select_biased(n.acquire(), r.lock());
            };
            auto greedy = core.start(run(never, ready, offset, stop, rounds));
            core.step(1);
            auto other = core.start(set(stop));
            core.run_until_idle();
        }
        SECTION("with two ready branches") {
            const auto run = [](sync::local::Mutex<int>& a, sync::local::Mutex<int>& b, int skip, const bool& flag,
                                int& count) -> Task<void> {
                for (int i = 0; i < skip; ++i) co_await consume_budget();
                for (; !flag && count < 100'000; ++count) (void)co_await select_biased(a.lock(), b.lock());
            };
            auto greedy = core.start(run(ready, ready_too, offset, stop, rounds));
            core.step(1);
            auto other = core.start(set(stop));
            core.run_until_idle();
        }
        CHECK(rounds <= 3 * 128);
        CHECK_FALSE(ready.is_locked());
        CHECK_FALSE(ready_too.is_locked());
    }
}

TEST_CASE("branches on another core's primitives complete and are cancelled", "[task][select][cross_core]") {
    sync::Notify a;
    sync::Notify b;
    TestCore here;
    TestCore there;
    const auto run = [](sync::Notify& first, sync::Notify& second) -> Task<std::size_t> {
        auto winner = co_await select_biased(first.notified(), second.notified());
        co_return winner.index();
    };
    auto task = here.start(run(a, b));
    here.run_until_idle();
    there.in([&] {
        b.notify_one();
        a.notify_one();  // both have fired before the task's core looks
    });
    here.run_until_idle();
    REQUIRE(task.is_finished());
    // One was taken, the other stored.
    CHECK(here.run(run(a, b)).has_value());
    auto waits = here.start(run(a, b));
    here.run_until_idle();
    CHECK_FALSE(waits.is_finished());
}
