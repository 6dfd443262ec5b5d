// What the header of a datagram says, told to who receives and set by who sends: addresses, TTL, traffic class.

#include "fixture.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/task/spawn.hpp>

namespace skerry::conformance {
namespace {

using net::SocketOption;

const net::SocketAddr any_v6_port(net::IpAddr::v6_loopback(), 0);

backend::Capabilities capabilities() { return backend::current_sockets->capabilities(); }

/// Has `socket` told of all there is. False: this backend cannot.
bool tell_all(net::UdpSocket& socket) {
    bool all = true;
    for (const auto option :
         {SocketOption::receive_local, SocketOption::receive_ttl, SocketOption::receive_traffic_class}) {
        const auto set = socket.set_option(option, 1);
        REQUIRE(set.has_value() == capabilities().packet_info);
        all = all && set.has_value();
        if (set) CHECK(socket.option(option).value() == 1);
    }
    if (!all) WARN("skipped: this backend tells nothing of a datagram's header");
    return all;
}

Task<net::Datagram> receive(net::UdpSocket& socket) {
    std::array<net::Datagram, 1> batch;
    auto count = co_await socket.recv_batch(batch);
    REQUIRE(count);
    REQUIRE(*count == 1);
    co_return std::move(batch[0]);
}

net::Datagram datagram_of(std::string_view text, const net::SocketAddr& to) {
    net::Datagram datagram;
    datagram.payload = IoBuf::copy_of(bytes_of(text));
    datagram.peer = to;
    return datagram;
}

Task<> check_marks(net::SocketAddr address) {
    auto one = bind_udp(address);
    auto other = bind_udp(address);
    if (!tell_all(other)) co_return;
    auto plain = co_await one.send_to(bytes_of("plain"), other.local_addr());
    REQUIRE(plain);
    auto first = co_await receive(other);
    CHECK(first.ttl == 64);
    CHECK(first.traffic_class == 0);
    CHECK(first.local == other.local_addr().ip());
    CHECK(first.interface_index != 0);
    REQUIRE(one.set_option(SocketOption::ttl, 17));
    REQUIRE(one.set_option(SocketOption::traffic_class, 0xb8));
    CHECK(one.option(SocketOption::traffic_class).value() == 0xb8);
    auto marked = co_await one.send_to(bytes_of("marked"), other.local_addr());
    REQUIRE(marked);
    auto second = co_await receive(other);
    CHECK(text_of(second.payload.bytes()) == "marked");
    CHECK(second.ttl == 17);
    CHECK(second.traffic_class == 0xb8);
}

TEST_CASE("a socket's TTL and traffic class arrive with its datagrams", "[net][udp][packet_info]") {
    run([]() -> Task<> { co_await check_marks(any_port); });
}

TEST_CASE("an IPv6 socket's hop limit and traffic class arrive with its datagrams", "[net][udp][packet_info]") {
    run([]() -> Task<> {
        if (!capabilities().ipv6) co_return;
        co_await check_marks(any_v6_port);
    });
}

TEST_CASE("without the options nothing is told", "[net][udp][packet_info]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const auto check_untold = [&]() -> Task<> {
            auto sent = co_await one.send_to(bytes_of("plain"), other.local_addr());
            REQUIRE(sent);
            auto datagram = co_await receive(other);
            CHECK(datagram.ttl == 0);
            CHECK(datagram.local.is_unspecified());
            CHECK(datagram.interface_index == 0);
        };
        co_await check_untold();
        if (!tell_all(other)) co_return;
        for (const auto option :
             {SocketOption::receive_local, SocketOption::receive_ttl, SocketOption::receive_traffic_class})
            REQUIRE(other.set_option(option, 0));
        co_await check_untold();
    });
}

TEST_CASE("each option tells its own and no other", "[net][udp][packet_info]") {
    run([]() -> Task<> {
        if (!capabilities().packet_info) co_return;
        auto one = bind_udp();
        REQUIRE(one.set_option(SocketOption::traffic_class, 0x28));
        for (const auto option :
             {SocketOption::receive_local, SocketOption::receive_ttl, SocketOption::receive_traffic_class}) {
            auto other = bind_udp();
            REQUIRE(other.set_option(option, 1));
            auto sent = co_await one.send_to(bytes_of("plain"), other.local_addr());
            REQUIRE(sent);
            auto datagram = co_await receive(other);
            CHECK((datagram.ttl == 64) == (option == SocketOption::receive_ttl));
            CHECK((datagram.traffic_class == 0x28) == (option == SocketOption::receive_traffic_class));
            CHECK((datagram.local == own_ip) == (option == SocketOption::receive_local));
        }
    });
}

TEST_CASE("a socket that begins to be told is not told wrong of what came before", "[net][udp][packet_info]") {
    run([]() -> Task<> {
        if (!capabilities().packet_info) co_return;
        auto one = bind_udp();
        auto other = bind_udp();
        for (const char* text : {"first", "second", "third"}) {
            auto sent = co_await one.send_to(bytes_of(text), other.local_addr());
            REQUIRE(sent);
        }
        co_await polls(1);
        REQUIRE(tell_all(other));
        auto sent = co_await one.send_to(bytes_of("fourth"), other.local_addr());
        REQUIRE(sent);
        co_await polls(1);
        std::array<std::byte, 16> buffer;
        auto copied = co_await other.recv_from(buffer);
        REQUIRE(copied);
        CHECK(text_of(std::span(buffer).first(copied->bytes)) == "first");
        for (const char* text : {"second", "third"}) {
            auto before = co_await receive(other);
            CHECK(text_of(before.payload.bytes()) == text);
            CHECK((before.ttl == 0 || before.ttl == 64));
            CHECK((before.local.is_unspecified() || before.local == own_ip));
        }
        auto after = co_await receive(other);
        CHECK(text_of(after.payload.bytes()) == "fourth");
        CHECK(after.ttl == 64);
        CHECK(after.local == own_ip);
    });
}

TEST_CASE("a wildcard socket answers from the address that was asked", "[net][udp][packet_info]") {
    run([]() -> Task<> {
        if (!capabilities().packet_info) co_return;
        const net::IpAddr asked = own_ip.is_loopback() ? net::IpAddr::v4(127, 0, 0, 2) : own_ip;
        auto client = bind_udp();
        auto server = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        REQUIRE(server.set_option(SocketOption::receive_local, 1));
        REQUIRE(server.set_option(SocketOption::send_local, 1));
        CHECK(server.option(SocketOption::send_local).value() == 1);
        auto sent = co_await client.send_to(bytes_of("who?"), net::SocketAddr(asked, server.local_addr().port()));
        REQUIRE(sent);
        std::array<net::Datagram, 1> batch;
        auto count = co_await server.recv_batch(batch);
        REQUIRE(count);
        CHECK(batch[0].local == asked);
        auto answered = co_await server.send_batch(batch);
        REQUIRE(answered);
        std::array<std::byte, 16> buffer;
        auto answer = co_await client.recv_from(buffer);
        REQUIRE(answer);
        CHECK(answer->peer == net::SocketAddr(asked, server.local_addr().port()));
    });
}

TEST_CASE("a datagram leaves from no address of another machine", "[net][udp][packet_info]") {
    run([]() -> Task<> {
        if (!capabilities().packet_info || has_every_address) co_return;
        auto one = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        auto other = bind_udp();
        REQUIRE(one.set_option(SocketOption::send_local, 1));
        std::array<net::Datagram, 1> batch{datagram_of("forged", other.local_addr())};
        batch[0].local = net::IpAddr::v4(192, 0, 2, 1);
        auto forged = co_await one.send_batch(batch);
        REQUIRE_FALSE(forged);
        CHECK((forged.error() == Errc::invalid_argument || forged.error() == Errc::address_not_available ||
               forged.error() == Errc::unreachable));
        batch[0].local = {};
        auto sent = co_await one.send_batch(batch);
        CHECK(sent);
    });
}

Task<> check_classes(net::SocketAddr address) {
    auto one = bind_udp(address);
    auto other = bind_udp(address);
    if (!tell_all(other)) co_return;
    REQUIRE(one.set_option(SocketOption::send_traffic_class, 1));
    std::vector<net::Datagram> batch;
    for (const int mark : {0, 1, 2, 3, 3, 0xb9, 0xb9, 0}) {
        batch.push_back(datagram_of("equal", other.local_addr()));
        batch.back().traffic_class = static_cast<std::uint8_t>(mark);
    }
    auto sent = co_await one.send_batch(batch);
    REQUIRE(sent);
    REQUIRE(*sent == batch.size());
    for (const net::Datagram& expected : batch) {
        auto received = co_await receive(other);
        CHECK(received.traffic_class == expected.traffic_class);
        CHECK(received.ttl == 64);
    }
    REQUIRE(one.set_option(SocketOption::send_traffic_class, 0));
    sent = co_await one.send_batch(std::span(batch).subspan(3, 1));
    REQUIRE(sent);
    auto unmarked = co_await receive(other);
    CHECK(unmarked.traffic_class == 0);
}

TEST_CASE("each datagram of a batch has its own ECN mark", "[net][udp][packet_info]") {
    run([]() -> Task<> { co_await check_classes(any_port); });
}

TEST_CASE("each datagram of a batch over IPv6 has its own ECN mark", "[net][udp][packet_info]") {
    run([]() -> Task<> {
        if (!capabilities().ipv6) co_return;
        co_await check_classes(any_v6_port);
    });
}

TEST_CASE("segments leave with the mark of their Datagram", "[net][udp][packet_info][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        if (!tell_all(other)) co_return;
        REQUIRE(one.set_option(SocketOption::send_traffic_class, 1));
        std::array<net::Datagram, 1> batch{datagram_of("three three th", other.local_addr())};
        batch[0].segment_bytes = 6;
        batch[0].traffic_class = 2;
        auto sent = co_await one.send_batch(batch);
        REQUIRE(sent);
        for (const char* text : {"three ", "three ", "th"}) {
            auto received = co_await receive(other);
            CHECK(text_of(received.payload.bytes()) == text);
            CHECK(received.traffic_class == 2);
        }
    });
}

TEST_CASE("datagrams to a group have a TTL of their own", "[net][udp][multicast][packet_info]") {
    run([]() -> Task<> {
        if (!capabilities().multicast) co_return;
        const net::IpAddr group = net::IpAddr::v4(239, 255, 77, 3);
        auto receiver = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        if (!receiver.join_multicast(group)) co_return;  // this machine has no route to groups
        if (!tell_all(receiver)) co_return;
        auto sender = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        const net::SocketAddr to(group, receiver.local_addr().port());
        for (const int ttl : {1, 9}) {
            if (ttl != 1) REQUIRE(sender.set_option(SocketOption::multicast_ttl, ttl));
            const std::string text = std::to_string(ttl);
            auto sent = co_await sender.send_to(bytes_of(text), to);
            REQUIRE(sent);
            auto received = co_await receive(receiver);
            // What goes to a group may come twice: from this host, and from a wire that gives back what it gets.
            while (text_of(received.payload.bytes()) != text) received = co_await receive(receiver);
            CHECK(received.ttl == ttl);
            CHECK(received.local == group);
        }
    });
}

TEST_CASE("what was told of a datagram is kept when its receive is given up", "[net][udp][packet_info][cancel]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        auto bell = bind_udp();
        if (!tell_all(other)) co_return;
        std::array<net::Datagram, 1> batch;
        std::array<std::byte, 1> ring;
        unsigned lost = 0;
        for (int round = 0; round < 20; ++round) {
            const bool rings_first = round % 2 == 0;  // whichever of two that have completed wins
            auto sender =
                spawn([](net::UdpSocket& from, net::SocketAddr to, net::SocketAddr at, bool rings_first_) -> Task<> {
                    for (const bool rings : {rings_first_, !rings_first_}) {
                        auto sent = co_await from.send_to(bytes_of(rings ? "!" : "told"), rings ? at : to);
                        REQUIRE(sent);
                    }
                }(one, other.local_addr(), bell.local_addr(), rings_first));
            auto event = co_await select_biased(bell.recv_from(ring), other.recv_batch(batch));
            if (event.index() == 0) {
                ++lost;
                batch[0] = co_await receive(other);
            }
            CHECK(batch[0].ttl == 64);
            CHECK(batch[0].local == own_ip);
            if (event.index() == 1) (void)co_await bell.recv_from(ring);
            auto outcome = co_await sender;
            CHECK(outcome);
            co_await polls(2);  // the next round's order is that of its datagrams
        }
        CHECK(lost > 0);
    });
}

}  // namespace
}  // namespace skerry::conformance
