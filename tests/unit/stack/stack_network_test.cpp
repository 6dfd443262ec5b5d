// An IPv4 network that changes while the stack runs: whose address goes, and what stays.

#include "support/datagram.hpp"
#include "support/tcp_host.hpp"
#include "support/text_socket.hpp"

#include <skerry/stack/sockets.hpp>

#include <array>
#include <span>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::Ipv4Network;
using stack::tcp::State;
using stack::tcp::Tcp;
using stack::wire::Ipv4Addr;

Ipv4Network another() {
    Ipv4Network network;
    network.address = Ipv4Addr::of(203, 0, 113, 5);
    network.prefix_bits = 28;
    network.gateway = Ipv4Addr::of(203, 0, 113, 1);
    return network;
}

TEST_CASE("connections of an address that goes end with connection_aborted, and no peer is told", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 5;
    host.come(syn, host_port, 999);  // and a handshake
    (void)host.sent();
    REQUIRE(host.tcp().sizes().half_open == 1);
    host.say("unread");
    (void)host.sent();
    (void)host.write(endpoint, "unacknowledged");
    (void)host.sent();
    const bool is_gone = GENERATE(true, false);
    host.stack.take_network(is_gone ? Ipv4Network() : another(), host.now);
    CHECK(host.sent().empty());
    CHECK(endpoint.tcb->state == State::closed);
    CHECK(endpoint.calls >= 1);
    CHECK(host.tcp().sizes().half_open == 0);
    CHECK(host.read(endpoint) == "unread");  // what came before it is still there
    CHECK(Tcp::take_error(*endpoint.tcb) == Errc::connection_aborted);
    host.say("late");
    CHECK(host.sent().empty());
    CHECK(host.dropped(Drop::ipv4_not_ours) == 1);
}

TEST_CASE("connections that nobody has accepted, or that are over, go with the address too", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.tcp().close(endpoint, host.now);
    (void)host.sent();
    ++host.host_seq;
    host.say("", flag::ack | flag::fin);
    (void)host.sent();
    REQUIRE(host.tcp().sizes().time_wait == 1);
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 77;
    host.come(syn, host_port, 998);
    const TestSegment answer = host.only();
    TestSegment ack;
    ack.flags = flag::ack;
    ack.seq = 78;
    ack.ack = answer.seq + 1;
    host.come(ack, host_port, 998);
    REQUIRE(host.tcp().sizes().connections == 1);
    host.stack.take_network({}, host.now);
    CHECK(host.tcp().sizes().time_wait == 0);
    CHECK(host.tcp().sizes().connections == 0);
    CHECK_FALSE(host.acceptor.has_waiting());
    CHECK(host.sent().empty());
}

TEST_CASE("a network that is told again with the same address ends nothing", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    Ipv4Network same = host.stack.network();
    same.gateway = Ipv4Addr::of(198, 18, 0, 253);
    host.stack.take_network(same, host.now);
    CHECK(endpoint.tcb->state == State::established);
    CHECK(host.stack.config().gateway == same.gateway);
    CHECK(host.write(endpoint, "still here") == 10);
    CHECK(host.only().text == "still here");
}

TEST_CASE("who listens on all addresses hears the new one", "[stack][udp]") {
    StackHost host;
    TextSocket any;
    TextSocket old;
    REQUIRE(host.stack.udp().open(any, {}, 7000));
    REQUIRE(host.stack.udp().open(old, host_ip, 7001));
    const Ipv4Network network = another();
    host.stack.take_network(network, host.now);
    const auto come = [&](std::uint16_t port, Ipv4Addr to) {
        host.give(ipv4(stack::wire::ip_protocol::udp, sealed_datagram(5000, port, "hello", peer_ip, to), to));
    };
    come(7000, host_ip);
    CHECK(host.dropped(Drop::ipv4_not_ours) == 1);
    come(7000, network.address);
    CHECK(any.text() == "hello");
    come(7001, network.address);
    CHECK(old.text() == "-");
    CHECK(old.untold == Errc::address_not_available);
    CHECK(any.untold == Errc::ok);
    // And it comes back.
    Ipv4Network before = network;
    before.address = host_ip;
    host.stack.take_network(before, host.now);
    come(7001, host_ip);
    CHECK(old.text() == "hello");
    host.stack.udp().close(any, host.now);
    host.stack.udp().close(old, host.now);
}

TEST_CASE("neighbours of an address that goes are forgotten, with what waits for them", "[stack][arp]") {
    StackHost host;
    TextSocket socket;
    REQUIRE(host.stack.udp().open(socket, {}, 7000));
    host.give(arp(stack::wire::ArpOperation::request));
    REQUIRE(host.stack.udp().send(socket, Ipv4Addr::of(198, 18, 0, 9), 7, {}, host.now));
    REQUIRE(host.stack.neighbours().waiting() == 1);
    (void)host.taken();
    host.stack.take_network(another(), host.now);
    CHECK(host.stack.neighbours().size() == 0);
    CHECK(host.stack.neighbours().waiting() == 0);
    CHECK(host.taken().empty());
    host.stack.udp().close(socket, host.now);
    CHECK(host.frames.out() == 0);
}

TEST_CASE("an MTU is no more than the port's, and with IPv6 no less than 1280", "[stack]") {
    const bool has_v6 = GENERATE(false, true);
    stack::StackConfig config = host_config();
    if (has_v6) config.address6 = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
    StackHost host(config);
    const auto with = [&](std::uint16_t mtu) {
        Ipv4Network network = another();
        network.mtu = mtu;
        host.stack.take_network(network, host.now);
        return host.stack.config().mtu;
    };
    CHECK(with(9000) == 1500);
    CHECK(with(1300) == 1300);
    CHECK(with(600) == (has_v6 ? 1280 : 600));
    CHECK(with(0) == 1500);
}

TEST_CASE("the route with the longest prefix is taken, and our own network is one of them", "[stack]") {
    stack::StackConfig config = host_config();
    CHECK(config.next_hop(peer_ip) == peer_ip);
    CHECK(config.next_hop(Ipv4Addr::of(10, 0, 0, 1)) == config.gateway);
    REQUIRE(config.routes.add({Ipv4Addr::of(10, 0, 0, 0), 8, Ipv4Addr::of(198, 18, 0, 8)}));
    REQUIRE(config.routes.add({Ipv4Addr::of(10, 1, 0, 0), 16, Ipv4Addr::of(198, 18, 0, 16)}));
    REQUIRE(config.routes.add({Ipv4Addr::of(198, 18, 0, 128), 25, Ipv4Addr::of(198, 18, 0, 25)}));
    CHECK(config.next_hop(Ipv4Addr::of(10, 2, 0, 1)) == Ipv4Addr::of(198, 18, 0, 8));
    CHECK(config.next_hop(Ipv4Addr::of(10, 1, 0, 1)) == Ipv4Addr::of(198, 18, 0, 16));
    CHECK(config.next_hop(Ipv4Addr::of(11, 0, 0, 1)) == config.gateway);
    CHECK(config.next_hop(peer_ip) == peer_ip);
    CHECK(config.next_hop(Ipv4Addr::of(198, 18, 0, 129)) == Ipv4Addr::of(198, 18, 0, 25));
}

TEST_CASE("without an address nothing that is for nobody is ours", "[stack][udp]") {
    StackHost host;
    TextSocket socket;
    REQUIRE(host.stack.udp().open(socket, {}, 7000));
    host.stack.take_network({}, host.now);
    host.give(ipv4(stack::wire::ip_protocol::udp, sealed_datagram(5000, 7000, "?", peer_ip, Ipv4Addr{}), Ipv4Addr{}));
    CHECK(socket.text() == "-");
    CHECK(host.dropped(Drop::ipv4_not_ours) == 1);
    host.stack.udp().close(socket, host.now);
}

/// A host with a socket at its own address, which knows the way from that and from another().
struct Bound : StackHost {
    Bound() {
        learn_ways();
        auto opened = sockets.bind({host_ip.ip(), 7001}, {});
        REQUIRE(opened);
        bound = *opened;
    }
    ~Bound() { bound->ops->close(bound); }

    void learn_ways() {
        give(arp(stack::wire::ArpOperation::request, peer_ip, peer_mac, stack.config().address));
        give(arp(stack::wire::ArpOperation::request, another().gateway, peer_mac, stack.config().address));
        (void)taken();
    }
    void change(Ipv4Addr address) {
        Ipv4Network network = another();
        network.address = address;
        if (address == host_ip) network.prefix_bits = 24, network.gateway = {};
        stack.take_network(network, now);
        learn_ways();
    }
    Error send() {
        const net::SocketAddr to((stack.config().is_on_link(peer_ip) ? peer_ip : another().gateway).ip(), 9);
        backend::SendRequest request(std::as_bytes(std::span("text", 4)), &to);
        CHECK(bound->ops->send(*bound, request) == backend::Step::done);
        return request.error;
    }
    bool is_told() {
        std::array<std::byte, 16> into;
        net::SocketAddr peer;
        backend::RecvRequest request(into, &peer);
        return bound->ops->receive(*bound, request) == backend::Step::done &&
               request.error == Errc::address_not_available;
    }

    stack::Sockets sockets{stack, 0};
    backend::DatagramSocket* bound = nullptr;
};

TEST_CASE("from an address that went no datagram leaves, until it is back", "[stack][udp]") {
    Bound host;
    CHECK(host.send() == Errc::ok);
    CHECK(host.taken().size() == 1);
    host.change(another().address);
    TextSocket any;
    REQUIRE(host.stack.udp().open(any, {}, 7000));
    REQUIRE(host.stack.udp().send(any, another().gateway, 9, {}, host.now));  // from now on the way is ready
    CHECK(host.taken().size() == 1);
    REQUIRE(host.bound->ops->set_option(*host.bound, backend::SocketOption::ttl, 64));  // it stays lost
    CHECK(host.send() == Errc::address_not_available);
    CHECK(host.send() == Errc::address_not_available);
    CHECK(host.taken().empty());
    host.change(host_ip);
    CHECK(host.send() == Errc::ok);
    CHECK(host.taken().size() == 1);
    host.stack.udp().close(any, host.now);
}

TEST_CASE("who is told by a send that the address went is not told again", "[stack][udp]") {
    Bound host;
    host.change(another().address);
    const bool sends = GENERATE(true, false);
    if (sends) CHECK(host.send() == Errc::address_not_available);
    CHECK(host.is_told() != sends);
    CHECK_FALSE(host.is_told());
}

}  // namespace
}  // namespace skerry