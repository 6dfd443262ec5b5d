#include <skerry/task/join_set.hpp>

#include "support/catch.hpp"
#include "support/limits.hpp"
#include "support/test_core.hpp"

#include <skerry/sync/notify.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/yield.hpp>

#include <array>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace skerry;
using test_support::TestCore;

namespace {

static_assert(task::BranchAwaiter<task::JoinNext<int>::Awaiter>);
static_assert(std::is_trivially_copyable_v<task::JoinNext<int>>);

/// Appends `text` to a log when it goes away.
struct Farewell {
    std::vector<std::string>* log = nullptr;
    std::string text;

    Farewell(std::vector<std::string>& to, std::string said) : log(&to), text(std::move(said)) {}
    Farewell(Farewell&& other) noexcept : log(std::exchange(other.log, nullptr)), text(std::move(other.text)) {}
    Farewell& operator=(Farewell&&) = delete;
    ~Farewell() {
        if (log != nullptr) log->push_back(text);
    }
};

struct ThrowsWhenDropped {
    ThrowsWhenDropped() = default;
    ThrowsWhenDropped(const ThrowsWhenDropped&) = delete;
    ThrowsWhenDropped& operator=(const ThrowsWhenDropped&) = delete;
    ~ThrowsWhenDropped() noexcept(false) { throw std::runtime_error("dropped"); }
};

Task<int> after_yields(int yields, int value) {
    for (int i = 0; i < yields; ++i) co_await yield_now();
    co_return value;
}

Task<int> throws(std::string what) {
    co_await yield_now();
    throw std::runtime_error(what);
}

Task<void> forever(Farewell) {
    for (;;) co_await yield_now();
}

Task<void> asleep(sync::Notify& never, Farewell) { co_await never.notified(); }

Task<void> throws_when_aborted(sync::Notify& never) {
    ThrowsWhenDropped bomb;
    co_await never.notified();
}

Task<void> nothing() { co_return; }

Task<void> set(bool& flag) {
    flag = true;
    co_return;
}

Task<std::optional<int>> next_value(JoinSet<int>& members) {
    auto ended = co_await members.join_next();
    if (!ended) co_return std::nullopt;
    co_return ended->value_or(-1);
}

Task<std::vector<int>> all_values(JoinSet<int>& members) {
    std::vector<int> values;
    for (;;) {
        auto ended = co_await members.join_next();
        if (!ended) co_return values;
        values.push_back(ended->value_or(-1));
    }
}

template <class T>
Task<std::optional<Result<T, JoinError>>> next_outcome(JoinSet<T>& members) {
    auto ended = co_await members.join_next();
    co_return ended;
}

Task<std::size_t> next_or_yield(JoinSet<int>& members) {
    auto winner = co_await select_biased(members.join_next(), yield_now());
    co_return winner.index();
}

}  // namespace

// Behaviour 18.
TEST_CASE("members are joined in the order in which they end", "[task][join_set]") {
    JoinSet<int> members;
    TestCore core;
    core.in([&] {
        members.spawn(after_yields(30, 3));
        members.spawn(after_yields(10, 1));
        members.spawn(after_yields(20, 2));
    });
    CHECK(members.len() == 3);
    CHECK(core.run(all_values(members)) == std::vector<int>{1, 2, 3});
    CHECK(members.is_empty());
}

TEST_CASE("join_next of an empty set gives nothing at once", "[task][join_set]") {
    JoinSet<int> members;
    TestCore core;
    const auto value = core.run(next_value(members));
    REQUIRE(value);
    CHECK_FALSE(value->has_value());
}

TEST_CASE("what a member throws is its outcome", "[task][join_set]") {
    JoinSet<int> members;
    TestCore core;
    core.in([&] { members.spawn(throws("boo")); });
    const auto outcome = core.run(next_outcome(members));
    REQUIRE(outcome);
    REQUIRE(outcome->has_value());
    REQUIRE_FALSE(outcome->value().has_value());
    CHECK(outcome->value().error().message() == "boo");
}

TEST_CASE("an aborted member is joined as cancelled, the others with their values", "[task][join_set][cancel]") {
    JoinSet<int> members;
    TestCore core;
    core.in([&] {
        members.spawn(after_yields(5, 5));
        const AbortHandle abort = members.spawn(after_yields(100, 100));
        abort.abort();
    });
    CHECK(core.run(all_values(members)) == std::vector<int>{-1, 5});
}

TEST_CASE("a member that is aborted before it starts is joined as cancelled", "[task][join_set][cancel]") {
    std::vector<std::string> log;
    JoinSet<void> members;
    TestCore core;
    core.in([&] { members.spawn(forever(Farewell(log, "argument"))).abort(); });
    const auto outcome = core.run(next_outcome(members));
    REQUIRE(outcome->has_value());
    CHECK(outcome->value().error().is_cancelled());
    CHECK(log == std::vector<std::string>{"argument"});
}

// Behaviour 11.
TEST_CASE("a member's arguments and locals are gone before its end is joined", "[task][join_set]") {
    std::vector<std::string> log;
    JoinSet<void> members;
    TestCore core;
    const auto member = [](std::vector<std::string>& to, Farewell) -> Task<void> {
        const Farewell local(to, "local");
        co_await yield_now();
    };
    const auto joiner = [](JoinSet<void>& set, std::vector<std::string>& to) -> Task<void> {
        auto ended = co_await set.join_next();
        to.push_back(*ended ? "joined" : "cancelled");
    };
    SECTION("on completion") {
        core.in([&] { members.spawn(member(log, Farewell(log, "argument"))); });
        (void)core.run(joiner(members, log));
        CHECK(log == std::vector<std::string>{"local", "argument", "joined"});
    }
    SECTION("on abort") {
        core.in([&] { members.spawn(member(log, Farewell(log, "argument"))); });
        core.step(1);
        members.abort_all();
        (void)core.run(joiner(members, log));
        CHECK(log == std::vector<std::string>{"local", "argument", "cancelled"});
    }
}

// Behaviour 12.
TEST_CASE("what a member's destructor throws during an abort is its outcome", "[task][join_set][cancel]") {
    sync::Notify never;
    JoinSet<void> members;
    TestCore core;
    core.in([&] { members.spawn(throws_when_aborted(never)); });
    core.run_until_idle();
    members.abort_all();
    const auto outcome = core.run(next_outcome(members));
    REQUIRE(outcome->has_value());
    REQUIRE(outcome->value().error().is_exception());
    CHECK(outcome->value().error().message() == "dropped");
}

// Behaviour 18.
TEST_CASE("dropping the set aborts its members", "[task][join_set][cancel]") {
    sync::Notify never;
    std::vector<std::string> log;
    TestCore core;
    core.in([&] {
        JoinSet<void> members;
        members.spawn(asleep(never, Farewell(log, "a")));
        members.spawn(forever(Farewell(log, "b")));
        members.spawn(nothing());
        core.scheduler().run(20);
        CHECK(log.empty());
    });
    core.run_until_idle();
    CHECK(log.size() == 2);
    CHECK(core.scheduler().live_tasks() == 0);
}

#if !SKERRY_ASAN && !SKERRY_TSAN  // they need address space of their own
TEST_CASE("a member for whose frame there is no memory is joined as cancelled", "[task][join_set]") {
    struct Work {
        static Task<int> one() { co_return 1; }
    };
    TestCore core;
    JoinSet<int> members;
    core.in([&] {
        auto task = Work::one();
        std::vector<Task<int>> rest;
        rest.reserve(100'000);
        delete new std::array<char, 4096>;  // there is memory for the member itself
        std::optional<tests::LowerLimit> no_more(std::in_place, RLIMIT_AS, 1);
        bool is_full = false;
        while (!is_full) {
            try {
                rest.push_back(Work::one());
            } catch (const std::bad_alloc&) {
                is_full = true;
            }
        }
        bool refused = false;
        try {
            members.spawn(std::move(task));
        } catch (const std::bad_alloc&) {
            refused = true;
        }
        no_more.reset();
        CHECK(refused);
        CHECK(members.len() == 1);
        const auto ended = members.try_join_next();
        REQUIRE(ended.has_value());
        REQUIRE_FALSE(ended->has_value());
        CHECK(ended->error().is_cancelled());
    });
}
#endif

TEST_CASE("detach_all lets members run on and empties the set", "[task][join_set]") {
    bool ran = false;
    JoinSet<void> members;
    TestCore core;
    core.in([&] {
        members.spawn(nothing());
        core.scheduler().run(1);
        members.spawn(set(ran));
        CHECK(members.len() == 2);
        members.detach_all();
    });
    CHECK(members.is_empty());
    CHECK_FALSE(ran);
    core.run_until_idle();
    CHECK(ran);
    CHECK(members.is_empty());
    CHECK_FALSE(members.try_join_next().has_value());
}

TEST_CASE("detach_all tells who waits in join_next that the set is empty", "[task][join_set]") {
    JoinSet<int> members;
    TestCore core;
    auto waiting = core.start(next_value(members));
    core.in([&] { members.spawn(after_yields(1'000'000, 1)).abort(); });
    core.run_until_idle();
    CHECK(waiting.is_finished());

    sync::Notify never;
    JoinSet<void> sleepers;
    core.in([&] { sleepers.spawn([](sync::Notify& n) -> Task<void> { co_await n.notified(); }(never)); });
    auto next = core.start(next_outcome(sleepers));
    core.run_until_idle();
    CHECK_FALSE(next.is_finished());
    core.in([&] { sleepers.detach_all(); });
    core.run_until_idle();
    CHECK(next.is_finished());
    core.in([&] { never.notify_one(); });
    core.run_until_idle();
}

TEST_CASE("try_join_next gives only what has ended", "[task][join_set]") {
    JoinSet<int> members;
    TestCore core;
    core.in([&] { members.spawn(after_yields(0, 7)); });
    CHECK_FALSE(members.try_join_next().has_value());
    core.run_until_idle();
    const auto ended = core.in([&] { return members.try_join_next(); });
    REQUIRE(ended);
    CHECK(*ended == 7);
    CHECK(members.is_empty());
}

TEST_CASE("shutdown aborts the members and waits for their ends", "[task][join_set][cancel]") {
    sync::Notify never;
    std::vector<std::string> log;
    JoinSet<void> members;
    TestCore core;
    core.in([&] {
        members.spawn(asleep(never, Farewell(log, "a")));
        members.spawn(asleep(never, Farewell(log, "b")));
    });
    core.run_until_idle();
    const auto stop = [](JoinSet<void>& set, std::vector<std::string>& to) -> Task<void> {
        co_await set.shutdown();
        to.push_back("shut down");
    };
    (void)core.run(stop(members, log));
    REQUIRE(log.size() == 3);
    CHECK(log.back() == "shut down");
    CHECK(members.is_empty());
}

TEST_CASE("join_all gives every outcome in the order of the ends", "[task][join_set]") {
    JoinSet<int> members;
    TestCore core;
    core.in([&] {
        members.spawn(after_yields(2, 2));
        members.spawn(throws("boo"));
        members.spawn(after_yields(0, 0));
    });
    const auto outcomes = core.run(members.join_all());
    REQUIRE(outcomes);
    REQUIRE(outcomes->size() == 3);
    CHECK((*outcomes)[0] == 0);
    CHECK((*outcomes)[1].error().is_exception());
    CHECK((*outcomes)[2] == 2);
}

TEST_CASE("a cancelled join_next leaves the outcome in the set", "[task][join_set][cancel]") {
    JoinSet<int> members;
    TestCore core;
    core.in([&] { members.spawn(after_yields(1, 7)); });
    auto waiting = core.start(next_value(members));
    core.step(2);  // the member yields, the joiner waits
    waiting.abort();
    SECTION("before the member ends") { core.run_until_idle(); }
    SECTION("after its end was granted") {
        core.in([&] { core.scheduler().run(1); });  // the member ends; the abort is not yet drained
        CHECK_FALSE(waiting.is_finished());
        core.run_until_idle();
    }
    CHECK(waiting.is_finished());
    CHECK(members.len() == 1);
    const auto value = core.run(next_value(members));
    REQUIRE(value);
    CHECK(*value == 7);
}

TEST_CASE("a cancelled join_next passes its end to the next one that waits", "[task][join_set][cancel]") {
    sync::Notify never;
    JoinSet<int> members;
    bool ended = false;
    TestCore core;
    const auto run = [](bool& over) -> Task<int> {
        for (int i = 0; i < 5; ++i) co_await yield_now();
        over = true;
        co_return 7;
    };
    const auto wait = [](sync::Notify& n) -> Task<int> {
        co_await n.notified();
        co_return 0;
    };
    core.in([&] {
        members.spawn(wait(never));
        members.spawn(run(ended));
    });
    auto first = core.start(next_value(members));
    core.step(1);
    auto second = core.start(next_value(members));
    while (!ended) core.step(1);
    first.abort();  // woken with the end, and not yet run
    core.run_until_idle();
    CHECK(first.is_finished());
    CHECK(second.is_finished());
    CHECK(members.len() == 1U);
}

TEST_CASE("when the last member ends, one who waits gets it and the others get nothing", "[task][join_set]") {
    JoinSet<int> members;
    TestCore core;
    core.in([&] { members.spawn(after_yields(3, 7)); });
    auto first = core.start(next_value(members));
    auto second = core.start(next_value(members));
    core.run_until_idle();
    CHECK(first.is_finished());
    CHECK(second.is_finished());
}

TEST_CASE("a join_next that loses a select takes no outcome with it", "[task][join_set][select]") {
    JoinSet<int> members;
    TestCore core;
    core.in([&] { members.spawn(after_yields(5, 7)); });
    CHECK(core.run(next_or_yield(members)) == 1U);
    core.run_until_idle();
    CHECK(members.len() == 1);
    CHECK(core.run(next_or_yield(members)) == 0U);
    CHECK(members.is_empty());
}

// Behaviour 18.
TEST_CASE("joining many ended members gives way when the budget is spent", "[task][join_set]") {
    JoinSet<void> members;
    bool stop = false;
    TestCore core;
    core.in([&] {
        for (int i = 0; i < 1000; ++i) members.spawn(nothing());
    });
    core.run_until_idle();
    const auto drain = [](JoinSet<void>& set, const bool& flag, int& joined) -> Task<void> {
        while (!flag) {
            auto ended = co_await set.join_next();
            if (!ended) co_return;
            ++joined;
        }
    };
    int joined = 0;
    auto greedy = core.start(drain(members, stop, joined));
    core.step(1);
    auto other = core.start(set(stop));
    core.run_until_idle();
    CHECK(greedy.is_finished());
    CHECK(joined <= 3 * 128);
    CHECK(joined + members.len() == 1000);
}

// Behaviour 18.
TEST_CASE("abort_all that comes after an end leaves the value", "[task][join_set][cancel]") {
    JoinSet<int> members;
    TestCore core;
    core.in([&] {
        members.spawn(after_yields(0, 1));
        members.spawn(after_yields(100, 2));
    });
    core.step(10);
    members.abort_all();
    CHECK(core.run(all_values(members)) == std::vector<int>{1, -1});
}

TEST_CASE("a set that dies with its core aborts its members", "[task][join_set][cancel]") {
    std::vector<std::string> log;
    {
        TestCore core;
        const auto owner = [](std::vector<std::string>& to) -> Task<void> {
            JoinSet<void> members;
            members.spawn(forever(Farewell(to, "a")));
            members.spawn(forever(Farewell(to, "b")));
            (void)co_await members.join_next();
        };
        auto task = core.start(owner(log));
        core.step(5);
    }
    CHECK(log.size() == 2);
}

TEST_CASE("spawning and joining leaves no block behind", "[task][join_set]") {
    JoinSet<int> members;
    TestCore core;
    const auto before = core.scheduler().slab_stats().live_blocks;
    for (int round = 0; round < 3; ++round) {
        core.in([&] {
            for (int i = 0; i < 100; ++i) members.spawn(after_yields(i % 3, i));
        });
        (void)core.run(all_values(members));
    }
    CHECK(core.scheduler().slab_stats().live_blocks == before);
}

TEST_CASE("a set may be joined from another core than its members'", "[task][join_set][cross_core]") {
    JoinSet<int> members;
    TestCore a;
    TestCore b;
    b.in([&] { members.spawn(after_yields(2, 7)); });
    auto waiting = a.start(next_value(members));
    a.run_until_idle();
    CHECK_FALSE(waiting.is_finished());
    b.run_until_idle();
    a.run_until_idle();
    CHECK(waiting.is_finished());
    CHECK(members.is_empty());
}

TEST_CASE("a cancelled shutdown aborts the members all the same", "[task][join_set][cancel]") {
    sync::Notify never;
    std::vector<std::string> log;
    JoinSet<void> members;
    TestCore core;
    core.in([&] {
        members.spawn(asleep(never, Farewell(log, "a")));
        members.spawn(asleep(never, Farewell(log, "b")));
    });
    core.run_until_idle();
    auto stopping = core.start(members.shutdown());
    core.step(1);
    stopping.abort();
    core.run_until_idle();
    CHECK(stopping.is_finished());
    CHECK(log.size() == 2);
    CHECK(members.len() == 2);  // their ends are still to be joined
}

TEST_CASE("a cancelled join_all has lost the outcomes that it had taken, and no other", "[task][join_set][cancel]") {
    JoinSet<int> members;
    TestCore core;
    core.in([&] {
        members.spawn(after_yields(1, 1));
        members.spawn(after_yields(20, 2));
    });
    auto joining = core.start(members.join_all());
    while (members.len() == 2) core.step(1);
    joining.abort();
    core.run_until_idle();
    CHECK(joining.is_finished());
    CHECK(core.run(all_values(members)) == std::vector<int>{2});
}
