#include <skerry/stack/wire/ethernet.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;
using tests::truncations_accepted;
using tests::with;

const Bytes untagged = hex("020000000001 020000000002 0800");
const Bytes tagged = hex("020000000001 020000000002 8100 6064 0800");

TEST_CASE("an Ethernet header is read", "[stack][wire][ethernet]") {
    EthernetHeader header;
    REQUIRE(parse_exact(untagged, header) == Drop::none);
    CHECK(header.destination == MacAddr{{2, 0, 0, 0, 0, 1}});
    CHECK(header.source == MacAddr{{2, 0, 0, 0, 0, 2}});
    CHECK(header.ether_type == ether_type::ipv4);
    CHECK_FALSE(header.tagged);
    CHECK(header.vid == 0);
    CHECK(header.header_bytes == 14);
}

TEST_CASE("one VLAN tag is taken off, a priority tag too", "[stack][wire][ethernet]") {
    EthernetHeader header;
    REQUIRE(parse_exact(tagged, header) == Drop::none);
    CHECK(header.tagged);
    CHECK(header.vid == 100);
    CHECK(header.pcp == 3);
    CHECK(header.ether_type == ether_type::ipv4);
    CHECK(header.header_bytes == 18);

    REQUIRE(parse_exact(with(tagged, 14, {0xf0, 0x00}), header) == Drop::none);
    CHECK(header.tagged);
    CHECK(header.vid == 0);
    CHECK(header.pcp == 7);

    REQUIRE(parse_exact(untagged, header) == Drop::none);
    CHECK_FALSE(header.tagged);  // nothing is left of the one before
    CHECK(header.pcp == 0);
}

TEST_CASE("other types than IPv4 pass", "[stack][wire][ethernet]") {
    EthernetHeader header;
    for (const int high : {0x06, 0x86, 0xff}) {
        REQUIRE(parse_exact(with(untagged, 12, {high, 0x00}), header) == Drop::none);
        CHECK(header.ether_type == high << 8);
    }
}

TEST_CASE("what Ethernet refuses", "[stack][wire][ethernet]") {
    EthernetHeader header;
    CHECK(parse_exact({}, header) == Drop::ethernet_short);
    CHECK(parse_exact(std::span{tagged}.first(17), header) == Drop::ethernet_short);
    CHECK(parse_exact(with(untagged, 12, {0x00, 0x2e}), header) == Drop::ethernet_length);
    CHECK(parse_exact(with(untagged, 12, {0x05, 0xff}), header) == Drop::ethernet_length);
    CHECK(parse_exact(with(tagged, 16, {0x05, 0xdc}), header) == Drop::ethernet_length);
    CHECK(parse_exact(with(untagged, 12, {0x88, 0xa8}), header) == Drop::ethernet_double_tag);
    CHECK(parse_exact(with(untagged, 12, {0x91, 0x00}), header) == Drop::ethernet_double_tag);
    CHECK(parse_exact(with(tagged, 16, {0x81, 0x00}), header) == Drop::ethernet_double_tag);
    CHECK(parse_exact(with(tagged, 16, {0x88, 0xa8}), header) == Drop::ethernet_double_tag);
    CHECK(parse_exact(with(tagged, 16, {0x91, 0x00}), header) == Drop::ethernet_double_tag);
    CHECK(parse_exact(with(tagged, 14, {0x0f, 0xff}), header) == Drop::ethernet_vid);
    CHECK(parse_exact(with(untagged, 6, {0x01}), header) == Drop::ethernet_source);
    CHECK(parse_exact(with(untagged, 6, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), header) == Drop::ethernet_source);
}

TEST_CASE("a cut Ethernet header is refused at every byte", "[stack][wire][ethernet]") {
    CHECK(truncations_accepted<EthernetHeader>(untagged) == 0);
    CHECK(truncations_accepted<EthernetHeader>(tagged) == 0);
}

TEST_CASE("an Ethernet header that is written is read back", "[stack][wire][ethernet]") {
    for (const auto& bytes : {untagged, tagged}) {
        EthernetHeader header;
        REQUIRE(parse_exact(bytes, header) == Drop::none);
        Bytes out(header.header_bytes);
        write(header, out.data());
        CHECK(out == bytes);
    }
}

}  // namespace
}  // namespace skerry::stack::wire
