// Who may have sent a packet, and to whom: what cannot be true is dropped, counted, and never answered.

#include "support/tcp_host.hpp"

#include <skerry/stack/wire/udp.hpp>

#include <string>

namespace skerry {
namespace {

using namespace tests;
using stack::Drop;
using stack::wire::ArpOperation;
using stack::wire::Ipv4Addr;
using stack::wire::MacAddr;

/// A SYN to the listener, a datagram to nobody, and an echo: each would be answered.
std::vector<Bytes> questions(Ipv4Addr from, Ipv4Addr to) {
    std::vector<Bytes> all;
    Bytes syn(stack::wire::tcp_bytes);
    stack::wire::TcpHeader tcp;
    tcp.source_port = peer_port;
    tcp.destination_port = host_port;
    tcp.flags = flag::syn;
    stack::wire::write(tcp, syn.data());
    stack::wire::seal_tcp(syn, stack::wire::pseudo_header(from, to, stack::wire::ip_protocol::tcp, 20));
    all.push_back(ipv4(stack::wire::ip_protocol::tcp, syn, to, from));
    Bytes datagram(stack::wire::udp_bytes);
    stack::wire::UdpHeader udp;
    udp.destination_port = 9;
    stack::wire::write(udp, datagram.data());
    all.push_back(ipv4(stack::wire::ip_protocol::udp, datagram, to, from));
    Bytes echo(stack::wire::icmp_bytes);
    stack::wire::write(stack::wire::IcmpHeader{}, echo.data());
    stack::wire::seal_icmp(echo);
    all.push_back(ipv4(stack::wire::ip_protocol::icmp, echo, to, from));
    return all;
}

TEST_CASE("what claims to come from us, from many or from nowhere is dropped with its reason", "[stack][ipv4]") {
    TcpHost host;
    std::uint64_t dropped = 0;
    for (const Ipv4Addr source :
         {host_ip, Ipv4Addr::of(198, 18, 0, 255), Ipv4Addr::of(255, 255, 255, 255), Ipv4Addr::of(224, 0, 0, 1),
          Ipv4Addr::of(239, 255, 255, 255), Ipv4Addr::of(127, 0, 0, 1), Ipv4Addr::of(127, 255, 0, 9),
          Ipv4Addr::of(0, 0, 0, 0), Ipv4Addr::of(0, 1, 2, 3)}) {
        for (const Bytes& question : questions(source, host_ip)) {
            CAPTURE(source.bits);
            host.give(question);
            CHECK(host.dropped(Drop::ipv4_source) == ++dropped);
            CHECK(host.taken().empty());
            CHECK_FALSE(host.stack.has_looped());
        }
    }
    for (const Bytes& question : questions(peer_ip, host_ip)) host.give(question);
    CHECK(host.taken().size() == 3);  // all three are questions that are answered
}

TEST_CASE("what was sent to all stations is not for our one address", "[stack][ipv4]") {
    TcpHost host;
    std::uint64_t dropped = 0;
    for (const MacAddr& group : {MacAddr::broadcast(), MacAddr{{1, 0, 0x5e, 0, 0, 1}}}) {
        for (Bytes question : questions(peer_ip, host_ip)) {
            stack::wire::store_mac(question.data(), group);
            host.give(question);
            CHECK(host.dropped(Drop::ipv4_not_ours) == ++dropped);
            CHECK(host.taken().empty());
        }
    }
    CHECK(host.tcp().sizes().half_open == 0);
}

TEST_CASE("no ARP packet makes an entry for our own address, or for a broadcast one", "[stack][arp]") {
    StackHost host;
    host.give(arp(ArpOperation::request, host_ip, host_mac));  // what we sent, come back
    host.give(arp(ArpOperation::request, host_ip, peer_mac));
    CHECK(host.dropped(Drop::arp_conflict) == 2);
    host.give(arp(ArpOperation::request, Ipv4Addr::of(198, 18, 0, 255)));
    CHECK(host.dropped(Drop::arp_sender_ip) == 1);
    CHECK(host.stack.neighbours().size() == 0);
    CHECK(host.taken().empty());
}

}  // namespace
}  // namespace skerry
