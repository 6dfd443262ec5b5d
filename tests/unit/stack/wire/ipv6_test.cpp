#include <skerry/stack/wire/ipv6.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;
using tests::truncations_accepted;
using tests::with;

Bytes packet() {
    return hex(
        "6ab c5678 0008 11 40"
        "20010db8 00000000 00000000 00000002  20010db8 00000000 00000000 00000001"
        "0001020304050607");
}

constexpr std::size_t source_at = 8;
constexpr std::size_t destination_at = 24;

Bytes from(const Ipv6Addr& source, Bytes bytes = packet()) {
    store_ipv6(bytes.data() + source_at, source);
    return bytes;
}
Bytes to(const Ipv6Addr& destination, Bytes bytes = packet()) {
    store_ipv6(bytes.data() + destination_at, destination);
    return bytes;
}

Drop refused(const Bytes& bytes) {
    Ipv6Header header;
    return parse_exact(bytes, header);
}

TEST_CASE("an IPv6 header is read", "[stack][wire][ipv6]") {
    Ipv6Header header;
    REQUIRE(parse_exact(packet(), header) == Drop::none);
    CHECK(header.traffic_class == 0xab);
    CHECK(header.flow_label == 0xc5678);
    CHECK(header.payload_bytes == 8);
    CHECK(header.total_bytes() == 48);
    CHECK(header.next_header == ip_protocol::udp);
    CHECK(header.hop_limit == 64);
    CHECK(header.source == Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));
    CHECK(header.destination == Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
}

TEST_CASE("an IPv6 header that is written is the one that was read", "[stack][wire][ipv6]") {
    Ipv6Header header;
    REQUIRE(parse_exact(packet(), header) == Drop::none);
    Bytes out(ipv6_bytes);
    write(header, out.data());
    const Bytes original = packet();
    CHECK(std::equal(out.begin(), out.end(), original.begin()));
}

TEST_CASE("padding behind an IPv6 packet is left out, and less than it says is refused", "[stack][wire][ipv6]") {
    Bytes bytes = packet();
    bytes.resize(60);
    Ipv6Header header;
    REQUIRE(parse_exact(bytes, header) == Drop::none);
    CHECK(header.total_bytes() == 48);
    bytes.resize(47);
    CHECK(parse_exact(bytes, header) == Drop::ipv6_payload_length);
    CHECK(parse_exact(bytes, header, std::size_t{1}) == Drop::none);
    CHECK(parse_exact(std::span{bytes}.first(40), header, std::size_t{8}) == Drop::none);
    CHECK(parse_exact(std::span{bytes}.first(40), header, std::size_t{7}) == Drop::ipv6_payload_length);
}

TEST_CASE("what an IPv6 header refuses", "[stack][wire][ipv6]") {
    CHECK(refused({}) == Drop::ipv6_short);
    CHECK(refused(with(packet(), 0, {0x4a})) == Drop::ipv6_version);
    CHECK(refused(with(packet(), 0, {0x7a})) == Drop::ipv6_version);
    CHECK(refused(with(packet(), 4, {0, 9})) == Drop::ipv6_payload_length);
    CHECK(refused(with(packet(), 4, {255, 255})) == Drop::ipv6_payload_length);
    CHECK(refused(with(packet(), 4, {0, 0})) == Drop::none);
}

TEST_CASE("sources that no IPv6 host has are refused", "[stack][wire][ipv6]") {
    CHECK(refused(from(Ipv6Addr::all_nodes())) == Drop::ipv6_source);                        // RFC 4291 section 2.7
    CHECK(refused(from(Ipv6Addr::of(0xff0e, 0, 0, 0, 0, 0, 0, 9))) == Drop::ipv6_source);
    CHECK(refused(from(Ipv6Addr::loopback())) == Drop::ipv6_source);                         // section 2.5.3
    CHECK(refused(from(Ipv6Addr::mapped(Ipv4Addr::of(127, 0, 0, 1)))) == Drop::ipv6_source);
    CHECK(refused(from(Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 1))) == Drop::none);
}

// RFC 4291 section 2.5.2, and what hosts without an address send: RFC 4862 section 5.4.2, RFC 4861 section 6.3.7,
// RFC 3590.
TEST_CASE("from :: only ICMPv6 and hop-by-hop headers to a group pass", "[stack][wire][ipv6]") {
    const auto group = Ipv6Addr::of(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);
    CHECK(refused(from({})) == Drop::ipv6_source);
    CHECK(refused(from({}, to(group))) == Drop::ipv6_source);
    for (const int protocol : {0, 58}) {
        CHECK(refused(with(from({}, to(group)), 6, {protocol})) == Drop::none);
        CHECK(refused(with(from({}), 6, {protocol})) == Drop::ipv6_source);
    }
    for (const int protocol : {6, 43, 44, 59, 60})
        CHECK(refused(with(from({}, to(group)), 6, {protocol})) == Drop::ipv6_source);
}

TEST_CASE("destinations that no IPv6 packet has are refused", "[stack][wire][ipv6]") {
    CHECK(refused(to({})) == Drop::ipv6_destination);                    // RFC 4291 section 2.5.2
    CHECK(refused(to(Ipv6Addr::loopback())) == Drop::ipv6_destination);  // section 2.5.3
    CHECK(refused(to(Ipv6Addr::mapped(Ipv4Addr::of(10, 0, 0, 1)))) == Drop::ipv6_destination);
    CHECK(refused(to(Ipv6Addr::of(0xff00, 0, 0, 0, 0, 0, 0, 1))) == Drop::ipv6_destination);  // section 2.7
    CHECK(refused(to(Ipv6Addr::of(0xff01, 0, 0, 0, 0, 0, 0, 1))) == Drop::ipv6_destination);  // its erratum 3480
    CHECK(refused(to(Ipv6Addr::all_nodes())) == Drop::none);
    CHECK(refused(to(Ipv6Addr::of(0xff0f, 0, 0, 0, 0, 0, 0, 1))) == Drop::none);  // as if it were global
}

TEST_CASE("a cut IPv6 packet is refused at every byte", "[stack][wire][ipv6]") {
    CHECK(truncations_accepted<Ipv6Header>(packet()) == 0);
    // Also when more is said to follow, no header is read that is not there.
    const Bytes bytes = packet();
    CHECK(truncations_accepted<Ipv6Header>(std::span{bytes}.first(40), std::size_t{100}) == 0);
}

}  // namespace
}  // namespace skerry::stack::wire
