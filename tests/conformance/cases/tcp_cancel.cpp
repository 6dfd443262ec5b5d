#include "fixture.hpp"

#include <skerry/io/copy.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/timeout.hpp>

namespace skerry::conformance {
namespace {

using namespace std::chrono_literals;

/// Over after `count` yields, or when somebody rings: a ring that comes in one poll with the data that is waited
/// for is what makes an operation lose that had completed already.
Task<> pause_or_ring(net::UdpSocket& bell, unsigned count) {
    std::array<std::byte, 1> ring;
    auto event = co_await select(yields(count), bell.recv_from(ring));
    (void)event;
}

Task<> ring(net::UdpSocket& bell) {
    auto sent = co_await bell.send_to(bytes_of("!"), bell.local_addr());
    REQUIRE(sent);
}

/// Takes what has come, in one run, so that no event is looked at in between, and rings.
Task<> drain_and_ring(net::TcpStream& stream, net::UdpSocket& bell, std::uint64_t& drained) {
    std::vector<std::byte> buffer(1 << 20);
    for (;;) {
        auto event = co_await select_biased(stream.read(buffer), yields(0));
        if (event.index() == 1) break;
        drained += std::get<0>(event).value();
    }
    co_await ring(bell);
}

/// Pieces of random size with pauses between them, so that reads meet every state of the socket.
Task<> write_in_pieces(net::TcpStream& stream, net::UdpSocket& bell, std::span<const std::byte> bytes) {
    std::mt19937 random(7);
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min<std::size_t>(bytes.size(), 1 + random() % 700));
        auto written = co_await stream.write_all(piece);
        REQUIRE(written);
        co_await ring(bell);
        bytes = bytes.subspan(piece.size());
        co_await yields(random() % 80);
    }
    REQUIRE(stream.shutdown());
}

TEST_CASE("a read that loses a select loses no byte", "[net][tcp][cancel]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto sent = pattern(200'000);
        auto bell = bind_udp();
        auto writer = spawn(write_in_pieces(pair.client, bell, sent));
        std::mt19937 random(11);
        std::string text;
        unsigned lost = 0;
        std::array<std::byte, 333> buffer;
        for (;;) {
            const unsigned pause = random() % 100;  // beats the read also when the bytes came in the same turn
            auto event = co_await select_biased(pause_or_ring(bell, pause), pair.server.read(buffer));
            if (event.index() == 0) {
                ++lost;
                continue;
            }
            auto& count = std::get<1>(event);
            REQUIRE(count);
            if (*count == 0) break;
            text += text_of(std::span(buffer).first(*count));
        }
        CHECK((text == text_of(sent)));
        CHECK(lost > 100);
        auto outcome = co_await writer;
        CHECK(outcome);
    });
}

TEST_CASE("a read_buf that loses a select loses no byte", "[net][tcp][cancel]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto sent = pattern(200'000);
        auto bell = bind_udp();
        auto writer = spawn(write_in_pieces(pair.client, bell, sent));
        std::mt19937 random(13);
        std::string text;
        unsigned lost = 0;
        for (;;) {
            const unsigned pause = random() % 100;
            auto event = co_await select_biased(pause_or_ring(bell, pause), pair.server.read_buf());
            if (event.index() == 0) {
                ++lost;
                continue;
            }
            auto& segment = std::get<1>(event);
            REQUIRE(segment);
            if (segment->empty()) break;
            text += text_of(segment->bytes());
        }
        CHECK((text == text_of(sent)));
        CHECK(lost > 100);
        auto outcome = co_await writer;
        CHECK(outcome);
    });
}

TEST_CASE("two reads that race for one byte after the other lose none", "[net][tcp][cancel]") {
    run([]() -> Task<> {
        auto one = co_await connect_pair();
        auto other = co_await connect_pair();
        constexpr std::size_t rounds = 1000;
        auto writer = spawn([](net::TcpStream& first, net::TcpStream& second) -> Task<> {
            for (std::size_t i = 0; i < rounds; ++i) {
                const std::array<std::byte, 1> byte{static_cast<std::byte>(i)};
                auto to_first = co_await first.write_all(byte);
                REQUIRE(to_first);
                auto to_second = co_await second.write_all(byte);
                REQUIRE(to_second);
                co_await yields(i % 5);
            }
        }(one.client, other.client));
        std::array<std::size_t, 2> seen{};
        while (seen[0] + seen[1] < 2 * rounds) {
            std::array<std::byte, 1> first;
            std::array<std::byte, 1> second;
            auto event = co_await select(one.server.read(first), other.server.read(second));
            const std::size_t winner = event.index();
            const auto count = winner == 0 ? std::get<0>(event) : std::get<1>(event);
            REQUIRE(count);
            REQUIRE(*count == 1);
            REQUIRE((winner == 0 ? first : second)[0] == static_cast<std::byte>(seen[winner]));
            ++seen[winner];
        }
        CHECK(seen[0] == rounds);
        auto outcome = co_await writer;
        CHECK(outcome);
    });
}

TEST_CASE("1000 cancelled accepts lose no connection (behaviour 42)", "[net][tcp][cancel]") {
    run([]() -> Task<> {
        constexpr std::size_t connections = 200;
        auto listener = listen();
        auto bell = bind_udp();
        auto clients = spawn([](net::SocketAddr to, net::UdpSocket& doorbell) -> Task<> {
            std::mt19937 random(17);
            for (std::size_t i = 0; i < connections; ++i) {
                auto stream = co_await net::TcpStream::connect(to);
                REQUIRE(stream);
                const std::array<std::byte, 1> number{static_cast<std::byte>(i)};
                auto written = co_await stream->write_all(number);
                REQUIRE(written);
                co_await ring(doorbell);
                co_await yields(random() % 100);
            }
        }(listener.local_addr(), bell));
        std::mt19937 random(19);
        std::size_t accepted = 0;
        unsigned cancelled = 0;
        while (accepted < connections || cancelled < 1000) {
            const unsigned pause = random() % 40;
            auto event = co_await select_biased(pause_or_ring(bell, pause), listener.accept());
            if (event.index() == 0) {
                ++cancelled;
                continue;
            }
            auto& stream = std::get<1>(event);
            REQUIRE(stream);
            auto text = co_await read_all(*stream);
            REQUIRE(text == std::string(1, static_cast<char>(accepted)));
            ++accepted;
        }
        CHECK(accepted == connections);
        CHECK(cancelled >= 1000);
        auto outcome = co_await clients;
        CHECK(outcome);
    });
}

TEST_CASE("an aborted task that waits to read leaves the stream usable", "[net][tcp][cancel]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto reader = spawn(read_all(pair.server));
        co_await yields(3);
        reader.abort();
        auto outcome = co_await reader;
        CHECK_FALSE(outcome);
        auto written = co_await pair.client.write_all(bytes_of("after"));
        REQUIRE(written);
        auto text = co_await read_some(pair.server);
        CHECK(text == "after");
    });
}

TEST_CASE("a cancelled connect leaves the listener and this core usable", "[net][tcp][cancel]") {
    run([]() -> Task<> {
        auto listener = listen();
        for (int i = 0; i < 100; ++i) {
            auto event = co_await select_biased(net::TcpStream::connect(listener.local_addr()), yields(0));
            REQUIRE(event.index() == 1);
        }
        auto stream = co_await net::TcpStream::connect(listener.local_addr());
        REQUIRE(stream);
        const auto wanted = stream->local_addr().value();
        for (;;) {  // the given up ones may have come as far as the queue
            auto accepted = co_await listener.accept();
            REQUIRE(accepted);
            if (accepted->peer_addr() == wanted) break;
        }
    });
}

TEST_CASE("a cancelled write has written nothing", "[net][tcp][cancel]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto bell = bind_udp();
        const auto filler = pattern(65'536);
        std::uint64_t accepted = 0;
        std::uint64_t drained = 0;
        for (unsigned lost = 0; lost < 10;) {
            // Until no more is taken: a write that has to wait loses against the pause.
            auto filled = co_await select_biased(pair.client.write(filler), yields(200));
            if (filled.index() == 0) {
                accepted += std::get<0>(filled).value();
                continue;
            }
            // Then against a ring that comes in one poll with the room.
            auto drains = spawn(drain_and_ring(pair.server, bell, drained));
            std::array<std::byte, 1> ring;
            auto event = co_await select_biased(bell.recv_from(ring), pair.client.write(filler));
            auto drained_all = co_await std::move(drains);
            REQUIRE(drained_all);
            if (event.index() == 0) {
                ++lost;
                continue;
            }
            accepted += std::get<1>(event).value();
            auto rung = co_await bell.recv_from(ring);
            REQUIRE(rung);
        }
        REQUIRE(pair.client.shutdown());
        auto text = co_await read_all(pair.server);
        CHECK(drained + text.size() == accepted);
    });
}

TEST_CASE("a read with a time limit says timed_out, and the stream goes on", "[net][tcp][time]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        std::array<std::byte, 16> buffer;
        for (int i = 0; i < 3; ++i) {
            auto count = co_await time::timeout(1ms, pair.server.read(buffer));
            REQUIRE_FALSE(count);
            CHECK(count.error() == Errc::timed_out);
        }
        auto written = co_await pair.client.write_all(bytes_of("in time"));
        REQUIRE(written);
        auto count = co_await time::timeout(1h, pair.server.read(buffer));
        REQUIRE(count);
        CHECK(text_of(std::span(buffer).first(*count)) == "in time");
    });
}

TEST_CASE("an accept with a time limit says timed_out, and the listener goes on", "[net][tcp][time]") {
    run([]() -> Task<> {
        auto listener = listen();
        auto none = co_await time::timeout(1ms, listener.accept());
        REQUIRE_FALSE(none);
        CHECK(none.error() == Errc::timed_out);
        auto pair = co_await connect_to(listener);
        CHECK(pair.server.valid());
    });
}

TEST_CASE("a peek that loses a select leaves the bytes where they are", "[net][tcp][cancel]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto bell = bind_udp();
        std::array<std::byte, 8> seen;
        for (unsigned i = 0; i < 100; ++i) {
            auto ringer = spawn([](net::TcpStream& stream, net::UdpSocket& at, unsigned pause) -> Task<> {
                co_await yields(pause);
                auto written = co_await stream.write_all(bytes_of("peek"));
                REQUIRE(written);
                co_await ring(at);
            }(pair.client, bell, i));
            auto event = co_await select(pause_or_ring(bell, 1000), pair.server.peek(seen));
            auto outcome = co_await ringer;
            REQUIRE(outcome);
            if (event.index() == 1) REQUIRE(std::get<1>(event) == 4U);
            std::array<std::byte, 4> taken;
            auto read = co_await pair.server.read_exact(taken);
            REQUIRE(read);
            REQUIRE(text_of(taken) == "peek");
            std::array<std::byte, 1> rest;
            if (event.index() == 1) (void)co_await bell.recv_from(rest);
        }
    });
}

TEST_CASE("a cancelled read_exact has taken what was there, and the stream goes on behind it", "[net][tcp][cancel]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto written = co_await pair.client.write_all(bytes_of("gone"));
        REQUIRE(written);
        std::array<std::byte, 10> buffer;
        auto event = co_await select_biased(pair.server.read_exact(buffer), settled());
        REQUIRE(event.index() == 1);
        CHECK(text_of(std::span(buffer).first(4)) == "gone");
        co_await write_and_end(pair.client, bytes_of("kept"));
        auto text = co_await read_all(pair.server);
        CHECK(text == "kept");
    });
}

TEST_CASE("a cancelled write_all or write_buf has written a part from the front", "[net][tcp][cancel]") {
    for (const bool as_buffer : {false, true}) {
        run([as_buffer]() -> Task<> {
            auto pair = co_await connect_pair();
            const IoBuf data = IoBuf::copy_of(pattern(8U << 20U));
            auto writing = spawn([](net::TcpStream& stream, const IoBuf& buffer, bool hand_over) -> Task<> {
                Result<> written;
                if (hand_over)
                    written = co_await stream.write_buf(buffer.share());
                else
                    written = co_await stream.write_all(buffer.bytes());
                CHECK(written);
            }(pair.client, data, as_buffer));
            co_await settled();
            REQUIRE_FALSE(writing.is_finished());
            writing.abort();
            auto outcome = co_await writing;
            CHECK_FALSE(outcome);
            CHECK_FALSE(data.is_shared());
            REQUIRE(pair.client.shutdown());
            auto text = co_await read_all(pair.server);
            CHECK_FALSE(text.empty());
            CHECK(text.size() < data.size());
            CHECK((text == text_of(data.bytes().first(text.size()))));
        });
    }
}

TEST_CASE("a cancelled copy has moved a part from the front", "[io][tcp][cancel]") {
    run([]() -> Task<> {
        auto inward = co_await connect_pair();
        auto outward = co_await connect_pair();
        const auto sent = pattern(1U << 20U);
        auto source = spawn(write_and_end(inward.client, sent));
        auto relay = spawn(io::copy(inward.server, outward.client));
        std::vector<std::byte> first(1000);
        auto begun = co_await outward.server.read_exact(first);
        REQUIRE(begun);
        relay.abort();
        auto given_up = co_await relay;
        REQUIRE(outward.client.shutdown());
        auto rest = co_await read_all(outward.server);
        const std::string text = text_of(first) + rest;
        CHECK(text.size() <= sent.size());
        CHECK((text == text_of(std::span(sent).first(text.size()))));
        source.abort();
        auto ended = co_await source;
        (void)ended;
        (void)given_up;
    });
}

}  // namespace
}  // namespace skerry::conformance
