#include <skerry/task/join.hpp>

#include "support/catch.hpp"
#include "support/test_core.hpp"
#include "support/throws_when_destroyed.hpp"

#include <skerry/sync/mpsc.hpp>
#include <skerry/sync/mutex.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/task/cancel.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/yield.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
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

Task<int> after_yields(int yields, int v) {
    for (int i = 0; i < yields; ++i) co_await yield_now();
    co_return v;
}

Task<int> throws_after(int yields, std::string what) {
    for (int i = 0; i < yields; ++i) co_await yield_now();
    throw std::runtime_error(what);
}

Task<int> logged(std::vector<int>& log, int v) {
    log.push_back(v);
    co_return v;
}

Task<int> asleep(Notify& never, CountDrop) {
    co_await never.notified();
    co_return 0;
}

Task<int> greedy(sync::local::Mutex<int>& mutex, const bool& stop, int& rounds) {
    for (; !stop && rounds < 100'000; ++rounds) auto guard = co_await mutex.lock();
    co_return rounds;
}

Task<int> set(bool& flag) {
    flag = true;
    co_return 1;
}

Task<std::size_t> notified_or_yield(Notify& notify) {
    auto winner = co_await select_biased(notify.notified(), yield_now());
    co_return winner.index();
}

using Sender = sync::mpsc::Sender<int>;
using Receiver = sync::mpsc::Receiver<int>;

enum class End : bool { value, exception };

Task<int> produce(Sender to, int yields, End end) {
    (void)co_await to.send(1);
    for (int i = 0; i < yields; ++i) co_await yield_now();
    if (end == End::exception) throw std::runtime_error("produced enough");
    co_return 7;
}

Task<int> consume(Receiver from) {
    int count = 0;
    while (co_await from.recv()) ++count;
    co_return count;
}

Task<Result<int>> lock_and_fail(sync::local::Mutex<int>& mutex) {
    auto guard = co_await mutex.lock();
    co_await yield_now();
    co_return co_await ok(Result<int>(Errc::closed));
}

template <class T>
Task<Result<T, JoinError>> outcome_of(JoinHandle<T>& handle) {
    co_return co_await handle;
}

/// Runs what it was given when it is destroyed.
template <class F>
struct AtExit {
    std::optional<F> act;
    explicit AtExit(F f) : act(std::move(f)) {}
    AtExit(AtExit&& other) noexcept : act(std::exchange(other.act, std::nullopt)) {}
    AtExit& operator=(AtExit&&) = delete;
    ~AtExit() {
        if (act) (*act)();
    }
};

template <class F>
Task<std::unique_ptr<int>> owned(int yields, int v, AtExit<F>) {
    for (int i = 0; i < yields; ++i) co_await yield_now();
    co_return std::make_unique<int>(v);
}

}  // namespace

TEST_CASE("join gives every value in the order of the arguments", "[task][join]") {
    TestCore core;
    const auto run = []() -> Task<std::tuple<int, int, int>> {
        auto values = co_await join(after_yields(3, 1), after_yields(0, 2), after_yields(5, 3));
        co_return values;
    };
    const auto values = core.run(run());
    REQUIRE(values);
    CHECK(*values == std::tuple(1, 2, 3));
}

TEST_CASE("join completes only when its last branch does", "[task][join]") {
    Notify a;
    Notify b;
    TestCore core;
    const auto run = [](Notify& first, Notify& second) -> Task<void> {
        auto both = co_await join(first.notified(), second.notified());
        static_assert(std::is_same_v<decltype(both), std::tuple<std::monostate, std::monostate>>);
        (void)both;
    };
    auto task = core.start(run(a, b));
    core.run_until_idle();
    core.in([&] { b.notify_one(); });
    core.run_until_idle();
    CHECK_FALSE(task.is_finished());
    core.in([&] { a.notify_one(); });
    core.run_until_idle();
    CHECK(task.is_finished());
}

TEST_CASE("the branch that join looks at first rotates from call to call", "[task][join]") {
    std::vector<int> log;
    TestCore core;
    const auto run = [](std::vector<int>& to) -> Task<void> {
        for (int i = 0; i < 3; ++i) (void)co_await join(logged(to, 0), logged(to, 1), logged(to, 2));
    };
    (void)core.run(run(log));
    REQUIRE(log.size() == 9);
    for (std::size_t call = 0; call < 3; ++call) {
        CHECK(log[call * 3 + 1] == (log[call * 3] + 1) % 3);
        CHECK(log[call * 3 + 2] == (log[call * 3] + 2) % 3);
        if (call != 0) CHECK(log[call * 3] == (log[call * 3 - 3] + 1) % 3);
    }
}

TEST_CASE("an exception comes out after all branches are over, the first argument's first", "[task][join]") {
    bool other_ran = false;
    TestCore core;
    const auto late = [](bool& flag) -> Task<int> {
        for (int i = 0; i < 10; ++i) co_await yield_now();
        flag = true;
        co_return 1;
    };
    const auto run = [late](bool& flag) -> Task<void> {
        Task<int> other = late(flag);
        (void)co_await join(throws_after(5, "first"), throws_after(1, "second"), std::move(other));
    };
    const auto outcome = core.run(run(other_ran));
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().message() == "first");
    CHECK(other_ran);
}

TEST_CASE("a greedy branch of join does not starve its sibling", "[task][join]") {
    sync::local::Mutex<int> mutex;
    bool stop = false;
    int rounds = 0;
    TestCore core;
    const auto run = [](sync::local::Mutex<int>& m, bool& flag, int& count) -> Task<void> {
        (void)co_await join(greedy(m, flag, count), set(flag));
        (void)co_await join(set(flag), greedy(m, flag, count));
    };
    (void)core.run(run(mutex, stop, rounds));
    CHECK(rounds <= 3 * 128);
}

TEST_CASE("aborting a task inside a join cancels every branch", "[task][join][cancel]") {
    Notify a;
    Notify b;
    int dropped = 0;
    TestCore core;
    const auto run = [](Notify& first, Notify& second, int& count) -> Task<void> {
        Task<int> sleeper = asleep(second, CountDrop(count));
        (void)co_await join(first.notified(), std::move(sleeper));
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
    CHECK(core.run(notified_or_yield(a)) == 0U);
    CHECK(core.run(notified_or_yield(b)) == 0U);
}

TEST_CASE("a branch of join that was woken when its task is aborted passes its claim on", "[task][join][cancel]") {
    Notify a;
    Notify b;
    TestCore core;
    const auto run = [](Notify& first, Notify& second) -> Task<void> {
        (void)co_await join(first.notified(), second.notified());
    };
    auto task = core.start(run(a, b));
    core.run_until_idle();
    task.abort();
    core.in([&] { b.notify_one(); });
    core.run_until_idle();
    CHECK(task.is_finished());
    CHECK(core.run(notified_or_yield(b)) == 0U);
    CHECK(core.run(notified_or_yield(a)) == 1U);
}

TEST_CASE("a join that loses a select is cancelled with its branches", "[task][join][select][cancel]") {
    Notify a;
    Notify b;
    TestCore core;
    const auto run = [](Notify& first, Notify& second) -> Task<std::size_t> {
        auto winner = co_await select_biased(join(first.notified(), second.notified()), yield_now());
        co_return winner.index();
    };
    CHECK(core.run(run(a, b)) == 1U);
    core.in([&] {
        a.notify_one();
        b.notify_one();
    });
    CHECK(core.run(notified_or_yield(a)) == 0U);
    CHECK(core.run(run(a, b)) == 1U);
}

TEST_CASE("a join whose branches end at once wins a select", "[task][join][select]") {
    Notify never;
    TestCore core;
    const auto run = [](Notify& n) -> Task<std::size_t> {
        auto winner = co_await select(n.notified(), join(after_yields(0, 1), after_yields(2, 2)));
        co_return winner.index();
    };
    CHECK(core.run(run(never)) == 1U);
}

TEST_CASE("join waits for primitives that other cores release", "[task][join][cross_core]") {
    sync::Mutex<int> a(1);
    sync::Mutex<int> b(2);
    TestCore here;
    TestCore there;
    const auto run = [](sync::Mutex<int>& first, sync::Mutex<int>& second) -> Task<int> {
        auto guards = co_await join(first.lock(), second.lock());
        co_return *std::get<0>(guards) + *std::get<1>(guards);
    };
    auto held_a = there.in([&] { return a.try_lock(); });
    auto held_b = there.in([&] { return b.try_lock(); });
    auto task = here.start(run(a, b));
    here.run_until_idle();
    there.in([&] { held_b.reset(); });
    here.run_until_idle();
    CHECK_FALSE(task.is_finished());
    there.in([&] { held_a.reset(); });
    here.run_until_idle();
    CHECK(task.is_finished());
    CHECK_FALSE(a.is_locked());
    CHECK_FALSE(b.is_locked());
}

TEST_CASE("what a completed branch of a cancelled join had taken is lost with it", "[task][join][cancel]") {
    Notify a;
    Notify b;
    TestCore core;
    const auto run = [](Notify& first, Notify& second) -> Task<void> {
        (void)co_await join(first.notified(), second.notified());
    };
    core.in([&] { a.notify_one(); });
    auto task = core.start(run(a, b));
    core.run_until_idle();
    task.abort();
    core.run_until_idle();
    CHECK(task.is_finished());
    CHECK(core.run(notified_or_yield(a)) == 1U);
}

TEST_CASE("a branch of join that has ended lets go of its parameters while the others go on", "[task][join]") {
    const auto run = [](int yields) -> Task<std::tuple<int, int>> {
        auto [tx, rx] = sync::mpsc::channel<int>(1);
        auto values = co_await join(produce(std::move(tx), yields, End::value), consume(std::move(rx)));
        co_return values;
    };
    TestCore core;
    for (int yields : {0, 3}) {
        auto task = core.start(run(yields));
        core.run_until_idle();
        REQUIRE(task.is_finished());
        CHECK(core.run(outcome_of(task))->value() == std::tuple(7, 1));
    }
}

TEST_CASE("a branch of join that threw lets go of its parameters, too", "[task][join]") {
    const auto run = [](int yields) -> Task<void> {
        auto [tx, rx] = sync::mpsc::channel<int>(1);
        (void)co_await join(produce(std::move(tx), yields, End::exception), consume(std::move(rx)));
    };
    TestCore core;
    for (int yields : {0, 3}) {
        auto task = core.start(run(yields));
        core.run_until_idle();
        REQUIRE(task.is_finished());
        CHECK(core.run(outcome_of(task))->error().message() == "produced enough");
    }
}

TEST_CASE("what ok() ended lets go of its locals while the other branches of a join go on", "[task][join][ok]") {
    sync::local::Mutex<int> mutex;
    const auto run = [](sync::local::Mutex<int>& m) -> Task<void> {
        auto ended = co_await join(lock_and_fail(m), lock_and_fail(m), lock_and_fail(m));
        CHECK(std::get<2>(ended).error() == Errc::closed);
    };
    TestCore core;
    auto task = core.start(run(mutex));
    core.run_until_idle();
    CHECK(task.is_finished());
    CHECK_FALSE(mutex.is_locked());
}

TEST_CASE("a Task lets go inside of what stands around it in a join", "[task][join][select][cancel_token]") {
    Notify never;
    CancellationToken token;
    TestCore core;
    SECTION("a select that it wins") {
        const auto run = [](Notify& n) -> Task<void> {
            auto [tx, rx] = sync::mpsc::channel<int>(1);
            (void)co_await join(select(produce(std::move(tx), 3, End::value), n.notified()), consume(std::move(rx)));
        };
        auto task = core.start(run(never));
        core.run_until_idle();
        CHECK(task.is_finished());
    }
    SECTION("a select that it loses") {
        const auto run = [](Notify& n) -> Task<void> {
            auto [tx, rx] = sync::mpsc::channel<int>(1);
            (void)co_await join(select(produce(std::move(tx), 1'000'000, End::value), n.notified()),
                                consume(std::move(rx)));
        };
        auto task = core.start(run(never));
        core.step();
        core.in([&] { never.notify_one(); });
        core.step();
        CHECK(task.is_finished());
    }
    SECTION("the branch of a select that takes part") {
        const auto run = [](Notify& n) -> Task<void> {
            auto [tx, rx] = sync::mpsc::channel<int>(1);
            (void)co_await join(select(when(true, produce(std::move(tx), 3, End::value)), n.notified()),
                                consume(std::move(rx)));
        };
        auto task = core.start(run(never));
        core.run_until_idle();
        CHECK(task.is_finished());
    }
    SECTION("run_until_cancelled") {
        const auto run = [](const CancellationToken& until) -> Task<void> {
            auto [tx, rx] = sync::mpsc::channel<int>(1);
            (void)co_await join(until.run_until_cancelled(produce(std::move(tx), 3, End::value)),
                                consume(std::move(rx)));
        };
        auto task = core.start(run(token));
        core.run_until_idle();
        CHECK(task.is_finished());
    }
}

TEST_CASE("a value is safe from what the end of its branch wakes", "[task][join]") {
    Notify bell;
    const auto run = [](int yields, Notify& n) -> Task<int> {
        const auto wake = [&n] { n.notify_one(); };
        auto values = co_await join(owned(yields, 42, AtExit(wake)), n.notified());
        co_return *std::get<0>(values);
    };
    TestCore core;
    for (int yields : {0, 3}) {
        auto task = core.start(run(yields, bell));
        core.run_until_idle();
        REQUIRE(task.is_finished());
        CHECK(core.run(outcome_of(task))->value() == 42);
    }
}

TEST_CASE("a branch whose end aborts the task of its join ends once", "[task][join][cancel]") {
    Notify never;
    int ends = 0;
    std::optional<AbortHandle> self;
    const auto run = [](Notify& n, std::optional<AbortHandle>& handle, int& count) -> Task<void> {
        const auto abort = [&handle, &count] {
            ++count;
            handle->abort();
        };
        (void)co_await join(owned(3, 1, AtExit(abort)), n.notified());
    };
    TestCore core;
    auto task = core.start(run(never, self, ends));
    self = core.in([&] { return task.abort_handle(); });
    core.run_until_idle();
    CHECK(ends == 1);
    CHECK(task.is_finished());
    core.in([&] { self.reset(); });
}

TEST_CASE("what a destructor throws at the end of a branch leaves its value and the others alone", "[task][join][ok]") {
    const auto fail = [](int yields) -> Task<Result<int>> {
        for (int i = 0; i < yields; ++i) co_await yield_now();
        const tests::ThrowsWhenDestroyed local;
        co_return co_await ok(Result<int>(Errc::closed));
    };
    const auto run = [fail](int yields) -> Task<int> {
        auto values = co_await join(fail(yields), after_yields(5, 2));
        co_return std::get<0>(values).error() == Errc::closed ? std::get<1>(values) : -1;
    };
    TestCore core;
    for (int yields : {0, 3}) CHECK(core.run(run(yields)) == 2);
}
