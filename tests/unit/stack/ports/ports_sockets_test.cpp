// Several ports, one host: which port a socket belongs to, and sockets that are one in each.

#include "support/ipv6_host.hpp"
#include "support/stack_ports.hpp"

#include <skerry/net/stack_counters.hpp>
#include <skerry/net/stack_network.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_socket.hpp>
#include <skerry/net/tcp_stream.hpp>

#include <memory>

namespace skerry {
namespace {

using namespace tests;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;

constexpr std::uint16_t port = 7000;

/// A port that has an IPv6 address beside the other.
stack::StackConfig port_config_of_both(std::uint16_t at) {
    stack::StackConfig config = port_config(at);
    config.address6 = Ipv6Addr::of(0x2001, 0xdb8, static_cast<std::uint16_t>(at + 1), 0, 0, 0, 0, 2);
    return config;
}

net::UdpSocket bound(const net::SocketAddr& address) {
    auto socket = net::UdpSocket::bind(address);
    REQUIRE(socket);
    return std::move(*socket);
}

Task<void> connect(net::SocketAddr to, Errc& outcome, std::vector<net::TcpStream>& kept) {
    auto stream = co_await net::TcpStream::connect(to);
    outcome = stream ? Errc::ok : stream.error().code();
    if (stream) kept.push_back(std::move(*stream));
}
Task<void> accept(net::TcpListener& listener, std::vector<net::TcpStream>& kept, Errc& outcome) {
    auto stream = co_await listener.accept();
    outcome = stream ? Errc::ok : stream.error().code();
    if (stream) kept.push_back(std::move(*stream));
}

Task<void> hear_from(net::UdpSocket& socket, std::span<std::byte> buffer, net::SocketAddr& from) {
    auto received = co_await socket.recv_from(buffer);
    if (received) from = received->peer;
}

// --- which port

TEST_CASE("a packet leaves by the port whose network or longest route covers its host", "[stack][ports]") {
    stack::StackConfig first = port_config(0);
    REQUIRE(first.routes.add({Ipv4Addr::of(10, 0, 0, 0), 8, port_peers[0]}));
    stack::StackConfig second = port_config(1);
    REQUIRE(second.routes.add({Ipv4Addr::of(10, 7, 0, 0), 16, port_peers[1]}));
    REQUIRE(second.routes.add({Ipv4Addr::of(11, 0, 0, 0), 8, port_peers[1]}));
    StackPorts f(first, second);
    const auto port_to = [&](Ipv4Addr host) { return f.sockets->port_to(at(host, 9)); };
    CHECK(port_to(port_peers[0]) == 0);
    CHECK(port_to(port_peers[1]) == 1);
    CHECK(port_to(port_ips[1]) == 1);
    CHECK(port_to(Ipv4Addr::of(10, 1, 0, 1)) == 0);
    CHECK(port_to(Ipv4Addr::of(10, 7, 0, 1)) == 1);
    CHECK(port_to(Ipv4Addr::of(11, 1, 0, 1)) == 1);
    CHECK(f.sockets->port_to({Ipv4Addr::of(10, 7, 0, 1).ip().mapped(), 9}) == 1);
}

TEST_CASE("each of several addresses of a port, and each of its networks, is that port's",
          "[stack][ports][addresses]") {
    stack::StackConfig second = port_config(1);
    REQUIRE(second.more_addresses.add({Ipv4Addr::of(203, 0, 113, 2), 28}));
    StackPorts f(port_config(0), second);
    const auto port_to = [&](Ipv4Addr host) { return f.sockets->port_to(at(host, 9)); };
    CHECK(port_to(Ipv4Addr::of(203, 0, 113, 1)) == 1);
    CHECK(port_to(Ipv4Addr::of(203, 0, 113, 2)) == 1);
    CHECK(f.sockets->port_of(Ipv4Addr::of(203, 0, 113, 2).ip()) == std::optional<std::size_t>{1});
    CHECK(f.sockets->port_of(Ipv4Addr::of(203, 0, 113, 15).ip()) == std::optional<std::size_t>{1});
    CHECK_FALSE(f.sockets->port_of(Ipv4Addr::of(203, 0, 113, 3).ip()));
    auto socket = bound(at(Ipv4Addr::of(203, 0, 113, 2), port));
    CHECK(said(f, socket, at(Ipv4Addr::of(203, 0, 113, 1), 9)) == Errc::ok);
    CHECK(f.asker_of(Ipv4Addr::of(203, 0, 113, 1)) == 1);
}

TEST_CASE("a program is told all of several addresses of the first port", "[stack][ports][addresses]") {
    stack::StackConfig first = port_config(0);
    REQUIRE(first.more_addresses.add({Ipv4Addr::of(203, 0, 113, 2), 28}));
    StackPorts f(first);
    const auto network = net::stack_network();
    REQUIRE(network);
    CHECK(network->address == host_ip.ip());
    CHECK(network->more_addresses[0] == Ipv4Addr::of(203, 0, 113, 2).ip());
    CHECK(network->more_addresses[1] == net::IpAddr::v4_any());
}

TEST_CASE("what no network covers leaves by the first port that has a gateway", "[stack][ports]") {
    stack::StackConfig second = port_config(1);
    second.gateway = port_peers[1];
    StackPorts f(port_config(0), second);
    CHECK(f.sockets->port_to(at(Ipv4Addr::of(192, 0, 2, 1), 9)) == 1);
    CHECK(f.sockets->port_to(at(port_peers[0], 9)) == 0);
    auto socket = bound(any(port));
    CHECK(said(f, socket, at(Ipv4Addr::of(192, 0, 2, 1), 9)) == Errc::ok);
    CHECK(f.asker_of(port_peers[1]) == 1);
}

TEST_CASE("without any gateway a host elsewhere is not reached", "[stack][ports]") {
    StackPorts f;
    auto socket = bound(any(port));
    CHECK(said(f, socket, at(Ipv4Addr::of(192, 0, 2, 1), 9)) == Errc::unreachable);
    Errc outcome = Errc::ok;
    std::vector<net::TcpStream> streams;
    REQUIRE(f.core.run(connect(at(Ipv4Addr::of(192, 0, 2, 1), 9), outcome, streams)));
    CHECK(outcome == Errc::unreachable);
}

TEST_CASE("an IPv6 host is reached by the port of its prefix, or of its scope", "[stack][ports][ipv6]") {
    stack::StackConfig first = port_config_of_both(0);
    stack::StackConfig second = port_config_of_both(1);
    second.gateway6 = Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    REQUIRE(first.routes6.add({Ipv6Addr::of(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0), 48, second.gateway6}));
    StackPorts f(first, second);
    const auto port_to = [&](const Ipv6Addr& host, std::uint32_t scope = 0) {
        return f.sockets->port_to({host.ip(), 9, scope});
    };
    CHECK(port_to(Ipv6Addr::of(0x2001, 0xdb8, 1, 0, 0, 0, 0, 9)) == 0);
    CHECK(port_to(Ipv6Addr::of(0x2001, 0xdb8, 2, 0, 0, 0, 0, 9)) == 1);
    CHECK(port_to(Ipv6Addr::of(0x2001, 0xdb8, 7, 0, 0, 0, 0, 9)) == 0);
    CHECK(port_to(Ipv6Addr::of(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9)) == 1);
    CHECK(port_to(Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 9)) == 0);
    CHECK(port_to(Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 9), 2) == 1);
}

TEST_CASE("where one port alone has a family its sockets are of that port", "[stack][ports][ipv6]") {
    stack::StackConfig second = port_config_of_both(1);
    second.address = {};
    StackPorts f(port_config(0), second);
    CHECK(backend::current_sockets->capabilities().ipv6);
    auto v4 = bound(any(port));
    auto v6 = bound({net::IpAddr::v6_any(), 7001});
    CHECK(said(f, v4, at(port_peers[0], 9)) == Errc::ok);
    CHECK(f.asker_of(port_peers[0]) == 0);
    CHECK(said(f, v6, {Ipv6Addr::of(0x2001, 0xdb8, 2, 0, 0, 0, 0, 9).ip(), 9}) == Errc::ok);
    CHECK(f.hosts[0].taken().empty());
    CHECK(f.hosts[1].taken().size() == 1);
    CHECK(net::TcpListener::bind(any(7002)));
}

TEST_CASE("a socket of both families is in a port that has IPv4 alone, too", "[stack][ports][ipv6]") {
    const stack::StackConfig first = port_config_of_both(0);
    StackPorts f(first, port_config(1));
    auto socket = bound({net::IpAddr::v6_any(), port});
    auto listener = net::TcpListener::bind({net::IpAddr::v6_any(), port});
    REQUIRE(listener);
    f.hear(1, "by IPv4");
    CHECK(heard(f, socket) == "by IPv4");
    CHECK(said(f, socket, {port_peers[1].ip().mapped(), 9}) == Errc::ok);
    CHECK(f.asker_of(port_peers[1]) == 1);
    Errc outcome = Errc::unsupported;
    std::vector<net::TcpStream> streams;
    auto connecting = f.core.start(connect(at(port_ips[1], port), outcome, streams));
    Errc accepted = Errc::unsupported;
    auto accepting = f.core.start(accept(*listener, streams, accepted));
    f.pump();
    CHECK(outcome == Errc::ok);
    CHECK(accepted == Errc::ok);
}

TEST_CASE("a link-local peer is told with its port, by which the answer leaves", "[stack][ports][ipv6]") {
    StackPorts f(port_config_of_both(0), port_config_of_both(1));
    auto socket = bound({net::IpAddr::v6_any(), port});
    const Ends6 ends{peer6_near, host6_near};
    f.core.in([&] { f.hosts[1].give(ipv6(stack::wire::ip_protocol::udp, udp6(9, port, "near", ends), ends)); });
    std::array<std::byte, 100> buffer;
    net::SocketAddr from;
    REQUIRE(f.core.run(hear_from(socket, buffer, from)));
    CHECK(from == net::SocketAddr(peer6_near.ip(), 9, 2));
    CHECK(said(f, socket, from) == Errc::ok);
    CHECK(f.hosts[0].taken().empty());
    CHECK(f.hosts[1].taken().size() == 1);
}

TEST_CASE("what is bound to an address is of the port that has it", "[stack][ports]") {
    StackPorts f;
    CHECK(net::UdpSocket::bind(at(port_peers[1], port)).error() == Errc::address_not_available);
    CHECK(net::TcpListener::bind(at(port_peers[1], port)).error() == Errc::address_not_available);
    auto first = bound(at(port_ips[0], port));
    auto second = bound(at(port_ips[1], port));
    f.hear(0, "to the first");
    f.hear(1, "to the second");
    CHECK(heard(f, second) == "to the second");
    CHECK(heard(f, first) == "to the first");
    CHECK(said(f, second, at(port_peers[0], 9)) == Errc::unreachable);  // not by the first, which could
    CHECK(said(f, second, at(port_peers[1], 9)) == Errc::ok);
    CHECK(f.asker_of(port_peers[1]) == 1);
}

TEST_CASE("RFC 1122 section 3.3.4.2: a packet for another port's address is not ours", "[stack][ports]") {
    StackPorts f;
    auto socket = bound(any(port));
    f.core.in([&] {
        f.hosts[0].give(ipv4(stack::wire::ip_protocol::udp, sealed_datagram(9, port, "?", port_peers[0], port_ips[1]),
                             port_ips[1], port_peers[0]));
    });
    CHECK(f.hosts[0].dropped(stack::Drop::ipv4_not_ours) == 1);
    f.hear(0, "ours");
    CHECK(heard(f, socket) == "ours");
    CHECK(net::stack_counters().count_of("ipv4_not_ours") == 1);
}

TEST_CASE("a connection begins at the port of its host, or of the address that it is bound to", "[stack][ports]") {
    StackPorts f;
    Errc outcome = Errc::ok;
    std::vector<net::TcpStream> streams;
    auto near = f.core.start(connect(at(port_peers[1], 9), outcome, streams));
    f.pump();
    CHECK(f.asker_of(port_peers[1]) == 1);
    near.abort();
    f.pump();

    const auto from = [](net::SocketAddr local, net::SocketAddr to, Errc& why) -> Task<void> {
        net::TcpSocket socket;
        socket.bind(local);
        auto stream = co_await socket.connect(to);
        why = stream ? Errc::ok : stream.error().code();
    };
    REQUIRE(f.core.run(from(at(port_ips[1], 0), at(port_peers[0], 9), outcome)));
    CHECK(outcome == Errc::unreachable);
    REQUIRE(f.core.run(from(at(port_peers[1], 0), at(port_peers[0], 9), outcome)));
    CHECK(outcome == Errc::address_not_available);
    auto far = f.core.start(from(at(port_ips[1], 0), at(port_peers[1], 9), outcome));
    f.pump();
    CHECK(f.asker_of(port_peers[1]) == -1);  // it is being asked for
    CHECK(f.hosts[1].stack.tcp().sizes().connections == 1);
    CHECK(f.hosts[0].stack.tcp().sizes().connections == 0);
    far.abort();
    f.pump();
    CHECK(f.hosts[1].stack.tcp().sizes().connections == 0);
}

// --- listeners

/// A listener of all ports and its clients, who connect to us by either port.
struct Listening : StackPorts {
    Listening() {
        auto made = net::TcpListener::bind(any(port));
        REQUIRE(made);
        listener.emplace(std::move(*made));
    }

    void connect_to(std::size_t at_port) {
        connects.push_back(core.start(connect(at(port_ips[at_port], port), outcome, clients)));
        pump();
        CHECK(outcome == Errc::ok);
    }
    /// By which port the next one came; -1: none.
    int accept_one() {
        const std::size_t before = servers.size();
        auto accepting = core.start(accept(*listener, servers, outcome));
        pump();
        if (servers.size() == before) {
            accepting.abort();
            pump();
            return -1;
        }
        return port_of(servers.back());
    }
    static int port_of(const net::TcpStream& stream) {
        const net::IpAddr own = stream.local_addr()->ip();
        return own == port_ips[0].ip() ? 0 : own == port_ips[1].ip() ? 1 : 2;
    }

    std::optional<net::TcpListener> listener;
    std::vector<net::TcpStream> clients;
    std::vector<net::TcpStream> servers;
    std::vector<JoinHandle<void>> connects;
    Errc outcome = Errc::ok;
};

TEST_CASE("a listener of all ports is given their connections in turn", "[stack][ports]") {
    Listening f;
    for (int i = 0; i < 4; ++i) f.connect_to(0);
    f.connect_to(1);
    f.connect_to(1);
    std::vector<int> order;
    for (int i = 0; i < 6; ++i) order.push_back(f.accept_one());
    CHECK(order == std::vector<int>{0, 1, 0, 1, 0, 0});
    CHECK(f.accept_one() == -1);
    CHECK(backend::current_sockets->stats().accepted == 6);
}

TEST_CASE("an accept waits for both ports, and who is cancelled takes nothing", "[stack][ports][cancel]") {
    Listening f;
    const std::size_t which = GENERATE(0U, 1U);
    auto waits = f.core.start(accept(*f.listener, f.servers, f.outcome));
    f.pump();
    f.connect_to(which);
    REQUIRE(f.servers.size() == 1);
    CHECK(Listening::port_of(f.servers.front()) == static_cast<int>(which));

    auto cancelled = f.core.start(accept(*f.listener, f.servers, f.outcome));
    f.pump();
    cancelled.abort();
    f.pump();
    f.connect_to(which);
    CHECK(f.servers.size() == 1);
    CHECK(f.accept_one() == static_cast<int>(which));

    // Woken, and cancelled before it ran: the connection is given back.
    auto late = f.core.start(accept(*f.listener, f.servers, f.outcome));
    f.pump();
    f.connects.push_back(f.core.start(connect(at(port_ips[which], port), f.outcome, f.clients)));
    for (int i = 0; i < 8; ++i) {
        f.core.in([&] {
            for (StackHost& host : f.hosts) {
                host.stack.input({}, host.now);
                host.stack.advance(host.now);
            }
        });
        if (i == 0) f.core.step(1);  // who connects
    }
    late.abort();
    f.pump();
    CHECK(f.servers.size() == 2);
    CHECK(f.accept_one() == static_cast<int>(which));
}

TEST_CASE("a listener of all ports that is closed leaves none of them", "[stack][ports]") {
    Listening f;
    CHECK(net::TcpListener::bind(any(port)).error() == Errc::address_in_use);
    CHECK(net::TcpListener::bind(at(port_ips[1], port)).error() == Errc::address_in_use);
    CHECK(backend::current_sockets->stats().open == 1);
    f.listener.reset();
    CHECK(backend::current_sockets->stats().open == 0);
    CHECK(net::TcpListener::bind(at(port_ips[1], port)));
    CHECK(net::TcpListener::bind(any(port)));
}

TEST_CASE("a number that one port has already is no listener's of all ports", "[stack][ports]") {
    StackPorts f;
    auto taken = net::TcpListener::bind(at(port_ips[1], port));
    REQUIRE(taken);
    CHECK(net::TcpListener::bind(any(port)).error() == Errc::address_in_use);
    CHECK(net::TcpListener::bind(at(port_ips[0], port)));  // the first was let go of
    auto chosen = net::TcpListener::bind(any(0));
    REQUIRE(chosen);
    CHECK(chosen->local_addr().port() != 0);
    CHECK(net::TcpListener::bind(at(port_ips[1], chosen->local_addr().port())).error() == Errc::address_in_use);
}

// --- datagrams

TEST_CASE("a datagram socket of all ports receives what they have in turn", "[stack][ports]") {
    StackPorts f;
    auto socket = bound(any(port));
    for (const char* const text : {"a1", "a2", "a3"}) f.hear(0, text);
    for (const char* const text : {"b1", "b2"}) f.hear(1, text);
    std::string all;
    for (int i = 0; i < 5; ++i) all += heard(f, socket);
    CHECK(all == "a1b1a2b2a3");
}

TEST_CASE("a receive waits for both ports, and who is cancelled takes nothing", "[stack][ports][cancel]") {
    StackPorts f;
    const std::size_t which = GENERATE(0U, 1U);
    auto socket = bound(any(port));
    std::string text;
    auto waits = f.core.start(hear_text(socket, text));
    f.pump();
    f.hear(which, "one");
    f.pump();
    CHECK(text == "one");
    auto cancelled = f.core.start(hear_text(socket, text));
    f.pump();
    cancelled.abort();
    f.pump();
    f.hear(which, "two");
    CHECK(heard(f, socket) == "two");
    auto late = f.core.start(hear_text(socket, text));
    f.pump();
    f.hear(which, "three");  // it is woken, and has not run yet
    late.abort();
    f.pump();
    CHECK(heard(f, socket) == "three");
}

TEST_CASE("a datagram socket of all ports sends each by the port of its host", "[stack][ports]") {
    StackPorts f;
    auto socket = bound(any(port));
    CHECK(said(f, socket, at(port_peers[1], 9)) == Errc::ok);
    CHECK(f.asker_of(port_peers[1]) == 1);
    CHECK(said(f, socket, at(port_peers[0], 9)) == Errc::ok);
    CHECK(f.asker_of(port_peers[0]) == 0);
}

Task<void> send_all(net::UdpSocket& socket, std::span<const net::SocketAddr> to, std::size_t& count, Errc& why) {
    std::vector<net::Datagram> batch(to.size());
    for (std::size_t i = 0; i < to.size(); ++i) {
        batch[i].payload = IoBuf::copy_of(std::as_bytes(std::span(std::string_view("hello"))));
        batch[i].peer = to[i];
    }
    auto sent = co_await socket.send_batch(batch);
    count = sent ? *sent : 0;
    why = sent ? Errc::ok : sent.error().code();
}

TEST_CASE("a batch goes by several ports, and ends before what has no way", "[stack][ports]") {
    StackPorts f;
    for (std::size_t i = 0; i < 2; ++i)
        f.hosts[i].give(arp(stack::wire::ArpOperation::request, port_peers[i], peer_mac, port_ips[i]));
    for (StackHost& host : f.hosts) (void)host.taken();
    auto socket = bound(any(port));
    const net::SocketAddr one = at(port_peers[0], 9);
    const net::SocketAddr two = at(port_peers[1], 9);
    const net::SocketAddr nowhere = at(Ipv4Addr::of(192, 0, 2, 1), 9);
    std::size_t count = 0;
    Errc why = Errc::ok;
    const std::vector<net::SocketAddr> mixed{one, two, two, one, nowhere, two};
    REQUIRE(f.core.run(send_all(socket, mixed, count, why)));
    CHECK(count == 4);
    CHECK(f.hosts[0].taken().size() == 2);
    CHECK(f.hosts[1].taken().size() == 2);
    const std::vector<net::SocketAddr> bad{nowhere, two};
    REQUIRE(f.core.run(send_all(socket, bad, count, why)));
    CHECK(why == Errc::unreachable);
}

TEST_CASE("who sends waits for the port that has no room", "[stack][ports]") {
    StackPorts f;
    auto socket = bound(any(port));
    const net::SocketAddr group = at(Ipv4Addr::of(239, 1, 2, 3), 9);  // nobody need be asked for
    const std::vector<net::SocketAddr> many(1025, group);
    std::size_t count = 0;
    Errc why = Errc::ok;
    auto sending = f.core.start(send_all(socket, many, count, why));
    f.pump();
    CHECK(count == 0);
    std::size_t left = f.hosts[0].taken().size();
    CHECK(left == 1024);
    f.core.in([&] { f.each[0]->on_transmitted(); });
    f.pump();
    CHECK(count == 1025);
    left += f.hosts[0].taken().size();
    CHECK(left == 1025);
    CHECK(f.hosts[1].taken().empty());
}

TEST_CASE("connected, a datagram socket of all ports is of the port of its peer", "[stack][ports]") {
    StackPorts f;
    auto socket = bound(any(port));
    REQUIRE(socket.connect(at(port_peers[1], 9)));
    f.hear(0, "from a stranger");
    f.hear(1, "from the peer");
    CHECK(heard(f, socket) == "from the peer");
    CHECK(f.hosts[0].dropped(stack::Drop::udp_no_port) == 1);
    CHECK(backend::current_sockets->stats().open == 1);
    REQUIRE(socket.set_option(net::SocketOption::ttl, 7));
    REQUIRE(socket.connect(at(port_peers[0], 9)));
    f.hear(0, "from another");
    CHECK(heard(f, socket) == "from another");
    CHECK(*socket.option(net::SocketOption::ttl) == 7);
    CHECK(net::UdpSocket::bind(at(port_ips[1], port)));
}

}  // namespace
}  // namespace skerry
