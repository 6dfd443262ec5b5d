#include "fixture.hpp"

#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/spawn.hpp>

#include <cerrno>

namespace skerry::conformance {
namespace {

Task<> send_numbers(net::UdpSocket& from, net::SocketAddr to, std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
        const std::array<std::byte, 2> number{static_cast<std::byte>(i), static_cast<std::byte>(i >> 8U)};
        auto sent = co_await from.send_to(number, to);
        REQUIRE(sent);
        REQUIRE(*sent == number.size());
    }
    co_await polls(1);  // now they are queued at the receiver, on every backend
}

std::size_t number_in(std::span<const std::byte> payload) {
    REQUIRE(payload.size() == 2);
    return std::to_integer<std::size_t>(payload[0]) | std::to_integer<std::size_t>(payload[1]) << 8U;
}

TEST_CASE("a datagram arrives whole and with its sender's address", "[net][udp]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        auto sent = co_await one.send_to(bytes_of("datagram"), other.local_addr());
        REQUIRE(sent);
        CHECK(*sent == 8);
        std::array<std::byte, 64> buffer;
        auto received = co_await other.recv_from(buffer);
        REQUIRE(received);
        CHECK(text_of(std::span(buffer).first(received->bytes)) == "datagram");
        CHECK(received->peer == one.local_addr());
        CHECK_FALSE(received->truncated);
    });
}

TEST_CASE("a datagram of no bytes is a datagram", "[net][udp]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        for (int i = 0; i < 2; ++i) {
            auto sent = co_await one.send_to({}, other.local_addr());
            REQUIRE(sent);
            CHECK(*sent == 0);
        }
        std::array<std::byte, 4> buffer;
        auto received = co_await other.recv_from(buffer);
        REQUIRE(received);
        CHECK(received->bytes == 0);
        CHECK(received->peer == one.local_addr());
        std::array<net::Datagram, 4> batch;
        auto count = co_await other.recv_batch(batch);
        REQUIRE(count);
        REQUIRE(*count == 1);
        CHECK(batch[0].payload.empty());
        CHECK(batch[0].peer == one.local_addr());
    });
}

TEST_CASE("the longest datagram has 65507 bytes", "[net][udp]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const auto longest = pattern(65'507);
        auto sent = co_await one.send_to(longest, other.local_addr());
        REQUIRE(sent);
        std::vector<std::byte> buffer(70'000);
        auto received = co_await other.recv_from(buffer);
        REQUIRE(received);
        CHECK(std::ranges::equal(std::span(buffer).first(received->bytes), longest));
        const auto too_long = pattern(65'508);
        auto refused = co_await one.send_to(too_long, other.local_addr());
        REQUIRE_FALSE(refused);
        CHECK(refused.error() == Errc::message_too_long);
    });
}

TEST_CASE("a datagram longer than the buffer is cut and flagged", "[net][udp]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        for (const char* text : {"too long", "fits"}) {
            auto sent = co_await one.send_to(bytes_of(text), other.local_addr());
            REQUIRE(sent);
        }
        std::array<std::byte, 4> buffer;
        auto cut = co_await other.recv_from(buffer);
        REQUIRE(cut);
        CHECK(text_of(std::span(buffer).first(cut->bytes)) == "too ");
        CHECK(cut->truncated);
        auto whole = co_await other.recv_from(buffer);
        REQUIRE(whole);
        CHECK(text_of(std::span(buffer).first(whole->bytes)) == "fits");
        CHECK_FALSE(whole->truncated);
    });
}

TEST_CASE("recv_batch takes what is queued, up to the slots, in order", "[net][udp]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        co_await send_numbers(one, other.local_addr(), 0, 12);
        std::array<net::Datagram, 8> batch;
        auto first = co_await other.recv_batch(batch);
        REQUIRE(first);
        REQUIRE(*first == 8);
        for (std::size_t i = 0; i < 8; ++i) {
            CHECK(number_in(batch[i].payload.bytes()) == i);
            CHECK(batch[i].peer == one.local_addr());
            CHECK_FALSE(batch[i].truncated);
        }
        auto second = co_await other.recv_batch(batch);
        REQUIRE(second);
        REQUIRE(*second == 4);
        for (std::size_t i = 0; i < 4; ++i) CHECK(number_in(batch[i].payload.bytes()) == 8 + i);
    });
}

TEST_CASE("recv_batch waits for one datagram and not for a second", "[net][udp]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        auto sender = spawn(send_numbers(one, other.local_addr(), 7, 1));
        std::array<net::Datagram, 8> batch;
        auto count = co_await other.recv_batch(batch);
        REQUIRE(count);
        CHECK(*count == 1);
        CHECK(number_in(batch[0].payload.bytes()) == 7);
        auto outcome = co_await sender;
        CHECK(outcome);
    });
}

TEST_CASE("recv_batch gives at most 64 datagrams", "[net][udp]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        co_await send_numbers(one, other.local_addr(), 0, 70);
        std::vector<net::Datagram> batch(100);
        std::size_t received = 0;
        while (received < 70) {
            auto count = co_await other.recv_batch(batch);
            REQUIRE(count);
            REQUIRE(*count >= 1);
            REQUIRE(*count <= 64);
            for (std::size_t i = 0; i < *count; ++i) REQUIRE(number_in(batch[i].payload.bytes()) == received + i);
            received += *count;
        }
        CHECK(received == 70);
    });
}

TEST_CASE("send_batch sends each datagram to its own peer", "[net][udp]") {
    run([]() -> Task<> {
        auto sender = bind_udp();
        auto even = bind_udp();
        auto odd = bind_udp();
        std::vector<net::Datagram> batch(20);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const std::array<std::byte, 2> number{static_cast<std::byte>(i), std::byte{0}};
            batch[i].payload = IoBuf::copy_of(number);
            batch[i].peer = i % 2 == 0 ? even.local_addr() : odd.local_addr();
        }
        auto sent = co_await sender.send_batch(batch);
        REQUIRE(sent);
        CHECK(*sent == batch.size());
        for (std::size_t i = 0; i < batch.size(); ++i) {
            std::array<std::byte, 8> buffer;
            auto received = co_await (i % 2 == 0 ? even : odd).recv_from(buffer);
            REQUIRE(received);
            CHECK(number_in(std::span(buffer).first(received->bytes)) == i);
            CHECK(received->peer == sender.local_addr());
        }
    });
}

TEST_CASE("send_batch stops at the datagram that fails, and the next call tells why", "[net][udp]") {
    run([]() -> Task<> {
        auto sender = bind_udp();
        auto receiver = bind_udp();
        std::array<net::Datagram, 3> batch;
        for (auto& datagram : batch) {
            datagram.payload = IoBuf::copy_of(bytes_of("ok"));
            datagram.peer = receiver.local_addr();
        }
        batch[1].payload = IoBuf::copy_of(pattern(65'508));
        auto sent = co_await sender.send_batch(batch);
        REQUIRE(sent);
        CHECK(*sent == 1);
        auto rest = co_await sender.send_batch(std::span(batch).subspan(1));
        REQUIRE_FALSE(rest);
        CHECK(rest.error() == Errc::message_too_long);
    });
}

TEST_CASE("a receive that loses a select loses no datagram (behaviour 42)", "[net][udp][cancel]") {
    run([]() -> Task<> {
        constexpr std::size_t datagrams = 600;
        auto one = bind_udp();
        auto other = bind_udp();
        auto bell = bind_udp();  // rings in the same poll, so that receives lose that had completed already
        auto sender = spawn([](net::UdpSocket& from, net::SocketAddr to, net::SocketAddr at) -> Task<> {
            std::mt19937 random(23);
            for (std::size_t i = 0; i < datagrams; i += 4) {
                auto rung = co_await from.send_to(bytes_of("!"), at);
                REQUIRE(rung);
                co_await send_numbers(from, to, i, 4);
                co_await yields(random() % 100);
            }
        }(one, other.local_addr(), bell.local_addr()));
        std::mt19937 random(29);
        std::array<std::byte, 1> ring;
        std::size_t received = 0;
        unsigned lost = 0;
        std::array<net::Datagram, 3> batch;
        std::array<std::byte, 8> buffer;
        while (received < datagrams) {
            const bool is_single = random() % 2 == 0;
            auto event = co_await select_biased(bell.recv_from(ring), when(is_single, other.recv_from(buffer)),
                                                when(!is_single, other.recv_batch(batch)));
            if (event.index() == 0) {
                ++lost;
            } else if (event.index() == 1) {
                auto& single = std::get<1>(event);
                REQUIRE(single);
                REQUIRE(number_in(std::span(buffer).first(single->bytes)) == received);
                CHECK(single->peer == one.local_addr());
                ++received;
            } else {
                auto& count = std::get<2>(event);
                REQUIRE(count);
                for (std::size_t i = 0; i < *count; ++i) REQUIRE(number_in(batch[i].payload.bytes()) == received + i);
                received += *count;
            }
        }
        CHECK(received == datagrams);
        CHECK(lost > 50);
        auto outcome = co_await sender;
        CHECK(outcome);
    });
}

TEST_CASE("a connected socket sends to its peer and hears nobody else", "[net][udp]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        auto stranger = bind_udp();
        REQUIRE(one.connect(other.local_addr()));
        auto out = co_await one.send(bytes_of("to the peer"));
        REQUIRE(out);
        std::array<std::byte, 32> buffer;
        auto at_other = co_await other.recv_from(buffer);
        REQUIRE(at_other);
        CHECK(text_of(std::span(buffer).first(at_other->bytes)) == "to the peer");
        auto noise = co_await stranger.send_to(bytes_of("noise"), one.local_addr());
        REQUIRE(noise);
        auto back = co_await other.send_to(bytes_of("back"), one.local_addr());
        REQUIRE(back);
        auto at_one = co_await one.recv_from(buffer);
        REQUIRE(at_one);
        CHECK(text_of(std::span(buffer).first(at_one->bytes)) == "back");
        CHECK(at_one->peer == other.local_addr());
    });
}

TEST_CASE("what came before a connect is received after it, whoever sent it", "[net][udp]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto peer = bind_udp();
        auto stranger = bind_udp();
        std::array<std::byte, 32> buffer;
        for (const std::string_view text : {"first", "early"}) {  // a first receive, so that the driver takes the next
            auto sent = co_await stranger.send_to(bytes_of(text), one.local_addr());
            REQUIRE(sent);
            co_await round_trip();
            if (text == "early") break;
            auto received = co_await one.recv_from(buffer);
            REQUIRE(received);
        }
        REQUIRE(one.connect(peer.local_addr()));
        auto late = co_await stranger.send_to(bytes_of("late"), one.local_addr());
        REQUIRE(late);
        auto back = co_await peer.send_to(bytes_of("peer's"), one.local_addr());
        REQUIRE(back);
        for (const std::string_view expected : {"early", "peer's"}) {
            auto received = co_await one.recv_from(buffer);
            REQUIRE(received);
            CHECK(text_of(std::span(buffer).first(received->bytes)) == expected);
        }
    });
}

TEST_CASE("send on a socket without a peer says not_connected", "[net][udp]") {
    run([]() -> Task<> {
        auto socket = bind_udp();
        auto sent = co_await socket.send(bytes_of("nowhere"));
        REQUIRE_FALSE(sent);
        CHECK(sent.error() == Errc::not_connected);
    });
}

TEST_CASE("a second socket on the same address finds it in use", "[net][udp]") {
    run([]() -> Task<> {
        auto socket = bind_udp();
        CHECK(socket.local_addr().port() != 0);
        auto second = net::UdpSocket::bind(socket.local_addr());
        REQUIRE_FALSE(second);
        CHECK(second.error() == Errc::address_in_use);
        co_return;
    });
}

TEST_CASE("a datagram nobody waits for goes unheard, and the sender goes on", "[net][udp]") {
    run([]() -> Task<> {
        net::SocketAddr gone;
        {
            auto closed = bind_udp();
            gone = closed.local_addr();
        }
        auto sender = bind_udp();
        auto receiver = bind_udp();
        auto lost = co_await sender.send_to(bytes_of("lost"), gone);
        CHECK(lost);
        co_await polls(1);
        auto sent = co_await sender.send_to(bytes_of("heard"), receiver.local_addr());
        CHECK(sent);
        std::array<std::byte, 16> buffer;
        auto received = co_await receiver.recv_from(buffer);
        REQUIRE(received);
        CHECK(received->bytes == 5);
    });
}

TEST_CASE("a connected socket whose peer is gone says connection_refused", "[net][udp]") {
    run([]() -> Task<> {
        net::SocketAddr gone;
        {
            auto closed = bind_udp();
            gone = closed.local_addr();
        }
        auto socket = bind_udp();
        REQUIRE(socket.connect(gone));
        auto sent = co_await socket.send(bytes_of("knock"));
        CHECK(sent);
        std::array<std::byte, 16> buffer;
        auto received = co_await socket.recv_from(buffer);
        REQUIRE_FALSE(received);
        CHECK(received.error() == Errc::connection_refused);
        // Of whoever has the number; in memory nobody does.
        if (received.error().os_error() != 0) CHECK(received.error().os_error() == ECONNREFUSED);
    });
}

TEST_CASE("recv_batch and a later send say connection_refused too", "[net][udp]") {
    run([]() -> Task<> {
        net::SocketAddr gone;
        {
            auto closed = bind_udp();
            gone = closed.local_addr();
        }
        auto socket = bind_udp();
        REQUIRE(socket.connect(gone));
        auto knock = co_await socket.send(bytes_of("knock"));
        CHECK(knock);
        std::array<net::Datagram, 2> batch;
        auto received = co_await socket.recv_batch(batch);
        REQUIRE_FALSE(received);
        CHECK(received.error() == Errc::connection_refused);

        knock = co_await socket.send(bytes_of("knock"));
        CHECK(knock);
        co_await polls(4);  // the answer comes
        auto again = co_await socket.send(bytes_of("knock"));
        REQUIRE_FALSE(again);
        CHECK(again.error() == Errc::connection_refused);

        knock = co_await socket.send(bytes_of("knock"));
        CHECK(knock);
        co_await polls(4);
        batch[0].payload = IoBuf::copy_of(bytes_of("knock"));
        auto together = co_await socket.send_batch(std::span(batch).first(1));
        REQUIRE_FALSE(together);
        CHECK(together.error() == Errc::connection_refused);
    });
}

TEST_CASE("a broadcast is not permitted without the option", "[net][udp]") {
    run([]() -> Task<> {
        auto socket = bind_udp();
        const net::SocketAddr everybody(net::IpAddr::v4_broadcast(), 9);
        auto sent = co_await socket.send_to(bytes_of("to all"), everybody);
        REQUIRE_FALSE(sent);
        CHECK(sent.error() == Errc::permission_denied);
        std::array<net::Datagram, 1> batch;
        batch[0].payload = IoBuf::copy_of(bytes_of("to all"));
        batch[0].peer = everybody;
        auto batched = co_await socket.send_batch(batch);
        REQUIRE_FALSE(batched);
        CHECK(batched.error() == Errc::permission_denied);
    });
}

TEST_CASE("a datagram socket cannot be bound to an address of another machine", "[net][udp]") {
    run([]() -> Task<> {
        auto socket = net::UdpSocket::bind(net::SocketAddr(net::IpAddr::v4(192, 0, 2, 1), 0));
        REQUIRE(socket.has_value() == has_every_address);
        if (!socket) CHECK(socket.error() == Errc::address_not_available);
        co_return;
    });
}

}  // namespace
}  // namespace skerry::conformance
