#include "fixture.hpp"

#include <skerry/backend/slow_lane.hpp>
#include <skerry/backend/socket_ops.hpp>
#include <skerry/runtime/driver_waiters.hpp>

namespace skerry::conformance {
namespace {

const net::SocketAddr any_v6_port(net::IpAddr::v6_loopback(), 0);

backend::Capabilities capabilities() {
    REQUIRE(backend::current_sockets != nullptr);
    return backend::current_sockets->capabilities();
}

TEST_CASE("a backend with sockets has TCP and UDP", "[net][capabilities]") {
    run([]() -> Task<> {
        CHECK(capabilities().tcp);
        CHECK(capabilities().udp);
        co_return;
    });
}

TEST_CASE("a backend that says it has IPv6 connects over it", "[net][tcp][capabilities]") {
    run([]() -> Task<> {
        if (!capabilities().ipv6) co_return;
        auto listener = listen(any_v6_port);
        auto pair = co_await connect_to(listener);
        CHECK(pair.server.peer_addr().ip() == net::IpAddr::v6_loopback());
        auto written = co_await pair.client.write_all(bytes_of("six"));
        CHECK(written);
        auto text = co_await read_some(pair.server);
        CHECK(text == "six");
    });
}

TEST_CASE("a backend that says it has IPv6 sends datagrams over it", "[net][udp][capabilities]") {
    run([]() -> Task<> {
        if (!capabilities().ipv6) co_return;
        auto one = bind_udp(any_v6_port);
        auto other = bind_udp(any_v6_port);
        auto sent = co_await one.send_to(bytes_of("six"), other.local_addr());
        REQUIRE(sent);
        std::array<std::byte, 8> buffer;
        auto received = co_await other.recv_from(buffer);
        REQUIRE(received);
        CHECK(received->bytes == 3);
        CHECK(received->peer == one.local_addr());
    });
}

TEST_CASE("a backend that says it has multicast delivers to a group", "[net][udp][multicast][capabilities]") {
    run([]() -> Task<> {
        if (!capabilities().multicast) co_return;
        const net::IpAddr group = net::IpAddr::v4(239, 255, 77, 2);
        auto receiver = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        if (!receiver.join_multicast(group)) co_return;  // this machine has no route to groups
        auto sender = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        auto sent = co_await sender.send_to(bytes_of("all"), net::SocketAddr(group, receiver.local_addr().port()));
        REQUIRE(sent);
        std::array<std::byte, 8> buffer;
        auto received = co_await receiver.recv_from(buffer);
        REQUIRE(received);
        CHECK(received->bytes == 3);
        CHECK(received->peer.port() == sender.local_addr().port());
    });
}

TEST_CASE("a backend that says it has reuse_port lets two listeners share an address", "[net][tcp][capabilities]") {
    run([]() -> Task<> {
        if (!capabilities().reuse_port) co_return;
        net::ListenOptions shared;
        shared.reuse_port = true;
        auto one = net::TcpListener::bind(any_port, shared);
        REQUIRE(one);
        auto other = net::TcpListener::bind(one->local_addr(), shared);
        REQUIRE(other);
        auto loner = net::TcpListener::bind(one->local_addr());
        REQUIRE_FALSE(loner);
        CHECK(loner.error() == Errc::address_in_use);
        for (int i = 0; i < 20; ++i) {
            auto ends =
                co_await join(net::TcpStream::connect(one->local_addr()), select(one->accept(), other->accept()));
            CHECK(std::get<0>(ends));
            auto& accepted = std::get<1>(ends);
            const bool has_one =
                accepted.index() == 0 ? std::get<0>(accepted).has_value() : std::get<1>(accepted).has_value();
            CHECK(has_one);
        }
    });
}

TEST_CASE("a backend that says it has reuse_port lets two datagram sockets share an address",
          "[net][udp][capabilities]") {
    run([]() -> Task<> {
        if (!capabilities().reuse_port) co_return;
        net::BindOptions shared;
        shared.reuse_port = true;
        auto one = net::UdpSocket::bind(any_port, shared);
        REQUIRE(one);
        auto other = net::UdpSocket::bind(one->local_addr(), shared);
        CHECK(other);
        co_return;
    });
}

TEST_CASE("a datagram's receive time has the source that the backend promises", "[net][udp][capabilities]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const auto before = time::Instant::now();
        auto sent = co_await one.send_to(bytes_of("now"), other.local_addr());
        REQUIRE(sent);
        std::array<net::Datagram, 1> batch;
        auto count = co_await other.recv_batch(batch);
        REQUIRE(count);
        if (capabilities().hardware_timestamps)
            CHECK(batch[0].time_source == net::TimeSource::hardware);
        else
            CHECK((batch[0].time_source == net::TimeSource::burst || batch[0].time_source == net::TimeSource::kernel));
        if (batch[0].time_source == net::TimeSource::burst) {
            CHECK(batch[0].received_at >= before);
            CHECK(batch[0].received_at <= time::Instant::now());
        }
    });
}

TEST_CASE("a backend that says it has a slow lane has one", "[net][capabilities]") {
    run([]() -> Task<> {
        CHECK((backend::current_slow_lane != nullptr) == capabilities().slow_lane);
        co_return;
    });
}

}  // namespace
}  // namespace skerry::conformance
