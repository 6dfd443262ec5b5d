#include "fixture.hpp"

#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/join_set.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

namespace skerry::conformance {
namespace {

using namespace std::chrono_literals;

Task<> stay_busy(const bool& is_over) {
    while (!is_over) co_await yield_now();
}

TEST_CASE("100 tasks that are always ready do not stop a connect, an accept and a read (behaviour 1)",
          "[net][tcp][fairness]") {
    run([]() -> Task<> {
        bool is_over = false;
        JoinSet<void> busy;
        for (int i = 0; i < 100; ++i) busy.spawn(stay_busy(is_over));
        auto pair = co_await connect_pair();
        auto both = co_await join(read_some(pair.server), pair.client.write_all(bytes_of("through")));
        CHECK(std::get<0>(both) == "through");
        CHECK(std::get<1>(both));
        is_over = true;
        while (co_await busy.join_next()) {
        }
    });
}

TEST_CASE("a connection is seen after fewer than 10 yields to the driver (behaviour 4)", "[net][tcp][fairness]") {
    run([]() -> Task<> {
        if (is_wire_slow) {
            WARN("skipped: a wire brings nothing within a number of turns");
            co_return;
        }
        auto listener = listen();
        auto client = spawn([](net::SocketAddr to) -> Task<> {
            auto stream = co_await net::TcpStream::connect(to);
            REQUIRE(stream);
        }(listener.local_addr()));
        auto server = spawn([](net::TcpListener& from) -> Task<> {
            auto stream = co_await from.accept();
            REQUIRE(stream);
        }(listener));
        unsigned yielded = 0;
        while (yielded < 10 && !(client.is_finished() && server.is_finished())) {
            co_await yield_to_driver();
            ++yielded;
        }
        CHECK(yielded < 10);
        auto connected = co_await client;
        CHECK(connected);
        auto accepted = co_await server;
        CHECK(accepted);
    });
}

TEST_CASE("a datagram is received while 100 tasks are always ready (behaviour 1)", "[net][udp][fairness]") {
    run([]() -> Task<> {
        bool is_over = false;
        JoinSet<void> busy;
        for (int i = 0; i < 100; ++i) busy.spawn(stay_busy(is_over));
        auto sender = bind_udp();
        auto receiver = bind_udp();
        std::array<std::byte, 16> buffer;
        auto both = co_await join(receiver.recv_from(buffer), sender.send_to(bytes_of("ping"), receiver.local_addr()));
        REQUIRE(std::get<0>(both));
        CHECK(std::get<0>(both)->bytes == 4);
        CHECK(std::get<1>(both));
        is_over = true;
        while (co_await busy.join_next()) {
        }
    });
}

Task<> read_nothing(net::TcpStream& stream) {
    for (;;) (void)co_await stream.read({});
}

Task<> write_nothing(net::TcpStream& stream) {
    for (;;) (void)co_await stream.write({});
}

TEST_CASE("a timeout around a loop that reads or writes nothing fires (behaviour 23)", "[net][tcp][fairness]") {
    run([]() -> Task<> {
        if (is_time_virtual) {
            WARN("skipped: a time that is moved by sleep alone does not pass a loop that never waits");
            co_return;
        }
        auto pair = co_await connect_pair();
        auto reading = co_await time::timeout(1ms, read_nothing(pair.client));
        CHECK(reading.error() == Errc::timed_out);
        auto writing = co_await time::timeout(1ms, write_nothing(pair.client));
        CHECK(writing.error() == Errc::timed_out);
    });
}

TEST_CASE("a stream that always has data does not stop the others", "[net][tcp][fairness]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        bool is_over = false;
        auto writer = spawn([](net::TcpStream& stream, const bool& ended) -> Task<> {
            const auto piece = pattern(16'384);
            while (!ended) {
                auto written = co_await stream.write_all(piece);
                REQUIRE(written);
            }
            REQUIRE(stream.shutdown());
        }(pair.client, is_over));
        auto reader = spawn(read_all(pair.server));
        for (int i = 0; i < 20; ++i) {
            auto other = co_await connect_pair();
            auto written = co_await other.client.write_all(bytes_of("x"));
            REQUIRE(written);
            auto text = co_await read_some(other.server);
            REQUIRE(text == "x");
        }
        is_over = true;
        auto written = co_await writer;
        CHECK(written);
        auto read = co_await reader;
        CHECK(read);
    });
}

// When all that is under way has come and was told: an event that comes later would be news.
Task<> spend(int units) {
    co_await time::sleep(std::chrono::milliseconds{1});
    for (int i = 0; i < units; ++i) co_await consume_budget();
}

// Behind a branch that meets the end of the budget a select asks no other whether it is ready; what is there already
// brings no news that could wake it.
TEST_CASE("a select behind a spent budget finds what its later branches have ready", "[net][tcp][udp][fairness]") {
    run([]() -> Task<> {
        constexpr int budget = 128;
        auto pair = co_await connect_pair();
        auto sender = bind_udp();
        auto receiver = bind_udp();
        std::array<std::byte, 1> one{};
        const auto patience = [] { return time::sleep(std::chrono::seconds{10}); };
        REQUIRE(pair.client.set_nodelay(true));  // what is held back comes as news later
        const auto text = pattern(1 + budget);
        auto said = co_await pair.client.write_all(text);
        REQUIRE(said);
        auto first = co_await pair.server.read(one);
        REQUIRE(first);  // the others lie unread
        for (int spent = 0; spent < budget; ++spent) {
            for (int i = 0; i < 2; ++i) {
                auto sent = co_await sender.send_to(one, receiver.local_addr());
                REQUIRE(sent);
            }
            auto one_of_two = co_await receiver.recv_from(one);
            REQUIRE(one_of_two);
            co_await spend(spent);
            auto read = co_await select_biased(patience(), pair.server.read(one));
            REQUIRE(read.index() == 1);
            co_await spend(spent);
            auto written = co_await select_biased(patience(), pair.client.write(one));
            REQUIRE(written.index() == 1);
            co_await spend(spent);
            auto received = co_await select_biased(patience(), receiver.recv_from(one));
            REQUIRE(received.index() == 1);
            co_await spend(spent);
            auto sent = co_await select_biased(patience(), sender.send_to(one, sender.local_addr()));
            REQUIRE(sent.index() == 1);
            auto back = co_await sender.recv_from(one);
            REQUIRE(back);
        }
    });
}

}  // namespace
}  // namespace skerry::conformance
