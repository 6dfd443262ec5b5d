#include "fixture.hpp"

#include <skerry/backend/socket_ops.hpp>

namespace skerry::conformance {
namespace {

const net::IpAddr group = net::IpAddr::v4(239, 255, 77, 1);

/// The interface to join on: the system's choice, or the first one where it has no route to groups.
std::uint32_t interface_for(net::UdpSocket& socket) {
    if (socket.join_multicast(group, 0)) {
        REQUIRE(socket.leave_multicast(group, 0));
        return 0;
    }
    return 1;
}

bool has_multicast() { return backend::current_sockets->capabilities().multicast; }

TEST_CASE("joining an address that is no group is an invalid argument", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast()) co_return;
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        const auto joined = socket.join_multicast(net::IpAddr::v4(192, 0, 2, 1));
        REQUIRE_FALSE(joined);
        CHECK(joined.error() == Errc::invalid_argument);
        const auto left = socket.leave_multicast(net::IpAddr::v4(192, 0, 2, 1));
        REQUIRE_FALSE(left);
        CHECK(left.error() == Errc::invalid_argument);
    });
}

TEST_CASE("a group that was joined cannot be joined again", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast()) co_return;
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        const std::uint32_t interface = interface_for(socket);
        REQUIRE(socket.join_multicast(group, interface));
        const auto again = socket.join_multicast(group, interface);
        REQUIRE_FALSE(again);
        CHECK(again.error() == Errc::address_in_use);
        CHECK(socket.leave_multicast(group, interface));
        CHECK(socket.join_multicast(group, interface));
    });
}

TEST_CASE("a group that was not joined cannot be left", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast()) co_return;
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        const auto left = socket.leave_multicast(group, interface_for(socket));
        REQUIRE_FALSE(left);
        CHECK(left.error() == Errc::address_not_available);
    });
}

TEST_CASE("a group may be bound by many sockets", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast()) co_return;
        auto first = bind_udp(net::SocketAddr(group, 0));
        CHECK(first.local_addr().ip() == group);
        auto second = net::UdpSocket::bind(first.local_addr());
        CHECK(second);
    });
}

TEST_CASE("a group cannot be joined on an interface that does not exist", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast()) co_return;
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        const auto joined = socket.join_multicast(group, 54'321);
        REQUIRE_FALSE(joined);
        CHECK(joined.error() == Errc::not_found);
    });
}

TEST_CASE("the system limits the groups of a socket, and says no_buffers", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast()) co_return;
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        const std::uint32_t interface = interface_for(socket);
        Result<> joined;
        unsigned count = 0;
        for (; count < 100'000 && joined; ++count)
            joined = socket.join_multicast(net::IpAddr::v4(0xefff'0000U + count), interface);
        REQUIRE_FALSE(joined);
        CHECK(joined.error() == Errc::no_buffers);
        CHECK(count > 1);
        REQUIRE(socket.leave_multicast(net::IpAddr::v4(0xefff'0000U), interface));
        CHECK(socket.join_multicast(group, interface));
    });
}

// --- for one source

const net::IpAddr another = net::IpAddr::v4(198, 18, 0, 77);

/// Whether the backend chooses among sources.
bool has_sources() {
    const bool has = backend::current_sockets->capabilities().source_multicast;
    if (!has) {
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        CHECK(socket.join_multicast_source(group, own_ip, 1).error() == Errc::unsupported);
        WARN("skipped: this backend joins a group for all sources only");
    }
    return has;
}

/// Sends to the group from our own address, on the first interface.
Task<> send_to_group(std::string_view text, std::uint16_t port) {
    auto sender = bind_udp();
    REQUIRE(sender.set_option(net::SocketOption::multicast_interface, 1));
    auto sent = co_await sender.send_to(bytes_of(text), net::SocketAddr(group, port));
    REQUIRE(sent);
}

/// What comes first, when "end" follows it to the own address.
Task<std::string> first_before_end(net::UdpSocket& socket) {
    auto sender = bind_udp();
    co_await polls(2);
    auto sent = co_await sender.send_to(bytes_of("end"), net::SocketAddr(own_ip, socket.local_addr().port()));
    REQUIRE(sent);
    std::array<std::byte, 16> buffer;
    auto received = co_await socket.recv_from(buffer);
    REQUIRE(received);
    co_return text_of(std::span(buffer).first(received->bytes));
}

TEST_CASE("a group joined for one source is heard from that one only", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast() || !has_sources()) co_return;
        auto hears = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        auto deaf = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        REQUIRE(hears.join_multicast_source(group, another, 1));
        REQUIRE(hears.join_multicast_source(group, own_ip, 1));
        REQUIRE(deaf.join_multicast_source(group, another, 1));
        co_await send_to_group("ours", hears.local_addr().port());
        co_await send_to_group("ours", deaf.local_addr().port());
        auto heard = co_await first_before_end(hears);
        CHECK(heard == "ours");
        auto unheard = co_await first_before_end(deaf);
        CHECK(unheard == "end");
    });
}

TEST_CASE("a source that was left is heard no more", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast() || !has_sources()) co_return;
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        REQUIRE(socket.join_multicast_source(group, own_ip, 1));
        REQUIRE(socket.join_multicast_source(group, another, 1));
        REQUIRE(socket.leave_multicast_source(group, own_ip, 1));
        co_await send_to_group("ours", socket.local_addr().port());
        auto first = co_await first_before_end(socket);
        CHECK(first == "end");
    });
}

TEST_CASE("a source is joined once and left once", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast() || !has_sources()) co_return;
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        CHECK(socket.leave_multicast_source(group, another, 1).error() == Errc::address_not_available);
        REQUIRE(socket.join_multicast_source(group, another, 1));
        CHECK(socket.join_multicast_source(group, another, 1).error() == Errc::address_in_use);
        CHECK(socket.leave_multicast_source(group, own_ip, 1).error() == Errc::address_not_available);
        REQUIRE(socket.leave_multicast_source(group, another, 1));
        CHECK(socket.leave_multicast_source(group, another, 1).error() == Errc::address_not_available);
        CHECK(socket.leave_multicast(group, 1).error() == Errc::address_not_available);  // the last took it along
        CHECK(socket.join_multicast(group, 1));
    });
}

TEST_CASE("a group that was joined for all sources stays so when one is joined or left", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast() || !has_sources()) co_return;
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        REQUIRE(socket.join_multicast(group, 1));
        CHECK(socket.leave_multicast_source(group, another, 1).error() == Errc::address_not_available);
        CHECK(socket.join_multicast_source(group, another, 1).error() == Errc::invalid_argument);
        CHECK(socket.leave_multicast(group, 1));
    });
}

TEST_CASE("a source that was shut out of a group is not heard until it is let in again", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast() || !has_sources()) co_return;
        auto hears = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        REQUIRE(hears.join_multicast(group, 1));
        REQUIRE(hears.block_multicast_source(group, another, 1));
        REQUIRE(hears.block_multicast_source(group, own_ip, 1));
        co_await send_to_group("unheard", hears.local_addr().port());
        auto unheard = co_await first_before_end(hears);
        CHECK(unheard == "end");
        REQUIRE(hears.unblock_multicast_source(group, own_ip, 1));
        co_await send_to_group("ours", hears.local_addr().port());
        auto heard = co_await first_before_end(hears);
        CHECK(heard == "ours");
    });
}

TEST_CASE("a source is shut out once and let in once, of a group that was joined for all", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast() || !has_sources()) co_return;
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        CHECK(socket.block_multicast_source(group, another, 1).error() == Errc::invalid_argument);
        CHECK(socket.unblock_multicast_source(group, another, 1).error() == Errc::invalid_argument);
        REQUIRE(socket.join_multicast_source(group, own_ip, 1));
        CHECK(socket.block_multicast_source(group, another, 1).error() == Errc::invalid_argument);
        REQUIRE(socket.leave_multicast(group, 1));
        REQUIRE(socket.join_multicast(group, 1));
        CHECK(socket.unblock_multicast_source(group, another, 1).error() == Errc::address_not_available);
        REQUIRE(socket.block_multicast_source(group, another, 1));
        CHECK(socket.block_multicast_source(group, another, 1).error() == Errc::address_in_use);
        CHECK(socket.unblock_multicast_source(group, own_ip, 1).error() == Errc::address_not_available);
        REQUIRE(socket.unblock_multicast_source(group, another, 1));
        CHECK(socket.unblock_multicast_source(group, another, 1).error() == Errc::address_not_available);
        for (const net::IpAddr& source : {group, net::IpAddr::v4_any(), net::IpAddr::v6_loopback()})
            CHECK(socket.block_multicast_source(group, source, 1).error() == Errc::invalid_argument);
        CHECK(socket.leave_multicast(group, 1));
    });
}

TEST_CASE("a source that can be none is an invalid argument", "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast() || !has_sources()) co_return;
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v4_any(), 0));
        for (const net::IpAddr& source : {group, net::IpAddr::v4_any(), net::IpAddr::v6_loopback()})
            CHECK(socket.join_multicast_source(group, source, 1).error() == Errc::invalid_argument);
        CHECK(socket.join_multicast_source(own_ip, another, 1).error() == Errc::invalid_argument);
        CHECK(socket.join_multicast_source(group, another, 54'321).error() == Errc::not_found);
    });
}

TEST_CASE("an IPv6 group is joined once and left once, for all sources or for one", "[net][udp][multicast][ipv6]") {
    run([]() -> Task<> {
        if (!has_multicast() || !backend::current_sockets->capabilities().ipv6) co_return;
        const net::IpAddr group6 = *net::IpAddr::parse("ff05::77:1");
        const net::IpAddr source6 = *net::IpAddr::parse("fd00::99");
        auto socket = bind_udp(net::SocketAddr(net::IpAddr::v6_any(), 0));
        CHECK(socket.leave_multicast(group6, 1).error() == Errc::address_not_available);
        REQUIRE(socket.join_multicast(group6, 1));
        CHECK(socket.join_multicast(group6, 1).error() == Errc::address_in_use);
        REQUIRE(socket.leave_multicast(group6, 1));
        CHECK(socket.join_multicast(source6, 1).error() == Errc::invalid_argument);
        if (!has_sources()) co_return;
        REQUIRE(socket.join_multicast(group6, 1));
        REQUIRE(socket.block_multicast_source(group6, source6, 1));
        CHECK(socket.block_multicast_source(group6, source6, 1).error() == Errc::address_in_use);
        REQUIRE(socket.unblock_multicast_source(group6, source6, 1));
        CHECK(socket.unblock_multicast_source(group6, source6, 1).error() == Errc::address_not_available);
        REQUIRE(socket.leave_multicast(group6, 1));
        REQUIRE(socket.join_multicast_source(group6, source6, 1));
        CHECK(socket.join_multicast_source(group6, source6, 1).error() == Errc::address_in_use);
        REQUIRE(socket.leave_multicast_source(group6, source6, 1));
        CHECK(socket.leave_multicast_source(group6, source6, 1).error() == Errc::address_not_available);
    });
}

TEST_CASE("datagrams to groups leave by the interface that was chosen, and by none that does not exist",
          "[net][udp][multicast]") {
    run([]() -> Task<> {
        if (!has_multicast()) co_return;
        auto socket = bind_udp();
        for (const int index : {1, 0}) {
            REQUIRE(socket.set_option(net::SocketOption::multicast_interface, index));
            CHECK(socket.option(net::SocketOption::multicast_interface).value() == index);
        }
        CHECK(socket.set_option(net::SocketOption::multicast_interface, 54'321).error() == Errc::not_found);
    });
}

}  // namespace
}  // namespace skerry::conformance
