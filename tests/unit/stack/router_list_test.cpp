// What routers say of themselves and of the link: RFC 4861 section 6.3, RFC 4191.

#include "support/autoconf_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::Icmpv6Type;
using stack::wire::Ipv6Addr;

/// A host with an address, which sends far away.
struct Host : AutoconfHost {
    Host() {
        settle_link();
        get(router_with({prefix_of()}));
        REQUIRE(stack.udp().open(socket, stack::Hosts::any_v6, 7000));
        give(solicitation(gateway6, facts().link_local.address, router_mac));
        give(solicitation(router_b, facts().link_local.address, peer_mac));
        (void)taken();
    }
    ~Host() { stack.udp().close(socket, now); }
    /// Whose card a datagram to far away goes to, or an answer for; none, when there is no way.
    std::optional<stack::wire::MacAddr> way() {
        (void)taken();
        if (!stack.udp().send(socket, stack.hosts().name(far6), 9, {}, now)) return {};
        const auto out = taken();
        REQUIRE(out.size() == 1);
        return sent6_in(out.front()).ethernet.destination;
    }
    TextSocket6 socket;
};

TEST_CASE("RFC 4861 section 6.3.4: a router is one for as long as it says", "[stack][autoconf][routers]") {
    Host f;
    CHECK(f.way() == router_mac);
    f.hear(router_with({}, 100));
    f.pass(99s);
    f.give(solicitation(gateway6, f.facts().link_local.address, router_mac));
    (void)f.taken();
    CHECK(f.way() == router_mac);
    f.pass(1s);
    CHECK_FALSE(f.way());
    CHECK(f.dropped(Drop::ipv6_no_route) == 1);
    f.hear(router_with({}));
    CHECK(f.way() == router_mac);
    f.hear(router_with({}, 0));
    CHECK_FALSE(f.way());
    CHECK(f.usable() == 1);  // its address is not the router's
}

TEST_CASE("RFC 4191 section 3.2: the router with the higher preference comes first", "[stack][autoconf][routers]") {
    Host f;
    stack::wire::NdpRouter other = router_with({});
    f.hear(other, router_b);
    CHECK(f.way() == router_mac);  // the first of two alike
    other.preference = 1;
    f.hear(other, router_b);
    CHECK(f.way() == peer_mac);
    other.preference = -1;
    f.hear(other, router_b);
    CHECK(f.way() == router_mac);
    f.hear(router_with({}, 0));
    CHECK(f.way() == peer_mac);
}

TEST_CASE("RFC 4861 section 6.3.6: a router that does not answer is left for another, for a minute",
          "[stack][autoconf][routers]") {
    Host f;
    f.hear(router_with({}), router_b);
    CHECK(f.way() == router_mac);
    f.run(10s);  // five seconds of delay, and three questions
    f.give(solicitation(router_b, f.facts().link_local.address, peer_mac));
    (void)f.taken();
    CHECK(f.way() == peer_mac);
    f.give(advertisement(router_b, {}, f.facts().link_local.address));
    f.pass(60s);
    f.give(solicitation(gateway6, f.facts().link_local.address, router_mac));
    (void)f.taken();
    CHECK(f.way() == router_mac);
}

TEST_CASE("no flood of questions keeps a router from being given up", "[stack][autoconf][routers]") {
    Host f;
    stack::wire::NdpRouter better = router_with({});
    better.preference = 1;
    f.hear(better, Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 0x99));  // and it is not there
    CHECK(f.way() != router_mac);  // it is asked for
    std::uint16_t host = 0;
    for (int i = 0; i < 35; ++i) {
        for (int each = 0; each < 200; ++each) {
            const Ipv6Addr absent{network.high, ++host};
            (void)f.stack.udp().send(f.socket, f.stack.hosts().name(absent), 9, {}, f.now);
        }
        (void)f.run(100ms);
    }
    CHECK(f.stack.neighbours().unanswered() == f.stack.config().neighbours.entries_max / 2);
    CHECK(f.way() == router_mac);
}

TEST_CASE("RFC 4861 section 7.2.5: who says that it is no router is none", "[stack][autoconf][routers]") {
    Host f;
    stack::wire::NdpMessage message;
    message.type = Icmpv6Type::neighbour_advertisement;
    message.target = gateway6;
    message.overrides = message.has_target_link = true;
    message.target_link = router_mac;
    message.from_router = true;
    f.give(ndp(message, {gateway6, Ipv6Addr::all_nodes(), 255, host_mac}));
    CHECK(f.way() == router_mac);
    message.from_router = false;
    f.give(ndp(message, {gateway6, Ipv6Addr::all_nodes(), 255, host_mac}));
    CHECK_FALSE(f.way());
}

TEST_CASE("RFC 4861 section 6.3.4: what is on the link is asked for there", "[stack][autoconf][routers]") {
    Host f;
    const Ipv6Addr near = Ipv6Addr::of(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x77);
    const auto asked = [&](const Ipv6Addr& whom) {
        (void)f.taken();
        (void)f.stack.udp().send(f.socket, f.stack.hosts().name(whom), 9, {}, f.now);
        return of_type(f.taken(), Icmpv6Type::neighbour_solicitation).size() == 1;
    };
    CHECK(asked(near));
    stack::wire::NdpPrefix prefix = prefix_of(other_network);
    prefix.autonomous = false;
    const Ipv6Addr there = Ipv6Addr::of(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x77);
    CHECK_FALSE(asked(there));
    f.hear(router_with({prefix}));
    CHECK(asked(there));
    prefix.valid_s = prefix.preferred_s = 0;
    f.hear(router_with({prefix}));
    CHECK_FALSE(asked(Ipv6Addr::of(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x78)));
    prefix.valid_s = 50;
    f.hear(router_with({prefix}));
    f.pass(50s);
    CHECK_FALSE(asked(Ipv6Addr::of(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x79)));
}

TEST_CASE("RFC 4861 section 6.3.4: hop limit, MTU and times are the router's, where a link can have them",
          "[stack][autoconf][routers]") {
    Host f;
    stack::wire::NdpRouter router = router_with({});
    router.hop_limit = 99;
    router.has_mtu = true;
    router.mtu = 1400;
    router.reachable_ms = 100'000;
    router.retransmit_ms = 2'000;
    f.hear(router);
    CHECK(f.facts().hop_limit == 99);
    CHECK(f.facts().mtu == 1400);
    CHECK(f.facts().retransmit == 2s);
    CHECK(f.facts().reachable >= 50s);
    CHECK(f.facts().reachable < 150s);
    REQUIRE(f.stack.udp().send(f.socket, f.stack.hosts().name(gateway6), 9, {}, f.now));
    CHECK(sent6_in(f.taken().at(0)).ip.hop_limit == 99);
    const std::vector<std::byte> long_one(1400 - 48 + 1);
    CHECK(f.stack.udp().send(f.socket, f.stack.hosts().name(gateway6), 9, std::span(long_one).first(1352), f.now));
    CHECK(f.taken().size() == 1);
    CHECK(f.stack.udp().send(f.socket, f.stack.hosts().name(gateway6), 9, long_one, f.now));
    CHECK(f.taken().size() == 2);  // pieces
    const auto reachable = f.facts().reachable;
    f.pass(2h);
    CHECK(f.facts().reachable != reachable);  // drawn anew
    const stack::Ipv6Facts before = f.facts();
    f.hear(router_with({}));  // says nothing of them: as before
    CHECK(f.facts().mtu == before.mtu);
    CHECK(f.dropped(Drop::ndp_router_value) == 0);
    router.hop_limit = 31;
    router.mtu = 1279;
    router.reachable_ms = 3'600'001;
    router.retransmit_ms = 99;
    f.hear(router);
    CHECK(f.dropped(Drop::ndp_router_value) == 4);
    router.hop_limit = 0;
    router.reachable_ms = 0;
    router.mtu = 1501;
    router.retransmit_ms = 60'001;
    f.hear(router);
    CHECK(f.dropped(Drop::ndp_router_value) == 6);
    CHECK(f.facts().hop_limit == 99);
    CHECK(f.facts().mtu == 1400);
    CHECK(f.facts().retransmit == 2s);
}

TEST_CASE("eight routers and sixteen prefixes are remembered, and those that came first stay",
          "[stack][autoconf][routers][limits]") {
    Host f;
    const auto hear = [&f](const stack::wire::NdpRouter& router, const Ipv6Addr& from = gateway6) {
        f.pass(20ms);  // more at once are above the limit of what routers say
        f.hear(router, from);
    };
    for (std::uint16_t i = 1; i < 12; ++i) {
        stack::wire::NdpRouter router = router_with({});
        router.preference = 1;
        hear(router, Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 1, i));
    }
    CHECK(f.facts().routers == stack::Ipv6Facts::routers_max);
    CHECK(f.dropped(Drop::ndp_routers_full) == 4);
    CHECK(f.facts().router[7] == gateway6);
    hear(router_with({}, 0), Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 1, 3));
    hear(router_with({}), router_b);
    CHECK(f.facts().routers == stack::Ipv6Facts::routers_max);
    CHECK(f.facts().router[7] == router_b);
    for (std::uint16_t i = 0; i < 20; ++i) {
        stack::wire::NdpPrefix prefix = prefix_of(Ipv6Addr::of(0x2001, 0xdb8, 0x100, i, 0, 0, 0, 0));
        prefix.autonomous = false;
        hear(router_with({prefix}));
    }
    CHECK(f.facts().prefixes == stack::Ipv6Facts::prefixes_max);
    CHECK(f.dropped(Drop::ndp_prefixes_full) == 5);
    hear(router_with({prefix_of(Ipv6Addr::of(0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 0), 0, 0)}));
    hear(router_with({prefix_of(other_network)}));
    CHECK(f.dropped(Drop::ndp_prefixes_full) == 5);
}

TEST_CASE("what DHCP says of the MTU is IPv4's, before and after a router's", "[stack][autoconf][routers]") {
    Host f;
    stack::Ipv4Network network = f.stack.network();
    network.mtu = 1300;
    const bool is_first = GENERATE(true, false);
    if (is_first) f.stack.take_network(network, f.now);
    const bool is_said = GENERATE(true, false);
    stack::wire::NdpRouter router = router_with({});
    router.has_mtu = is_said;
    router.mtu = 1400;
    router.hop_limit = 70;  // something that is new
    f.hear(router);
    if (!is_first) f.stack.take_network(network, f.now);
    CHECK(f.stack.config().mtu == 1300);
    CHECK(f.dropped(Drop::ndp_router_value) == 0);
    (void)f.taken();
    const std::vector<std::byte> longest((is_said ? 1400 : 1500) - 48);
    CHECK(f.stack.udp().send(f.socket, f.stack.hosts().name(gateway6), 9, longest, f.now));
    CHECK(f.taken().size() == 1);
}

}  // namespace
}  // namespace skerry
