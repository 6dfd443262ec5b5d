#include <skerry/sync/oneshot.hpp>

#include "channel_support.hpp"

#include "support/catch.hpp"

#include <skerry/task/select.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

using namespace skerry;
using skerry::task::LocalScope;
using skerry::task::SharedScope;
using skerry::test_support::OneCore;
using skerry::test_support::TestCore;
using skerry::test_support::Tracked;
namespace oneshot = skerry::sync::oneshot;

namespace {

template <class Rx>
Task<> receive(Rx& rx, std::optional<Result<int>>& got) {
    got = co_await rx.recv();
}

template <class Tx>
Task<> wait_for_close(Tx& tx, bool& closed) {
    co_await tx.closed();
    closed = true;
}

}  // namespace

#define BOTH_SCOPES LocalScope, SharedScope

TEMPLATE_TEST_CASE("a value sent before or while recv waits arrives", "[sync][oneshot]", BOTH_SCOPES) {
    OneCore core;
    const bool before = GENERATE(false, true);
    auto [tx, rx] = oneshot::channel<int, TestType>();
    std::optional<Result<int>> got;
    if (before) REQUIRE(tx.send(7));
    auto reader = core.start(receive(rx, got));
    core.run_until_idle();
    CHECK(reader.is_finished() == before);
    if (!before) REQUIRE(tx.send(7));
    core.run_until_idle();
    REQUIRE(got.has_value());
    CHECK(*got == 7);
    CHECK_FALSE(tx.valid());
}

TEMPLATE_TEST_CASE("a receiver is awaited as it is", "[sync][oneshot]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = oneshot::channel<std::unique_ptr<int>, TestType>();
    struct Cases {
        static Task<int> value_of(oneshot::Receiver<std::unique_ptr<int>, TestType> receiver) {
            auto value = co_await receiver;
            co_return **value;
        }
    };
    REQUIRE(tx.send(std::make_unique<int>(7)));
    CHECK(core.run(Cases::value_of(std::move(rx))) == 7);
}

TEMPLATE_TEST_CASE("a sender dropped unsent closes the channel and wakes recv", "[sync][oneshot]", BOTH_SCOPES) {
    OneCore core;
    auto [sender, rx] = oneshot::channel<int, TestType>();
    std::optional tx(std::move(sender));
    std::optional<Result<int>> got;
    core.start(receive(rx, got)).detach();
    core.run_until_idle();
    CHECK_FALSE(got.has_value());
    tx.reset();
    core.run_until_idle();
    REQUIRE(got.has_value());
    CHECK(got->error() == Errc::closed);
    CHECK(rx.try_recv().error() == Errc::closed);
    CHECK(rx.is_terminated());
}

TEMPLATE_TEST_CASE("a send to a receiver that is gone fails and keeps the value", "[sync][oneshot]", BOTH_SCOPES) {
    const bool drop = GENERATE(false, true);
    auto [tx, receiver] = oneshot::channel<std::unique_ptr<int>, TestType>();
    std::optional rx(std::move(receiver));
    CHECK_FALSE(tx.is_closed());
    if (drop)
        rx.reset();
    else
        rx->close();
    CHECK(tx.is_closed());
    auto value = std::make_unique<int>(7);
    CHECK(tx.send(std::move(value)).error() == Errc::closed);
    CHECK(value);
}

TEMPLATE_TEST_CASE("close() keeps a value that was sent before it", "[sync][oneshot]", BOTH_SCOPES) {
    OneCore core;
    const bool sent = GENERATE(false, true);
    auto [tx, rx] = oneshot::channel<int, TestType>();
    if (sent) REQUIRE(tx.send(7));
    rx.close();
    rx.close();
    std::optional<Result<int>> got;
    if (sent)
        CHECK(rx.try_recv() == 7);
    else
        CHECK(rx.try_recv().error() == Errc::closed);
    auto reader = core.start(receive(rx, got));
    core.run_until_idle();
    REQUIRE(reader.is_finished());
    CHECK(got->error() == Errc::closed);
}

TEMPLATE_TEST_CASE("the value is taken once", "[sync][oneshot]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = oneshot::channel<int, TestType>();
    CHECK(rx.try_recv().error() == Errc::would_block);
    CHECK(rx.is_empty());
    CHECK_FALSE(rx.is_terminated());
    REQUIRE(tx.send(7));
    CHECK_FALSE(rx.is_empty());
    CHECK(rx.try_recv() == 7);
    CHECK(rx.is_empty());
    CHECK(rx.is_terminated());
    CHECK(rx.try_recv().error() == Errc::closed);
}

TEMPLATE_TEST_CASE("a value that nobody takes is destroyed with the receiver", "[sync][oneshot]", BOTH_SCOPES) {
    auto [tx, receiver] = oneshot::channel<Tracked, TestType>();
    std::optional rx(std::move(receiver));
    REQUIRE(tx.send(Tracked(1)));
    CHECK(Tracked::alive() == 1);
    rx.reset();
    CHECK(Tracked::alive() == 0);
}

TEMPLATE_TEST_CASE("assigning to an end ends the channel that it had", "[sync][oneshot]", BOTH_SCOPES) {
    auto [tx, rx] = oneshot::channel<int, TestType>();
    auto [tx2, rx2] = oneshot::channel<int, TestType>();
    tx = std::move(tx2);
    CHECK(rx.try_recv().error() == Errc::closed);
    rx = std::move(rx2);
    REQUIRE(tx.send(7));
    CHECK(rx.try_recv() == 7);
}

TEMPLATE_TEST_CASE("a cancelled oneshot recv leaves the value for the next one", "[sync][oneshot][cancel]",
                   BOTH_SCOPES) {
    OneCore core;
    const bool woken = GENERATE(false, true);
    auto [tx, rx] = oneshot::channel<int, TestType>();
    std::optional<Result<int>> got;
    auto reader = core.start(receive(rx, got));
    core.run_until_idle();
    if (woken) REQUIRE(tx.send(7));
    reader.abort();
    core.run_until_idle();
    REQUIRE(reader.is_finished());
    CHECK_FALSE(got.has_value());
    core.start(receive(rx, got)).detach();
    core.run_until_idle();
    if (!woken) REQUIRE(tx.send(7));
    core.run_until_idle();
    REQUIRE(got.has_value());
    CHECK(*got == 7);
}

TEMPLATE_TEST_CASE("a receiver that loses a select keeps its value", "[sync][oneshot][cancel]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = oneshot::channel<int, TestType>();
    auto [tx2, rx2] = oneshot::channel<int, TestType>();
    struct Cases {
        static Task<std::size_t> race(oneshot::Receiver<int, TestType>& a, oneshot::Receiver<int, TestType>& b) {
            auto winner = co_await select_biased(a, b);
            co_return winner.index();
        }
    };
    auto racing = core.start(Cases::race(rx, rx2));
    core.run_until_idle();
    REQUIRE(tx.send(1));
    REQUIRE(tx2.send(2));
    core.run_until_idle();
    REQUIRE(racing.is_finished());
    CHECK(rx.try_recv().has_value() != rx2.try_recv().has_value());
}

TEMPLATE_TEST_CASE("a oneshot closed() completes when the receiver closes or goes, and can be cancelled",
                   "[sync][oneshot][cancel]", BOTH_SCOPES) {
    OneCore core;
    const bool drop = GENERATE(false, true);
    const bool cancel = GENERATE(false, true);
    auto [tx, receiver] = oneshot::channel<int, TestType>();
    std::optional rx(std::move(receiver));
    bool closed = false;
    auto watcher = core.start(wait_for_close(tx, closed));
    core.run_until_idle();
    if (cancel) {
        watcher.abort();
        core.run_until_idle();
        watcher = core.start(wait_for_close(tx, closed));
        core.run_until_idle();
    }
    CHECK_FALSE(closed);
    if (drop)
        rx.reset();
    else
        rx->close();
    core.run_until_idle();
    CHECK(closed);
    closed = false;
    CHECK(core.run(wait_for_close(tx, closed)));
    CHECK(closed);
}

// Behaviour 22.
TEMPLATE_TEST_CASE("1,000 ready oneshots do not keep a task from yielding", "[sync][oneshot]", BOTH_SCOPES) {
    OneCore core;
    std::vector<oneshot::Receiver<int, TestType>> receivers;
    for (int i = 0; i != 1000; ++i) {
        auto [tx, rx] = oneshot::channel<int, TestType>();
        REQUIRE(tx.send(i));
        receivers.push_back(std::move(rx));
    }
    struct Cases {
        static Task<> sum(std::vector<oneshot::Receiver<int, TestType>>& from, int& total) {
            for (auto& rx : from) total += *co_await rx;
        }
    };
    int total = 0;
    auto reader = core.start(Cases::sum(receivers, total));
    core.step(1);
    CHECK_FALSE(reader.is_finished());
    core.run_until_idle();
    CHECK(total == 999 * 1000 / 2);
}

// --- across cores

TEST_CASE("a oneshot value wakes a receiver on another core", "[sync][oneshot]") {
    TestCore a;
    TestCore b(2);
    auto [tx, rx] = oneshot::channel<int>();
    std::optional<Result<int>> got;
    a.start(receive(rx, got)).detach();
    a.run_until_idle();
    CHECK(b.in([&sender = tx] { return sender.send(7).has_value(); }));
    b.run_until_idle();
    CHECK_FALSE(got.has_value());
    a.run_until_idle();
    REQUIRE(got.has_value());
    CHECK(*got == 7);
}

TEST_CASE("a oneshot recv cancelled after another core woke it leaves the value", "[sync][oneshot][cancel]") {
    TestCore a;
    TestCore b(2);
    auto [tx, rx] = oneshot::channel<int>();
    std::optional<Result<int>> got;
    auto reader = a.start(receive(rx, got));
    a.run_until_idle();
    CHECK(b.in([&sender = tx] { return sender.send(7).has_value(); }));
    a.in([&] { reader.abort(); });
    a.run_until_idle();
    CHECK(reader.is_finished());
    CHECK_FALSE(got.has_value());
    CHECK(rx.try_recv() == 7);
}

TEST_CASE("closed() is woken by a receiver that goes on another core", "[sync][oneshot]") {
    TestCore a;
    TestCore b(2);
    auto [tx, receiver] = oneshot::channel<int>();
    std::optional rx(std::move(receiver));
    bool closed = false;
    bool cancelled = false;
    auto first = a.start(wait_for_close(tx, cancelled));
    a.run_until_idle();
    a.in([&] { first.abort(); });
    a.run_until_idle();
    a.start(wait_for_close(tx, closed)).detach();
    a.run_until_idle();
    b.in([&] { rx.reset(); });
    a.run_until_idle();
    CHECK(closed);
    CHECK_FALSE(cancelled);
}
