// A host without IPv4: nothing of it is heard, said or opened.

#include "support/ipv6_host.hpp"
#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::Hosts;
using stack::wire::ArpOperation;
using stack::wire::Ipv4Addr;

stack::StackConfig ipv6_only() {
    stack::StackConfig config = host6_config();
    config.address = {};
    config.gateway = {};
    config.claims_address = true;
    return config;
}

TEST_CASE("without an IPv4 address nobody is told of one or answered about one", "[stack][ipv6_only][arp]") {
    Ipv6Host f(ipv6_only());
    f.pass(10s);
    f.give(arp(ArpOperation::request, peer_ip, peer_mac, Ipv4Addr{}));
    f.give(arp(ArpOperation::request, Ipv4Addr{}, peer_mac, Ipv4Addr{}));
    f.give(arp(ArpOperation::reply, peer_ip, peer_mac, Ipv4Addr{}));
    CHECK(f.taken().empty());
    CHECK(f.dropped(Drop::arp_unsolicited) == 3);
    CHECK(f.dropped(Drop::arp_conflict) == 0);
    CHECK(f.stack.neighbours().size() == 0);
}

TEST_CASE("without an IPv4 address no packet of it is for us", "[stack][ipv6_only]") {
    Ipv6Host f(ipv6_only());
    TextSocket6 only_v4;
    CHECK(f.stack.udp().open(only_v4, Ipv4Addr{}, 7001).error() == Errc::address_not_available);
    std::uint64_t packets = 0;
    for (const Ipv4Addr to :
         {Ipv4Addr{}, Ipv4Addr{0xffff'ffffU}, Ipv4Addr::of(198, 18, 0, 2), Ipv4Addr::of(224, 0, 0, 1)})
        for (const std::uint16_t port : {Ipv6Host::port, std::uint16_t{7001}}) {
            f.give(ipv4(stack::wire::ip_protocol::udp, sealed_datagram(9, port, "x", peer_ip, to), to));
            ++packets;
        }
    CHECK(f.dropped(Drop::ipv4_not_ours) + f.dropped(Drop::udp_no_port) == packets);
    CHECK(f.socket.text() == "-");
    CHECK(f.taken().empty());
}

TEST_CASE("without an IPv4 address IPv6 is as always", "[stack][ipv6_only]") {
    Ipv6Host f(ipv6_only());
    f.meet();
    f.give(ipv6(stack::wire::ip_protocol::udp, udp6(9, Ipv6Host::port, "x")));
    CHECK(f.socket.text() == "x");
    f.send();
    CHECK(is_udp_to(f.only(), peer_mac));
}

TEST_CASE("without an IPv4 address nothing is sent by it", "[stack][ipv6_only][tcp]") {
    Ipv6Host f(ipv6_only());
    CHECK(f.stack.udp().send(f.socket, peer_ip, 9, {}, f.now).error() == Errc::unreachable);
    TestEndpoint endpoint;
    CHECK_FALSE(f.stack.tcp().connect(endpoint, peer_ip, 80, f.now));
    TestAcceptor acceptor;
    CHECK(f.stack.tcp().listen(acceptor, Ipv4Addr{}, 80, 8).error() == Errc::address_not_available);
    REQUIRE(f.stack.tcp().listen(acceptor, Hosts::any_v6, 80, 8));
    f.stack.tcp().close(acceptor, f.now);
    REQUIRE(f.stack.udp().join(f.socket, Ipv4Addr::of(239, 1, 2, 3), f.now));
    f.pass(20s);
    CHECK(f.taken().empty());
}

}  // namespace
}  // namespace skerry
