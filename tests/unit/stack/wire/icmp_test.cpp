#include <skerry/stack/wire/icmp.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;
using tests::truncations_accepted;
using tests::with;

Bytes sealed(Bytes bytes) {
    seal_icmp(bytes);
    return bytes;
}

const Bytes echo = sealed(hex("08 00 0000 abcd 0007 68656c6c6f"));
// Of a datagram from 10.0.0.1 to 10.0.0.2, TCP from port 80 to 12345, sequence number 01020304.
const Bytes error =
    sealed(hex("03 04 0000 0000 0514  4500 05dc 1234 4000 3f 06 dead 0a000001 0a000002  0050 3039 "
               "01020304"));

Drop refused(const Bytes& bytes) {
    IcmpHeader header;
    return parse_exact(sealed(bytes), header);
}

TEST_CASE("an echo and its reply are read, and written back", "[stack][wire][icmp]") {
    IcmpHeader header;
    REQUIRE(parse_exact(echo, header) == Drop::none);
    CHECK(header.type == IcmpType::echo);
    CHECK(header.is_echo());
    CHECK(header.identifier == 0xabcd);
    CHECK(header.sequence == 7);
    header.type = IcmpType::echo_reply;
    Bytes reply = echo;
    write(header, reply.data());
    seal_icmp(reply);
    CHECK(reply == sealed(with(echo, 0, {0})));
    REQUIRE(parse_exact(reply, header) == Drop::none);
    CHECK(header.type == IcmpType::echo_reply);
    CHECK(header.identifier == 0xabcd);
}

TEST_CASE("an ICMP error tells whose flow it is about", "[stack][wire][icmp]") {
    IcmpHeader header;
    REQUIRE(parse_exact(error, header) == Drop::none);
    CHECK(header.type == IcmpType::unreachable);
    CHECK(header.code == icmp_code::fragmentation_needed);
    CHECK(header.next_hop_mtu == 1300);
    CHECK(header.quote.source == Ipv4Addr::of(10, 0, 0, 1));
    CHECK(header.quote.destination == Ipv4Addr::of(10, 0, 0, 2));
    CHECK(header.quote.protocol == 6);
    CHECK(header.quote.total_bytes == 1500);
    CHECK(header.quote.id == 0x1234);
    CHECK(header.quote.source_port == 80);
    CHECK(header.quote.destination_port == 12345);
    CHECK(header.quote.seq == 0x0102'0304U);
    CHECK(header.identifier == 0);

    REQUIRE(parse_exact(sealed(with(with(error, 0, {11, 1}), 17, {17})), header) == Drop::none);
    CHECK(header.type == IcmpType::time_exceeded);
    CHECK(header.next_hop_mtu == 0);
    CHECK(header.quote.source_port == 80);
    CHECK(header.quote.seq == 0);  // UDP has none

    REQUIRE(parse_exact(sealed(with(with(error, 17, {1}), 28, {8, 0, 0, 0, 0xab, 0xcd, 0, 7})), header) == Drop::none);
    CHECK(header.quote.identifier == 0xabcd);
    CHECK(header.quote.sequence == 7);
    CHECK(header.quote.source_port == 0);
}

TEST_CASE("a quoted IPv4 header may have options", "[stack][wire][icmp]") {
    Bytes bytes = error;
    const Bytes options = hex("94040000");
    bytes.insert(bytes.begin() + 28, options.begin(), options.end());
    bytes[8] = std::byte{0x46};
    IcmpHeader header;
    REQUIRE(parse_exact(sealed(bytes), header) == Drop::none);
    CHECK(header.quote.source_port == 80);
    bytes.pop_back();
    CHECK(refused(bytes) == Drop::icmp_quote_short);
}

TEST_CASE("what ICMP refuses", "[stack][wire][icmp]") {
    IcmpHeader header;
    CHECK(parse_exact(std::span{echo}.first(7), header) == Drop::icmp_short);
    CHECK(parse_exact(with(echo, 12, {0}), header) == Drop::icmp_checksum);
    CHECK(parse_exact(with(echo, 12, {0}), header, FrameChecksum::good) == Drop::none);
    CHECK(parse_exact(echo, header, FrameChecksum::bad) == Drop::icmp_checksum);
    CHECK(parse_exact(echo, header, FrameChecksum::unknown) == Drop::none);
    for (const int type : {1, 4, 9, 10, 13, 15, 17, 255}) CHECK(refused(with(echo, 0, {type})) == Drop::icmp_type);
    CHECK(refused(with(error, 1, {16})) == Drop::icmp_code);
    CHECK(refused(with(error, 0, {11, 2})) == Drop::icmp_code);
    CHECK(refused(with(error, 0, {12, 3})) == Drop::icmp_code);
    CHECK(refused(with(error, 0, {5, 4})) == Drop::icmp_code);
    CHECK(refused(with(error, 1, {15})) == Drop::none);
    CHECK(refused(hex("03 03 0000 00000000")) == Drop::icmp_quote_short);
    CHECK(refused(Bytes{error.begin(), error.end() - 1}) == Drop::icmp_quote_short);
    CHECK(refused(with(error, 8, {0x65})) == Drop::icmp_quote);
    CHECK(refused(with(error, 8, {0x44})) == Drop::icmp_quote);
    CHECK(refused(with(error, 8, {0x4f})) == Drop::icmp_quote_short);
    CHECK(refused(with(error, 10, {0, 19})) == Drop::icmp_quote);
    CHECK(refused(with(error, 14, {0, 1})) == Drop::icmp_quote);
    CHECK(refused(with(error, 24, {250, 0, 0, 1})) == Drop::icmp_quote);  // nobody has sent anything there
}

TEST_CASE("a cut ICMP message is refused at every byte, whatever the port says of it", "[stack][wire][icmp]") {
    CHECK(truncations_accepted<IcmpHeader>(error) == 0);
    CHECK(truncations_accepted<IcmpHeader>(error, FrameChecksum::good) == 0);
    CHECK(truncations_accepted<IcmpHeader>(std::span{echo}.first(8), FrameChecksum::good) == 0);
}

TEST_CASE("an ICMP redirect is read, and written back", "[stack][wire][icmp]") {
    Bytes bytes = with(error, 0, {5, 1, 0, 0, 198, 18, 0, 253});
    seal_icmp(bytes);
    IcmpHeader header;
    REQUIRE(parse_exact(bytes, header) == Drop::none);
    CHECK(header.type == IcmpType::redirect);
    CHECK(header.gateway == Ipv4Addr::of(198, 18, 0, 253));
    CHECK(header.quote.destination != Ipv4Addr{});
    CHECK(header.next_hop_mtu == 0);
    const Bytes before = bytes;
    write(header, bytes.data());
    seal_icmp(bytes);
    CHECK(bytes == before);
}

TEST_CASE("an ICMP error is written with its MTU, in front of what it quotes", "[stack][wire][icmp]") {
    IcmpHeader header;
    header.type = IcmpType::unreachable;
    header.code = icmp_code::fragmentation_needed;
    header.next_hop_mtu = 1300;
    Bytes bytes = error;
    write(header, bytes.data());
    seal_icmp(bytes);
    CHECK(bytes == error);
    header.code = icmp_code::port_unreachable;
    write(header, bytes.data());
    CHECK(bytes[7] == std::byte{0});
}

}  // namespace
}  // namespace skerry::stack::wire
