#include <skerry/stack/wire/icmpv6.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;
using tests::truncations_accepted;
using tests::with;

const auto us = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const auto them = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

Bytes sealed(Bytes bytes) {
    seal_icmpv6(bytes, them, us);
    return bytes;
}

Drop read(const Bytes& bytes, Icmpv6Header& header, FrameChecksum known = FrameChecksum::unknown) {
    return parse_exact(bytes, header, them, us, known);
}

Drop refused(const Bytes& bytes) {
    Icmpv6Header header;
    return read(sealed(bytes), header);
}

const Bytes echo = sealed(hex("80 00 0000 abcd 0007 68656c6c6f"));

// Of a packet from us to 2001:db8::9, TCP from port 80 to 12345, sequence number 01020304; of this kind, with these
// extension headers before TCP's.
Bytes error(int type, int next_header, const Bytes& extensions = {}) {
    Bytes bytes =
        hex("02 00 0000 00000514  60000000 05dc 06 3f"
            "20010db8 00000000 00000000 00000001  20010db8 00000000 00000000 00000009");
    bytes = with(with(bytes, 0, {type}), 14, {next_header});
    bytes.insert(bytes.end(), extensions.begin(), extensions.end());
    const Bytes transport = hex("0050 3039 01020304");
    bytes.insert(bytes.end(), transport.begin(), transport.end());
    return sealed(bytes);
}
const Bytes too_big = error(2, 6);

TEST_CASE("an ICMPv6 echo and its reply are read, and written back", "[stack][wire][icmpv6]") {
    Icmpv6Header header;
    REQUIRE(read(echo, header) == Drop::none);
    CHECK(header.type == Icmpv6Type::echo);
    CHECK(header.is_echo());
    CHECK_FALSE(header.is_error());
    CHECK(header.identifier == 0xabcd);
    CHECK(header.sequence == 7);
    header.type = Icmpv6Type::echo_reply;
    Bytes reply = echo;
    write(header, reply.data());
    seal_icmpv6(reply, us, them);
    CHECK(reply == sealed(with(echo, 0, {129})));  // the pseudo header is the same both ways
    REQUIRE(parse_exact(reply, header, us, them) == Drop::none);
    CHECK(header.type == Icmpv6Type::echo_reply);
    CHECK(header.identifier == 0xabcd);
}

TEST_CASE("RFC 4443 section 2.3: the checksum covers the pseudo header too", "[stack][wire][icmpv6]") {
    // A neighbour solicitation as a Linux host sends it, from fe80::ff:fe00:2 to ff02::1:ff00:1.
    const Bytes seen = hex("87 00 0000 00000000 fe800000 00000000 000000ff fe000001 0101 020000000002");
    const auto source = Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 2);
    const auto destination = Ipv6Addr::of(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);
    Bytes message = seen;
    seal_icmpv6(message, source, destination);
    // The sum by hand, of the addresses, the length of 32, 58 and the message.
    Bytes all(40);
    store_ipv6(all.data(), source);
    store_ipv6(all.data() + 16, destination);
    store_be32(all.data() + 32, 32);
    store_be32(all.data() + 36, 58);
    all.insert(all.end(), seen.begin(), seen.end());
    CHECK(load_checksum(message.data() + 2) == fold(sum(all)));

    Icmpv6Header header;
    CHECK(parse_exact(message, header, source, destination) == Drop::none);
    CHECK(parse_exact(message, header, source, us) == Drop::icmpv6_checksum);
    CHECK(parse_exact(message, header, us, destination) == Drop::icmpv6_checksum);
    // There is no message without one.
    CHECK(read(with(echo, 2, {0, 0}), header) == Drop::icmpv6_checksum);
}

TEST_CASE("what the port says about an ICMPv6 checksum is taken", "[stack][wire][icmpv6]") {
    Icmpv6Header header;
    const Bytes wrong = with(echo, 12, {0});
    CHECK(read(wrong, header) == Drop::icmpv6_checksum);
    CHECK(read(wrong, header, FrameChecksum::good) == Drop::none);
    CHECK(read(echo, header, FrameChecksum::bad) == Drop::icmpv6_checksum);
    CHECK(read(echo, header, FrameChecksum::unknown) == Drop::none);
}

TEST_CASE("an ICMPv6 error tells whose flow it is about", "[stack][wire][icmpv6]") {
    Icmpv6Header header;
    REQUIRE(read(too_big, header) == Drop::none);
    CHECK(header.type == Icmpv6Type::packet_too_big);
    CHECK(header.is_error());
    CHECK(header.mtu == 1300);
    CHECK(header.pointer == 0);
    CHECK(header.quote.source == us);
    CHECK(header.quote.destination == Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9));
    CHECK(header.quote.protocol == 6);
    CHECK(header.quote.payload_bytes == 1500);
    CHECK(header.quote.source_port == 80);
    CHECK(header.quote.destination_port == 12345);
    CHECK(header.quote.seq == 0x0102'0304U);
    CHECK_FALSE(header.quote.has_fragment);
    CHECK(header.identifier == 0);

    REQUIRE(read(error(4, 17), header) == Drop::none);
    CHECK(header.type == Icmpv6Type::parameter_problem);
    CHECK(header.pointer == 0x514);
    CHECK(header.mtu == 0);
    CHECK(header.quote.source_port == 80);
    CHECK(header.quote.seq == 0);  // UDP has none

    REQUIRE(read(sealed(with(error(1, 58), 48, {128, 0, 0, 0, 0xab, 0xcd, 0, 7})), header) == Drop::none);
    CHECK(header.quote.identifier == 0xabcd);
    CHECK(header.quote.sequence == 7);
    CHECK(header.quote.source_port == 0);
    CHECK(header.pointer == 0);
    REQUIRE(read(sealed(with(error(1, 58), 48, {129, 0, 0, 0, 0xab, 0xcd, 0, 7})), header) == Drop::none);
    CHECK(header.quote.identifier == 0);  // a reply of ours is nobody's
}

TEST_CASE("a quoted IPv6 packet may have extension headers", "[stack][wire][icmpv6]") {
    Icmpv6Header header;
    const Bytes extensions =
        hex("3c 00 0104 00000000  2c 01 0104 00000000 0000000000000000"
            "06 00 0001 12345678");
    const Bytes bytes = error(3, 0, extensions);
    REQUIRE(read(bytes, header) == Drop::none);
    CHECK(header.quote.protocol == 6);
    CHECK(header.quote.source_port == 80);
    CHECK(header.quote.has_fragment);
    CHECK(header.quote.fragment_id == 0x1234'5678U);
    // What is in them is not judged: they are ours.
    CHECK(refused(error(3, 60, hex("06 00 c204 00000000"))) == Drop::none);
    CHECK(refused(error(3, 43, hex("06 00 00ff 00000000"))) == Drop::none);
    CHECK(refused(error(3, 60, hex("3c 00 0104 00000000 00 00 0104 00000000 06 00 0104 00000000"))) == Drop::none);
}

TEST_CASE("a quote is walked within limits", "[stack][wire][icmpv6]") {
    const auto chain = [](std::size_t count) {
        Bytes bytes;
        for (std::size_t i = 1; i <= count; ++i) {
            const Bytes one = with(hex("3c 00 0104 00000000"), 0, {i == count ? 6 : 60});
            bytes.insert(bytes.end(), one.begin(), one.end());
        }
        return refused(error(3, 60, bytes));
    };
    CHECK(chain(8) == Drop::none);
    CHECK(chain(9) == Drop::icmpv6_quote);
    CHECK(chain(100) == Drop::icmpv6_quote);
    const auto long_one = [](std::size_t bytes) {
        Bytes header(bytes);
        return refused(error(3, 60, with(header, 0, {6, static_cast<int>(bytes / 8 - 1)})));
    };
    CHECK(long_one(512) == Drop::none);
    CHECK(long_one(520) == Drop::icmpv6_quote);
}

TEST_CASE("a quote that tells no flow is refused", "[stack][wire][icmpv6]") {
    CHECK(refused(hex("01 04 0000 00000000")) == Drop::icmpv6_quote_short);
    CHECK(refused(Bytes{too_big.begin(), too_big.end() - 1}) == Drop::icmpv6_quote_short);
    CHECK(refused(with(too_big, 8, {0x45})) == Drop::icmpv6_quote);
    CHECK(refused(error(3, 44, hex("06 00 0008 12345678"))) == Drop::icmpv6_quote);  // a later fragment
    CHECK(refused(error(3, 44, hex("2c 00 0001 12345678 06 00 0001 12345678"))) == Drop::icmpv6_quote);
    CHECK(refused(error(3, 60, hex("06 01 0104 00000000"))) == Drop::icmpv6_quote_short);
    CHECK(refused(error(3, 60, hex("06 ff 0104 00000000"))) == Drop::icmpv6_quote_short);
    Bytes bytes = error(3, 60, hex("06 00 0104 00000000"));
    CHECK(refused(with(bytes, 12, {0, 7})) == Drop::icmpv6_quote);  // less than its own headers
    CHECK(refused(with(bytes, 12, {0, 8})) == Drop::none);
    bytes.pop_back();
    CHECK(refused(bytes) == Drop::icmpv6_quote_short);
}

TEST_CASE("RFC 8201 section 4: packet too big for less than 1280 bytes is refused", "[stack][wire][icmpv6]") {
    CHECK(refused(with(too_big, 4, {0, 0, 0x05, 0x00})) == Drop::none);
    CHECK(refused(with(too_big, 4, {0, 0, 0x04, 0xff})) == Drop::icmpv6_mtu);
    CHECK(refused(with(too_big, 4, {0, 0, 0, 0})) == Drop::icmpv6_mtu);
    CHECK(refused(with(too_big, 4, {255, 255, 255, 255})) == Drop::none);
    // Of others the word means something else.
    CHECK(refused(with(error(1, 6), 4, {0, 0, 0, 0})) == Drop::none);
}

TEST_CASE("what ICMPv6 refuses", "[stack][wire][icmpv6]") {
    Icmpv6Header header;
    CHECK(read({echo.begin(), echo.begin() + 7}, header) == Drop::icmpv6_short);
    for (const int type : {138, 139, 142, 144, 155, 255}) CHECK(refused(with(echo, 0, {type})) == Drop::icmpv6_type);
    CHECK(refused(with(error(1, 6), 1, {8})) == Drop::none);
    CHECK(refused(with(error(1, 6), 1, {9})) == Drop::icmpv6_code);
    CHECK(refused(with(error(3, 6), 1, {1})) == Drop::none);
    CHECK(refused(with(error(3, 6), 1, {2})) == Drop::icmpv6_code);
    CHECK(refused(with(error(4, 6), 1, {10})) == Drop::none);
    CHECK(refused(with(error(4, 6), 1, {11})) == Drop::icmpv6_code);
    CHECK(refused(with(too_big, 1, {77})) == Drop::none);  // RFC 4443 section 3.2: ignored
    CHECK(refused(with(echo, 1, {77})) == Drop::none);
}

TEST_CASE("RFC 4443 section 2.4: of unknown types errors are read, and others are not", "[stack][wire][icmpv6]") {
    for (const int type : {0, 5, 100, 127}) {
        Icmpv6Header header;
        REQUIRE(read(sealed(with(error(type, 6), 1, {99})), header) == Drop::none);
        CHECK(header.is_error());
        CHECK(header.quote.source_port == 80);
        CHECK(header.mtu == 0);
        CHECK(header.pointer == 0);
        CHECK(refused(with(echo, 0, {type})) == Drop::icmpv6_quote_short);
    }
    CHECK(refused(with(too_big, 0, {200})) == Drop::icmpv6_type);
}

TEST_CASE("messages of neighbour and listener discovery are told for those who read them", "[stack][wire][icmpv6]") {
    Icmpv6Header header;
    for (const int type : {133, 134, 135, 136, 137}) {
        REQUIRE(read(sealed(with(echo, 0, {type})), header) == Drop::none);
        CHECK(header.is_ndp());
        CHECK_FALSE(header.is_mld());
        CHECK_FALSE(header.is_error());
        CHECK(header.identifier == 0);
    }
    for (const int type : {130, 131, 132, 143}) {
        REQUIRE(read(sealed(with(echo, 0, {type})), header) == Drop::none);
        CHECK(header.is_mld());
        CHECK_FALSE(header.is_ndp());
        CHECK_FALSE(header.is_echo());
    }
    REQUIRE(read(too_big, header) == Drop::none);
    CHECK_FALSE(header.is_ndp());
    CHECK_FALSE(header.is_mld());
}

TEST_CASE("a cut ICMPv6 message is refused at every byte, whatever the port says of it", "[stack][wire][icmpv6]") {
    CHECK(truncations_accepted<Icmpv6Header>(too_big, them, us) == 0);
    CHECK(truncations_accepted<Icmpv6Header>(too_big, them, us, FrameChecksum::good) == 0);
    const Bytes extended = error(3, 0, hex("2c 00 0104 00000000 06 00 0001 12345678"));
    CHECK(truncations_accepted<Icmpv6Header>(extended, them, us, FrameChecksum::good) == 0);
    CHECK(truncations_accepted<Icmpv6Header>(std::span{echo}.first(8), them, us, FrameChecksum::good) == 0);
}

TEST_CASE("an ICMPv6 error is written with its MTU or pointer, in front of what it quotes", "[stack][wire][icmpv6]") {
    Icmpv6Header header;
    header.type = Icmpv6Type::packet_too_big;
    header.mtu = 1300;
    Bytes bytes = too_big;
    write(header, bytes.data());
    CHECK(sealed(bytes) == too_big);
    header.type = Icmpv6Type::parameter_problem;
    header.code = icmpv6_code::option;
    header.pointer = 0x514;
    write(header, bytes.data());
    CHECK(sealed(bytes) == sealed(with(too_big, 0, {4, 2})));
    header.type = Icmpv6Type::unreachable;
    header.code = icmpv6_code::port_unreachable;
    write(header, bytes.data());
    CHECK(sealed(bytes) == sealed(with(too_big, 0, {1, 4, 0, 0, 0, 0, 0, 0})));
    static_assert(ipv6_bytes + icmpv6_bytes + icmpv6_quote_bytes_max == 1280);
}

}  // namespace
}  // namespace skerry::stack::wire
