// Attacks from the link: ARP and neighbour discovery that lie, flood and exhaust; groups.

#include "support/autoconf_host.hpp"
#include "support/honest.hpp"
#include "support/ipv6_host.hpp"

#include <skerry/stack/wire/igmp.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::ArpOperation;
using stack::wire::Icmpv6Type;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;
using stack::wire::MacAddr;
using stack::wire::NdpMessage;
namespace protocol = stack::wire::ip_protocol;

constexpr MacAddr evil_mac{{2, 0, 0, 0, 0, 0x66}};

/// Where the next frame to the peer goes.
MacAddr way_to_peer(StackHost& host, stack::UdpEndpoint& socket, Ipv4Addr peer = peer_ip) {
    (void)host.taken();
    REQUIRE(host.stack.udp().send(socket, peer, 9, {}, host.now));
    const auto out = host.taken();
    REQUIRE(out.size() == 1);
    stack::wire::EthernetHeader header;
    REQUIRE(stack::wire::parse(out[0], header) == Drop::none);
    return header.destination;
}

TEST_CASE("attack 37: ARP that nobody asked for moves no neighbour that was just heard", "[attack]") {
    Ipv6Host host;  // for its socket
    // Who answers is believed before all others for a second; ARP has no better proof.
    REQUIRE(host.stack.udp().send(host.socket, peer_ip, 9, {}, host.now));
    host.give(arp(ArpOperation::reply));
    CHECK(way_to_peer(host, host.socket) == peer_mac);
    host.give(arp(ArpOperation::reply, peer_ip, evil_mac));
    CHECK(way_to_peer(host, host.socket) == peer_mac);
    host.give(arp(ArpOperation::request, peer_ip, evil_mac, peer_ip, {}));  // gratuitous
    CHECK(way_to_peer(host, host.socket) == peer_mac);
    const std::size_t size = host.stack.neighbours().size();
    host.give(arp(ArpOperation::reply, Ipv4Addr::of(198, 18, 0, 77), evil_mac));  // of somebody not known
    CHECK(host.stack.neighbours().size() == size);
    for (const MacAddr& mac : {MacAddr::broadcast(), MacAddr{{1, 0, 0x5e, 0, 0, 1}}})
        host.give(arp(ArpOperation::request, peer_ip, mac));
    CHECK(host.dropped(Drop::arp_sender_mac) == 2);
    host.give(arp(ArpOperation::reply, host_ip, evil_mac));  // our own address, claimed
    CHECK(host.dropped(Drop::arp_conflict) == 1);
    for (const auto& [at, value] : {std::pair{18, 7}, {18, 0}, {18, 255}, {19, 16}, {19, 0}, {15, 6}, {17, 1}}) {
        Bytes frame = arp(ArpOperation::reply, peer_ip, evil_mac);
        frame[static_cast<std::size_t>(at)] = static_cast<std::byte>(value);
        host.give(frame);
    }
    CHECK(host.dropped(Drop::arp_bad) == 7);
    CHECK(way_to_peer(host, host.socket) == peer_mac);
}

TEST_CASE("attack 37: a scan and a flood of packets for hosts that are not there stay in their limits", "[attack]") {
    stack::StackConfig config = host_config();
    config.address = Ipv4Addr::of(10, 0, 0, 2);
    config.prefix_bits = 8;
    config.neighbours.entries_max = 256;
    StackHost host(config);
    TextSocket6 socket;
    REQUIRE(host.stack.udp().open(socket, {}, 7000));
    host.give(arp(ArpOperation::request, Ipv4Addr::of(10, 0, 0, 1), peer_mac, config.address));
    for (std::uint32_t i = 0; i < 50'000; ++i) {
        const Ipv4Addr other{0x0a01'0000U + i};
        if (i % 2 == 0)
            host.give(arp(ArpOperation::request, other, evil_mac, config.address));  // asks for us: an entry
        else
            (void)host.stack.udp().send(socket, other, 9, {}, host.now);  // asked for by us
        if (i % 100 == 0) {
            host.pass(1ms);
            CHECK(way_to_peer(host, socket, Ipv4Addr::of(10, 0, 0, 1)) == peer_mac);  // in use: it stays
        }
        REQUIRE(host.stack.neighbours().size() <= config.neighbours.entries_max);
        REQUIRE(host.stack.neighbours().waiting() <= config.neighbours.waiting_max);
        if (i % 16 == 0) (void)host.taken();
    }
    host.give(arp(ArpOperation::request, Ipv4Addr::of(10, 9, 9, 9), evil_mac, Ipv4Addr::of(10, 8, 8, 8)));
    CHECK(host.stack.neighbours().size() <= config.neighbours.entries_max);
    CHECK(host.frames.out() <= config.neighbours.waiting_max);
    host.stack.udp().close(socket, host.now);
}

/// The first segment of a handshake, in anybody's name.
Bytes syn_from(Ipv4Addr from) {
    TestSegment syn;
    syn.flags = flag::syn;
    Bytes bytes = segment_bytes(syn, host_port, peer_port);
    stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(from, host_ip, protocol::tcp, 20));
    return ipv4(protocol::tcp, bytes, host_ip, from);
}
Bytes syn_from(const Ipv6Addr& from) {
    TestSegment syn;
    syn.flags = flag::syn;
    Bytes bytes = segment_bytes(syn, host_port, peer_port);
    stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(from, host6, protocol::tcp, 20));
    return ipv6(protocol::tcp, bytes, {from, host6, 64, host_mac});
}

TEST_CASE("attack 37: SYNs in the names of hosts of the link that are not there push out no neighbour that is known",
          "[attack]") {
    stack::StackConfig config = host_config();
    config.prefix_bits = 16;
    TcpHost host(config);  // its peer is known, and nothing was sent there
    TextSocket6 socket;
    REQUIRE(host.stack.udp().open(socket, {}, 7000));
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        host.give(syn_from(Ipv4Addr{0xc612'0100U + i}));
        if (i % 16 != 0) continue;
        host.stack.advance(host.now);
        (void)host.taken();
    }
    host.stack.advance(host.now);
    CHECK(host.stack.neighbours().unanswered() == config.neighbours.entries_max / 2);
    CHECK(host.stack.neighbours().waiting() == host.stack.config().neighbours.waiting_max);
    CHECK(way_to_peer(host, socket) == peer_mac);
    // Who is there is found amid all that.
    constexpr Ipv4Addr other = Ipv4Addr::of(198, 18, 0, 3);
    REQUIRE(host.stack.udp().send(socket, other, 9, {}, host.now));
    (void)host.taken();
    host.give(arp(ArpOperation::reply, other, evil_mac));
    CHECK(host.taken().size() == 1);
    CHECK(way_to_peer(host, socket, other) == evil_mac);
    host.stack.udp().close(socket, host.now);
}

TEST_CASE("attack 38: packets in the names of hosts of the link that are not there push out no neighbour that is known",
          "[attack]") {
    Ipv6Host host;
    host.meet();  // and nothing is sent to it
    TestAcceptor acceptor;
    REQUIRE(host.stack.tcp().listen(acceptor, stack::Hosts::any_v6, host_port, 16));
    for (std::uint16_t i = 0; i < 10'000; ++i) {
        const Ends6 ends{near6(i), host6, 64, host_mac};
        host.give(i % 2 == 0 ? syn_from(near6(i)) : ipv6(protocol::icmpv6, echo6("x", ends), ends));  // RFC 6583
        if (i % 16 != 0) continue;
        host.stack.advance(host.now);
        (void)host.taken();
    }
    host.stack.advance(host.now);
    (void)host.taken();
    CHECK(host.stack.neighbours().unanswered() == host.stack.config().neighbours.entries_max / 2);
    CHECK(host.stack.neighbours().waiting() == host.stack.config().neighbours.waiting_max);
    host.send();
    CHECK(is_udp_to(host.only(), peer_mac));
    const Ipv6Addr other = near6(20'000);  // who is there
    host.send(other);
    CHECK(asks_in_group(host.only(), other));
    host.give(advertisement(other));
    CHECK(is_udp_to(host.only(), peer_mac));
    host.stack.tcp().close(acceptor, host.now);
    for (int i = 0; i < 20; ++i) {
        host.idle(60s);
        (void)host.taken();
    }
}

Bytes router_advertisement(const Bytes& options, const Ipv6Addr& from = gateway6, std::uint8_t hop_limit = 255) {
    Bytes message(16);
    message[0] = std::byte{134};
    message[6] = std::byte{7};  // a lifetime of 1,800 s
    message[7] = std::byte{8};
    message.insert(message.end(), options.begin(), options.end());
    stack::wire::seal_icmpv6(message, from, Ipv6Addr::all_nodes());
    return ipv6(protocol::icmpv6, message, {from, Ipv6Addr::all_nodes(), hop_limit, host_mac});
}

TEST_CASE("attack 38: options of neighbour discovery that lie are dropped, and none runs in place", "[attack]") {
    Ipv6Host host;
    host.meet();
    std::uint64_t drops = host.stack.drops().total();
    const auto option = [](std::initializer_list<int> head, std::size_t size) {
        Bytes all;
        for (const int value : head) all.push_back(static_cast<std::byte>(value));
        all.resize(size);
        return all;
    };
    for (const Bytes& options :
         {option({1, 0}, 8), option({25, 0}, 24), option({1, 2}, 8), option({3, 255}, 32), option({1}, 1),
          option({25, 2}, 16),               // RDNSS of an even length: CVE-2020-16898
          option({25, 4}, 32), option({25, 1}, 8), option({3, 3}, 24), option({5, 2}, 16), option({1, 2}, 16)}) {
        host.give(router_advertisement(options));
        CHECK(host.stack.drops().total() == ++drops);
    }
    CHECK(host.dropped(Drop::ndp_option_length) + host.dropped(Drop::ndp_option_size) == 8);
    CHECK(host.dropped(Drop::ndp_not_acted_on) == 3);  // servers in no whole number: left out
    for (const unsigned hops : {0U, 1U, 64U, 254U}) {
        host.give(router_advertisement({}, gateway6, static_cast<std::uint8_t>(hops)));
        CHECK(host.dropped(Drop::ndp_hop_limit) == (++drops, hops == 0 ? 1 : hops == 1 ? 2 : hops == 64 ? 3 : 4));
    }
    host.give(router_advertisement({}, peer6));  // not link-local
    CHECK(host.dropped(Drop::ndp_source) == 1);
    CHECK(host.taken().empty());
    host.give(ipv6(protocol::udp, udp6(9, Ipv6Host::port, "x")));
    CHECK(host.socket.text() == "x");
}

TEST_CASE("attack 38: 10,000 routers, and as many neighbours, hold a bounded table", "[attack]") {
    stack::StackConfig config = host6_config();
    config.neighbours.entries_max = 256;
    Ipv6Host host(config);
    host.meet();
    const std::size_t names = host.stack.hosts().size();
    for (std::uint16_t i = 0; i < 10'000; ++i) {
        host.give(router_advertisement({}, Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 1, i)));
        host.give(solicitation(near6(i), host6, evil_mac));  // RFC 6583: each asks for us
        host.give(
            ipv6(protocol::udp, udp6(9, 7001, "x", {near6(i), host6, 64, host_mac}), {near6(i), host6, 64, host_mac}));
        if (i % 50 == 0) {
            (void)host.taken();
            host.send();  // the peer stays in use
            CHECK(is_udp_to(host.only(), peer_mac));
        }
        REQUIRE(host.stack.neighbours().size() <= config.neighbours.entries_max);
        REQUIRE(host.stack.hosts().size() <= names + config.neighbours.entries_max);
        if (i % 16 == 0) (void)host.taken();
    }
    CHECK(host.dropped(Drop::ndp_not_acted_on) == 10'000);
    (void)host.taken();
}

TEST_CASE("attack 38: 10,000 routers and prefixes hold bounded tables where addresses are routers' to say",
          "[attack]") {
    AutoconfHost host;
    host.settle_link();
    host.get(router_with({prefix_of()}));
    const Ipv6Addr own = host.address().address;
    for (std::uint16_t i = 0; i < 10'000; ++i) {
        stack::wire::NdpRouter router = router_with({prefix_of(Ipv6Addr::of(0x2001, 0xdb8, 3, i, 0, 0, 0, 0))});
        router.preference = 1;
        router.hop_limit = 1;  // CVE-2015-2922
        router.has_mtu = true;
        router.mtu = i;
        router.retransmit_ms = 1;
        host.hear(router, Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 1, i));
        if (i % 8 == 0) host.pass(10ms);
        if (i % 16 == 0) (void)host.taken();
        REQUIRE(host.facts().routers <= stack::Ipv6Facts::routers_max);
        REQUIRE(host.facts().prefixes <= stack::Ipv6Facts::prefixes_max);
    }
    CHECK(host.dropped(Drop::ndp_routers_full) > 5'000);
    CHECK(host.dropped(Drop::ndp_prefixes_full) > 5'000);
    CHECK(host.dropped(Drop::ndp_addresses_full) > 5'000);
    CHECK(host.dropped(Drop::ndp_router_value) > 10'000);
    CHECK(host.usable() == stack::Ipv6Facts::addresses_max);
    CHECK(host.facts().hop_limit == 64);
    CHECK(host.facts().retransmit == 1s);
    CHECK(host.address().address == own);
    CHECK(host.facts().router[stack::Ipv6Facts::routers_max - 1] == gateway6);  // who was there stays
}

TEST_CASE("attack 38: an advertisement takes no address away, and a claim only while it is looked for", "[attack]") {
    AutoconfHost host;
    host.settle_link();
    host.get(router_with({prefix_of()}));
    for (int i = 0; i < 1000; ++i) host.hear(router_with({prefix_of(network, 0, 0)}));
    host.pass(1h);
    CHECK(host.usable() == 1);
    NdpMessage claim;
    claim.type = Icmpv6Type::neighbour_advertisement;
    claim.target = host.address().address;
    claim.overrides = claim.has_target_link = true;
    claim.target_link = evil_mac;
    host.give(ndp(claim, {peer6, Ipv6Addr::all_nodes(), 255, host_mac}));
    CHECK(host.usable() == 1);
    // Who claims each address that is looked for keeps us from those, and from nothing else: RFC 4862 section 5.4.5.
    host.hear(router_with({prefix_of(other_network)}));
    for (int i = 0; i < 100; ++i) {
        claim.target = host.address(1).address;
        host.give(ndp(claim, {peer6, Ipv6Addr::all_nodes(), 255, host_mac}));
        host.hear(router_with({prefix_of(other_network)}));
    }
    CHECK(host.dropped(Drop::ndp_duplicate) == stack::Autoconf::attempts_max + 1);
    CHECK(host.usable() == 1);
}

TEST_CASE("attack 38: who claims our address again and again gets no answer and moves nothing", "[attack]") {
    Ipv6Host host;
    host.meet();
    Told told;
    told.mac = evil_mac;
    told.solicited = false;
    for (int i = 0; i < 1000; ++i) {
        NdpMessage message;  // an advertisement of our address, and a probe for it (DAD)
        message.type = Icmpv6Type::neighbour_advertisement;
        message.target = host6;
        message.overrides = message.has_target_link = true;
        message.target_link = evil_mac;
        host.give(ndp(message, {peer6, Ipv6Addr::all_nodes(), 255, host_mac}));
    }
    CHECK(host.dropped(Drop::ndp_conflict) == 1000);
    CHECK(host.taken().empty());
    std::size_t answers = 0;
    for (int i = 0; i < 1000; ++i) {
        host.give(solicitation(Ipv6Addr{}, host6));
        answers += host.taken().size();
    }
    CHECK(answers == 1000);  // one each: RFC 4862 section 5.4 defends so, and its asker ends
    CHECK(host.stack.neighbours().size() == 1);
    host.send();
    CHECK(is_udp_to(host.only(), peer_mac));
}

TEST_CASE("attack 47: queries without time, floods of them and messages that lie bring bounded reports", "[attack]") {
    constexpr Ipv4Addr group = Ipv4Addr::of(239, 1, 2, 3);
    StackHost host;
    TextSocket6 socket;
    REQUIRE(host.stack.udp().open(socket, {}, 7000));
    REQUIRE(host.stack.udp().join(socket, group, host.now));
    host.pass(20s);
    (void)host.taken();
    const auto message = [&](std::initializer_list<int> values, std::size_t size) {
        Bytes bytes;
        for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
        bytes.resize(size);
        stack::wire::seal_icmp(bytes);
        Bytes frame = ipv4(protocol::igmp, bytes, stack::wire::igmp_all_systems);
        stack::wire::store_mac(frame.data(), MacAddr::of_group(stack::wire::igmp_all_systems));
        return frame;
    };
    const auto flood = [&](const Bytes& frame) {
        std::size_t reports = 0;
        for (int i = 0; i < 10'000; ++i) {
            host.give(frame);
            if (i % 1000 == 0) {
                host.pass(1ms);
                reports += host.taken().size();
            }
        }
        host.pass(30s);
        return reports + host.taken().size();
    };
    CHECK(flood(message({0x11, 0}, 8)) <= 11);  // max response 0: version 1, ten seconds
    CHECK(flood(message({0x11, 1}, 8)) <= 11);  // a tenth of a second
    CHECK(flood(message({0x11, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12)) <= 11);  // version 3
    const std::uint64_t drops = host.stack.drops().total();
    host.give(message({0x11, 10, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255}, 12));  // 65,535 sources that are not there
    host.give(message({0x11, 10}, 9));
    host.give(message({0x11, 10, 0, 0, 10, 0, 0, 1}, 8));  // about no group
    host.give(message({0x22, 0, 0, 0, 0, 0, 255, 255}, 8));  // a report of 65,535 records
    CHECK(host.stack.drops().total() == drops + 4);
    host.pass(30s);
    CHECK(host.taken().size() == 0);
    host.stack.udp().close(socket, host.now);
    host.pass(20s);
    (void)host.taken();
    CHECK(host.frames.out() == 0);
}

TEST_CASE("attack 47: what MLD says is dropped and counted, however it says it", "[attack]") {
    Ipv6Host host;
    host.meet();
    std::uint64_t drops = host.stack.drops().total();
    for (const unsigned type : {130U, 131U, 132U, 143U}) {
        for (const std::size_t size : {std::size_t{8}, std::size_t{24}, std::size_t{28}}) {
            for (const unsigned hops : {1U, 64U}) {  // and without a router alert
                Bytes message(size, std::byte{0xff});
                message[0] = static_cast<std::byte>(type);
                message[1] = std::byte{0};
                const Ends6 ends{peer6_near, Ipv6Addr::all_nodes(), static_cast<std::uint8_t>(hops), host_mac};
                stack::wire::seal_icmpv6(message, ends.from, ends.to);
                host.give(ipv6(protocol::icmpv6, message, ends));
                CHECK(host.stack.drops().total() == ++drops);
            }
        }
    }
    CHECK(host.taken().empty());
}

}  // namespace
}  // namespace skerry
