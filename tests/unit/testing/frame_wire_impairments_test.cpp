// What the wire of a simulation does to frames besides losing, delaying and doubling them.

#include "support/catch.hpp"

#include "testing/sim/frame_wire.hpp"

#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace stack::wire;
using stack::Drop;
using testing::FrameWire;
using testing::Link;
using testing::Station;
using Bytes = std::vector<std::byte>;

const time::Instant start = time::Instant::from_nanos(1'000'000'000);
const time::Instant soon = start + 1us;

/// A frame from station 0 to station 1 that is empty behind its Ethernet header.
Bytes frame_for(std::uint16_t type, std::size_t packet_bytes) {
    Bytes frame(ethernet_bytes + packet_bytes);
    EthernetHeader ethernet;
    ethernet.destination = FrameWire::mac_of(1);
    ethernet.source = FrameWire::mac_of(0);
    ethernet.ether_type = type;
    write(ethernet, frame.data());
    return frame;
}

/// A datagram of so many bytes with its IP header, from station 0 to station 1.
Bytes packet(std::size_t bytes, bool dont_fragment = true, std::uint8_t tos = 0,
             std::uint8_t protocol = ip_protocol::udp) {
    Bytes frame = frame_for(ether_type::ipv4, bytes);
    Ipv4Header ip;
    ip.total_bytes = static_cast<std::uint16_t>(bytes);
    ip.dont_fragment = dont_fragment;
    ip.tos = tos;
    ip.protocol = protocol;
    ip.source = Ipv4Addr::of(10, 0, 0, 1);
    ip.destination = Ipv4Addr::of(10, 0, 0, 2);
    write(ip, frame.data() + ethernet_bytes);
    return frame;
}

const Ipv6Addr one6 = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const Ipv6Addr two6 = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

Ipv6Header header6(std::uint8_t next_header = ip_protocol::udp) {
    Ipv6Header ip;
    ip.next_header = next_header;
    ip.source = one6;
    ip.destination = two6;
    return ip;
}

/// The same by IPv6. What it carries begins with the byte `first`.
Bytes packet6(std::size_t bytes, Ipv6Header ip = header6(), std::uint8_t first = 0) {
    Bytes frame = frame_for(ether_type::ipv6, bytes);
    ip.payload_bytes = static_cast<std::uint16_t>(bytes - ipv6_bytes);
    write(ip, frame.data() + ethernet_bytes);
    frame[ethernet_bytes + ipv6_bytes] = static_cast<std::byte>(first);
    return frame;
}

struct TwoStations {
    explicit TwoStations(const Link& link) : wire(1, link) {}

    /// What arrives at `station`, as bytes; empty: nothing.
    Bytes arrived(Station station) {
        const testing::WireFrame* const frame = wire.receive(station, wire.next_arrival(station));
        return frame == nullptr ? Bytes() : frame->bytes;
    }
    bool passes(Station from, Station to) {
        Bytes frame = packet(100);
        write(
            [&] {
                EthernetHeader ethernet;
                ethernet.destination = FrameWire::mac_of(to);
                ethernet.ether_type = ether_type::ipv4;
                return ethernet;
            }(),
            frame.data());
        wire.send(from, frame, start);
        return !arrived(to).empty();
    }

    FrameWire wire;
    Station one = wire.add("one");
    Station two = wire.add("two");
};

TEST_CASE("bursts lose the share that the model says, many in a row", "[testing][wire]") {
    TwoStations on({.burst_loss = {.to_bad = 0.02, .to_good = 0.2}});
    int lost = 0;
    int bursts = 0;
    bool was_lost = false;
    for (int i = 0; i < 20'000; ++i) {
        const bool is_lost = !on.passes(on.one, on.two);
        lost += is_lost ? 1 : 0;
        bursts += is_lost && !was_lost ? 1 : 0;
        was_lost = is_lost;
    }
    CHECK(lost > 1'500);  // p / (p + r) = 9.1 %
    CHECK(lost < 2'150);
    CHECK(lost > 4 * bursts);  // 1 / r = 5 frames each
    CHECK(lost < 6 * bursts);
    CHECK(on.wire.counters().lost_in_bursts == static_cast<std::uint64_t>(lost));
}

TEST_CASE("a frame that is truncated keeps its beginning", "[testing][wire]") {
    TwoStations on({.truncate = 1});
    std::set<std::size_t> lengths;
    const Bytes sent = packet(100);
    for (int i = 0; i < 100; ++i) {
        on.wire.send(on.one, sent, start);
        const Bytes got = on.arrived(on.two);
        REQUIRE(got.size() >= ethernet_bytes);
        REQUIRE(got.size() < sent.size());
        CHECK(std::equal(got.begin(), got.end(), sent.begin()));
        lengths.insert(got.size());
    }
    CHECK(lengths.size() > 30);
    CHECK(on.wire.counters().truncated == 100);
}

TEST_CASE("a packet that is too big is lost and its sender is told what fits", "[testing][wire]") {
    TwoStations on({.mtu = 500});
    on.wire.send(on.one, packet(500), start);
    CHECK(on.arrived(on.two).size() == 514);
    on.wire.send(on.one, packet(501), start);
    CHECK(on.arrived(on.two).empty());
    CHECK(on.wire.counters().too_big == 1);

    const Bytes answer = on.arrived(on.one);
    REQUIRE(answer.size() > ethernet_bytes);
    CHECK(load_mac(answer.data()) == FrameWire::mac_of(on.one));
    const auto datagram = std::span(answer).subspan(ethernet_bytes);
    Ipv4Header ip;
    REQUIRE(parse(datagram, ip) == Drop::none);
    CHECK(ip.source == Ipv4Addr::of(10, 0, 0, 2));
    CHECK(ip.destination == Ipv4Addr::of(10, 0, 0, 1));
    IcmpHeader icmp;
    REQUIRE(parse(datagram.subspan(ip.header_bytes), icmp) == Drop::none);
    CHECK(icmp.type == IcmpType::unreachable);
    CHECK(icmp.code == icmp_code::fragmentation_needed);
    CHECK(icmp.next_hop_mtu == 500);
    CHECK(icmp.quote.total_bytes == 501);
}

TEST_CASE("nobody is told of a packet that may be cut, nor of an error", "[testing][wire]") {
    TwoStations on({.mtu = 500});
    on.wire.send(on.one, packet(501, false), start);
    Bytes error = packet(501, true, 0, ip_protocol::icmp);
    error[ethernet_bytes + ipv4_bytes] = std::byte{3};
    on.wire.send(on.one, error, start);
    CHECK(on.wire.counters().too_big == 2);
    CHECK(on.arrived(on.one).empty());
}

TEST_CASE("the sender of an IPv6 packet that is too big is told what fits", "[testing][wire][ipv6]") {
    const auto [mtu, told] = GENERATE(values<std::pair<std::uint16_t, std::uint32_t>>({{1400, 1400}, {600, 1280}}));
    TwoStations on({.mtu = mtu});
    on.wire.send(on.one, packet6(mtu), start);
    CHECK(on.arrived(on.two).size() == ethernet_bytes + mtu);
    on.wire.send(on.one, packet6(mtu + std::size_t{1}), start);
    CHECK(on.arrived(on.two).empty());
    CHECK(on.wire.counters().too_big == 1);

    const Bytes answer = on.arrived(on.one);
    REQUIRE(answer.size() > ethernet_bytes);
    CHECK(answer.size() <= ethernet_bytes + ipv6_mtu_min);
    CHECK(load_mac(answer.data()) == FrameWire::mac_of(on.one));
    const auto packet = std::span(answer).subspan(ethernet_bytes);
    Ipv6Header ip;
    REQUIRE(parse(packet, ip) == Drop::none);
    CHECK(ip.source == two6);
    CHECK(ip.destination == one6);
    CHECK(ip.total_bytes() == packet.size());
    REQUIRE(ip.next_header == ip_protocol::icmpv6);
    Icmpv6Header icmp;
    REQUIRE(parse(packet.subspan(ipv6_bytes), icmp, ip.source, ip.destination) == Drop::none);  // its checksum holds
    CHECK(icmp.type == Icmpv6Type::packet_too_big);
    CHECK(icmp.mtu == told);
    CHECK(icmp.quote.payload_bytes == std::size_t{mtu} + 1 - ipv6_bytes);
}

TEST_CASE("nobody is told of an error of ICMPv6, nor of what a group was to have", "[testing][wire][ipv6]") {
    TwoStations on({.mtu = 500});
    const auto is_told = [&on](const Ipv6Header& ip, std::uint8_t type = 0) {
        on.wire.send(on.one, packet6(501, ip, type), start);
        return !on.arrived(on.one).empty();
    };
    const Ipv6Header icmp = header6(ip_protocol::icmpv6);
    CHECK(is_told(icmp, 128));        // an echo
    CHECK_FALSE(is_told(icmp, 1));    // unreachable
    CHECK_FALSE(is_told(icmp, 137));  // a redirect
    Ipv6Header to_group = header6();
    to_group.destination = Ipv6Addr::all_nodes();
    CHECK_FALSE(is_told(to_group));
    CHECK(on.wire.counters().too_big == 4);
}

TEST_CASE("an IPv6 packet of a sender that knows ECN is marked in its traffic class", "[testing][wire][ipv6]") {
    TwoStations on({.ecn_mark = 1});
    for (const std::uint8_t traffic_class : {0xb8, 0xb9, 0xba, 0xbb}) {
        Ipv6Header sent = header6();
        sent.traffic_class = traffic_class;
        sent.flow_label = 0xa'bcde;
        on.wire.send(on.one, packet6(100, sent), start);
        const Bytes got = on.arrived(on.two);
        Ipv6Header ip;
        REQUIRE(parse(std::span(got).subspan(ethernet_bytes), ip) == Drop::none);
        CHECK(ip.traffic_class == (traffic_class == 0xb8 ? 0xb8 : 0xbb));
        CHECK(ip.flow_label == 0xa'bcde);
    }
    CHECK(on.wire.counters().marked == 2);
}

TEST_CASE("corruption flips one bit behind the header of IPv6, in which the frame is lost", "[testing][wire][ipv6]") {
    TwoStations on({.corrupt = 1});
    const Bytes sent = packet6(100);
    int came = 0;
    for (int i = 0; i < 200; ++i) {
        on.wire.send(on.one, sent, start);
        const Bytes got = on.arrived(on.two);
        if (got.empty()) continue;
        ++came;
        REQUIRE(got.size() == sent.size());
        int bits = 0;
        for (std::size_t at = 0; at < sent.size(); ++at) {
            const int differing = std::popcount(std::to_integer<unsigned>(sent[at] ^ got[at]));
            bits += differing;
            if (differing != 0) CHECK(at >= ethernet_bytes + ipv6_bytes);
        }
        CHECK(bits == 1);
    }
    CHECK(came > 90);  // 60 of the 100 bytes are behind it
    CHECK(came < 150);
    CHECK(on.wire.counters().corrupted == 200);
}

TEST_CASE("only packets of a sender that knows ECN are marked", "[testing][wire]") {
    TwoStations on({.ecn_mark = 1});
    for (const std::uint8_t tos : {0xb8, 0xb9, 0xba, 0xbb}) {
        on.wire.send(on.one, packet(100, true, tos), start);
        const Bytes got = on.arrived(on.two);
        Ipv4Header ip;
        REQUIRE(parse(std::span(got).subspan(ethernet_bytes), ip) == Drop::none);  // its checksum holds
        CHECK(ip.tos == (tos == 0xb8 ? 0xb8 : 0xbb));
    }
    CHECK(on.wire.counters().marked == 2);
}

TEST_CASE("a way is cut for as long as anybody cuts it, whatever its link is", "[testing][wire]") {
    TwoStations on({});
    on.wire.set_cut(on.one, on.two, true);
    on.wire.add_cut(on.one, on.two, 1);
    on.wire.add_cut(on.one, on.two, 1);
    CHECK_FALSE(on.passes(on.one, on.two));
    CHECK(on.passes(on.two, on.one));
    on.wire.set(on.one, on.two, {});
    on.wire.mend_all();
    on.wire.add_cut(on.one, on.two, -1);
    CHECK_FALSE(on.passes(on.one, on.two));
    on.wire.add_cut(on.one, on.two, -1);
    CHECK(on.passes(on.one, on.two));
}

TEST_CASE("a watch sees each frame, what became of it, and its arrival", "[testing][wire]") {
    using Kind = testing::FrameEvent::Kind;
    TwoStations on({});
    std::string seen;
    on.wire.add_watch([&seen](Kind kind, Station from, Station to, auto frame, const char* did) {
        seen += std::to_string(from) + (kind == Kind::sent ? " to " : " at ") + std::to_string(to) + " " +
                std::to_string(frame.size()) + (did == nullptr ? "" : " ") + (did == nullptr ? "" : did) + "; ";
    });
    on.wire.send(on.one, packet(100), start);
    CHECK(on.arrived(on.two).size() == 114);
    on.wire.set_cut(on.one, on.two, true);
    on.wire.send(on.one, packet(101), start);
    CHECK(seen == "0 to 1 114; 0 at 1 114; 0 to 1 115 cut off; ");
}

TEST_CASE("the trace tells one run from another", "[testing][wire]") {
    const auto trace = [](std::size_t bytes, time::Instant at, double drop) {
        TwoStations on({.drop = drop});
        on.wire.send(on.one, packet(bytes), at);
        return on.wire.trace();
    };
    const std::uint64_t one = trace(100, start, 0);
    CHECK(one == trace(100, start, 0));
    CHECK(one != trace(101, start, 0));
    CHECK(one != trace(100, soon, 0));
    CHECK(one != trace(100, start, 1));
}

}  // namespace
}  // namespace skerry
