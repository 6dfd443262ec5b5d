#include <skerry/stack/wire/udp.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;
using tests::truncations_accepted;
using tests::with;

const std::uint64_t pseudo = pseudo_header(Ipv4Addr::of(10, 0, 0, 2), Ipv4Addr::of(10, 0, 0, 1), 17, 13);
const Bytes datagram = hex("3039 0035 000d 0000 68656c6c6f");

TEST_CASE("a UDP header is read", "[stack][wire][udp]") {
    UdpHeader header;
    REQUIRE(parse_exact(datagram, header) == Drop::none);
    CHECK(header.source_port == 12345);
    CHECK(header.destination_port == 53);
    CHECK(header.bytes == 13);
    CHECK(header.payload_bytes() == 5);
    CHECK_FALSE(header.has_checksum);
    REQUIRE(parse_exact(with(datagram, 6, {1, 0}), header) == Drop::none);
    CHECK(header.has_checksum);
}

TEST_CASE("what UDP refuses", "[stack][wire][udp]") {
    UdpHeader header;
    CHECK(parse_exact(std::span{datagram}.first(7), header) == Drop::udp_short);
    CHECK(parse_exact(with(datagram, 4, {0, 7}), header) == Drop::udp_length);
    CHECK(parse_exact(with(datagram, 4, {0, 0}), header) == Drop::udp_length);
    CHECK(parse_exact(with(datagram, 4, {0, 14}), header) == Drop::udp_length);
    CHECK(parse_exact(with(datagram, 4, {255, 255}), header) == Drop::udp_length);
    CHECK(parse_exact(with(datagram, 2, {0, 0}), header) == Drop::udp_port);
    CHECK(truncations_accepted<UdpHeader>(datagram) == 0);
}

TEST_CASE("a UDP source port 0, an empty payload and bytes behind the length pass", "[stack][wire][udp]") {
    UdpHeader header;
    CHECK(parse_exact(with(datagram, 0, {0, 0}), header) == Drop::none);
    REQUIRE(parse_exact(with(datagram, 4, {0, 8}), header) == Drop::none);
    CHECK(header.payload_bytes() == 0);
    REQUIRE(parse_exact(with(datagram, 4, {0, 12}), header) == Drop::none);
    CHECK(header.bytes == 12);
}

TEST_CASE("a UDP datagram may go on in further segments", "[stack][wire][udp]") {
    UdpHeader header;
    const auto front = std::span{datagram}.first(8);
    CHECK(parse_exact(front, header) == Drop::udp_length);
    CHECK(parse_exact(front, header, std::size_t{4}) == Drop::udp_length);
    CHECK(parse_exact(front, header, std::size_t{5}) == Drop::none);
    CHECK(truncations_accepted<UdpHeader>(front, std::size_t{100}) == 0);
}

TEST_CASE("a UDP datagram that is sealed holds, and no bit of it may change", "[stack][wire][udp]") {
    Bytes bytes = datagram;
    seal_udp(bytes, pseudo);
    CHECK(bytes == hex("3039 0035 000d 7791 68656c6c6f"));  // worked out by hand
    CHECK(udp_checksum_holds(bytes, pseudo));
    CHECK_FALSE(udp_checksum_holds(bytes, pseudo + swap_be16(1)));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        CAPTURE(bit);
        Bytes wrong = bytes;
        wrong[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        CHECK_FALSE(udp_checksum_holds(wrong, pseudo));
    }
}

TEST_CASE("a UDP checksum of zero means none, and is sent as ffff", "[stack][wire][udp]") {
    CHECK(udp_checksum_holds(datagram, pseudo));  // its field is 0
    CHECK(udp_checksum(0xffff) == 0xffff);
    CHECK(udp_checksum(1) == 0xfffe);
    // The payload is what the rest sums to, so that the checksum comes out as 0.
    Bytes bytes = hex("3039 0035 000a 0000 0000");
    store_checksum(bytes.data() + 8, fold(sum(bytes)));
    seal_udp(bytes, 0);
    CHECK(std::span{bytes}[6] == std::byte{0xff});
    CHECK(std::span{bytes}[7] == std::byte{0xff});
    CHECK(udp_checksum_holds(bytes, 0));
}

TEST_CASE("a UDP header that is written is read back", "[stack][wire][udp]") {
    UdpHeader header;
    REQUIRE(parse_exact(datagram, header) == Drop::none);
    Bytes out(udp_bytes, std::byte{0xee});
    write(header, out.data());
    CHECK(std::equal(out.begin(), out.end(), datagram.begin()));
}

}  // namespace
}  // namespace skerry::stack::wire
