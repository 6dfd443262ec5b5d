// Notify between cores: no notification is lost or given twice, whoever gives up, and notify_waiters() wakes exactly
// those who waited when it was called. One waiter is a batch here, so the lock is open between any two of them.

#include "channel_model.hpp"

#include <skerry/sync/notify.hpp>

#include <utility>

namespace {

using namespace skerry;
using skerry::test_support::TestCore;

Task<> wait_rounds(sync::Notify& notify, int& rounds) {
    for (;;) {
        co_await notify.notified();
        ++rounds;
    }
}

Task<> wait_once(sync::Notify& notify) { co_await notify.notified(); }

/// A permit against the await that takes it, and what was written before it.
void permit_against_await() {
    model::cores_are_per_thread();
    sync::Notify notify;
    model::var<int> data{0};
    TestCore a;
    TestCore b(2);
    const auto read = [](sync::Notify& n, model::var<int>& from) -> Task<> {
        co_await n.notified();
        MODEL_ASSERT(from == 1);
    };
    model::start(a, [&] { return read(notify, data); }).detach();
    model::thread([&] { model::poll(a); });
    model::thread([&] {
        b.in([&] {
            data = 1;
            notify.notify_one();
        });
    });
    model::join_all();
}

/// A permit that comes, is taken and comes back while a task is about to wait: it is not left beside the waiter.
void permit_taken_and_given_back() {
    model::cores_are_per_thread();
    sync::Notify notify;
    TestCore a;
    TestCore b(2);
    const auto waiting = model::start(a, [&] { return wait_once(notify); });
    model::thread([&] { a.step(1); });
    model::thread([&] {
        b.in([&] {
            auto awaiter = notify.notified().operator co_await();
            if (awaiter.await_ready()) notify.notify_one();
        });
    });
    model::thread([&] { notify.notify_one(); });
    model::join_all();
    a.run_until_idle();
    MODEL_ASSERT(waiting.is_finished());
}

/// The picked task is aborted: the next one is woken in its place.
void notification_against_abort() {
    model::cores_are_per_thread();
    sync::Notify notify;
    TestCore a;
    TestCore b(2);
    TestCore c(3);
    auto doomed = model::start(a, [&] { return wait_once(notify); });
    a.step(1);
    auto next = model::start(b, [&] { return wait_once(notify); });
    b.step(1);
    const bool newest = model::choose(2) == 1;
    model::thread([&] { c.in([&] { newest ? notify.notify_last() : notify.notify_one(); }); });
    model::thread([&] {
        a.in([&] { doomed.abort(); });
        model::poll(a);
    });
    model::join_all();
    b.run_until_idle();
    // Either the doomed one had taken it before the abort, or the other one has it.
    if (next.is_finished()) return;
    MODEL_ASSERT(!newest, "the newest was picked and not told");
    c.in([&] { notify.notify_one(); });
    b.run_until_idle();
    MODEL_ASSERT(next.is_finished());
}

/// Tasks that wait again at once: each is woken once, also by a call whose batches let them in between.
void waiters_that_come_back() {
    model::cores_are_per_thread();
    sync::Notify notify;
    int rounds_a = 0;
    int rounds_b = 0;
    TestCore a;
    TestCore b(2);
    TestCore c(3);
    model::start(a, [&] { return wait_rounds(notify, rounds_a); }).detach();
    a.step(1);
    model::start(b, [&] { return wait_rounds(notify, rounds_b); }).detach();
    b.step(1);
    model::thread([&] { c.in([&] { notify.notify_waiters(); }); });
    model::thread([&] {
        for (int i = 0; i != 2; ++i) {
            a.step(1);
            model::progress();
        }
    });
    model::join_all();
    a.run_until_idle();
    b.run_until_idle();
    MODEL_ASSERT(rounds_a == 1);
    MODEL_ASSERT(rounds_b == 1);
}

/// A waiter leaves the list of a notify_waiters() that is on its way.
void abort_against_notify_waiters() {
    model::cores_are_per_thread();
    sync::Notify notify;
    TestCore a;
    TestCore b(2);
    TestCore c(3);
    auto first = model::start(a, [&] { return wait_once(notify); });
    a.step(1);
    auto doomed = model::start(b, [&] { return wait_once(notify); });
    b.step(1);
    model::thread([&] { c.in([&] { notify.notify_waiters(); }); });
    model::thread([&] {
        b.in([&] { doomed.abort(); });
        model::poll(b);
    });
    model::join_all();
    a.run_until_idle();
    MODEL_ASSERT(first.is_finished());
    const auto late = model::start(a, [&] { return wait_once(notify); });
    a.run_until_idle();
    MODEL_ASSERT(!late.is_finished(), "nothing was stored");
}

enum class Taken { before_the_test, after_the_test };

/// A condition that is tested before the await: a notified() from before the test cannot miss the change.
void condition_against_notify_waiters(Taken when) {
    model::cores_are_per_thread();
    sync::Notify notify;
    skerry::atomic<bool> is_set{false};
    TestCore a;
    const auto wait = [](sync::Notify& n, skerry::atomic<bool>& flag, Taken taken) -> Task<> {
        const auto early = n.notified();
        if (flag.load()) co_return;
        const auto late = n.notified();
        co_await (taken == Taken::before_the_test ? early : late);
        MODEL_ASSERT(flag.load());
    };
    model::start(a, [&] { return wait(notify, is_set, when); }).detach();
    model::thread([&] { model::poll(a); });
    model::thread([&] {
        is_set.store(true);
        notify.notify_waiters();
    });
    model::join_all();
}

}  // namespace

int main() {
    model::Suite suite;
    suite.expect_pass("a permit against its await", {.preemptions_max = 3}, [] { permit_against_await(); });
    suite.expect_pass("a permit that is taken and given back", {.preemptions_max = 4},
                      [] { permit_taken_and_given_back(); });
    suite.expect_pass("a notification against an abort", {}, [] { notification_against_abort(); });
    suite.expect_pass("waiters that come back", {}, [] { waiters_that_come_back(); });
    suite.expect_pass("an abort against notify_waiters()", {}, [] { abort_against_notify_waiters(); });
    suite.expect_pass("a condition against notify_waiters()", {.preemptions_max = 3},
                      [] { condition_against_notify_waiters(Taken::before_the_test); });
    suite.expect_failure("notified() taken after the test", {.preemptions_max = 3}, "deadlock",
                         [] { condition_against_notify_waiters(Taken::after_the_test); });
    return suite.exit_code();
}
