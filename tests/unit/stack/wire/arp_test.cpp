#include <skerry/stack/wire/arp.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;
using tests::truncations_accepted;
using tests::with;

const Bytes request = hex("0001 0800 06 04 0001 020000000002 0a000002 000000000000 0a000001");

TEST_CASE("an ARP request is read, and written back", "[stack][wire][arp]") {
    ArpPacket packet;
    REQUIRE(parse_exact(request, packet) == Drop::none);
    CHECK(packet.operation == ArpOperation::request);
    CHECK(packet.sender_mac == MacAddr{{2, 0, 0, 0, 0, 2}});
    CHECK(packet.sender_ip == Ipv4Addr::of(10, 0, 0, 2));
    CHECK(packet.target_mac == MacAddr{});
    CHECK(packet.target_ip == Ipv4Addr::of(10, 0, 0, 1));
    Bytes out(arp_bytes);
    write(packet, out.data());
    CHECK(out == request);
}

TEST_CASE("an ARP reply, a probe and padding pass", "[stack][wire][arp]") {
    ArpPacket packet;
    REQUIRE(parse_exact(with(request, 7, {2}), packet) == Drop::none);
    CHECK(packet.operation == ArpOperation::reply);
    CHECK(parse_exact(with(request, 14, {0, 0, 0, 0}), packet) == Drop::none);
    Bytes padded = request;
    padded.resize(46);
    CHECK(parse_exact(padded, packet) == Drop::none);
}

TEST_CASE("what ARP refuses", "[stack][wire][arp]") {
    ArpPacket packet;
    CHECK(parse_exact(std::span{request}.first(27), packet) == Drop::arp_short);
    CHECK(parse_exact(with(request, 1, {6}), packet) == Drop::arp_bad);
    CHECK(parse_exact(with(request, 2, {0x86, 0xdd}), packet) == Drop::arp_bad);
    CHECK(parse_exact(with(request, 4, {8}), packet) == Drop::arp_bad);
    CHECK(parse_exact(with(request, 4, {0xff}), packet) == Drop::arp_bad);
    CHECK(parse_exact(with(request, 5, {16}), packet) == Drop::arp_bad);
    CHECK(parse_exact(with(request, 5, {0}), packet) == Drop::arp_bad);
    CHECK(parse_exact(with(request, 7, {0}), packet) == Drop::arp_operation);
    CHECK(parse_exact(with(request, 7, {3}), packet) == Drop::arp_operation);
    CHECK(parse_exact(with(request, 6, {1, 1}), packet) == Drop::arp_operation);
    CHECK(parse_exact(with(request, 8, {3}), packet) == Drop::arp_sender_mac);
    CHECK(parse_exact(with(request, 8, {255, 255, 255, 255, 255, 255}), packet) == Drop::arp_sender_mac);
    CHECK(parse_exact(with(request, 14, {224}), packet) == Drop::arp_sender_ip);
    CHECK(parse_exact(with(request, 14, {127}), packet) == Drop::arp_sender_ip);
    CHECK(parse_exact(with(request, 14, {255, 255, 255, 255}), packet) == Drop::arp_sender_ip);
    CHECK(truncations_accepted<ArpPacket>(request) == 0);
}

}  // namespace
}  // namespace skerry::stack::wire
