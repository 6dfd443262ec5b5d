// Neighbour discovery: who is asked and how, what an answer changes, and whom we answer.

#include "support/ipv6_host.hpp"
#include "support/tcp_host.hpp"

#include <algorithm>
#include <optional>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::Icmpv6Type;
using stack::wire::Ipv6Addr;
using stack::wire::MacAddr;
using stack::wire::NdpMessage;

constexpr MacAddr other_mac{{2, 0, 0, 0, 0, 9}};

// --- asking

TEST_CASE("the first packet asks the neighbour's group, and leaves when the answer comes", "[stack][ndp]") {
    Ipv6Host f;
    f.send(peer6, "one");
    f.send(peer6, "two");
    const Bytes question = f.only();
    CHECK(asks_in_group(question, peer6));
    CHECK(sent6_in(question).ip.hop_limit == 255);
    CHECK(f.stack.neighbours().waiting() == 2);
    f.give(advertisement());
    const auto out = f.taken();
    REQUIRE(out.size() == 2);
    for (const Bytes& each : out) {
        CHECK(is_udp_to(each, peer_mac));
        CHECK(sent6_in(each).ip.source == host6);
    }
    CHECK(out[0].back() == std::byte{'e'});
    CHECK(out[1].back() == std::byte{'o'});
    f.send();
    CHECK(is_udp_to(f.only(), peer_mac));
}

TEST_CASE("a link-local neighbour is asked from our link-local address", "[stack][ndp]") {
    Ipv6Host f;
    f.send(peer6_near);
    CHECK(asks_in_group(f.only(), peer6_near, host6_near));
    f.give(advertisement(peer6_near, {}, host6_near));
    CHECK(sent6_in(f.only()).ip.source == host6_near);
}

TEST_CASE("what is not on the link goes to the router", "[stack][ndp]") {
    Ipv6Host f;
    f.send(far6);
    CHECK(asks_in_group(f.only(), gateway6, host6_near));
    f.give(advertisement(gateway6, {true, true, true, other_mac}, host6_near));
    const Sent6 sent = sent6_in(f.only());
    CHECK(sent.ip.destination == far6);
    CHECK(sent.ethernet.destination == other_mac);
}

TEST_CASE("without a router what is not on the link does not leave", "[stack][ndp]") {
    stack::StackConfig config = host6_config();
    config.gateway6 = {};
    Ipv6Host f(config);
    const auto to = f.stack.hosts().name(far6);
    CHECK(f.stack.udp().send(f.socket, to, 9, {}, f.now).error() == Errc::unreachable);
    CHECK(f.dropped(Drop::ipv6_no_route) == 1);
    f.send(near6(1));
    CHECK(asks_in_group(f.only(), near6(1)));
}

TEST_CASE("what goes to a group asks nobody", "[stack][ndp]") {
    Ipv6Host f;
    f.send(Ipv6Addr::all_nodes());
    const Sent6 sent = sent6_in(f.only());
    CHECK(sent.ip.destination == Ipv6Addr::all_nodes());
    CHECK(sent.ip.source == host6_near);
    CHECK(sent.ip.hop_limit == 1);
    CHECK(sent.ethernet.destination == MacAddr::of_group(Ipv6Addr::all_nodes()));
}

TEST_CASE("an IPv6 neighbour is asked three times, a second apart, and then given up", "[stack][ndp]") {
    Ipv6Host f;
    f.send();
    CHECK(asks_in_group(f.only(), peer6));
    for (int asked = 1; asked < 3; ++asked) {
        f.pass(999ms);
        CHECK(f.taken().empty());
        f.pass(1ms);
        CHECK(asks_in_group(f.only(), peer6));
    }
    f.pass(1s);
    CHECK(f.taken().empty());
    CHECK(f.dropped(Drop::neighbour_unreachable) == 1);
    CHECK(f.stack.neighbours().size() == 0);
    CHECK(f.stack.hosts().size() == 0);
    CHECK(f.stack.next_deadline() == time::Instant::max());
}

TEST_CASE("a connect to an IPv6 neighbour that does not answer fails", "[stack][ndp][tcp]") {
    Ipv6Host f;
    TestEndpoint endpoint;
    const Ipv6Addr to = GENERATE(peer6, far6);
    REQUIRE(f.stack.tcp().connect(endpoint, f.stack.hosts().name(to), 80, f.now));
    for (int i = 0; i < 3; ++i) f.pass(1s);
    REQUIRE(endpoint.tcb != nullptr);
    CHECK(endpoint.tcb->state == stack::tcp::State::closed);
    CHECK(stack::tcp::Tcp::take_error(*endpoint.tcb) == Errc::unreachable);
    CHECK(endpoint.calls == 1);
    f.stack.tcp().close(endpoint, f.now);
    CHECK(f.stack.hosts().size() == 0);
}

TEST_CASE("a table of neighbours at its limit forgets who was used longest ago, and its address", "[stack][ndp]") {
    stack::StackConfig config = host6_config();
    config.neighbours.entries_max = 4;
    Ipv6Host f(config);
    for (std::uint16_t host = 10; host < 14; ++host) {
        f.send(near6(host));
        f.give(advertisement(near6(host)));
    }
    f.send(near6(10));  // used again, so 11 is the oldest
    f.send(near6(99));
    (void)f.taken();
    CHECK(f.stack.neighbours().size() == 4);
    CHECK(f.stack.hosts().size() == 4);
    f.send(near6(10));
    CHECK(is_udp_to(f.only(), peer_mac));
    f.send(near6(11));
    CHECK(asks_in_group(f.only(), near6(11)));
}

TEST_CASE("a flood of solicitations pushes out no neighbour in use", "[stack][ndp]") {
    stack::StackConfig config = host6_config();
    config.neighbours.entries_max = 4;
    Ipv6Host f(config);
    for (const std::uint16_t host : {10, 11, 12}) {
        f.send(near6(host));
        f.give(advertisement(near6(host)));
    }
    for (std::uint16_t host = 100; host < 200; ++host) f.give(solicitation(near6(host)));
    CHECK(f.stack.neighbours().size() == 4);
    CHECK(f.stack.hosts().size() == 4);
    (void)f.taken();
    for (const std::uint16_t host : {10, 11, 12, 199}) {
        f.send(near6(host));
        CHECK(is_udp_to(f.only(), peer_mac));
    }
}

TEST_CASE("packets wait for many neighbours and each gets its own", "[stack][ndp]") {
    Ipv6Host f;
    for (std::uint16_t host = 0; host < 20; ++host) f.send(near6(host), std::string(1, static_cast<char>('a' + host)));
    CHECK(f.taken().size() == 20);
    for (std::uint16_t host = 20; host-- > 0;) {
        f.give(advertisement(near6(host)));
        const Bytes out = f.only();
        CHECK(sent6_in(out).ip.destination == near6(host));
        CHECK(out.back() == static_cast<std::byte>('a' + host));
    }
}

TEST_CASE("eight packets wait for an IPv6 neighbour, and the oldest makes room", "[stack][ndp]") {
    Ipv6Host f;
    for (char i = 'a'; i < 'l'; ++i) f.send(peer6, std::string(1, i));
    CHECK(f.dropped(Drop::neighbour_queue_full) == 3);
    CHECK(f.stack.neighbours().waiting() == 8);
    (void)f.taken();
    f.give(advertisement());
    const auto out = f.taken();
    REQUIRE(out.size() == 8);
    for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i].back() == static_cast<std::byte>('d' + i));
}

TEST_CASE("all IPv6 neighbours together keep a limited number of packets", "[stack][ndp]") {
    stack::StackConfig config = host6_config();
    config.neighbours.waiting_max = 20;
    Ipv6Host f(config);
    for (std::uint16_t host = 10; host < 60; ++host) f.send(near6(host));
    CHECK(f.stack.neighbours().waiting() == 20);
    CHECK(f.dropped(Drop::neighbour_queue_full) == 30);
}

TEST_CASE("the packets that waited for an IPv6 neighbour in vain are counted each", "[stack][ndp]") {
    Ipv6Host f;
    for (int i = 0; i < 5; ++i) f.send();
    for (int i = 0; i < 3; ++i) f.pass(1s);
    CHECK(f.dropped(Drop::neighbour_unreachable) == 5);
    CHECK(f.stack.neighbours().waiting() == 0);
}

// --- what an answer changes: RFC 4861 section 7.2.5

/// What is seen of the entry of peer6: where a packet goes, and whether its use begins a check by unicast.
struct Seen {
    MacAddr mac;
    bool is_checked = false;
};
Seen look(Ipv6Host& f) {
    (void)f.taken();
    f.send();
    Seen seen;
    seen.mac = sent6_in(f.only()).ethernet.destination;
    f.pass(5s);
    const auto out = f.taken();
    REQUIRE(out.size() <= 1);
    seen.is_checked = !out.empty();
    if (seen.is_checked) CHECK(asks_alone(out[0], peer6, seen.mac));
    return seen;
}

enum class Before { incomplete, reachable, stale };

/// A host that has peer6 in this state.
void make(Ipv6Host& f, Before before) {
    if (before == Before::stale) return f.meet();
    f.send();
    if (before == Before::reachable) f.give(advertisement());
    (void)f.taken();
}

TEST_CASE("what an advertisement changes of a neighbour is as in the standard's table", "[stack][ndp]") {
    struct Row {
        Before before;
        Told told;
        MacAddr mac;       // afterwards
        bool is_checked;  // no longer reachable
    };
    constexpr auto link = [](bool solicited, bool overrides, const MacAddr& mac) {
        return Told{solicited, overrides, true, mac};
    };
    constexpr auto bare = [](bool solicited, bool overrides) { return Told{solicited, overrides, false, {}}; };
    const Row row = GENERATE_REF(values<Row>({
        // An answer makes it reachable; what nobody asked for is used, and checked.
        {Before::incomplete, link(true, false, peer_mac), peer_mac, false},
        {Before::incomplete, link(true, true, peer_mac), peer_mac, false},
        {Before::incomplete, link(false, false, peer_mac), peer_mac, true},
        {Before::incomplete, link(false, true, peer_mac), peer_mac, true},
        // Without "override" another hardware address is not taken; but the entry is in doubt.
        {Before::reachable, link(true, false, other_mac), peer_mac, true},
        {Before::reachable, link(false, false, other_mac), peer_mac, true},
        {Before::stale, link(true, false, other_mac), peer_mac, true},
        {Before::stale, link(false, false, other_mac), peer_mac, true},
        // With it it is: confirmed when it answers us.
        {Before::reachable, link(true, true, other_mac), other_mac, false},
        {Before::reachable, link(false, true, other_mac), other_mac, true},
        {Before::stale, link(true, true, other_mac), other_mac, false},
        {Before::stale, link(false, true, other_mac), other_mac, true},
        // The same one: an answer confirms, and anything else changes nothing.
        {Before::reachable, link(true, false, peer_mac), peer_mac, false},
        {Before::reachable, link(false, true, peer_mac), peer_mac, false},
        {Before::stale, link(true, false, peer_mac), peer_mac, false},
        {Before::stale, link(true, true, peer_mac), peer_mac, false},
        {Before::stale, link(false, false, peer_mac), peer_mac, true},
        {Before::stale, link(false, true, peer_mac), peer_mac, true},
        // Without the option it speaks of the one that is known.
        {Before::reachable, bare(true, false), peer_mac, false},
        {Before::reachable, bare(false, true), peer_mac, false},
        {Before::stale, bare(true, true), peer_mac, false},
        {Before::stale, bare(false, true), peer_mac, true},
    }));
    CAPTURE(static_cast<int>(row.before), row.told.solicited, row.told.overrides, row.told.has_link);
    CAPTURE(row.told.mac == other_mac);
    Ipv6Host f;
    make(f, row.before);
    f.give(advertisement(peer6, row.told));
    CHECK(f.dropped(Drop::ndp_unsolicited) == 0);
    const Seen seen = look(f);
    CHECK(seen.mac == row.mac);
    CHECK(seen.is_checked == row.is_checked);
}

TEST_CASE("an advertisement without a hardware address answers no first question", "[stack][ndp]") {
    Ipv6Host f;
    f.send();
    (void)f.taken();
    f.give(advertisement(peer6, {true, true, false, {}}));
    CHECK(f.taken().empty());
    CHECK(f.stack.neighbours().waiting() == 1);
    CHECK(f.dropped(Drop::ndp_unsolicited) == 1);
}

TEST_CASE("an advertisement that nobody asked for makes no entry", "[stack][ndp]") {
    Ipv6Host f;
    f.give(advertisement());
    f.give(advertisement(peer6, {false, true, true, peer_mac}, Ipv6Addr::all_nodes()));
    CHECK(f.stack.neighbours().size() == 0);
    CHECK(f.stack.hosts().size() == 0);
    CHECK(f.dropped(Drop::ndp_unsolicited) == 2);
}

TEST_CASE("an advertisement to all that overrides moves a neighbour that is known", "[stack][ndp]") {
    Ipv6Host f;
    make(f, Before::reachable);
    f.give(advertisement(peer6, {false, true, true, other_mac}, Ipv6Addr::all_nodes()));
    const Seen seen = look(f);
    CHECK(seen.mac == other_mac);
    CHECK(seen.is_checked);
}

TEST_CASE("a check by unicast ends with the answer, or with the entry", "[stack][ndp]") {
    Ipv6Host f;
    make(f, Before::stale);
    REQUIRE(look(f).is_checked);
    SECTION("an answer") {
        f.give(advertisement());
        f.pass(10s);
        CHECK(f.taken().empty());
        CHECK(f.stack.neighbours().size() == 1);
    }
    SECTION("silence: the next packet asks the group") {
        for (int i = 0; i < 2; ++i) {
            f.pass(1s);
            CHECK(asks_alone(f.only(), peer6, peer_mac));
        }
        f.pass(1s);
        CHECK(f.stack.neighbours().size() == 0);
        f.send();
        CHECK(asks_in_group(f.only(), peer6));
    }
    SECTION("a protocol above that hears from it") {
        f.stack.neighbours().confirm(f.stack.hosts().name(peer6), f.now);
        f.pass(10s);
        CHECK(f.taken().empty());
    }
}

TEST_CASE("a neighbour that was silent for 30 s is checked when it is used", "[stack][ndp]") {
    Ipv6Host f;
    make(f, Before::reachable);
    f.pass(29s);
    CHECK_FALSE(look(f).is_checked);
    CHECK(look(f).is_checked);
}

TEST_CASE("an advertisement from another link is not believed", "[stack][ndp]") {
    Ipv6Host f;
    f.send();
    (void)f.taken();
    NdpMessage message;
    message.type = Icmpv6Type::neighbour_advertisement;
    message.target = peer6;
    message.solicited = message.overrides = message.has_target_link = true;
    message.target_link = peer_mac;
    f.give(ndp(message, {peer6, host6, 254, host_mac}));
    CHECK(f.taken().empty());
    CHECK(f.stack.neighbours().waiting() == 1);
    CHECK(f.dropped(Drop::ndp_hop_limit) == 1);
    f.give(ndp(message, {peer6, host6, 255, host_mac}));
    CHECK(is_udp_to(f.only(), peer_mac));
}

// --- whom we answer

void check_answer(const Bytes& frame, const Ipv6Addr& asked, const Ipv6Addr& asker, const MacAddr& mac) {
    const Sent6 sent = sent6_in(frame);
    const NdpMessage answer = ndp_in(frame);
    CHECK(answer.type == Icmpv6Type::neighbour_advertisement);
    CHECK(answer.target == asked);
    CHECK(answer.overrides);
    CHECK_FALSE(answer.from_router);
    CHECK(answer.has_target_link);
    CHECK(answer.target_link == host_mac);
    CHECK(sent.ip.source == asked);
    CHECK(sent.ip.destination == asker);
    CHECK(sent.ip.hop_limit == 255);
    CHECK(sent.ethernet.destination == mac);
}

TEST_CASE("who asks for an address of ours is answered and remembered", "[stack][ndp]") {
    Ipv6Host f;
    const Ipv6Addr target = GENERATE(host6, host6_near);
    f.give(solicitation(peer6, target));
    const Bytes out = f.only();
    check_answer(out, target, peer6, peer_mac);
    CHECK(ndp_in(out).solicited);
    const Seen seen = look(f);
    CHECK(seen.mac == peer_mac);
    CHECK(seen.is_checked);  // it asked, which says nothing of whether it hears us
}

TEST_CASE("who asks under a new hardware address is answered there", "[stack][ndp]") {
    Ipv6Host f;
    make(f, Before::reachable);
    f.give(solicitation(peer6, host6, other_mac));
    check_answer(f.only(), host6, peer6, other_mac);
    CHECK(look(f).mac == other_mac);
}

TEST_CASE("a question by unicast without a hardware address is answered to the one that is known", "[stack][ndp]") {
    Ipv6Host f;
    f.meet();
    NdpMessage question;
    question.target = host6;
    f.give(ndp(question, to_host_near));
    check_answer(f.only(), host6, peer6, peer_mac);
}

TEST_CASE("who asks for our address without one of its own is answered before all", "[stack][ndp]") {
    Ipv6Host f;
    f.give(solicitation({}, host6));
    const Bytes out = f.only();
    check_answer(out, host6, Ipv6Addr::all_nodes(), MacAddr::of_group(Ipv6Addr::all_nodes()));
    CHECK_FALSE(ndp_in(out).solicited);
    CHECK(f.stack.neighbours().size() == 0);
}

TEST_CASE("who asks for another address is neither answered nor remembered", "[stack][ndp]") {
    Ipv6Host f;
    const Ipv6Addr same_group = Ipv6Addr::of(0x2001, 0xdb8, 7, 7, 0, 0, 0, 2);
    REQUIRE(same_group.solicited_node() == host6.solicited_node());
    f.give(solicitation(peer6, same_group));
    CHECK(f.taken().empty());
    CHECK(f.stack.neighbours().size() == 0);
    CHECK(f.dropped(Drop::ndp_unsolicited) == 1);
    f.give(solicitation(peer6, near6(77)));
    CHECK(f.dropped(Drop::ipv6_not_ours) == 1);
}

TEST_CASE("another station that says it has our address is counted and not believed", "[stack][ndp]") {
    Ipv6Host f;
    f.meet();
    f.give(advertisement(host6, {false, true, true, other_mac}, Ipv6Addr::all_nodes()));
    CHECK(f.dropped(Drop::ipv6_source) == 1);  // from our own address
    NdpMessage message;
    message.type = Icmpv6Type::neighbour_advertisement;
    message.target = host6;
    message.overrides = message.has_target_link = true;
    message.target_link = other_mac;
    f.give(ndp(message, {peer6, Ipv6Addr::all_nodes(), 255, host_mac}));
    CHECK(f.dropped(Drop::ndp_conflict) == 1);
    CHECK(f.taken().empty());
    CHECK(f.stack.neighbours().size() == 1);
}

TEST_CASE("what routers say is read, counted and not acted on", "[stack][ndp]") {
    Ipv6Host f;
    NdpMessage message;
    message.type = Icmpv6Type::router_advertisement;
    message.router.lifetime_s = 1800;
    f.give(ndp(message, {gateway6, Ipv6Addr::all_nodes(), 255, host_mac}));
    CHECK(f.dropped(Drop::ndp_not_acted_on) == 1);
    CHECK(f.taken().empty());
    f.send(far6);
    CHECK(asks_in_group(f.only(), gateway6, host6_near));
}

TEST_CASE("both families have their neighbours in one table", "[stack][ndp][arp]") {
    Ipv6Host f;
    f.meet();
    f.give(arp(stack::wire::ArpOperation::request));
    (void)f.taken();
    CHECK(f.stack.neighbours().size() == 2);
    f.send();
    CHECK(is_udp_to(f.only(), peer_mac));
    REQUIRE(f.stack.udp().send(f.socket, peer_ip, 9, {}, f.now));
    const Bytes out = f.only();
    CHECK(stack::wire::load_be16(out.data() + 12) == stack::wire::ether_type::ipv4);
}

}  // namespace
}  // namespace skerry
