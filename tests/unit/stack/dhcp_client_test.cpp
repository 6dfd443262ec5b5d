// The client of RFC 2131, by section, against a server that the test is, on virtual time.

#include "support/datagram.hpp"
#include "support/dhcp_server.hpp"
#include "support/text_socket.hpp"

#include <chrono>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::DhcpState;
using stack::Drop;
using stack::wire::ArpOperation;
using stack::wire::ArpPacket;
using stack::wire::DhcpType;
using stack::wire::Ipv4Addr;
using stack::wire::MacAddr;

constexpr MacAddr other_mac{{2, 0, 0, 0, 0, 9}};

bool is_near(std::chrono::nanoseconds took, std::chrono::nanoseconds expected) {
    return took >= expected - 1s && took <= expected + 1s;
}

/// ARP packets among frames.
std::vector<ArpPacket> arps(const std::vector<Bytes>& frames) {
    std::vector<ArpPacket> all;
    for (const Bytes& frame : frames) {
        ArpPacket packet;
        if (frame[13] != std::byte{6}) continue;
        REQUIRE(parse(std::span(frame).subspan(stack::wire::ethernet_bytes), packet) == Drop::none);
        all.push_back(packet);
    }
    return all;
}

Ipv4Addr address_of(const LentHost& host) { return host.stack.config().address; }

// --- an address

TEST_CASE("RFC 2131 4.4.1: a DISCOVER leaves at once, from nobody to all", "[stack][dhcp]") {
    LentHost host;
    const DhcpSaid said = host.must_say(DhcpType::discover, 0s);
    CHECK(said.to_mac == MacAddr::broadcast());
    CHECK(said.ip.source == Ipv4Addr{});
    CHECK(said.ip.destination == everybody);
    CHECK(said.xid != 0);
    CHECK(said.secs == 0);
    CHECK(said.flags == 0x8000);  // section 4.1: nothing but a broadcast is sure to reach who has no address
    CHECK(said.own == Ipv4Addr{});
    CHECK(said.client == host_mac);
    CHECK(said.options.at(61) ==
          Bytes{std::byte{1}, std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{2}});
    CHECK_FALSE(said.address(50));
    CHECK_FALSE(said.address(54));
    CHECK(host.client().state() == DhcpState::selecting);
    CHECK(address_of(host) == Ipv4Addr{});
}

TEST_CASE("RFC 2131 4.1: a DISCOVER goes again after 4 to 64 s, each a second more or less", "[stack][dhcp]") {
    LentHost host;
    const DhcpSaid first = host.must_say(DhcpType::discover, 0s);
    time::Instant last = host.now;
    bool are_even = true;
    for (const auto wait : {4s, 8s, 16s, 32s, 64s, 64s, 64s}) {
        const DhcpSaid again = host.must_say(DhcpType::discover);
        CHECK(is_near(again.at - last, wait));
        are_even = are_even && again.at - last == wait;
        CHECK(again.xid == first.xid);
        CHECK(again.secs == (again.at - first.at) / 1s);
        last = again.at;
    }
    CHECK_FALSE(are_even);
}

TEST_CASE("RFC 2131 3.1: what is offered is asked for, probed and then ours", "[stack][dhcp]") {
    LentHost host;
    const DhcpSaid discover = host.must_say(DhcpType::discover);
    host.be_quiet(2s);
    host.say(host.lends(DhcpType::offer, discover));
    const DhcpSaid request = host.must_say(DhcpType::request, 0s);
    CHECK(request.ip.source == Ipv4Addr{});
    CHECK(request.ip.destination == everybody);
    CHECK(request.xid == discover.xid);
    CHECK(request.secs == discover.secs);  // section 4.1: those of the DISCOVER
    CHECK(request.flags == 0x8000);
    CHECK(request.own == Ipv4Addr{});
    CHECK(request.address(50) == lent_ip);
    CHECK(request.address(54) == peer_ip);
    host.more = {{3, {198, 18, 0, 254}}, {6, {9, 9, 9, 9}}, {26, {0x05, 0x14}}};
    host.others.clear();
    host.say(host.lends(DhcpType::ack, request));
    CHECK(host.client().state() == DhcpState::checking);
    CHECK(address_of(host) == Ipv4Addr{});
    const time::Instant begin = host.now;
    while (host.client().state() == DhcpState::checking) host.be_quiet(10ms);
    CHECK(host.now - begin >= 4s);  // RFC 5227: two waits between probes of 1 s at least, and 2 s for an answer
    CHECK(host.now - begin <= 7s + 10ms);
    CHECK(host.client().state() == DhcpState::bound);
    CHECK(address_of(host) == lent_ip);
    CHECK(host.stack.config().prefix_bits == 24);
    CHECK(host.stack.config().gateway == Ipv4Addr::of(198, 18, 0, 254));
    CHECK(host.stack.config().mtu == 1300);
    CHECK(host.stack.network().name_servers[0] == Ipv4Addr::of(9, 9, 9, 9));
    const auto asked = arps(host.others);
    REQUIRE(asked.size() == 4);  // three probes and the announcement
    for (const ArpPacket& each : asked) CHECK(each.target_ip == lent_ip);
    CHECK(asked[2].sender_ip == Ipv4Addr{});
    CHECK(asked[3].sender_ip == lent_ip);
}

TEST_CASE("RFC 2131 3.1: an offer that is not acknowledged is asked for for a minute", "[stack][dhcp]") {
    LentHost host;
    const DhcpSaid discover = host.must_say(DhcpType::discover);
    host.say(host.lends(DhcpType::offer, discover));
    time::Instant last = host.must_say(DhcpType::request, 0s).at;
    for (const auto wait : {4s, 8s, 16s}) {
        const DhcpSaid again = host.must_say(DhcpType::request);
        CHECK(is_near(again.at - last, wait));
        CHECK(again.xid == discover.xid);
        last = again.at;
    }
    const DhcpSaid anew = host.must_say(DhcpType::discover);
    CHECK(is_near(anew.at - last, 32s));
    CHECK(anew.xid != discover.xid);
}

TEST_CASE("an answer to our hardware address reaches us before we have the address in it", "[stack][dhcp]") {
    LentHost host;
    const DhcpSaid discover = host.must_say(DhcpType::discover);
    host.give(dhcp_frame(host.lends(DhcpType::offer, discover).bytes(), lent_ip, peer_ip, host_mac));
    CHECK(host.must_say(DhcpType::request, 0s).address(50) == lent_ip);
    // Nothing else does.
    host.give(ipv4(stack::wire::ip_protocol::udp, sealed_datagram(1, 7000, "early", peer_ip, lent_ip), lent_ip));
    CHECK(host.dropped(Drop::ipv4_not_ours) == 1);
}

// --- renewing it

TEST_CASE("RFC 2131 4.4.5: at half of the lease the server is asked, at seven eighths all are", "[stack][dhcp]") {
    LentHost host;
    host.lease_s = 6400;
    host.be_bound();
    host.know_server();
    host.more.clear();
    const DhcpSaid renewal = host.must_say(DhcpType::request);
    CHECK(renewal.at - host.asked_at <= 3200s);
    CHECK(renewal.at - host.asked_at >= 3100s);
    CHECK(renewal.ip.source == lent_ip);
    CHECK(renewal.ip.destination == peer_ip);
    CHECK(renewal.to_mac == peer_mac);
    CHECK(renewal.own == lent_ip);
    CHECK(renewal.flags == 0);
    CHECK_FALSE(renewal.address(50));
    CHECK_FALSE(renewal.address(54));
    CHECK(host.client().state() == DhcpState::renewing);

    // Half of what is left, a minute at least.
    const time::Instant rebind_at = host.asked_at + 5600s;
    DhcpSaid again = host.must_say(DhcpType::request);
    CHECK(is_near(again.at - renewal.at, (rebind_at - renewal.at) / 2));
    CHECK(again.xid != renewal.xid);
    time::Instant last = again.at;
    for (again = host.must_say(DhcpType::request); again.ip.destination == peer_ip;
         again = host.must_say(DhcpType::request)) {
        CHECK(again.at - last >= 60s - 1ms);
        last = again.at;
    }
    CHECK(is_near(again.at - host.asked_at, 5600s));
    CHECK(host.client().state() == DhcpState::rebinding);
    CHECK(again.ip.destination == everybody);
    CHECK(again.to_mac == MacAddr::broadcast());
    CHECK(again.ip.source == lent_ip);
    CHECK(again.own == lent_ip);

    // And then it is over.
    DhcpSaid after = host.must_say(DhcpType::request);
    while (after.type() == DhcpType::request) {
        last = after.at;
        after = *host.next();
    }
    CHECK(after.type() == DhcpType::discover);
    CHECK(is_near(after.at - host.asked_at, 6400s));
    CHECK(address_of(host) == Ipv4Addr{});
}

TEST_CASE("a renewal that is acknowledged moves all times, and nothing else", "[stack][dhcp]") {
    LentHost host;
    host.lease_s = 600;
    host.be_bound();
    host.know_server();
    for (int i = 0; i < 5; ++i) {
        const DhcpSaid renewal = host.must_say(DhcpType::request);
        host.be_quiet(2s);
        host.others.clear();
        host.say(host.lends(DhcpType::ack, renewal));
        CHECK(host.client().state() == DhcpState::bound);
        CHECK(host.client().lease().ends_at == renewal.at + 600s);  // from when it was asked: section 4.4.1
        CHECK(address_of(host) == lent_ip);
        CHECK(arps(host.others).empty());
    }
}

TEST_CASE("any server may renew in REBINDING, and only ours in RENEWING", "[stack][dhcp]") {
    LentHost host;
    host.lease_s = 600;
    host.be_bound();
    host.know_server();
    const DhcpSaid renewal = host.must_say(DhcpType::request);
    host.server = Ipv4Addr::of(198, 18, 0, 77);
    host.say(host.lends(DhcpType::ack, renewal));
    CHECK(host.dropped(Drop::dhcp_server) == 1);
    CHECK(host.client().state() == DhcpState::renewing);
    DhcpSaid rebinding = host.must_say(DhcpType::request);
    while (host.client().state() != DhcpState::rebinding) rebinding = host.must_say(DhcpType::request);
    host.say(host.lends(DhcpType::ack, rebinding));
    CHECK(host.client().state() == DhcpState::bound);
    CHECK(host.client().lease().server == host.server);
}

TEST_CASE("RFC 2132 9.11: the server may say when to renew, in an order that can be", "[stack][dhcp]") {
    LentHost host;
    host.lease_s = 1000;
    const bool is_sound = GENERATE(true, false);
    // 58: 100 s, 59: 200 s; or the other way round, which is not taken.
    const std::uint8_t renewal = is_sound ? 100 : 200;
    const std::uint8_t rebinding = is_sound ? 200 : 100;
    host.more = {{58, {0, 0, 0, renewal}}, {59, {0, 0, 0, rebinding}}};
    host.be_bound();
    host.know_server();
    CHECK(host.client().lease().renew_at - host.asked_at == (is_sound ? 100s : 500s));
    CHECK(host.client().lease().rebind_at - host.asked_at == (is_sound ? 200s : 875s));
    CHECK(host.client().lease().ends_at - host.asked_at == 1000s);
}

TEST_CASE("a lease for ever is never renewed", "[stack][dhcp]") {
    LentHost host;
    host.lease_s = 0xffff'ffffU;
    host.be_bound();
    host.be_quiet(std::chrono::hours{24 * 365});
    CHECK(address_of(host) == lent_ip);
}

TEST_CASE("a server that lends for a moment is not asked as fast as it answers", "[stack][dhcp]") {
    LentHost host;
    host.lease_s = 3600;
    host.more = {{58, {0, 0, 0, 0}}};
    host.be_acknowledged();
    int asked = 0;
    const time::Instant until = host.now + 20s;
    while (host.now < until) {
        const auto said = host.next(until - host.now);
        if (!said) break;
        ++asked;
        host.say(host.lends(DhcpType::ack, *said));
    }
    CHECK(asked >= 10);
    CHECK(asked <= 21);
}

// --- losing it

TEST_CASE("RFC 2131 4.4.5: when the lease is over the address is gone at once", "[stack][dhcp]") {
    LentHost host;
    TextSocket bound;
    host.be_bound();
    REQUIRE(host.stack.udp().open(bound, lent_ip, 7000));
    CHECK(bound.untold == Errc::ok);
    while (host.client().has_address()) (void)host.next(60s);
    CHECK(address_of(host) == Ipv4Addr{});
    CHECK(host.now - host.asked_at >= 3600s);
    CHECK(host.client().state() == DhcpState::selecting);
    CHECK(bound.untold == Errc::address_not_available);
    CHECK(host.stack.udp().send(bound, peer_ip, 7000, {}, host.now).error() == Errc::address_not_available);
    host.give(arp(ArpOperation::request));
    CHECK(host.taken().empty());  // nobody is here
    host.stack.udp().close(bound, host.now);
}

TEST_CASE("RFC 2131 4.4.5: a NAK takes the address, and another is looked for", "[stack][dhcp]") {
    LentHost host;
    host.be_bound();
    host.know_server();
    const DhcpSaid renewal = host.must_say(DhcpType::request);
    host.say(host.answer(DhcpType::nak, renewal));
    CHECK(address_of(host) == Ipv4Addr{});
    CHECK(host.client().state() == DhcpState::init);
    const DhcpSaid discover = host.must_say(DhcpType::discover, 1s);
    CHECK(discover.xid != renewal.xid);
    CHECK(discover.own == Ipv4Addr{});
}

TEST_CASE("a server that always refuses is asked more and more rarely", "[stack][dhcp]") {
    LentHost host;
    for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 64s, 64s}) {
        const DhcpSaid discover = host.must_say(DhcpType::discover);
        host.say(host.lends(DhcpType::offer, discover));
        const DhcpSaid request = host.must_say(DhcpType::request, 0s);
        host.say(host.answer(DhcpType::nak, request));
        host.be_quiet(wait - 1ms);
    }
}

TEST_CASE("RFC 2131 3.1: an address that somebody has is declined, and asked for anew after 10 s", "[stack][dhcp]") {
    LentHost host;
    host.be_acknowledged();
    host.be_quiet(1200ms);
    host.give(arp(ArpOperation::reply, lent_ip, other_mac, {}, host_mac));
    const DhcpSaid decline = host.must_say(DhcpType::decline, 0s);
    CHECK(decline.ip.source == Ipv4Addr{});
    CHECK(decline.ip.destination == everybody);
    CHECK(decline.address(50) == lent_ip);
    CHECK(decline.address(54) == peer_ip);
    CHECK(decline.own == Ipv4Addr{});
    CHECK(decline.secs == 0);
    CHECK(decline.flags == 0);
    CHECK(host.dropped(Drop::dhcp_conflict) == 1);
    CHECK(address_of(host) == Ipv4Addr{});
    host.be_quiet(10s - 1ms);
    (void)host.must_say(DhcpType::discover, 1ms);
}

TEST_CASE("RFC 5227 2.1.1: after ten conflicts an address is tried once a minute", "[stack][dhcp][limits]") {
    LentHost host;
    for (int i = 0; i < 11; ++i) {
        host.be_acknowledged();
        host.give(arp(ArpOperation::request, lent_ip, other_mac, lent_ip, {}));
        (void)host.must_say(DhcpType::decline, 0s);
        host.be_quiet((i < 9 ? 10s : 60s) - 1ms);
    }
}

TEST_CASE("RFC 2131 4.4.6: what was lent is given back at the end", "[stack][dhcp]") {
    LentHost host;
    CHECK_FALSE(host.stack.give_address_back(host.now));  // nothing was
    LentHost bound;
    bound.be_bound();
    bound.know_server();
    CHECK(bound.stack.give_address_back(bound.now));
    const DhcpSaid release = bound.must_say(DhcpType::release, 0s);
    CHECK(release.ip.destination == peer_ip);
    CHECK(release.own == lent_ip);
    CHECK(release.address(54) == peer_ip);
    CHECK_FALSE(release.address(50));
    CHECK(release.flags == 0);
    bound.be_quiet(100h);
}

// --- what it says of the network

TEST_CASE("RFC 3442: routes by networks, and no router beside them", "[stack][dhcp]") {
    LentHost host;
    host.more = {{3, {198, 18, 0, 254}},
                 {121, {24, 192, 0, 2, 198, 18, 0, 9, 0, 198, 18, 0, 8, 32, 203, 0, 113, 7, 0, 0, 0, 0}}};
    host.be_bound();
    const stack::StackConfig& config = host.stack.config();
    CHECK(config.next_hop(Ipv4Addr::of(198, 18, 0, 44)) == Ipv4Addr::of(198, 18, 0, 44));
    CHECK(config.next_hop(Ipv4Addr::of(192, 0, 2, 1)) == Ipv4Addr::of(198, 18, 0, 9));
    CHECK(config.next_hop(Ipv4Addr::of(8, 8, 8, 8)) == Ipv4Addr::of(198, 18, 0, 8));
    CHECK(config.next_hop(Ipv4Addr::of(203, 0, 113, 7)) == Ipv4Addr::of(203, 0, 113, 7));
    CHECK(config.gateway == Ipv4Addr{});
}

TEST_CASE("routes by a router that no host can be are left out and counted", "[stack][dhcp][lies]") {
    LentHost host;
    host.more = {
        {121, {8, 1, 241, 1, 2, 3, 8, 2, 240, 0, 0, 0, 8, 4, 127, 0, 0, 1, 8, 5, 224, 0, 0, 1, 8, 6, 198, 18, 0, 9}}};
    host.be_bound();
    const stack::StackConfig& config = host.stack.config();
    CHECK(config.routes.size() == 1);
    CHECK(config.next_hop(Ipv4Addr::of(6, 0, 0, 1)) == Ipv4Addr::of(198, 18, 0, 9));
    CHECK(config.next_hop(Ipv4Addr::of(1, 0, 0, 1)) == Ipv4Addr{});
    CHECK(host.dropped(Drop::dhcp_option_value) == 4);
}

TEST_CASE("routes beyond the limit are left out and counted", "[stack][dhcp][limits]") {
    LentHost host;
    std::vector<std::uint8_t> routes;
    for (std::uint8_t i = 1; i <= stack::Ipv4Routes::routes_max + 2; ++i)
        routes.insert(routes.end(), {8, i, 198, 18, 0, 9});
    host.more = {{121, routes}};
    host.be_bound();
    CHECK(host.stack.config().routes.size() == stack::Ipv4Routes::routes_max);
    CHECK(host.dropped(Drop::dhcp_routes_full) == 2);
}

TEST_CASE("a mask that is not said is that of the class", "[stack][dhcp]") {
    LentHost host;
    const DhcpSaid discover = host.must_say(DhcpType::discover);
    const auto lend = [&host](DhcpType type, const DhcpSaid& to) {
        DhcpServerMessage message = host.answer(type, to);
        message.options.number(51, 3600);
        host.say(message);
    };
    lend(DhcpType::offer, discover);
    lend(DhcpType::ack, host.must_say(DhcpType::request, 0s));
    host.be_quiet(10s);
    CHECK(address_of(host) == lent_ip);
    CHECK(host.stack.config().prefix_bits == 24);
}

TEST_CASE("an MTU is taken where it is less than the port's, and can be", "[stack][dhcp]") {
    LentHost host;
    const auto [said, holds] = GENERATE(table<std::uint16_t, std::uint16_t>({{1400, 1400}, {9000, 1500}, {575, 1500}}));
    host.more = {{26, {static_cast<std::uint8_t>(said >> 8U), static_cast<std::uint8_t>(said & 0xffU)}}};
    host.be_bound();
    CHECK(host.stack.config().mtu == holds);
}

// --- what lies

TEST_CASE("what is not ours, not awaited or not of our server is counted and changes nothing", "[stack][dhcp][lies]") {
    LentHost host;
    const DhcpSaid discover = host.must_say(DhcpType::discover);
    const auto offer = [&] { return host.lends(DhcpType::offer, discover); };
    DhcpServerMessage message = offer();
    message.xid ^= 1;
    host.say(message);
    CHECK(host.dropped(Drop::dhcp_not_ours) == 1);
    message = offer();
    message.client = other_mac;
    host.say(message);
    CHECK(host.dropped(Drop::dhcp_not_ours) == 2);
    host.say(host.lends(DhcpType::ack, discover));
    CHECK(host.dropped(Drop::dhcp_unexpected) == 1);
    message = offer();
    message.options = DhcpOptions().type(DhcpType::offer).number(51, 3600);
    host.say(message);
    CHECK(host.dropped(Drop::dhcp_server) == 1);
    for (const Ipv4Addr nobody : {Ipv4Addr{}, everybody, Ipv4Addr::of(127, 0, 0, 1), Ipv4Addr::of(224, 0, 0, 1),
                                  Ipv4Addr::of(198, 18, 0, 0), Ipv4Addr::of(198, 18, 0, 255)}) {
        message = offer();
        message.yours = nobody;
        host.say(message);
    }
    CHECK(host.dropped(Drop::dhcp_address) == 6);
    Bytes frame = dhcp_frame(offer().bytes());
    frame.back() ^= std::byte{1};
    host.give(frame);
    CHECK(host.dropped(Drop::udp_checksum) == 1);
    frame = dhcp_frame(offer().bytes());
    frame.resize(frame.size() - 20);
    host.give(frame);
    CHECK(host.dropped(Drop::ipv4_total_length) == 1);
    CHECK(host.client().state() == DhcpState::selecting);

    host.say(offer());
    const DhcpSaid request = host.must_say(DhcpType::request, 0s);
    const auto ack = [&] { return host.lends(DhcpType::ack, request); };
    message = ack();
    message.yours = Ipv4Addr::of(198, 18, 0, 3);
    host.say(message);
    CHECK(host.dropped(Drop::dhcp_address) == 7);
    host.say(host.answer(DhcpType::ack, request));
    CHECK(host.dropped(Drop::dhcp_lease) == 1);
    host.server = Ipv4Addr::of(198, 18, 0, 66);  // somebody who refuses in its place
    host.say(host.answer(DhcpType::nak, request));
    CHECK(host.dropped(Drop::dhcp_server) == 2);
    message = host.answer(DhcpType::nak, request);
    message.options = DhcpOptions().type(DhcpType::nak);
    host.say(message);
    CHECK(host.dropped(Drop::dhcp_server) == 3);
    CHECK(host.client().state() == DhcpState::requesting);
    host.server = peer_ip;
    host.say(ack());
    CHECK(host.client().state() == DhcpState::checking);
}

TEST_CASE("a NAK whose number is guessed takes nothing", "[stack][dhcp][lies]") {
    LentHost host;
    host.be_bound();
    host.know_server();
    DhcpSaid guessed;
    for (std::uint32_t xid = 0; xid < 1000; ++xid) {
        guessed.xid = xid;
        host.say(host.answer(DhcpType::nak, guessed));  // while nothing is asked
    }
    CHECK(host.dropped(Drop::dhcp_unexpected) == 1000);
    (void)host.must_say(DhcpType::request);
    for (std::uint32_t xid = 0; xid < 1000; ++xid) {
        guessed.xid = xid;
        host.say(host.answer(DhcpType::nak, guessed));
    }
    CHECK(host.dropped(Drop::dhcp_not_ours) == 1000);
    CHECK(address_of(host) == lent_ip);
}

TEST_CASE("the client's port is nobody else's while there is a client", "[stack][dhcp]") {
    LentHost host;
    TextSocket socket;
    CHECK(host.stack.udp().open(socket, {}, 68).error() == Errc::address_in_use);
    StackHost other;
    TextSocket theirs;
    CHECK(other.stack.udp().open(theirs, {}, 68));
    other.stack.udp().close(theirs, other.now);
}

TEST_CASE("a client that ends while it looks for an address leaves nothing behind", "[stack][dhcp]") {
    LentHost host;
    host.be_acknowledged();
    CHECK_FALSE(host.stack.give_address_back(host.now));
    host.be_quiet(1h);
    CHECK(address_of(host) == Ipv4Addr{});
    CHECK(host.frames.out() == 0);
}

}  // namespace
}  // namespace skerry
