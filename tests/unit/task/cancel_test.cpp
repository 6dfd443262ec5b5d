#include <skerry/task/cancel.hpp>

#include "support/catch.hpp"
#include "support/test_core.hpp"

#include <skerry/sync/notify.hpp>
#include <skerry/task/yield.hpp>

#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

using namespace skerry;
using test_support::TestCore;

namespace {

static_assert(task::BranchAwaiter<task::CancelledAwaiter>);
static_assert(std::is_trivially_copyable_v<task::Cancelled>);

Task<void> wait_for(CancellationToken token) { co_await token.cancelled(); }

Task<void> wait_and_mark(const CancellationToken& token, std::vector<int>& order, int mark) {
    co_await token.cancelled();
    order.push_back(mark);
}

Task<std::size_t> cancelled_or_yield(const CancellationToken& token) {
    auto winner = co_await select_biased(token.cancelled(), yield_now());
    co_return winner.index();
}

Task<int> after_yields(int yields, int value, int& started) {
    ++started;
    for (int i = 0; i < yields; ++i) co_await yield_now();
    co_return value;
}

Task<std::optional<int>> run_until(const CancellationToken& token, int yields, int& started) {
    auto value = co_await token.run_until_cancelled(after_yields(yields, 7, started));
    co_return value;
}

Task<void> spin_on(const CancellationToken& token, const bool& stop, int& rounds) {
    while (!stop) {
        co_await token.cancelled();
        ++rounds;
    }
}

Task<void> set(bool& flag) {
    flag = true;
    co_return;
}

}  // namespace

TEST_CASE("cancelling a token cancels what was made from it and nothing above", "[task][cancel_token]") {
    const CancellationToken root;
    const CancellationToken left = root.child_token();
    const CancellationToken right = root.child_token();
    const CancellationToken leaf = left.child_token();
    left.cancel();
    CHECK(left.is_cancelled());
    CHECK(leaf.is_cancelled());
    CHECK_FALSE(right.is_cancelled());
    CHECK_FALSE(root.is_cancelled());
    root.cancel();
    CHECK(right.is_cancelled());
    left.cancel();
}

TEST_CASE("a child of a cancelled token is born cancelled", "[task][cancel_token]") {
    const CancellationToken root;
    root.cancel();
    const CancellationToken child = root.child_token();
    CHECK(child.is_cancelled());
    CHECK(child.child_token().is_cancelled());
}

TEST_CASE("copies are the same token", "[task][cancel_token]") {
    const CancellationToken token;
    const CancellationToken copy = token;
    const CancellationToken child = token.child_token();
    CHECK(copy == token);
    CHECK_FALSE(child == token);
    copy.cancel();
    CHECK(token.is_cancelled());
}

TEST_CASE("dropping a parent cancels nothing", "[task][cancel_token]") {
    std::optional<CancellationToken> parent(std::in_place);
    const CancellationToken child = parent->child_token();
    const CancellationToken sibling = parent->child_token();
    parent.reset();
    CHECK_FALSE(child.is_cancelled());
    child.cancel();
    CHECK(child.is_cancelled());
    CHECK_FALSE(sibling.is_cancelled());
}

TEST_CASE("children of a dropped token are cancelled with its parent", "[task][cancel_token]") {
    const CancellationToken root;
    std::optional<CancellationToken> middle(root.child_token());
    const CancellationToken first = middle->child_token();
    const CancellationToken second = middle->child_token();
    const CancellationToken beside = root.child_token();
    middle.reset();
    second.cancel();
    CHECK_FALSE(first.is_cancelled());
    root.cancel();
    CHECK(first.is_cancelled());
    CHECK(beside.is_cancelled());
}

TEST_CASE("orphans and their children stay apart from each other", "[task][cancel_token]") {
    std::optional<CancellationToken> root(std::in_place);
    std::optional<CancellationToken> a(root->child_token());
    const CancellationToken b = root->child_token();
    const CancellationToken a1 = a->child_token();
    const CancellationToken a2 = a->child_token();
    root.reset();
    a.reset();  // a1 and a2 take its place among the orphans
    a1.cancel();
    CHECK_FALSE(a2.is_cancelled());
    CHECK_FALSE(b.is_cancelled());
    b.cancel();
    CHECK_FALSE(a2.is_cancelled());
}

TEST_CASE("tokens can be dropped in any order", "[task][cancel_token]") {
    // Three levels; every order in which six tokens can go.
    std::vector<int> order{0, 1, 2, 3, 4, 5};
    do {
        std::vector<std::optional<CancellationToken>> tokens(6);
        tokens[0].emplace();
        tokens[1].emplace(tokens[0]->child_token());
        tokens[2].emplace(tokens[0]->child_token());
        tokens[3].emplace(tokens[1]->child_token());
        tokens[4].emplace(tokens[1]->child_token());
        tokens[5].emplace(tokens[2]->child_token());
        for (std::size_t i = 0; i < 3; ++i) tokens[order[i]].reset();
        if (tokens[0]) tokens[0]->cancel();
        for (const auto& token : tokens)
            if (token && tokens[0]) CHECK(token->is_cancelled());
        for (std::size_t i = 3; i < 6; ++i) tokens[order[i]].reset();
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("a chain of 100,000 tokens is cancelled and dropped without recursion", "[task][cancel_token]") {
    std::vector<CancellationToken> chain(1);
    for (int i = 0; i < 100'000; ++i) chain.push_back(chain.back().child_token());
    SECTION("cancelled from the root") {
        chain.front().cancel();
        CHECK(chain.back().is_cancelled());
    }
    SECTION("dropped from the root") {
        for (auto& token : chain) {
            const CancellationToken gone = std::move(token);
            if (&token == &chain.back()) CHECK_FALSE(gone.is_cancelled());
        }
    }
    SECTION("dropped from the leaf") {
        while (chain.size() > 1) chain.pop_back();
        CHECK_FALSE(chain.front().is_cancelled());
    }
}

TEST_CASE("a token that replaces itself by its child stays below the root", "[task][cancel_token]") {
    const CancellationToken root;
    CancellationToken token = root.child_token();
    for (int i = 0; i < 1000; ++i) token = token.child_token();
    CHECK_FALSE(token.is_cancelled());
    root.cancel();
    CHECK(token.is_cancelled());
}

TEST_CASE("cancel() wakes everybody who waits on the tree below", "[task][cancel_token]") {
    const CancellationToken root;
    const CancellationToken child = root.child_token();
    std::vector<int> order;
    TestCore core;
    std::vector<JoinHandle<void>> tasks;
    for (int i = 0; i < 3; ++i) {
        tasks.push_back(core.start(wait_and_mark(i == 1 ? child : root, order, i)));
        core.run_until_idle();
    }
    CHECK(order.empty());
    core.in([&] { root.cancel(); });
    core.run_until_idle();
    CHECK(order == std::vector<int>{0, 2, 1});
    CHECK(core.run(cancelled_or_yield(root)) == 0U);
}

TEST_CASE("an aborted wait for a token leaves no trace", "[task][cancel_token][cancel]") {
    const CancellationToken token;
    TestCore core;
    auto task = core.start(wait_for(token));
    core.run_until_idle();
    SECTION("before the token is cancelled") {
        task.abort();
        core.run_until_idle();
        core.in([&] { token.cancel(); });
    }
    SECTION("after it was woken") {
        task.abort();
        core.in([&] { token.cancel(); });
    }
    core.run_until_idle();
    CHECK(task.is_finished());
}

TEST_CASE("a wait for a token that loses a select leaves the token as it was", "[task][cancel_token][select]") {
    const CancellationToken token;
    TestCore core;
    CHECK(core.run(cancelled_or_yield(token)) == 1U);
    token.cancel();
    CHECK(core.run(cancelled_or_yield(token)) == 0U);
}

TEST_CASE("a loop over a cancelled token gives way when the budget is spent", "[task][cancel_token]") {
    const CancellationToken token;
    token.cancel();
    bool stop = false;
    int rounds = 0;
    TestCore core;
    auto greedy = core.start(spin_on(token, stop, rounds));
    core.step(1);
    auto other = core.start(set(stop));
    core.run_until_idle();
    CHECK(greedy.is_finished());
    CHECK(rounds <= 3 * 128);
}

TEST_CASE("a drop guard cancels when it goes away, unless it is disarmed", "[task][cancel_token]") {
    const CancellationToken token;
    {
        auto guard = CancellationToken(token).drop_guard();
        const CancellationToken back = std::move(guard).disarm();
        CHECK(back == token);
    }
    CHECK_FALSE(token.is_cancelled());
    {
        auto guard = CancellationToken(token).drop_guard();
        const auto moved = std::move(guard);
        CHECK_FALSE(token.is_cancelled());
    }
    CHECK(token.is_cancelled());
}

TEST_CASE("run_until_cancelled gives the value, or nothing once the token is cancelled", "[task][cancel_token]") {
    const CancellationToken token;
    int started = 0;
    TestCore core;
    SECTION("the value") {
        const auto value = core.run(run_until(token, 3, started));
        REQUIRE(value->has_value());
        CHECK(**value == 7);
    }
    SECTION("cancelled on the way") {
        auto task = core.start(run_until(token, 1'000'000, started));
        core.step(1);
        core.in([&] { token.cancel(); });
        core.step(5);
        CHECK(task.is_finished());
        CHECK(started == 1);
    }
    SECTION("cancelled before: the task is not started") {
        token.cancel();
        const auto value = core.run(run_until(token, 0, started));
        REQUIRE(value);
        CHECK_FALSE(value->has_value());
        CHECK(started == 0);
    }
    SECTION("cancelled before, in a loop that meets the end of the budget") {
        token.cancel();
        const auto loop = [](const CancellationToken& until, int& count) -> Task<int> {
            int values = 0;
            for (int i = 0; i < 3 * 128; ++i) {
                auto value = co_await until.run_until_cancelled(after_yields(0, 7, count));
                if (value) ++values;
            }
            co_return values;
        };
        CHECK(*core.run(loop(token, started)) == 0);
        CHECK(started == 0);
    }
}

TEST_CASE("a stop request cancels the token while the bridge lives", "[task][cancel_token]") {
    const CancellationToken first;
    const CancellationToken second;
    std::stop_source source;
    {
        const auto bridge = first.cancel_on(source.get_token());
    }
    const auto bridge = second.cancel_on(source.get_token());
    source.request_stop();
    CHECK_FALSE(first.is_cancelled());
    CHECK(second.is_cancelled());
}

TEST_CASE("a token wakes waiters of several cores, from a thread that is none", "[task][cancel_token][cross_core]") {
    const CancellationToken root;
    const CancellationToken child = root.child_token();
    TestCore a;
    TestCore b;
    auto on_a = a.start(wait_for(root));
    auto on_b = b.start(wait_for(child));
    a.run_until_idle();
    b.run_until_idle();
    root.cancel();
    b.run_until_idle();
    CHECK(on_b.is_finished());
    CHECK_FALSE(on_a.is_finished());
    a.run_until_idle();
    CHECK(on_a.is_finished());
}

TEST_CASE("a waiter that is woken from another core and aborted at once ends cleanly",
          "[task][cancel_token][cross_core]") {
    const CancellationToken token;
    TestCore a;
    TestCore b;
    auto task = a.start(wait_for(token));
    a.run_until_idle();
    b.in([&] {
        token.cancel();
        task.abort();
    });
    a.run_until_idle();
    CHECK(task.is_finished());
}

TEST_CASE("giving up run_until_cancelled gives up what it runs and the wait for the token",
          "[task][cancel_token][cancel]") {
    const CancellationToken token;
    sync::Notify notify;
    TestCore core;
    const auto run = [](const CancellationToken& until, sync::Notify& what) -> Task<void> {
        (void)co_await until.run_until_cancelled(what.notified());
    };
    auto task = core.start(run(token, notify));
    core.run_until_idle();
    task.abort();
    if (GENERATE(false, true)) core.in([&] { notify.notify_one(); });  // it is woken, and goes before it runs
    core.run_until_idle();
    CHECK(task.is_finished());
    core.in([&] {
        token.cancel();
        notify.notify_one();  // the permit is stored
    });
    auto next = core.start([](sync::Notify& what) -> Task<void> { co_await what.notified(); }(notify));
    core.run_until_idle();
    CHECK(next.is_finished());
}
