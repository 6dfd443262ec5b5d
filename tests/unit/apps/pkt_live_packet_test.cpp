#include "pkt/run/live_packet.hpp"

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
    LivePacket packet;
    packet.source = *net::IpAddr::parse("2001:db8::1");
    packet.destination = *net::IpAddr::parse("fd3d:fa7b:d17d::2");
    packet.protocol = protocol::udp;
    packet.source_port = 53;
    packet.destination_port = 1024;
    packet.payload.resize(3);
    CHECK(hex(to_bytes(packet)) ==
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
