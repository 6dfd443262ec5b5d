// Tokens and JoinSets between cores: a token that is made, dropped or waited for while its tree is cancelled, and a
// member that ends while its set is joined, aborted or dropped.

#include "channel_model.hpp"

#include <skerry/task/cancel.hpp>
#include <skerry/task/join_set.hpp>

#include <optional>
#include <utility>

namespace {

using namespace skerry;
using skerry::test_support::TestCore;

Task<> until_cancelled(CancellationToken token) { co_await token.cancelled(); }

Task<model::Message> give(int value) { co_return model::Message(value); }

/// cancel() against a wait for a token below, and what was written before it.
void cancel_against_wait() {
    model::cores_are_per_thread();
    model::var<int> data{0};
    const CancellationToken root;
    const CancellationToken child = root.child_token();
    TestCore a;
    const auto wait = [](const CancellationToken& token, model::var<int>& from) -> Task<> {
        co_await token.cancelled();
        MODEL_ASSERT(from == 1);
    };
    model::start(a, [&] { return wait(child, data); }).detach();
    model::thread([&] { model::poll(a); });
    model::thread([&] {
        data = 1;
        root.cancel();
    });
    model::join_all();
}

/// A child that is made while its parent is cancelled is cancelled too.
void cancel_against_new_child() {
    const CancellationToken root;
    std::optional<CancellationToken> child;
    model::thread([&] { child.emplace(root.child_token()); });
    model::thread([&] { root.cancel(); });
    model::join_all();
    MODEL_ASSERT(child->is_cancelled());
}

/// A token in the middle is dropped while the root is cancelled: its child is cancelled all the same.
void cancel_against_dropped_middle() {
    const CancellationToken root;
    std::optional<CancellationToken> middle(root.child_token());
    const CancellationToken leaf = middle->child_token();
    std::optional<CancellationToken> other(root.child_token());
    model::thread([&] { middle.reset(); });
    model::thread([&] { root.cancel(); });
    model::thread([&] { other.reset(); });
    model::join_all();
    MODEL_ASSERT(leaf.is_cancelled());
}

/// Two threads cancel, one above the other: each finds everything below cancelled when its call returns.
void cancel_against_cancel() {
    const CancellationToken root;
    const CancellationToken middle = root.child_token();
    const CancellationToken leaf = middle.child_token();
    model::thread([&] { root.cancel(); });
    model::thread([&] {
        middle.cancel();
        MODEL_ASSERT(leaf.is_cancelled());
    });
    model::join_all();
}

/// A waiter is aborted while its token is cancelled.
void cancel_against_abort() {
    model::cores_are_per_thread();
    const CancellationToken root;
    TestCore a;
    auto doomed = model::start(a, [&] { return until_cancelled(root.child_token()); });
    a.step(1);
    model::thread([&] {
        a.in([&] { doomed.abort(); });
        model::poll(a);
    });
    model::thread([&] { root.cancel(); });
    model::join_all();
}

/// A member's end on one core against join_next on another.
void end_against_join() {
    model::cores_are_per_thread();
    JoinSet<model::Message> members;
    int sum = 0;
    TestCore a;
    TestCore b(2);
    b.in([&] { members.spawn(give(7)); });
    const auto join = [](JoinSet<model::Message>& set, int& total) -> Task<> {
        for (;;) {
            auto ended = co_await set.join_next();
            if (!ended) co_return;
            total += (*ended)->value();
        }
    };
    model::start(a, [&] { return join(members, sum); }).detach();
    model::thread([&] { model::poll(a); });
    model::thread([&] { model::poll(b); });
    model::join_all();
    MODEL_ASSERT(sum == 7);
    MODEL_ASSERT(members.is_empty());
}

/// A joiner is aborted while a member ends: the outcome stays in the set.
void end_against_aborted_join() {
    model::cores_are_per_thread();
    JoinSet<model::Message> members;
    TestCore a;
    TestCore b(2);
    b.in([&] { members.spawn(give(7)); });
    bool joined = false;
    const auto join = [](JoinSet<model::Message>& set, bool& done) -> Task<> {
        auto ended = co_await set.join_next();
        done = ended.has_value();
    };
    auto doomed = model::start(a, [&] { return join(members, joined); });
    a.step(1);
    model::thread([&] {
        a.in([&] { doomed.abort(); });
        model::poll(a);
    });
    model::thread([&] { model::poll(b); });
    model::join_all();
    if (!joined) MODEL_ASSERT(members.try_join_next()->value().value() == 7);
    MODEL_ASSERT(members.is_empty());
}

/// The set goes away while its member ends: the outcome is dropped once.
void end_against_dropped_set() {
    model::cores_are_per_thread();
    TestCore a;
    TestCore b(2);
    std::optional<JoinSet<model::Message>> members(std::in_place);
    b.in([&] { members->spawn(give(7)); });
    model::thread([&] { a.in([&] { members.reset(); }); });
    model::thread([&] { model::poll(b); });
    model::join_all();
}

}  // namespace

int main() {
    model::Suite suite;
    suite.expect_pass("cancel() against a wait", {.preemptions_max = 3}, [] { cancel_against_wait(); });
    suite.expect_pass("cancel() against a new child", {.preemptions_max = 3}, [] { cancel_against_new_child(); });
    suite.expect_pass("cancel() against a dropped middle", {}, [] { cancel_against_dropped_middle(); });
    suite.expect_pass("cancel() against cancel()", {.preemptions_max = 3}, [] { cancel_against_cancel(); });
    suite.expect_pass("cancel() against an abort", {}, [] { cancel_against_abort(); });
    suite.expect_pass("an end against a join", {}, [] { end_against_join(); });
    suite.expect_pass("an end against an aborted join", {}, [] { end_against_aborted_join(); });
    suite.expect_pass("an end against a dropped set", {}, [] { end_against_dropped_set(); });
    return suite.exit_code();
}
