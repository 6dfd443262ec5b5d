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

}  // namespace
}  // namespace skerry::conformance
