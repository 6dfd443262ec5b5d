#include "mpsc_support.hpp"

// --- messages and capacity

TEMPLATE_TEST_CASE("the messages of one sender arrive in its order", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    const std::size_t capacity = GENERATE(1, 2, 3, 64);
    auto [tx, rx] = mpsc::channel<int, TestType>(capacity);
    Numbers got;
    auto reader = core.start(receive_all(rx, got));
    core.start(send_range(std::move(tx), 0, 1000)).detach();
    core.run_until_idle();
    CHECK(reader.is_finished());
    CHECK(got == range(0, 1000));
}

TEMPLATE_TEST_CASE("an unbounded channel keeps order over many blocks, lagging or not", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::unbounded<int, TestType>();
    Numbers got;
    int next = 0;
    for (int lag : {1, 31, 32, 33, 64, 700, 5, 1000}) {
        for (int i = 0; i != lag; ++i) REQUIRE(tx.send(next++));
        CHECK(rx.len() == static_cast<std::size_t>(lag));
        const Numbers some = drain(rx);
        got.insert(got.end(), some.begin(), some.end());
    }
    CHECK(got == range(0, next));
}

TEMPLATE_TEST_CASE("the capacity is exact, also when it is no power of two", "[sync][mpsc]", BOTH_SCOPES) {
    const std::size_t capacity = GENERATE(1, 3, 5, 8);
    auto [tx, rx] = mpsc::channel<int, TestType>(capacity);
    CHECK(tx.max_capacity() == capacity);
    for (int round = 0; round != 20; ++round) {
        for (std::size_t i = 0; i != capacity; ++i) {
            CHECK(tx.capacity() == capacity - i);
            REQUIRE(tx.try_send(1));
        }
        CHECK(tx.try_send(1).error() == Errc::full);
        CHECK(rx.len() == capacity);
        REQUIRE(rx.try_recv());
        REQUIRE(tx.try_send(1));
        CHECK(tx.try_send(1).error() == Errc::full);
        CHECK(drain(rx).size() == capacity);
        CHECK(rx.try_recv().error() == Errc::would_block);
    }
}

TEMPLATE_TEST_CASE("a try_send that fails leaves the value with the caller", "[sync][mpsc]", BOTH_SCOPES) {
    auto [tx, rx] = mpsc::channel<std::unique_ptr<int>, TestType>(1);
    auto value = std::make_unique<int>(7);
    REQUIRE(tx.try_send(std::make_unique<int>(1)));
    CHECK(tx.try_send(std::move(value)).error() == Errc::full);
    REQUIRE(value);
    rx.close();
    CHECK(tx.try_send(std::move(value)).error() == Errc::closed);
    REQUIRE(value);
    CHECK(*value == 7);
}

TEMPLATE_TEST_CASE("an unbounded send to a closed channel leaves the value with the caller", "[sync][mpsc]",
                   BOTH_SCOPES) {
    auto [tx, rx] = mpsc::unbounded<std::unique_ptr<int>, TestType>();
    auto value = std::make_unique<int>(7);
    rx.close();
    CHECK(tx.send(std::move(value)).error() == Errc::closed);
    CHECK(value);
}

TEMPLATE_TEST_CASE("a waiting recv is woken by a message", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(1);
    auto reader = core.start(receive(rx));
    core.run_until_idle();
    CHECK_FALSE(reader.is_finished());
    REQUIRE(tx.try_send(7));
    core.run_until_idle();
    CHECK(join_now(core, reader) == 7);
}

TEMPLATE_TEST_CASE("a message that woke a recv is not given to a try_recv", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(4);
    auto reader = core.start(receive(rx));
    core.run_until_idle();
    REQUIRE(tx.try_send(1));
    CHECK(rx.try_recv().error() == Errc::would_block);
    REQUIRE(tx.try_send(2));
    core.run_until_idle();
    CHECK(join_now(core, reader) == 1);
    CHECK(rx.try_recv() == 2);
}

TEMPLATE_TEST_CASE("len, is_empty, is_closed and same_channel tell the truth", "[sync][mpsc]", BOTH_SCOPES) {
    auto [tx, rx] = mpsc::channel<int, TestType>(2);
    auto [other_tx, other_rx] = mpsc::channel<int, TestType>(2);
    const auto copy = tx;
    CHECK(copy.same_channel(tx));
    CHECK_FALSE(other_tx.same_channel(tx));
    CHECK(tx.is_empty());
    REQUIRE(tx.try_send(1));
    CHECK(tx.len() == 1);
    CHECK_FALSE(rx.is_empty());
    CHECK_FALSE(tx.is_closed());
    rx.close();
    CHECK(tx.is_closed());
    CHECK(rx.is_closed());
    CHECK(tx.capacity() == 0);
}

// --- the end

TEMPLATE_TEST_CASE("when the last sender goes the receiver drains the channel and is told", "[sync][mpsc]",
                   BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(4);
    std::optional first(std::move(tx));
    std::optional second(*first);
    REQUIRE(first->try_send(1));
    first.reset();
    REQUIRE(second->try_send(2));
    CHECK_FALSE(rx.is_closed());
    second.reset();
    CHECK(rx.is_closed());
    CHECK(outcome(core.run(receive(rx))) == 1);
    CHECK(rx.try_recv() == 2);
    CHECK(outcome(core.run(receive(rx))).error() == Errc::closed);
    CHECK(rx.try_recv().error() == Errc::closed);
}

TEMPLATE_TEST_CASE("the last sender's end wakes a waiting recv", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    const auto check = [&core](auto channel) {
        std::optional tx(std::move(channel.first));
        auto reader = core.start(receive(channel.second));
        core.run_until_idle();
        CHECK_FALSE(reader.is_finished());
        tx.reset();
        core.run_until_idle();
        CHECK(join_now(core, reader).error() == Errc::closed);
    };
    check(mpsc::channel<int, TestType>(1));
    check(mpsc::unbounded<int, TestType>());
}

TEMPLATE_TEST_CASE("dropping the receiver destroys the queued messages while senders live", "[sync][mpsc]",
                   BOTH_SCOPES) {
    OneCore core;
    const auto check = [](auto channel, auto send_one) {
        std::optional rx(std::move(channel.second));
        for (int i = 0; i != 40; ++i) send_one(channel.first, i);
        CHECK(rx->try_recv()->value() == 0);
        CHECK(Tracked::alive() == 39);
        rx.reset();
        CHECK(Tracked::alive() == 0);
        CHECK(channel.first.is_closed());
    };
    check(mpsc::channel<Tracked, TestType>(50), [](auto& tx, int i) { REQUIRE(tx.try_send(Tracked(i))); });
    check(mpsc::unbounded<Tracked, TestType>(), [](auto& tx, int i) { REQUIRE(tx.send(Tracked(i))); });
}

TEMPLATE_TEST_CASE("a message may hold a sender of its own channel", "[sync][mpsc]", BOTH_SCOPES) {
    struct Message;
    using Tx = mpsc::Sender<std::shared_ptr<void>, TestType>;
    OneCore core;
    auto [tx, rx] = mpsc::channel<std::shared_ptr<void>, TestType>(2);
    std::optional sender(std::move(tx));
    REQUIRE(sender->try_send(std::make_shared<Tx>(*sender)));
    sender.reset();
    CHECK_FALSE(rx.is_closed());
    CHECK(rx.try_recv().has_value());
    CHECK(rx.try_recv().error() == Errc::closed);
}

TEMPLATE_TEST_CASE("close() fails later and waiting sends and keeps what is queued", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(1);
    REQUIRE(tx.try_send(1));
    auto waiting = core.start(send(tx, 2));
    core.run_until_idle();
    rx.close();
    rx.close();
    CHECK(tx.try_send(3).error() == Errc::closed);
    core.run_until_idle();
    REQUIRE(waiting.is_finished());
    CHECK(outcome(core.run(send(tx, 4))).error() == Errc::closed);
    CHECK(rx.try_recv() == 1);
    CHECK(rx.try_recv().error() == Errc::closed);
}

TEMPLATE_TEST_CASE("a sender that was granted a slot fails when close() comes before it runs", "[sync][mpsc]",
                   BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(1);
    REQUIRE(tx.try_send(1));
    auto waiting = core.start(send(tx, 2));
    core.run_until_idle();
    CHECK(rx.try_recv() == 1);
    rx.close();
    core.run_until_idle();
    CHECK(waiting.is_finished());
    CHECK(rx.try_recv().error() == Errc::closed);
}

TEMPLATE_TEST_CASE("closed() completes when the receiver closes or goes, and can be cancelled", "[sync][mpsc][cancel]",
                   BOTH_SCOPES) {
    OneCore core;
    const bool drop = GENERATE(false, true);
    auto [tx, receiver] = mpsc::channel<int, TestType>(1);
    std::optional rx(std::move(receiver));
    bool first = false;
    bool second = false;
    auto cancelled = core.start(wait_for_close(tx, first));
    core.start(wait_for_close(tx, second)).detach();
    core.run_until_idle();
    cancelled.abort();
    core.run_until_idle();
    CHECK_FALSE(second);
    if (drop)
        rx.reset();
    else
        rx->close();
    core.run_until_idle();
    CHECK(second);
    CHECK_FALSE(first);
    first = false;
    CHECK(core.run(wait_for_close(tx, first)));
    CHECK(first);
}

TEMPLATE_TEST_CASE("a weak sender does not keep the channel open and upgrades while it is", "[sync][mpsc]",
                   BOTH_SCOPES) {
    auto [tx, rx] = mpsc::channel<int, TestType>(2);
    std::optional sender(std::move(tx));
    const auto weak = sender->downgrade();
    {
        auto upgraded = weak.upgrade();
        REQUIRE(upgraded);
        REQUIRE(upgraded->try_send(1));
        sender.reset();
        CHECK_FALSE(rx.is_closed());
    }
    CHECK(rx.is_closed());
    CHECK(weak.upgrade().error() == Errc::closed);
    CHECK(rx.try_recv() == 1);
    CHECK(rx.try_recv().error() == Errc::closed);
}
