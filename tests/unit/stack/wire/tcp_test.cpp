#include <skerry/stack/wire/addresses.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;
using tests::truncations_accepted;
using tests::with;

const Bytes segment = hex("3039 0050 01020304 a1a2a3a4 80 18 2000 0000 0007 0101080a 00000001 00000002 68656c6c6f");
constexpr std::size_t header_bytes = 32;

TEST_CASE("a TCP header is read", "[stack][wire][tcp]") {
    TcpHeader header;
    REQUIRE(parse_exact(segment, header) == Drop::none);
    CHECK(header.source_port == 12345);
    CHECK(header.destination_port == 80);
    CHECK(header.seq == 0x0102'0304U);
    CHECK(header.ack == 0xa1a2'a3a4U);
    CHECK(header.header_bytes == 32);
    CHECK(header.flags == (tcp_flag::ack | tcp_flag::psh));
    CHECK(header.has(tcp_flag::ack));
    CHECK_FALSE(header.has(tcp_flag::syn));
    CHECK(header.window == 0x2000);
    CHECK(header.urgent == 7);
}

TEST_CASE("what TCP refuses", "[stack][wire][tcp]") {
    TcpHeader header;
    CHECK(parse_exact(std::span{segment}.first(19), header) == Drop::tcp_short);
    CHECK(parse_exact(with(segment, 12, {0x40}), header) == Drop::tcp_header_length);
    CHECK(parse_exact(with(segment, 12, {0x00}), header) == Drop::tcp_header_length);
    CHECK(parse_exact(with(segment, 12, {0xf0}), header) == Drop::tcp_header_length);
    CHECK(parse_exact(std::span{segment}.first(31), header) == Drop::tcp_header_length);
    CHECK(parse_exact(with(segment, 0, {0, 0}), header) == Drop::tcp_port);
    CHECK(parse_exact(with(segment, 2, {0, 0}), header) == Drop::tcp_port);
    CHECK(truncations_accepted<TcpHeader>(std::span{segment}.first(header_bytes)) == 0);
}

TEST_CASE("every flag and the reserved bits of TCP are left to the state machine", "[stack][wire][tcp]") {
    TcpHeader header;
    for (const int flags : {0x00, 0x03, 0x06, 0x29, 0xff}) {
        REQUIRE(parse_exact(with(segment, 13, {flags}), header) == Drop::none);
        CHECK(header.flags == flags);
    }
    REQUIRE(parse_exact(with(segment, 12, {0x8f}), header) == Drop::none);
    CHECK(header.header_bytes == 32);
}

TEST_CASE("a TCP header that is written is read back", "[stack][wire][tcp]") {
    TcpHeader header;
    REQUIRE(parse_exact(segment, header) == Drop::none);
    Bytes out(tcp_bytes, std::byte{0xee});
    write(header, out.data());
    CHECK(std::equal(out.begin(), out.end(), segment.begin()));
    header.header_bytes = 60;
    write(header, out.data());
    CHECK(out[12] == std::byte{0xf0});
}

TEST_CASE("a TCP segment that is sealed holds, and no bit of it may change", "[stack][wire][tcp]") {
    const auto pseudo = pseudo_header(Ipv4Addr::of(10, 0, 0, 2), Ipv4Addr::of(10, 0, 0, 1), 6,
                                      static_cast<std::uint32_t>(segment.size()));
    Bytes bytes = segment;
    seal_tcp(bytes, pseudo);
    CHECK(tcp_checksum_holds(bytes, pseudo));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        CAPTURE(bit);
        Bytes wrong = bytes;
        wrong[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        CHECK_FALSE(tcp_checksum_holds(wrong, pseudo));
    }
    PieceSum pieces{pseudo};
    pieces.add(std::span{bytes}.first(33));  // an odd piece, then the rest
    pieces.add(std::span{bytes}.subspan(33));
    CHECK(pieces.folded() == 0);
}

}  // namespace
}  // namespace skerry::stack::wire
