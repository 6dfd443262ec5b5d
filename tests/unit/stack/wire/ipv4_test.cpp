#include <skerry/stack/wire/ipv4.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;
using tests::truncations_accepted;
using tests::with;

// The header's checksum made right, as far as there is a header.
Bytes sealed(Bytes bytes) {
    store_checksum(bytes.data() + 10, 0);
    const std::size_t header = std::min<std::size_t>((load_8(bytes.data()) & 0xfU) * 4U, bytes.size());
    store_checksum(bytes.data() + 10, fold(sum(std::span{bytes}.first(header))));
    return bytes;
}

Bytes datagram() { return sealed(hex("4502 001c 1234 4000 40 11 0000 0a000002 0a000001  0001020304050607")); }

// A header with these options, padded with zeros to a multiple of 4.
Bytes with_options(Bytes options) {
    options.resize((options.size() + 3) / 4 * 4);
    Bytes bytes = datagram();
    bytes.insert(bytes.begin() + 20, options.begin(), options.end());
    bytes[0] = static_cast<std::byte>(0x40 + bytes.size() / 4 - 2);
    bytes[3] = static_cast<std::byte>(bytes.size());
    return sealed(bytes);
}

Drop refused(const Bytes& bytes) {
    Ipv4Header header;
    return parse_exact(bytes, header);
}

TEST_CASE("an IPv4 header is read", "[stack][wire][ipv4]") {
    Ipv4Header header;
    REQUIRE(parse_exact(datagram(), header) == Drop::none);
    CHECK(header.header_bytes == 20);
    CHECK(header.tos == 2);
    CHECK(header.total_bytes == 28);
    CHECK(header.payload_bytes() == 8);
    CHECK(header.id == 0x1234);
    CHECK(header.dont_fragment);
    CHECK_FALSE(header.more_fragments);
    CHECK_FALSE(header.is_fragment());
    CHECK(header.fragment_offset_bytes == 0);
    CHECK(header.ttl == 64);
    CHECK(header.protocol == ip_protocol::udp);
    CHECK(header.source == Ipv4Addr::of(10, 0, 0, 2));
    CHECK(header.destination == Ipv4Addr::of(10, 0, 0, 1));
    CHECK_FALSE(header.router_alert);
}

TEST_CASE("an IPv4 header that is written is read back", "[stack][wire][ipv4]") {
    for (const bool router_alert : {false, true}) {
        for (const bool fragment : {false, true}) {
            Ipv4Header header;
            header.router_alert = router_alert;
            header.header_bytes = router_alert ? 24 : 20;
            header.total_bytes = static_cast<std::uint16_t>(header.header_bytes + 16);
            header.id = 0xbeef;
            header.dont_fragment = !fragment;
            header.more_fragments = fragment;
            header.fragment_offset_bytes = fragment ? 1480 : 0;
            header.ttl = 1;
            header.tos = 0xb9;
            header.protocol = ip_protocol::igmp;
            header.source = Ipv4Addr::of(10, 1, 2, 3);
            header.destination = Ipv4Addr::of(224, 0, 0, 2);
            Bytes out(header.total_bytes);
            write(header, out.data());
            Ipv4Header again;
            REQUIRE(parse_exact(out, again) == Drop::none);
            CHECK(again.router_alert == router_alert);
            CHECK(again.header_bytes == header.header_bytes);
            CHECK(again.dont_fragment == header.dont_fragment);
            CHECK(again.more_fragments == fragment);
            CHECK(again.fragment_offset_bytes == header.fragment_offset_bytes);
            CHECK(again.ttl == 1);
            CHECK(again.tos == 0xb9);
            CHECK(again.id == 0xbeef);
            CHECK(again.destination == header.destination);
            Bytes twice(header.header_bytes);
            write(again, twice.data());
            CHECK(std::equal(twice.begin(), twice.end(), out.begin()));
        }
    }
    Bytes out(20);
    Ipv4Header header;
    REQUIRE(parse_exact(datagram(), header) == Drop::none);
    write(header, out.data());
    const Bytes original = datagram();
    CHECK(std::equal(out.begin(), out.end(), original.begin()));
}

TEST_CASE("padding behind an IPv4 datagram is left out, and less than it says is refused", "[stack][wire][ipv4]") {
    Bytes bytes = datagram();
    bytes.resize(46);
    Ipv4Header header;
    REQUIRE(parse_exact(bytes, header) == Drop::none);
    CHECK(header.total_bytes == 28);
    bytes.resize(27);
    CHECK(parse_exact(bytes, header) == Drop::ipv4_total_length);
    CHECK(parse_exact(bytes, header, FrameChecksum::unknown, std::size_t{1}) == Drop::none);
    CHECK(parse_exact(std::span{bytes}.first(20), header, FrameChecksum::unknown, std::size_t{8}) == Drop::none);
    CHECK(parse_exact(std::span{bytes}.first(20), header, FrameChecksum::unknown, std::size_t{7}) ==
          Drop::ipv4_total_length);
}

TEST_CASE("what an IPv4 header refuses", "[stack][wire][ipv4]") {
    const Bytes good = datagram();
    CHECK(refused({}) == Drop::ipv4_short);
    CHECK(refused(sealed(with(good, 0, {0x65}))) == Drop::ipv4_version);
    CHECK(refused(sealed(with(good, 0, {0x05}))) == Drop::ipv4_version);
    CHECK(refused(with(good, 0, {0x44})) == Drop::ipv4_header_length);
    CHECK(refused(with(good, 0, {0x40})) == Drop::ipv4_header_length);
    CHECK(refused(with(good, 0, {0x4f})) == Drop::ipv4_header_length);
    CHECK(refused(sealed(with(good, 2, {0, 19}))) == Drop::ipv4_total_length);
    CHECK(refused(sealed(with(good, 2, {0, 0}))) == Drop::ipv4_total_length);
    CHECK(refused(sealed(with(good, 2, {0, 29}))) == Drop::ipv4_total_length);
    CHECK(refused(sealed(with(good, 2, {255, 255}))) == Drop::ipv4_total_length);
    CHECK(refused(with(good, 10, {0, 0})) == Drop::ipv4_checksum);
}

TEST_CASE("every wrong bit of an IPv4 header is seen by its checksum or before it", "[stack][wire][ipv4]") {
    for (std::size_t bit = 0; bit < 160; ++bit) {
        Bytes bytes = datagram();
        bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        CAPTURE(bit);
        CHECK(refused(bytes) != Drop::none);
    }
}

TEST_CASE("what the port says about an IPv4 checksum is taken", "[stack][wire][ipv4]") {
    const Bytes wrong = with(datagram(), 10, {0xde, 0xad});
    Ipv4Header header;
    CHECK(parse_exact(wrong, header, FrameChecksum::good) == Drop::none);
    CHECK(parse_exact(wrong, header, FrameChecksum::unknown) == Drop::ipv4_checksum);
    CHECK(parse_exact(datagram(), header, FrameChecksum::unknown) == Drop::none);
    CHECK(parse_exact(datagram(), header, FrameChecksum::bad) == Drop::ipv4_checksum);
}

TEST_CASE("sources that no host has are refused", "[stack][wire][ipv4]") {
    const auto from = [](std::initializer_list<int> source) { return refused(sealed(with(datagram(), 12, source))); };
    CHECK(from({224, 0, 0, 1}) == Drop::ipv4_source);
    CHECK(from({239, 255, 255, 255}) == Drop::ipv4_source);
    CHECK(from({255, 255, 255, 255}) == Drop::ipv4_source);
    CHECK(from({127, 0, 0, 1}) == Drop::ipv4_source);
    CHECK(from({0, 0, 0, 0}) == Drop::ipv4_source);
    CHECK(from({0, 0, 0, 9}) == Drop::ipv4_source);
    CHECK(from({223, 255, 255, 255}) == Drop::none);
    const Bytes query = sealed(with(with(datagram(), 12, {0, 0, 0, 0}), 9, {ip_protocol::igmp}));
    CHECK(refused(query) == Drop::none);
    CHECK(refused(sealed(with(query, 12, {0, 0, 0, 9}))) == Drop::ipv4_source);
}

TEST_CASE("fragments are told, and those that cannot be are refused", "[stack][wire][ipv4]") {
    const auto fragment = [](int high, int low) { return sealed(with(datagram(), 6, {high, low})); };
    Ipv4Header header;
    REQUIRE(parse_exact(fragment(0x20, 0x00), header) == Drop::none);
    CHECK(header.more_fragments);
    CHECK(header.is_fragment());
    REQUIRE(parse_exact(fragment(0x00, 0xb9), header) == Drop::none);
    CHECK(header.fragment_offset_bytes == 1480);
    CHECK(header.is_fragment());

    // 28 bytes of datagram behind 8189 * 8 = 65'512 make 65'540; one unit before they fit.
    CHECK(refused(fragment(0x1f, 0xfd)) == Drop::ipv4_fragment_end);
    CHECK(refused(fragment(0x1f, 0xfc)) == Drop::none);
    CHECK(refused(fragment(0x1f, 0xff)) == Drop::ipv4_fragment_end);

    Bytes odd = fragment(0x20, 0x00);
    odd[3] = std::byte{27};
    CHECK(refused(sealed(odd)) == Drop::ipv4_fragment_length);
    odd[6] = std::byte{0};
    odd[7] = std::byte{1};
    CHECK(refused(sealed(odd)) == Drop::none);  // the last one may have any length
    odd[3] = std::byte{20};
    CHECK(refused(sealed(odd)) == Drop::ipv4_fragment_length);
}

TEST_CASE("sound IPv4 options are skipped", "[stack][wire][ipv4]") {
    Ipv4Header header;
    REQUIRE(parse_exact(with_options(hex("94040000")), header) == Drop::none);
    CHECK(header.router_alert);
    CHECK(header.header_bytes == 24);
    CHECK(header.payload_bytes() == 8);
    REQUIRE(parse_exact(datagram(), header) == Drop::none);
    CHECK_FALSE(header.router_alert);
    CHECK(refused(with_options(hex("01010101"))) == Drop::none);
    CHECK(refused(with_options(hex("00000000"))) == Drop::none);
    CHECK(refused(with_options(hex("00ff0101"))) == Drop::none);  // behind the end nothing is read
    CHECK(refused(with_options(hex("07 0b 04 00000000 00000000 00"))) == Drop::none);
    CHECK(refused(with_options(hex("01 44 0c 05 00 00000000 00000000"))) == Drop::none);
    Bytes full(40, std::byte{1});
    CHECK(refused(with_options(full)) == Drop::none);
}

TEST_CASE("malformed IPv4 options and source routes are refused", "[stack][wire][ipv4]") {
    CHECK(refused(with_options(hex("07000000"))) == Drop::ipv4_options);
    CHECK(refused(with_options(hex("07010000"))) == Drop::ipv4_options);
    CHECK(refused(with_options(hex("07050000"))) == Drop::ipv4_options);
    CHECK(refused(with_options(hex("07ff0000"))) == Drop::ipv4_options);
    CHECK(refused(with_options(hex("01010107"))) == Drop::ipv4_options);  // no room for a length
    CHECK(refused(with_options(hex("83 07 04 0a000009 00"))) == Drop::ipv4_source_route);
    CHECK(refused(with_options(hex("01 89 07 04 0a000009"))) == Drop::ipv4_source_route);
    CHECK(refused(with_options(hex("83 09 04 0a000009 00"))) == Drop::ipv4_options);
}

TEST_CASE("a cut IPv4 datagram is refused at every byte", "[stack][wire][ipv4]") {
    CHECK(truncations_accepted<Ipv4Header>(datagram()) == 0);
    CHECK(truncations_accepted<Ipv4Header>(with_options(hex("07 0b 04 00000000 00000000 00"))) == 0);
    // Also when more is said to follow, no header is read that is not there.
    const Bytes bytes = datagram();
    CHECK(truncations_accepted<Ipv4Header>(std::span{bytes}.first(20), FrameChecksum::good, std::size_t{100}) == 0);
}

}  // namespace
}  // namespace skerry::stack::wire
