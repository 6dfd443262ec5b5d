#include "pkt/run/live_packet.hpp"
#include "pkt/run/live_quote.hpp"

#include "support/catch.hpp"

#include <string>

namespace {

using namespace skerry;
using namespace skerry::pkt;

std::string hex(const std::vector<std::byte>& bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const std::byte byte : bytes) {
        text += digits[std::to_integer<unsigned>(byte) >> 4U];
        text += digits[std::to_integer<unsigned>(byte) & 0xfU];
    }
    return text;
}

LivePacket datagram_v6(std::size_t bytes) {
    LivePacket packet;
    packet.source = *net::IpAddr::parse("2001:db8::1");
    packet.destination = *net::IpAddr::parse("fd3d:fa7b:d17d::2");
    packet.protocol = protocol::udp;
    packet.source_port = 53;
    packet.destination_port = 1024;
    packet.payload.resize(bytes);
    return packet;
}

LiveExtension fragment(std::uint16_t begin, std::uint16_t end) {
    LiveExtension header;
    header.type = extension_type::fragment;
    header.begin = begin;
    header.end = end;
    header.id = 7;
    return header;
}

LivePacket syn() {
    LivePacket packet;
    packet.source = net::IpAddr::v4(192, 0, 2, 1);
    packet.destination = net::IpAddr::v4(192, 168, 0, 2);
    packet.source_port = 40'000;
    packet.destination_port = 8080;
    packet.seq = 1;
    packet.flags = tcp_bit::syn;
    packet.window = 65'535;
    packet.options = {{tcp_kind::mss, {5, 0xb4}}, {tcp_kind::nop, {}}, {tcp_kind::window_scale, {7}}};
    return packet;
}

}  // namespace

// The bytes were computed by another program.
TEST_CASE("a segment is written as RFC 9293 lays it out, checksums and all", "[apps][pkt][run]") {
    CHECK(hex(to_bytes(syn())) ==
          "4500003000000000ff06391cc0000201c0a800029c401f9000000001000000007002ffff459b0000020405b401030307");
}

TEST_CASE("a datagram of IPv6 is written with its checksum", "[apps][pkt][run]") {
    CHECK(hex(to_bytes(datagram_v6(3))) ==
          "60000000000b11ff20010db8000000000000000000000001fd3dfa7bd17d0000000000000000000200350400000b04b0000000");
}

TEST_CASE("what was written is read back, and is described as a script writes it", "[apps][pkt][run]") {
    const auto read = read_packet(to_bytes(syn()));
    REQUIRE(read);
    CHECK(read->options == syn().options);
    CHECK(read->seq == 1);
    CHECK(read->window == 65'535);
    CHECK(describe(*read) == "S 1:1(0) win 65535 <mss 1460,nop,wscale 7>");
}

TEST_CASE("bytes that were spoiled are no packet", "[apps][pkt][run]") {
    const std::vector<std::byte> whole = to_bytes(syn());
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::vector<std::byte> spoiled = whole;
        spoiled[at] ^= std::byte{0x10};
        INFO("byte " << at);
        CHECK_FALSE(read_packet(spoiled));
    }
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(read_packet(std::span(whole).first(size)));
}

TEST_CASE("extension headers stand between the header of IPv6 and what it carries", "[apps][pkt][run]") {
    LivePacket packet = datagram_v6(3);
    packet.extensions = {{extension_type::destination, {1, 4, 0, 0, 0, 0}}};
    CHECK(hex(to_bytes(packet)) ==
          "6000000000133cff20010db8000000000000000000000001fd3dfa7bd17d00000000000000000002"
          "110001040000000000350400000b04b0000000");
    const auto read = read_packet(to_bytes(packet));
    REQUIRE(read);
    CHECK(read->is_udp());
    REQUIRE(read->extensions.size() == 1);
    CHECK(read->extensions[0].octets == packet.extensions[0].octets);
    CHECK(read->payload.size() == 3);
}

TEST_CASE("a fragment has its octets of the whole, and says whether more follow", "[apps][pkt][run]") {
    LivePacket packet = datagram_v6(12);
    packet.extensions = {fragment(0, 16)};
    const std::string first = hex(to_bytes(packet));
    CHECK(first.substr(80) == "1100000100000007003504000014049e0000000000000000");
    const auto read = read_packet(to_bytes(packet));
    REQUIRE(read);
    CHECK(read->is_fragment);
    CHECK(read->extensions[0].has_more);
    CHECK(read->extensions[0].end == 16);
    CHECK(read->payload.size() == 16);

    packet.extensions = {fragment(16, 20)};
    CHECK(hex(to_bytes(packet)).substr(80) == "110000100000000700000000");
    packet.extensions = {fragment(0, 20)};
    const auto whole = read_packet(to_bytes(packet));
    REQUIRE(whole);
    CHECK_FALSE(whole->is_fragment);
    CHECK(whole->payload.size() == 12);
}

TEST_CASE("a datagram of IPv6 without a checksum is no packet", "[apps][pkt][run]") {
    LivePacket packet = datagram_v6(3);
    packet.sum = 0;
    CHECK_FALSE(read_packet(to_bytes(packet)));
    packet.source = net::IpAddr::v4(192, 0, 2, 1);
    packet.destination = net::IpAddr::v4(192, 168, 0, 2);
    CHECK(read_packet(to_bytes(packet)));
}

TEST_CASE("of what an error quotes the headers are read, behind extensions too", "[apps][pkt][run]") {
    LivePacket packet = datagram_v6(100);
    packet.extensions = {{extension_type::destination, {1, 4, 0, 0, 0, 0}}};
    const std::vector<std::byte> bytes = to_bytes(packet);
    const auto quote = read_quote(std::span(bytes).first(56));
    REQUIRE(quote);
    CHECK(quote->source == packet.source);
    CHECK(quote->protocol == protocol::udp);
    CHECK(quote->udp_payload == 100);
    CHECK(quote->packet_bytes == 156);
    CHECK_FALSE(read_quote(std::span(bytes).first(55)));
    CHECK(quotable_v6(156) == 156);
    CHECK(quotable_v6(1'500) == 1'232);
}
