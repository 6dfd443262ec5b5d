// What a socket of all ports has of each: groups, interfaces, options; and what becomes of it when ports go away.

#include "support/stack_ports.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/stack/ports/same_number.hpp>

#include <vector>

namespace skerry {
namespace {

using namespace tests;
using net::SocketOption;
using stack::wire::Ipv4Addr;

constexpr std::uint16_t port = 7000;
constexpr Ipv4Addr group = Ipv4Addr::of(239, 1, 2, 3);

net::UdpSocket bound() {
    auto socket = net::UdpSocket::bind(any(port));
    REQUIRE(socket);
    return std::move(*socket);
}

void hear_group(StackPorts& f, std::size_t which, std::string_view text) {
    f.core.in([&] {
        Bytes frame = ipv4(stack::wire::ip_protocol::udp, sealed_datagram(9, port, text, port_peers[which], group),
                           group, port_peers[which]);
        const auto mac = stack::wire::MacAddr::of_group(group);
        std::memcpy(frame.data(), mac.octets.data(), mac.octets.size());
        f.hosts[which].give(frame);
    });
}

TEST_CASE("a group is joined on the port that is named, and on the first where none is", "[stack][ports][multicast]") {
    StackPorts f;
    auto socket = bound();
    const std::uint32_t named = GENERATE(0U, 1U, 2U);
    REQUIRE(socket.join_multicast(group.ip(), named));
    const std::size_t of = named == 2 ? 1 : 0;
    hear_group(f, 1 - of, "not here");
    hear_group(f, of, "here");
    CHECK(heard(f, socket) == "here");
    CHECK(socket.join_multicast(group.ip(), 3).error() == Errc::not_found);
    CHECK(socket.leave_multicast(group.ip(), named));
}

TEST_CASE("what goes to a group leaves by the port that is set, and by the first where none is",
          "[stack][ports][multicast]") {
    StackPorts f;
    auto socket = bound();
    const int set = GENERATE(0, 1, 2);
    REQUIRE(socket.set_option(SocketOption::multicast_interface, set));
    CHECK(*socket.option(SocketOption::multicast_interface) == set);
    CHECK(said(f, socket, at(group, 9)) == Errc::ok);
    const std::size_t by = set == 2 ? 1 : 0;
    CHECK(f.hosts[by].taken().size() == 1);
    CHECK(f.hosts[1 - by].taken().empty());
    CHECK(socket.set_option(SocketOption::multicast_interface, 3).error() == Errc::not_found);
    REQUIRE(socket.connect(at(group, 9)));
    CHECK(said(f, socket, at(group, 9)) == Errc::ok);
    CHECK(f.hosts[by].taken().size() == 1);
}

Task<void> receive_some(net::UdpSocket& socket, std::vector<net::Datagram>& out) {
    out.resize(8);
    auto received = co_await socket.recv_batch(out);
    out.resize(received ? *received : 0);
}
Task<void> answer(net::UdpSocket& socket, std::span<net::Datagram> batch, std::size_t& count) {
    auto sent = co_await socket.send_batch(batch);
    count = sent ? *sent : 0;
}

TEST_CASE("a datagram tells its port, and its answer leaves by that", "[stack][ports]") {
    StackPorts f;
    for (std::size_t i = 0; i < 2; ++i)
        f.hosts[i].give(arp(stack::wire::ArpOperation::request, port_peers[i], peer_mac, port_ips[i]));
    for (StackHost& host : f.hosts) (void)host.taken();
    auto socket = bound();
    REQUIRE(socket.set_option(SocketOption::receive_local, 1));
    REQUIRE(socket.set_option(SocketOption::send_local, 1));
    for (const std::size_t which : {1U, 0U}) {
        f.hear(which, "who am I?");
        std::vector<net::Datagram> batch;
        REQUIRE(f.core.run(receive_some(socket, batch)));
        REQUIRE(batch.size() == 1);
        CHECK(batch[0].interface_index == which + 1);
        CHECK(batch[0].local == port_ips[which].ip());
        std::size_t count = 0;
        REQUIRE(f.core.run(answer(socket, batch, count)));
        CHECK(count == 1);
        CHECK(f.hosts[which].taken().size() == 1);
        // To a host of the other port: the address that it is to leave from decides.
        batch[0].payload = IoBuf::copy_of(std::as_bytes(std::span(std::string_view("hello"))));
        batch[0].peer = at(port_peers[1 - which], 9);
        batch[0].interface_index = 0;
        REQUIRE(f.core.run(answer(socket, batch, count)));
        CHECK(count == 0);
        CHECK(f.hosts[1 - which].taken().empty());
    }
}

TEST_CASE("a datagram that names one of several addresses of its port leaves from that", "[stack][ports][addresses]") {
    constexpr Ipv4Addr more = Ipv4Addr::of(198, 18, 0, 3);
    stack::StackConfig first = port_config(0);
    REQUIRE(first.more_addresses.add({more, 24}));
    first.address6 = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
    StackPorts f(first);
    f.hosts[0].give(arp(stack::wire::ArpOperation::request));
    (void)f.hosts[0].taken();
    const net::IpAddr bound_to = GENERATE(host_ip.ip(), net::IpAddr::v4_any(), net::IpAddr::v6_any());
    const auto as_shown = [&](Ipv4Addr ip) { return bound_to.is_v6() ? ip.ip().mapped() : ip.ip(); };
    auto socket = net::UdpSocket::bind({bound_to, port});
    REQUIRE(socket);
    REQUIRE(socket->set_option(SocketOption::send_local, 1));
    for (const Ipv4Addr from : {more, host_ip, more}) {
        std::vector<net::Datagram> batch(1);
        batch[0].payload = IoBuf::copy_of(std::as_bytes(std::span(std::string_view("hello"))));
        batch[0].peer = {as_shown(peer_ip), 9};
        batch[0].local = as_shown(from);
        std::size_t count = 0;
        REQUIRE(f.core.run(answer(*socket, batch, count)));
        CHECK(count == 1);
        const auto left = f.hosts[0].taken();
        REQUIRE(left.size() == 1);
        stack::wire::Ipv4Header ip;
        REQUIRE(stack::wire::parse(std::span(left[0]).subspan(stack::wire::ethernet_bytes), ip) == stack::Drop::none);
        CHECK(ip.source == from);
    }
    REQUIRE(socket->set_option(SocketOption::send_local, 0));
    CHECK(said(f, *socket, {as_shown(peer_ip), 9}) == Errc::ok);
    CHECK(f.hosts[0].taken().size() == 1);
}

TEST_CASE("an option is set of a socket in all ports", "[stack][ports]") {
    StackPorts f;
    auto socket = bound();
    REQUIRE(socket.set_option(SocketOption::ttl, 7));
    CHECK(*socket.option(SocketOption::ttl) == 7);
    CHECK(socket.set_option(SocketOption::ttl, 256).error() == Errc::invalid_argument);
    CHECK(socket.set_option(SocketOption::receive_segments, 1).error() == Errc::unsupported);
    for (std::size_t i = 0; i < 2; ++i)
        f.hosts[i].give(arp(stack::wire::ArpOperation::request, port_peers[i], peer_mac, port_ips[i]));
    for (std::size_t i = 0; i < 2; ++i) {
        (void)f.hosts[i].taken();
        CHECK(said(f, socket, at(port_peers[i], 9)) == Errc::ok);
        const auto out = f.hosts[i].taken();
        REQUIRE(out.size() == 1);
        CHECK(out[0][stack::wire::ethernet_bytes + 8] == std::byte{7});
    }
}

Task<void> accept_one(net::TcpListener& listener, Errc& outcome) {
    auto stream = co_await listener.accept();
    outcome = stream ? Errc::ok : stream.error().code();
}

TEST_CASE("a port that is taken away is left out, and when all are a socket says so", "[stack][ports]") {
    StackPorts f;
    auto socket = bound();
    auto listener = net::TcpListener::bind(any(port));
    REQUIRE(listener);
    Errc outcome = Errc::ok;
    std::string text;
    auto accepting = f.core.start(accept_one(*listener, outcome));
    auto hearing = f.core.start(hear_text(socket, text));
    f.pump();
    f.core.in([&] { f.each[0]->lose(Errc::device_gone); });
    f.pump();
    CHECK(outcome == Errc::ok);
    CHECK(text.empty());
    f.hear(1, "still here");
    f.pump();
    CHECK(text == "still here");
    CHECK(net::TcpListener::bind(any(7001)));
    CHECK(f.sockets->port_to(at(stack::wire::Ipv4Addr::of(192, 0, 2, 1), 9)) == 1);
    CHECK(f.sockets->port_to(at(stack::wire::Ipv4Addr::of(224, 0, 0, 9), 9)) == 1);
    f.core.in([&] { f.each[1]->lose(Errc::device_gone); });
    f.pump();
    CHECK(outcome == Errc::device_gone);
    CHECK(heard(f, socket) == to_string(Errc::device_gone));
    CHECK(net::TcpListener::bind(any(7002)).error() == Errc::device_gone);
}

TEST_CASE("sockets of all ports that outlive the core say so", "[stack][ports]") {
    StackPorts f;
    auto socket = bound();
    auto listener = net::TcpListener::bind(any(port));
    REQUIRE(listener);
    f.sockets.reset();
    CHECK(f.hosts[0].stack.tcp().sizes().connections == 0);
    Errc outcome = Errc::ok;
    REQUIRE(f.core.run(accept_one(*listener, outcome)));
    CHECK(outcome == Errc::runtime_shutdown);
    CHECK(heard(f, socket) == to_string(Errc::runtime_shutdown));
    CHECK(said(f, socket, at(port_peers[0], 9)) == Errc::runtime_shutdown);
    CHECK(socket.connect(at(port_peers[0], 9)).error() == Errc::runtime_shutdown);
}

// --- one number for all

TEST_CASE("where the first was free to choose, numbers are tried until all have one", "[stack][ports]") {
    std::uint16_t next = 100;
    int closed = 0;
    const auto open = [&](std::size_t which, const net::SocketAddr& address) -> Result<std::uint16_t> {
        if (which == 0) return address.port() != 0 ? address.port() : next++;
        if (address.port() < 103) return Errc::address_in_use;
        return address.port();
    };
    const auto number = stack::open_same_number(2, any(0), open, [&] { ++closed; });
    REQUIRE(number);
    CHECK(*number == 103);
    CHECK(closed == 3);
    CHECK(stack::open_same_number(2, any(90), open, [&] { ++closed; }).error() == Errc::address_in_use);
    CHECK(closed == 4);
}

TEST_CASE("a number is looked for so often and no more", "[stack][ports][limits]") {
    unsigned tries = 0;
    const auto open = [&](std::size_t which, const net::SocketAddr&) -> Result<std::uint16_t> {
        if (which == 1) return Errc::address_in_use;
        ++tries;
        return std::uint16_t{100};
    };
    CHECK(stack::open_same_number(2, any(0), open, [] {}).error() == Errc::address_in_use);
    CHECK(tries == stack::same_number_tries);
}

}  // namespace
}  // namespace skerry
