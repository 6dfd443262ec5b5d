#include "mpsc_support.hpp"

// --- cancellation and claims

TEMPLATE_TEST_CASE("a cancelled recv leaves the value in the channel", "[sync][mpsc][cancel]", BOTH_SCOPES) {
    OneCore core;
    const bool woken = GENERATE(false, true);
    auto [tx, rx] = mpsc::channel<int, TestType>(1);
    auto reader = core.start(receive(rx));
    core.run_until_idle();
    if (woken) REQUIRE(tx.try_send(7));  // it is in the next slot when it is aborted
    reader.abort();
    core.run_until_idle();
    REQUIRE(reader.is_finished());
    if (!woken) REQUIRE(tx.try_send(7));
    CHECK(outcome(core.run(receive(rx))) == 7);
}

TEMPLATE_TEST_CASE("a recv that loses a select takes nothing", "[sync][mpsc][cancel]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(8);
    auto [tx2, rx2] = mpsc::channel<int, TestType>(8);
    struct Cases {
        static Task<std::size_t> race(mpsc::Receiver<int, TestType>& a, mpsc::Receiver<int, TestType>& b) {
            auto winner = co_await select_biased(a.recv(), b.recv());
            co_return winner.index();
        }
    };
    // Both ready.
    REQUIRE(tx.try_send(1));
    REQUIRE(tx2.try_send(2));
    CHECK(core.run(Cases::race(rx, rx2)) == 0U);
    CHECK(rx2.len() == 1);
    // Both woken before the select runs.
    CHECK(rx2.try_recv() == 2);
    auto racing = core.start(Cases::race(rx, rx2));
    core.run_until_idle();
    REQUIRE(tx2.try_send(3));
    REQUIRE(tx.try_send(4));
    core.run_until_idle();
    REQUIRE(racing.is_finished());
    CHECK(rx.len() + rx2.len() == 1);
    // The loser can be received from again.
    CHECK(drain(rx).size() + drain(rx2).size() == 1);
    auto again = core.start(receive(rx2));
    core.run_until_idle();
    REQUIRE(tx2.try_send(5));
    core.run_until_idle();
    CHECK(join_now(core, again) == 5);
}

TEMPLATE_TEST_CASE("join receives from two channels at once", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(1);
    auto [tx2, rx2] = mpsc::channel<int, TestType>(1);
    struct Cases {
        static Task<int> both(mpsc::Receiver<int, TestType>& a, mpsc::Receiver<int, TestType>& b) {
            auto [x, y] = co_await join(a.recv(), b.recv());
            co_return *x * 10 + *y;
        }
    };
    auto joined = core.start(Cases::both(rx, rx2));
    core.run_until_idle();
    REQUIRE(tx2.try_send(2));
    core.run_until_idle();
    REQUIRE(tx.try_send(1));
    core.run_until_idle();
    CHECK(join_now(core, joined) == 12);
}

TEMPLATE_TEST_CASE("waiting senders are served in the order in which they came", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(1);
    REQUIRE(tx.try_send(0));
    for (int i = 1; i != 6; ++i) {
        core.start(send(tx, i)).detach();
        core.run_until_idle();
    }
    Numbers got;
    for (int i = 0; i != 6; ++i) {
        got.push_back(rx.try_recv().value());
        // The free slot is spoken for, whether or not its sender has run.
        CHECK(tx.try_send(99).has_value() == (i == 5));
        core.run_until_idle();
    }
    CHECK(got == range(0, 6));
}

TEMPLATE_TEST_CASE("a cancelled waiting send sends nothing and lets the next one in", "[sync][mpsc][cancel]",
                   BOTH_SCOPES) {
    OneCore core;
    const bool granted = GENERATE(false, true);
    auto [tx, rx] = mpsc::channel<int, TestType>(1);
    REQUIRE(tx.try_send(0));
    auto first = core.start(send(tx, 1));
    core.run_until_idle();
    auto second = core.start(send(tx, 2));
    core.run_until_idle();
    if (granted) CHECK(rx.try_recv() == 0);
    first.abort();
    core.run_until_idle();
    CHECK(second.is_finished() == granted);
    if (!granted) CHECK(rx.try_recv() == 0);
    core.run_until_idle();
    CHECK(second.is_finished());
    CHECK(drain(rx) == Numbers{2});
    REQUIRE(tx.try_send(3));
    CHECK(tx.try_send(4).error() == Errc::full);
}

TEMPLATE_TEST_CASE("the value of a cancelled send is destroyed with it", "[sync][mpsc][cancel]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<Tracked, TestType>(1);
    struct Cases {
        static Task<> send(mpsc::Sender<Tracked, TestType> sender, int value) {
            (void)co_await sender.send(Tracked(value));
        }
    };
    REQUIRE(tx.try_send(Tracked(1)));
    auto waiting = core.start(Cases::send(tx, 2));
    core.run_until_idle();
    CHECK(Tracked::alive() == 2);
    waiting.abort();
    core.run_until_idle();
    CHECK(Tracked::alive() == 1);
    CHECK(rx.try_recv()->value() == 1);
    CHECK(rx.try_recv().error() == Errc::would_block);
    CHECK(Tracked::alive() == 0);
}

// --- permits

TEMPLATE_TEST_CASE("a permit holds its slot until it is used or dropped", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(1);
    {
        auto permit = tx.try_reserve();
        REQUIRE(permit);
        CHECK(tx.try_send(1).error() == Errc::full);
        CHECK(tx.try_reserve().error() == Errc::full);
        auto waiting = core.start(reserve<TestType>(tx));
        core.run_until_idle();
        CHECK_FALSE(waiting.is_finished());
        {
            const auto dropped = std::move(*permit);
        }
        core.run_until_idle();
        REQUIRE(waiting.is_finished());
        CHECK(tx.try_send(1).error() == Errc::full);
        join_now(core, waiting)->send(5);
    }
    CHECK(rx.try_recv() == 5);
    CHECK(tx.capacity() == 1);
}

TEMPLATE_TEST_CASE("a closed channel with permits out is empty, not closed", "[sync][mpsc]", BOTH_SCOPES) {
    auto [tx, rx] = mpsc::channel<int, TestType>(3);
    auto permit = tx.try_reserve();
    REQUIRE(permit);
    rx.close();
    CHECK(rx.try_recv().error() == Errc::would_block);
    CHECK(tx.try_reserve().error() == Errc::closed);
    permit->send(7);
    CHECK(rx.try_recv() == 7);
    CHECK(rx.try_recv().error() == Errc::closed);
}

TEMPLATE_TEST_CASE("the last permit of a closed channel wakes its receiver", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    const bool many = GENERATE(false, true);
    const bool use = GENERATE(false, true);
    const bool senders_first = GENERATE(false, true);  // the channel ends because the senders go, not by close()
    auto [sender, rx] = mpsc::channel<int, TestType>(3);
    std::optional tx(std::move(sender));
    auto reserved = outcome(core.run(reserve<TestType>(*tx, many ? 2 : 1))).has_value();
    CHECK(reserved);  // and dropped again
    auto reserving = core.start(reserve<TestType>(*tx, many ? 2 : 1));
    core.run_until_idle();
    std::optional permit(std::move(*join_now(core, reserving)));
    if (senders_first)
        tx.reset();
    else
        rx.close();
    auto reader = core.start(receive(rx));
    core.run_until_idle();
    CHECK_FALSE(reader.is_finished());
    if (use) permit->send(7);
    if (use && many) permit->send(8);
    permit.reset();
    core.run_until_idle();
    if (use)
        CHECK(join_now(core, reader) == 7);
    else
        CHECK(join_now(core, reader).error() == Errc::closed);
    if (use && many) CHECK(rx.try_recv() == 8);
    CHECK(rx.try_recv().error() == Errc::closed);
}

TEMPLATE_TEST_CASE("a message sent by a permit after the receiver is gone is destroyed", "[sync][mpsc]", BOTH_SCOPES) {
    auto [tx, receiver] = mpsc::channel<Tracked, TestType>(3);
    std::optional rx(std::move(receiver));
    auto permit = tx.try_reserve();
    REQUIRE(permit);
    rx.reset();
    permit->send(Tracked(1));
    CHECK(Tracked::alive() == 0);
}

TEMPLATE_TEST_CASE("reserve_many waits for all its slots in its turn", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(3);
    for (int i = 0; i != 3; ++i) REQUIRE(tx.try_send(i));
    auto large = core.start(reserve<TestType>(tx, 2));
    core.run_until_idle();
    auto small = core.start(send(tx, 10));
    core.run_until_idle();
    CHECK(rx.try_recv() == 0);
    core.run_until_idle();
    CHECK_FALSE(large.is_finished());
    CHECK_FALSE(small.is_finished());
    CHECK(tx.try_send(11).error() == Errc::full);

    SECTION("until they are there") {
        CHECK(rx.try_recv() == 1);
        core.run_until_idle();
        REQUIRE(large.is_finished());
        CHECK_FALSE(small.is_finished());
        CHECK(rx.try_recv() == 2);
        core.run_until_idle();
        CHECK(small.is_finished());
        CHECK(tx.capacity() == 0);
        CHECK(join_now(core, large)->count() == 2);
        CHECK(tx.capacity() == 2);
    }
    SECTION("and when it is cancelled while it waits, those behind it go on") {
        large.abort();
        core.run_until_idle();
        CHECK(small.is_finished());
        CHECK(tx.capacity() == 0);
    }
    SECTION("and when it is cancelled after it got them, those behind it go on") {
        CHECK(rx.try_recv() == 1);
        large.abort();
        core.run_until_idle();
        CHECK(small.is_finished());
        CHECK(tx.capacity() == 1);
    }
}

TEMPLATE_TEST_CASE("reserve_many beyond the capacity is an error, of nothing is at once", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(3);
    CHECK(outcome(core.run(reserve<TestType>(tx, 4))).error() == Errc::invalid_argument);
    CHECK(outcome(core.run(reserve<TestType>(tx, 0)))->count() == 0);
    CHECK(outcome(core.run(reserve<TestType>(tx, 3)))->count() == 3);
    CHECK(tx.capacity() == 3);
}

TEMPLATE_TEST_CASE("reserve_many of nothing is closed where the channel is", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(3);
    rx.close();
    for (std::size_t count : {0, 1}) {
        const auto reserved = core.run(reserve<TestType>(tx, count));
        REQUIRE_FALSE(reserved->has_value());
        CHECK(reserved->error() == Errc::closed);
    }
}

// --- many at once

TEMPLATE_TEST_CASE("recv_many waits for one message and takes what is there", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    struct Cases {
        static Task<Result<std::size_t>> fill(mpsc::Receiver<int, TestType>& from, std::span<int> out) {
            co_return co_await from.recv_many(out);
        }
        static Task<Result<std::size_t>> append(mpsc::Receiver<int, TestType>& from, Numbers& out, std::size_t max) {
            co_return co_await from.recv_many(out, max);
        }
    };
    auto [sender, rx] = mpsc::channel<int, TestType>(8);
    std::optional tx(std::move(sender));
    std::array<int, 4> out{};
    CHECK(outcome(core.run(Cases::fill(rx, {}))) == 0U);

    auto waiting = core.start(Cases::fill(rx, out));
    core.run_until_idle();
    REQUIRE(tx->try_send(1));
    core.run_until_idle();
    CHECK(join_now(core, waiting) == 1U);
    CHECK(out[0] == 1);

    for (int i = 0; i != 6; ++i) REQUIRE(tx->try_send(i));
    CHECK(outcome(core.run(Cases::fill(rx, out))) == 4U);
    CHECK(out == std::array<int, 4>{0, 1, 2, 3});
    CHECK(tx->capacity() == 6);
    Numbers appended{-1};
    CHECK(outcome(core.run(Cases::append(rx, appended, 0))) == 0U);
    CHECK(outcome(core.run(Cases::append(rx, appended, 100))) == 2U);
    CHECK(appended == Numbers{-1, 4, 5});
    tx.reset();
    CHECK(outcome(core.run(Cases::append(rx, appended, 100))).error() == Errc::closed);
    CHECK(outcome(core.run(Cases::append(rx, appended, 0))) == 0U);
}

TEMPLATE_TEST_CASE("recv_many frees all its slots to senders that wait", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(2);
    for (int i = 0; i != 5; ++i) {
        core.start(send(tx, i)).detach();
        core.run_until_idle();
    }
    struct Cases {
        static Task<> take(mpsc::Receiver<int, TestType>& from, Numbers& out) { (void)co_await from.recv_many(out, 9); }
    };
    Numbers got;
    for (int i = 0; i != 3; ++i) CHECK(core.run(Cases::take(rx, got)));
    CHECK(got == range(0, 5));
}

TEMPLATE_TEST_CASE("send_many sends all in order and waits as needed", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    const std::size_t capacity = GENERATE(1, 3, 100);
    auto [tx, rx] = mpsc::channel<int, TestType>(capacity);
    Numbers values = range(0, 50);
    auto sending = core.start(tx.send_many(values));
    Numbers got;
    auto reader = core.start(receive_all(rx, got));
    core.run_until_idle();
    CHECK(join_now(core, sending) == 50U);
    CHECK(got == range(0, 50));
    reader.abort();
    core.run_until_idle();
}

TEMPLATE_TEST_CASE("send_many tells how many were sent when the channel closes", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<Tracked, TestType>(3);
    std::vector<Tracked> values;
    for (int i = 0; i != 5; ++i) values.emplace_back(i);
    auto sending = core.start(tx.send_many(values));
    core.run_until_idle();
    CHECK_FALSE(sending.is_finished());
    rx.close();
    core.run_until_idle();
    CHECK(join_now(core, sending) == 3U);
    CHECK_FALSE(values[2].owns());
    CHECK(values[3].owns());
    CHECK(outcome(core.run(tx.send_many(values))).error() == Errc::closed);
    CHECK(outcome(core.run(tx.send_many({}))) == 0U);
}

TEMPLATE_TEST_CASE("a cancelled send_many has sent and moved from a prefix", "[sync][mpsc][cancel]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<Tracked, TestType>(3);
    std::vector<Tracked> values;
    for (int i = 0; i != 5; ++i) values.emplace_back(i);
    auto sending = core.start(tx.send_many(values));
    core.run_until_idle();
    sending.abort();
    core.run_until_idle();
    REQUIRE(sending.is_finished());
    for (std::size_t i = 0; i != 5; ++i) CHECK(values[i].owns() == (i >= 3));
    for (int i = 0; i != 3; ++i) CHECK(rx.try_recv()->value() == i);
    CHECK(rx.try_recv().error() == Errc::would_block);
    CHECK(tx.capacity() == 3);
}

TEMPLATE_TEST_CASE("a cancelled recv_many leaves the messages in the channel", "[sync][mpsc][cancel]", BOTH_SCOPES) {
    OneCore core;
    const bool woken = GENERATE(false, true);
    const bool into_vector = GENERATE(false, true);
    auto [tx, rx] = mpsc::channel<int, TestType>(8);
    struct Cases {
        static Task<> take(mpsc::Receiver<int, TestType>& from, Numbers& out, bool append) {
            std::array<int, 4> some{};
            if (append)
                (void)co_await from.recv_many(out, 4);
            else
                (void)co_await from.recv_many(some);
        }
    };
    Numbers got;
    auto waiting = core.start(Cases::take(rx, got, into_vector));
    core.run_until_idle();
    if (woken) REQUIRE(tx.try_send(0));
    waiting.abort();
    core.run_until_idle();
    REQUIRE(waiting.is_finished());
    CHECK(got.empty());
    for (int i = woken ? 1 : 0; i != 3; ++i) REQUIRE(tx.try_send(i));
    CHECK(drain(rx) == range(0, 3));
}

TEMPLATE_TEST_CASE("reserve says closed, also to those who wait", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(2);
    for (int i = 0; i != 2; ++i) REQUIRE(tx.try_send(i));
    const std::size_t count = GENERATE(1, 2);
    auto waiting = core.start(reserve<TestType>(tx, count));
    core.run_until_idle();
    CHECK_FALSE(waiting.is_finished());
    rx.close();
    core.run_until_idle();
    CHECK(join_now(core, waiting).error() == Errc::closed);
    CHECK(outcome(core.run(reserve<TestType>(tx, count))).error() == Errc::closed);
}

// --- budget

// Behaviour 22.
TEMPLATE_TEST_CASE("1,000 ready messages do not keep a task from yielding", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(1000);
    for (int i = 0; i != 1000; ++i) REQUIRE(tx.try_send(i));
    Numbers got;
    auto reader = core.start(receive_all(rx, got));
    core.step(1);
    CHECK(got.size() < 1000);
    CHECK(core.scheduler().has_ready());
    core.run_until_idle();
    CHECK(got == range(0, 1000));
    reader.abort();
    core.run_until_idle();
}

// Behaviour 22.
TEMPLATE_TEST_CASE("1,000 free slots do not keep a task from yielding", "[sync][mpsc]", BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(1000);
    auto writer = core.start(send_range(tx, 0, 1000));
    core.step(1);
    CHECK(rx.len() < 1000);
    core.run_until_idle();
    CHECK(writer.is_finished());
    CHECK(drain(rx) == range(0, 1000));
}

TEMPLATE_TEST_CASE("sends into a closed channel do not keep a task from yielding", "[sync][mpsc]", BOTH_SCOPES) {
    struct Work {
        static Task<> send_until(mpsc::Sender<int, TestType> tx, const bool& stop, int& refused) {
            while (!stop && refused < 100'000) {
                const Result<> sent = co_await tx.send(1);
                if (!sent) ++refused;
            }
        }
        static Task<> set(bool& flag) {
            flag = true;
            co_return;
        }
    };
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(1);
    rx.close();
    bool stop = false;
    int refused = 0;
    auto greedy = core.start(Work::send_until(tx, stop, refused));
    core.step(1);
    auto other = core.start(Work::set(stop));
    core.run_until_idle();
    CHECK(refused <= 3 * 128);
}

TEMPLATE_TEST_CASE("an operation cancelled in its budget yield gives back what it claimed", "[sync][mpsc][cancel]",
                   BOTH_SCOPES) {
    OneCore core;
    auto [tx, rx] = mpsc::channel<int, TestType>(1000);
    auto writer = core.start(send_range(tx, 0, 1000));
    core.step(1);
    const std::size_t sent = rx.len();
    CHECK(tx.capacity() == 1000 - sent - 1);  // it has claimed a slot
    writer.abort();
    core.run_until_idle();
    CHECK(tx.capacity() == 1000 - sent);
    CHECK(rx.len() == sent);

    for (auto i = static_cast<int>(sent); i != 1000; ++i) REQUIRE(tx.try_send(i));
    Numbers got;
    auto reader = core.start(receive_all(rx, got));
    core.step(1);
    REQUIRE(got.size() < 1000);
    reader.abort();
    core.run_until_idle();
    const Numbers rest = drain(rx);
    got.insert(got.end(), rest.begin(), rest.end());
    CHECK(got == range(0, 1000));
}

// --- across cores

TEST_CASE("a message wakes a receiver on another core", "[sync][mpsc]") {
    TestCore a;
    TestCore b(2);
    auto [tx, rx] = mpsc::channel<int>(2);
    auto reader = a.start(receive(rx));
    a.run_until_idle();
    CHECK(b.in([&sender = tx] { return sender.try_send(7).has_value(); }));
    b.run_until_idle();
    CHECK_FALSE(reader.is_finished());
    a.run_until_idle();
    CHECK(join_now(a, reader) == 7);
}

TEST_CASE("a message from a thread that is no core wakes a receiver", "[sync][mpsc]") {
    TestCore core;
    auto [tx, rx] = mpsc::unbounded<int>();
    auto reader = core.start(receive(rx));
    core.run_until_idle();
    REQUIRE(tx.send(7));
    core.run_until_idle();
    CHECK(join_now(core, reader) == 7);
}

TEST_CASE("a recv cancelled after another core woke it leaves the message", "[sync][mpsc][cancel]") {
    TestCore a;
    TestCore b(2);
    auto [tx, rx] = mpsc::channel<int>(2);
    auto reader = a.start(receive(rx));
    a.run_until_idle();
    REQUIRE(b.in([&sender = tx] { return sender.try_send(7).has_value(); }));
    a.in([&] { reader.abort(); });  // the wake is in the inbox, not yet seen
    a.run_until_idle();
    REQUIRE(reader.is_finished());
    CHECK(outcome(a.run(receive(rx))) == 7);
    CHECK(outcome(b.run(send(tx, 8))).has_value());
    CHECK(outcome(a.run(receive(rx))) == 8);
}

TEST_CASE("a slot granted to a sender of another core passes on when that is cancelled", "[sync][mpsc][cancel]") {
    TestCore a;
    TestCore b(2);
    TestCore c(3);
    auto [tx, rx] = mpsc::channel<int>(1);
    REQUIRE(tx.try_send(0));
    auto first = b.start(send(tx, 1));
    b.run_until_idle();
    auto second = c.start(send(tx, 2));
    c.run_until_idle();
    CHECK(a.in([&receiver = rx] { return receiver.try_recv() == 0; }));
    b.in([&] { first.abort(); });
    b.run_until_idle();
    CHECK(first.is_finished());
    c.run_until_idle();
    CHECK(second.is_finished());
    CHECK(a.in([&receiver = rx] { return receiver.try_recv() == 2; }));
}

TEST_CASE("nothing is lost, doubled or reordered whichever core is stepped next", "[sync][mpsc]") {
    constexpr int messages = 60;
    for (std::uint64_t seed = 1; seed != 150; ++seed) {
        TestCore a(seed);
        TestCore b(seed + 1000);
        std::mt19937 random(static_cast<unsigned>(seed));
        const std::size_t capacity = 1 + random() % 5;
        Numbers got;
        {
            auto [tx, rx] = mpsc::channel<int>(capacity);
            std::deque<JoinHandle<void>> readers;
            readers.push_back(a.start(receive_all(rx, got)));
            for (int sender = 0; sender != 3; ++sender)
                (sender == 0 ? a : b).start(send_range(tx, sender * 1000, sender * 1000 + messages)).detach();
            auto doomed = b.start(send_range(tx, 5000, 5000 + messages));
            const int doom = static_cast<int>(random() % 200);
            {
                const auto last = std::move(tx);
            }
            for (int turn = 0; turn != 5000 && !readers.back().is_finished(); ++turn) {
                if (turn == doom) b.in([&] { doomed.abort(); });
                if (random() % 16 == 0) {  // the reader is replaced wherever it stands
                    a.in([&] { readers.back().abort(); });
                    while (!readers.back().is_finished()) a.step(1);
                    readers.push_back(a.start(receive_all(rx, got)));
                }
                (random() % 2 == 0 ? a : b).step(1 + random() % 3);
            }
            for (int i = 0; i != 400; ++i) {
                a.run_until_idle();
                b.run_until_idle();
            }
            REQUIRE(readers.back().is_finished());
        }
        std::array<Numbers, 6> by_sender;
        for (const int value : got) by_sender[static_cast<std::size_t>(value / 1000)].push_back(value);
        for (int sender = 0; sender != 3; ++sender)
            CHECK(by_sender[static_cast<std::size_t>(sender)] == range(sender * 1000, sender * 1000 + messages));
        const Numbers& doomed = by_sender[5];
        CHECK(doomed == range(5000, 5000 + static_cast<int>(doomed.size())));
    }
}
