// Redirects: who may name a better first hop, for whom, and for how long. RFC 1122 section 3.2.2.2, RFC 4861 sections
// 8.1 and 8.3.

#include "support/icmp_about.hpp"
#include "support/ipv6_host.hpp"
#include "support/tcp_host.hpp"

#include <skerry/stack/redirects.hpp>

#include <optional>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::Redirects;
using stack::wire::ArpOperation;
using stack::wire::Icmpv6Type;
using stack::wire::IcmpType;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;
using stack::wire::MacAddr;
using stack::wire::NdpMessage;

constexpr Ipv4Addr gateway = Ipv4Addr::of(198, 18, 0, 254);
constexpr Ipv4Addr other_gateway = Ipv4Addr::of(198, 18, 0, 253);
constexpr Ipv4Addr far = Ipv4Addr::of(192, 0, 2, 1);
constexpr MacAddr gateway_mac{{2, 0, 0, 0, 0, 0xfe}};
constexpr MacAddr other_mac{{2, 0, 0, 0, 0, 0xfd}};
constexpr Ipv6Addr other_gateway6 = Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 0xfd);

stack::StackConfig believing() {
    stack::StackConfig config = host6_config();
    config.accept_redirects = true;
    return config;
}

/// A host that knows two routers of each family, and asks the first.
struct Host : Ipv6Host {
    explicit Host(const stack::StackConfig& config = believing()) : Ipv6Host(config) { know(); }

    void know() {
        give(arp(ArpOperation::request, gateway, gateway_mac));
        give(arp(ArpOperation::request, other_gateway, other_mac));
        give(solicitation(gateway6, host6_near, gateway_mac));
        give(solicitation(other_gateway6, host6_near, other_mac));
        (void)taken();
    }
    /// A datagram to `to`, and where it went.
    Bytes datagram_to(Ipv4Addr to) {
        (void)taken();
        REQUIRE(stack.udp().send(socket, to, 9, {}, now));
        return only();
    }
    MacAddr hop(Ipv4Addr to = far) { return ethernet_of(datagram_to(to)).destination; }
    MacAddr hop6(const Ipv6Addr& to = far6) { return ethernet_of(datagram_to(stack.hosts().name(to))).destination; }

    static stack::wire::EthernetHeader ethernet_of(const Bytes& frame) {
        stack::wire::EthernetHeader header;
        REQUIRE(stack::wire::parse(frame, header) == Drop::none);
        return header;
    }

    /// `from` says: not by me.
    void redirect(Ipv4Addr from = gateway, Ipv4Addr to = other_gateway, Ipv4Addr about = far) {
        stack::wire::IcmpHeader header;
        header.type = IcmpType::redirect;
        header.code = 1;
        header.gateway = to;
        give(icmp_about(datagram_to(about), header, from));
    }
    void redirect6(const Ipv6Addr& from = gateway6, const Ipv6Addr& to = other_gateway6,
                   std::optional<MacAddr> mac = {}, const Ipv6Addr& about = far6, std::uint8_t hop_limit = 255) {
        NdpMessage message;
        message.type = Icmpv6Type::redirect;
        message.target = to;
        message.destination = about;
        message.has_target_link = mac.has_value();
        message.target_link = mac.value_or(MacAddr{});
        give(ndp(message, {from, host6, hop_limit, host_mac}));
    }
};

TEST_CASE("redirects are ignored unless the configuration takes them", "[stack][redirect]") {
    Host f(host6_config());
    f.redirect();
    f.redirect6();
    CHECK(f.hop() == gateway_mac);
    CHECK(f.hop6() == gateway_mac);
    CHECK(f.dropped(Drop::icmp_type) == 1);
    CHECK(f.dropped(Drop::ndp_not_acted_on) == 1);
}

TEST_CASE("a redirect of the first hop changes the way of that host, and of no other", "[stack][redirect]") {
    Host f;
    REQUIRE(f.hop() == gateway_mac);
    f.redirect();
    CHECK(f.hop() == other_mac);
    CHECK(f.hop() == other_mac);  // by the prepared way, too
    CHECK(f.hop(Ipv4Addr::of(192, 0, 2, 2)) == gateway_mac);
    REQUIRE(f.hop6() == gateway_mac);
    f.redirect6();
    CHECK(f.hop6() == other_mac);
    CHECK(f.hop6(Ipv6Addr::of(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 2)) == gateway_mac);
    CHECK(f.dropped(Drop::redirect_refused) == 0);
}

TEST_CASE("a redirect of whoever is not the first hop is refused", "[stack][redirect]") {
    Host f;
    f.redirect(other_gateway, other_gateway);
    f.redirect(peer_ip, other_gateway);
    f.redirect(far, other_gateway);
    f.redirect6(other_gateway6, other_gateway6);
    CHECK(f.dropped(Drop::redirect_refused) == 4);
    CHECK(f.hop() == gateway_mac);
    CHECK(f.hop6() == gateway_mac);
    f.redirect();
    f.redirect(gateway, gateway);  // it is the first hop no more
    CHECK(f.dropped(Drop::redirect_refused) == 5);
    CHECK(f.hop() == other_mac);
}

TEST_CASE("a redirect names another host of the link, and is about one that is not", "[stack][redirect]") {
    Host f;
    f.redirect(gateway, Ipv4Addr::of(192, 0, 2, 9));    // not on the link
    f.redirect(gateway, host_ip);                       // ourselves
    f.redirect(gateway, Ipv4Addr::of(198, 18, 0, 255));  // all
    f.redirect(gateway, gateway);                       // nothing new
    CHECK(f.dropped(Drop::redirect_refused) == 4);
    f.give(solicitation());
    f.redirect6(gateway6, host6_near);
    CHECK(f.dropped(Drop::redirect_refused) == 5);
    f.redirect6(gateway6, other_gateway6, {}, peer6);  // which is a neighbour
    CHECK(f.dropped(Drop::redirect_refused) == 6);
    CHECK(f.hop6(peer6) == peer_mac);
}

TEST_CASE("a redirect from another link is not believed", "[stack][redirect]") {
    Host f;
    f.redirect6(gateway6, other_gateway6, {}, far6, 254);
    CHECK(f.dropped(Drop::ndp_hop_limit) == 1);
    CHECK(f.hop6() == gateway_mac);
}

TEST_CASE("a redirect about a packet of another is refused", "[stack][redirect]") {
    Host f;
    Bytes sent = f.datagram_to(far);
    sent[stack::wire::ethernet_bytes + 15] ^= std::byte{1};  // its source
    stack::wire::IcmpHeader header;
    header.type = IcmpType::redirect;
    header.gateway = other_gateway;
    f.give(icmp_about(sent, header, gateway));
    CHECK(f.dropped(Drop::redirect_refused) == 1);
    CHECK(f.hop() == gateway_mac);
}

TEST_CASE("a host that is on the link after all is asked for itself, or sent to where it is said to be",
          "[stack][redirect]") {
    Host f;
    const bool is_told = GENERATE(true, false);
    f.redirect6(gateway6, far6, is_told ? std::optional(peer_mac) : std::nullopt);
    const Bytes sent = f.datagram_to(f.stack.hosts().name(far6));
    if (is_told)
        CHECK(is_udp_to(sent, peer_mac));
    else
        CHECK(asks_in_group(sent, far6));
}

TEST_CASE("what a redirect said is forgotten after ten minutes", "[stack][redirect]") {
    Host f;
    f.redirect();
    f.redirect6();
    f.pass(Redirects::lifetime - 1s);
    f.know();
    CHECK(f.hop() == other_mac);
    CHECK(f.hop6() == other_mac);
    f.pass(2s);
    f.know();
    (void)f.hop(Ipv4Addr::of(192, 0, 2, 7));  // when something leaves it is looked what is too old
    (void)f.hop6(Ipv6Addr::of(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 7));
    CHECK(f.hop() == gateway_mac);
    CHECK(f.hop6() == gateway_mac);
}

TEST_CASE("a first hop that does not answer is one no more", "[stack][redirect]") {
    Host f;
    f.redirect(gateway, Ipv4Addr::of(198, 18, 0, 99));
    f.redirect6(gateway6, Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 0x99));
    (void)f.datagram_to(far);
    (void)f.datagram_to(f.stack.hosts().name(far6));
    for (int i = 0; i < 4; ++i) f.pass(1s);
    CHECK(f.dropped(Drop::neighbour_unreachable) == 2);
    f.know();
    CHECK(f.hop() == gateway_mac);
    CHECK(f.hop6() == gateway_mac);
}

TEST_CASE("a redirect beyond the limit changes nothing and is counted once", "[stack][redirect][limits]") {
    Host f;
    for (std::size_t i = 0; i <= Redirects::hosts_max; ++i)
        f.redirect(gateway, other_gateway, {far.bits + static_cast<std::uint32_t>(i)});
    CHECK(f.dropped(Drop::redirects_full) == 1);
    CHECK(f.hop({far.bits + static_cast<std::uint32_t>(Redirects::hosts_max)}) == gateway_mac);
}

TEST_CASE("the table of redirects is limited, and lets go of addresses", "[stack][redirect]") {
    stack::Hosts hosts(1, host6, host6_near);
    {
        Redirects redirects(hosts, 1);
        const time::Instant start = time::Instant::from_nanos(0);
        const auto address = [](std::size_t i) {
            return Ipv6Addr::of(0x2001, 0xdb8, 1, 0, 0, 0, 0, static_cast<std::uint16_t>(i));
        };
        for (std::size_t i = 0; i < Redirects::hosts_max; ++i)
            REQUIRE(redirects.remember(hosts.name(address(i)), hosts.name(other_gateway6), start + i * 1ms));
        CHECK_FALSE(redirects.remember(hosts.name(far6), hosts.name(other_gateway6), start));
        CHECK(redirects.remember(hosts.name(address(3)), hosts.name(gateway6), start + 1h) == true);
        CHECK(redirects.size() == 1);  // the others were too old, and made room
        CHECK(redirects.next_hop(hosts.name(address(3)), hosts.name(far6)) == hosts.name(gateway6));
        CHECK(redirects.remember(far, other_gateway, start + 1h));
        CHECK(redirects.next_hop(far, gateway) == other_gateway);
        redirects.forget(far);
        CHECK(redirects.next_hop(far, gateway) == gateway);
    }
    CHECK(hosts.size() == 0);
}

}  // namespace
}  // namespace skerry
