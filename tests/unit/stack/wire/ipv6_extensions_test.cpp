#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/ipv6_extensions.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::Exact;
using tests::hex;
using tests::with;

const auto us = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const auto them = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

Bytes operator+(Bytes front, const Bytes& back) {
    front.insert(front.end(), back.begin(), back.end());
    return front;
}

// A header of this kind and what follows it.
Bytes packet(std::uint8_t kind, const Bytes& rest, const Ipv6Addr& destination = us) {
    Ipv6Header header;
    header.payload_bytes = static_cast<std::uint16_t>(rest.size());
    header.next_header = kind;
    header.source = them;
    header.destination = destination;
    Bytes bytes(ipv6_bytes);
    write(header, bytes.data());
    return bytes + rest;
}

struct Walked {
    Drop drop = Drop::none;
    Ipv6Chain chain;
};

Walked walk(const Bytes& bytes, std::size_t rest = 0) {
    const Exact exact{bytes};
    Ipv6Header header;
    REQUIRE(parse(exact.span(), header, rest) == Drop::none);
    Walked walked;
    walked.drop = parse(exact.span(), walked.chain, header);
    return walked;
}

Walked walk(std::uint8_t kind, const Bytes& rest) { return walk(packet(kind, rest)); }

// Refused, and its sender is told this.
bool told(const Walked& walked, Drop drop, std::uint8_t code, std::uint16_t pointer, bool of_groups = false) {
    const Ipv6Problem& problem = walked.chain.problem;
    CAPTURE(to_string(walked.drop), problem.told, problem.code, problem.pointer, problem.of_groups);
    CHECK(walked.drop == drop);
    CHECK(problem.told);
    CHECK(problem.code == code);
    CHECK(problem.pointer == pointer);
    CHECK(problem.of_groups == of_groups);
    return walked.drop == drop;
}

// Refused without a word.
bool silent(const Walked& walked, Drop drop) {
    CAPTURE(to_string(walked.drop));
    CHECK(walked.drop == drop);
    CHECK_FALSE(walked.chain.problem.told);
    return walked.drop == drop;
}

const Bytes udp = hex("0001 0002 0008 0000");
const Bytes icmp = hex("8000 0000 0001 0002");
const Bytes tcp = hex("0050 3039 00000001 00000000 5002 ffff 0000 0000");

constexpr std::uint8_t hop_by_hop = ip_protocol::hop_by_hop;
constexpr std::uint8_t routing = ip_protocol::routing;
constexpr std::uint8_t fragment = ip_protocol::fragment;
constexpr std::uint8_t options = ip_protocol::destination_options;

// A header of options that is followed by UDP; of 8 bytes, or more with more of them.
Bytes options_before_udp(Bytes list) {
    Bytes bytes = hex("11 00") + list;
    bytes.resize((bytes.size() + 7) / 8 * 8);  // Pad1
    bytes[1] = static_cast<std::byte>(bytes.size() / 8 - 1);
    return bytes + udp;
}

Bytes fragment_of(std::uint8_t next, std::uint16_t offset, bool more, const Bytes& data,
                  std::uint32_t id = 0xdead'beefU) {
    Ipv6Fragment header;
    header.next_header = next;
    header.offset_bytes = offset;
    header.more = more;
    header.id = id;
    Bytes bytes(ipv6_fragment_bytes);
    write(header, bytes.data());
    return bytes + data;
}

TEST_CASE("a packet without extension headers is its transport's", "[stack][wire][ipv6]") {
    for (const auto& [kind, rest] :
         {std::pair{std::uint8_t{17}, udp}, std::pair{std::uint8_t{6}, tcp}, std::pair{std::uint8_t{58}, icmp},
          std::pair{std::uint8_t{59}, Bytes{}}, std::pair{std::uint8_t{50}, Bytes{}}, std::pair{std::uint8_t{51}, udp},
          std::pair{std::uint8_t{253}, udp}}) {
        const Walked walked = walk(kind, rest);
        CHECK(walked.drop == Drop::none);
        CHECK(walked.chain.protocol == kind);
        CHECK(walked.chain.payload_at == 40);
        CHECK(walked.chain.next_at == 6);
        CHECK_FALSE(walked.chain.has_fragment);
        CHECK_FALSE(walked.chain.router_alert);
    }
}

// RFC 8200 section 4.1: in any order and any number of times, but hop-by-hop in the first place.
TEST_CASE("extension headers are walked over to the transport, in any order", "[stack][wire][ipv6]") {
    const Walked walked = walk(hop_by_hop, hex("3c 00 0502 0000 0100"                   // hop-by-hop: router alert
                                               "2b 01 0108 0000000000000000 0000 0000"  // destination options
                                               "3c 00 04 00 00000000"  // routing, type 4, at its end
                                               "11 00 0104 00000000") +  // destination options
                                               udp);
    CHECK(walked.drop == Drop::ipv6_option_padding);  // PadN of 10
    const Walked sound = walk(hop_by_hop, hex("3c 00 0502 0000 0100"
                                              "2b 01 1e0c 000000000000000000000000"
                                              "3c 00 04 00 00000000"
                                              "11 00 0104 00000000") +
                                              udp);
    CHECK(sound.drop == Drop::none);
    CHECK(sound.chain.protocol == ip_protocol::udp);
    CHECK(sound.chain.payload_at == 40 + 8 + 16 + 8 + 8);
    CHECK(sound.chain.next_at == 40 + 8 + 16 + 8);
    CHECK(sound.chain.router_alert);
    CHECK(sound.chain.router_alert_value == 0);
    CHECK_FALSE(sound.chain.has_fragment);
}

TEST_CASE("behind no next header nothing is looked at", "[stack][wire][ipv6]") {
    const Walked walked = walk(options, hex("3b 00 0104 00000000 ff ff"));  // RFC 8200 section 4.7
    CHECK(walked.drop == Drop::none);
    CHECK(walked.chain.protocol == ip_protocol::none);
    CHECK(walked.chain.payload_at == 48);
}

TEST_CASE("an unknown header ends the walk, and where it was named is kept for the answer", "[stack][wire][ipv6]") {
    const Walked walked = walk(options, hex("33 00 0104 00000000") + udp);
    CHECK(walked.drop == Drop::none);
    CHECK(walked.chain.protocol == 51);
    CHECK(walked.chain.next_at == 40);
    CHECK(walked.chain.payload_at == 48);
}

TEST_CASE("RFC 8200 section 4: a hop-by-hop header that is not the first is told as unknown", "[stack][wire][ipv6]") {
    CHECK(told(walk(options, hex("00 00 0104 00000000  11 00 0104 00000000") + udp), Drop::ipv6_extension_order,
               icmpv6_code::next_header, 40));
    CHECK(told(walk(hop_by_hop, hex("00 00 0104 00000000  11 00 0104 00000000") + udp), Drop::ipv6_extension_order,
               icmpv6_code::next_header, 40));
}

TEST_CASE("extension headers that go on past the end are refused", "[stack][wire][ipv6]") {
    for (const std::uint8_t kind : {hop_by_hop, options, routing, fragment}) {
        CAPTURE(int{kind});
        CHECK(silent(walk(kind, {}), Drop::ipv6_extension_short));  // of hop-by-hop: a jumbogram's payload length
        CHECK(silent(walk(kind, hex("11 00 0104 000000")), Drop::ipv6_extension_short));
    }
    for (const std::uint8_t kind : {hop_by_hop, options, routing})
        CHECK(silent(walk(kind, hex("11 01 0104 00000000 0000000000") + hex("0000")), Drop::ipv6_extension_short));
    // What lies behind the packet is the frame's padding.
    Bytes bytes = packet(options, hex("11 01 0104 00000000"));
    bytes.resize(64);
    CHECK(silent(walk(bytes), Drop::ipv6_extension_short));
}

// RFC 8504 section 5.3 leaves these limits to the host.
TEST_CASE("as many extension headers as are allowed pass, and one more does not", "[stack][wire][ipv6]") {
    const auto chain = [](std::size_t count) {
        Bytes bytes;
        for (std::size_t i = 1; i < count; ++i) bytes = bytes + hex("3c 00 0104 00000000");
        return walk(options, bytes + hex("11 00 0104 00000000") + udp);
    };
    CHECK(chain(ipv6_extensions_max).drop == Drop::none);
    CHECK(silent(chain(ipv6_extensions_max + 1), Drop::ipv6_extension_count));
    CHECK(silent(chain(100), Drop::ipv6_extension_count));
}

TEST_CASE("as many bytes of extension headers as are allowed pass, and 8 more do not", "[stack][wire][ipv6]") {
    // A routing header at its end, of any length.
    const auto chain = [](std::size_t bytes) {
        Bytes header(bytes, std::byte{0xee});
        header[0] = std::byte{17};
        header[1] = static_cast<std::byte>(bytes / 8 - 1);
        header[3] = std::byte{0};
        return walk(routing, header + udp);
    };
    CHECK(chain(ipv6_extension_bytes_max).drop == Drop::none);
    CHECK(silent(chain(ipv6_extension_bytes_max + 8), Drop::ipv6_extension_bytes));
    CHECK(silent(chain(2048), Drop::ipv6_extension_bytes));
}

TEST_CASE("RFC 8200 section 4.2: unknown options are judged by their two high bits", "[stack][wire][ipv6]") {
    const auto group = Ipv6Addr::all_nodes();
    for (const std::uint8_t kind : {hop_by_hop, options}) {
        const auto of = [&](int type, const Ipv6Addr& destination = us) {
            return walk(packet(kind, with(options_before_udp(hex("0100 1e00")), 4, {type}), destination));
        };
        CHECK(of(0x1e).drop == Drop::none);
        CHECK(of(0x3e).drop == Drop::none);
        CHECK(silent(of(0x5e), Drop::ipv6_option));
        CHECK(told(of(0x9e), Drop::ipv6_option, icmpv6_code::option, 44, true));
        CHECK(told(of(0xde), Drop::ipv6_option, icmpv6_code::option, 44, false));
        CHECK(told(of(0x9e, group), Drop::ipv6_option, icmpv6_code::option, 44, true));
        CHECK(told(of(0xde, group), Drop::ipv6_option, icmpv6_code::option, 44, false));
        CHECK(told(of(0xc2), Drop::ipv6_option, icmpv6_code::option, 44));  // a jumbo payload, RFC 2675
    }
}

TEST_CASE("options past their header's end are refused", "[stack][wire][ipv6]") {
    CHECK(silent(walk(options, options_before_udp(hex("1e05 0000 0000"))), Drop::ipv6_option_length));
    CHECK(silent(walk(options, options_before_udp(hex("1eff 0000 0000"))), Drop::ipv6_option_length));
    CHECK(silent(walk(options, options_before_udp(hex("0105 0000 0000"))), Drop::ipv6_option_length));
    CHECK(silent(walk(options, options_before_udp(hex("0103 000000 1e"))), Drop::ipv6_option_length));
    CHECK(silent(walk(options, options_before_udp(hex("0103 000000 01"))), Drop::ipv6_option_length));
    CHECK(silent(walk(options, hex("3b 00 0103 000000 1e")), Drop::ipv6_option_length));  // nor is a length read there
    CHECK(walk(options, options_before_udp(hex("1e04 0000 0000"))).drop == Drop::none);
    CHECK(walk(options, options_before_udp(hex("1e00 1e00 1e00"))).drop == Drop::none);
}

TEST_CASE("RFC 8504 section 5.3: 7 bytes of padding in a row pass, and 8 do not", "[stack][wire][ipv6]") {
    CHECK(walk(options, options_before_udp(hex("1e05 0102030405 00 00000000 0000"))).drop == Drop::none);
    CHECK(
        silent(walk(options, options_before_udp(hex("1e04 01020304 00 00000000 000000"))), Drop::ipv6_option_padding));
    CHECK(walk(options, options_before_udp(hex("1e05 0102030405 0105 0000000000"))).drop == Drop::none);
    CHECK(silent(walk(options, options_before_udp(hex("1e04 01020304 0106 000000000000"))), Drop::ipv6_option_padding));
    CHECK(silent(walk(options, options_before_udp(hex("1e04 01020304 0102 0000 00 00 00 00"))),
                 Drop::ipv6_option_padding));
    CHECK(silent(walk(options, options_before_udp(Bytes(500, std::byte{0}))), Drop::ipv6_option_padding));
    // An option between makes a new row.
    CHECK(walk(options, options_before_udp(hex("0104 00000000 1e00 0104 00000000"))).drop == Drop::none);
}

TEST_CASE("RFC 8504 section 5.3: as many options as are allowed pass, and one more does not", "[stack][wire][ipv6]") {
    const auto of = [](std::size_t count) {
        Bytes list;
        for (std::size_t i = 0; i < count; ++i) list = list + hex("1e00");
        return walk(options, options_before_udp(list));
    };
    CHECK(of(ipv6_options_max).drop == Drop::none);
    CHECK(silent(of(ipv6_options_max + 1), Drop::ipv6_option_count));
}

TEST_CASE("RFC 2711 section 2.1: a router alert is told, in a hop-by-hop header only", "[stack][wire][ipv6]") {
    const Walked walked = walk(hop_by_hop, options_before_udp(hex("0502 1234 0100")));
    CHECK(walked.drop == Drop::none);
    CHECK(walked.chain.router_alert);
    CHECK(walked.chain.router_alert_value == 0x1234);
    CHECK(silent(walk(hop_by_hop, options_before_udp(hex("0501 12 0101 00"))), Drop::ipv6_option_length));
    CHECK(silent(walk(hop_by_hop, options_before_udp(hex("0504 12340000"))), Drop::ipv6_option_length));
    const Walked elsewhere = walk(options, options_before_udp(hex("0502 1234 0100")));
    CHECK(elsewhere.drop == Drop::none);
    CHECK_FALSE(elsewhere.chain.router_alert);

    Bytes written(ipv6_router_alert_bytes);
    write_router_alert(ip_protocol::icmpv6, written.data());
    CHECK(written == hex("3a 00 0502 0000 0100"));
    CHECK(walk(hop_by_hop, written + icmp).chain.router_alert);
}

TEST_CASE("RFC 8200 section 4.4: an unknown routing header is refused unless it is at its end", "[stack][wire][ipv6]") {
    for (const int type : {1, 2, 3, 4, 253}) {
        CHECK(walk(routing, with(hex("11 00 00 00 00000000"), 2, {type, 0}) + udp).drop == Drop::none);
        for (const int left : {1, 255})
            CHECK(told(walk(routing, with(hex("11 00 00 00 00000000"), 2, {type, left}) + udp), Drop::ipv6_routing,
                       icmpv6_code::header_field, 42));
    }
}

TEST_CASE("RFC 5095 section 3: a routing header of type 0 is as an unknown one", "[stack][wire][ipv6]") {
    const Bytes header = hex("11 02 00 01 00000000") + hex("20010db8 00000000 00000000 00000009");
    CHECK(told(walk(routing, header + udp), Drop::ipv6_source_route, icmpv6_code::header_field, 42));
    CHECK(walk(routing, with(header, 3, {0}) + udp).drop == Drop::none);
    // The pointer is where the header is.
    CHECK(told(walk(options, hex("2b 00 0104 00000000") + header + udp), Drop::ipv6_source_route,
               icmpv6_code::header_field, 50));
}

TEST_CASE("a fragment is told from a packet", "[stack][wire][ipv6]") {
    const Bytes data(16, std::byte{7});
    const Walked later = walk(fragment, fragment_of(6, 1448, true, data));
    CHECK(later.drop == Drop::none);
    CHECK(later.chain.has_fragment);
    CHECK(later.chain.is_fragment());
    CHECK(later.chain.is_later_fragment());
    CHECK(later.chain.fragment.at == 40);
    CHECK(later.chain.fragment.next_at == 6);
    CHECK(later.chain.fragment.data_at() == 48);
    CHECK(later.chain.fragment.next_header == 6);
    CHECK(later.chain.fragment.offset_bytes == 1448);
    CHECK(later.chain.fragment.more);
    CHECK(later.chain.fragment.id == 0xdead'beefU);
    CHECK(later.chain.payload_at == 48);

    const Walked last = walk(fragment, fragment_of(6, 8, false, hex("07")));
    CHECK(last.drop == Drop::none);
    CHECK(last.chain.is_later_fragment());
    CHECK_FALSE(last.chain.fragment.more);

    const Walked first = walk(options, hex("2c 00 0104 00000000") + fragment_of(17, 0, true, udp));
    CHECK(first.drop == Drop::none);
    CHECK(first.chain.is_fragment());
    CHECK_FALSE(first.chain.is_later_fragment());
    CHECK(first.chain.protocol == 17);
    CHECK(first.chain.fragment.at == 48);
    CHECK(first.chain.fragment.next_at == 40);
    CHECK(first.chain.payload_at == 56);
    // The reserved bits are ignored.
    CHECK(
        walk(fragment, with(fragment_of(6, 8, false, hex("07")), 1, {0xff, 0x00, 0x0e})).chain.fragment.offset_bytes ==
        8);
}

TEST_CASE("of a later fragment no header is looked for", "[stack][wire][ipv6]") {
    // What looks like an option to be refused is data.
    const Walked walked = walk(fragment, fragment_of(options, 8, false, hex("11 00 9e04 00000000")));
    CHECK(walked.drop == Drop::none);
    CHECK(walked.chain.protocol == options);
    CHECK(walked.chain.payload_at == 48);
}

TEST_CASE("RFC 6946: an atomic fragment is a packet, whatever its length", "[stack][wire][ipv6]") {
    const Walked walked = walk(fragment, fragment_of(options, 0, false, hex("11 00 0104 00000000") + udp + hex("01")));
    CHECK(walked.drop == Drop::none);
    CHECK(walked.chain.has_fragment);
    CHECK(walked.chain.fragment.is_atomic());
    CHECK_FALSE(walked.chain.is_fragment());
    CHECK(walked.chain.protocol == 17);
    CHECK(walked.chain.payload_at == 56);
    CHECK(walk(fragment, fragment_of(ip_protocol::none, 0, false, {})).drop == Drop::none);
    // It is told from a first fragment by more to come, and from a last one by its offset.
    CHECK(walk(fragment, fragment_of(17, 0, true, udp)).chain.is_fragment());
    CHECK(walk(fragment, fragment_of(17, 8, false, udp)).chain.is_fragment());
}

TEST_CASE("RFC 8200 section 4.5: all but the last fragment are cut at multiples of 8", "[stack][wire][ipv6]") {
    for (const std::size_t bytes : {9U, 12U, 15U})
        CHECK(told(walk(fragment, fragment_of(17, 8, true, Bytes(bytes))), Drop::ipv6_fragment_length,
                   icmpv6_code::header_field, 4));
    CHECK(walk(fragment, fragment_of(17, 8, false, Bytes(9))).drop == Drop::none);
}

TEST_CASE("a fragment without data is refused", "[stack][wire][ipv6]") {
    CHECK(silent(walk(fragment, fragment_of(17, 8, true, {})), Drop::ipv6_fragment_length));
    CHECK(silent(walk(fragment, fragment_of(17, 8, false, {})), Drop::ipv6_fragment_length));
}

TEST_CASE("RFC 8200 section 4.5: no fragment ends past 65'535 bytes of payload", "[stack][wire][ipv6]") {
    CHECK(walk(fragment, fragment_of(17, 65'528, false, Bytes(7))).drop == Drop::none);
    CHECK(told(walk(fragment, fragment_of(17, 65'528, false, Bytes(8))), Drop::ipv6_fragment_end,
               icmpv6_code::header_field, 42));
    // The headers before the fragment header are part of the payload.
    const Bytes before = hex("2c 00 0104 00000000");
    CHECK(walk(options, before + fragment_of(17, 65'520, false, Bytes(7))).drop == Drop::none);
    CHECK(told(walk(options, before + fragment_of(17, 65'520, false, Bytes(8))), Drop::ipv6_fragment_end,
               icmpv6_code::header_field, 50));
}

TEST_CASE("RFC 7112 section 5: a first fragment holds all headers, or its sender is told", "[stack][wire][ipv6]") {
    const auto first = [](std::uint8_t next, const Bytes& data) {
        return walk(fragment, fragment_of(next, 0, true, data));
    };
    const auto tells = [](const Walked& walked) {
        return told(walked, Drop::ipv6_fragment_chain, icmpv6_code::first_fragment_chain, 0);
    };
    CHECK(first(6, tcp + Bytes(4)).drop == Drop::none);
    CHECK(tells(first(6, {tcp.begin(), tcp.begin() + 16})));
    CHECK(first(6, with(tcp, 12, {0x60}) + Bytes(4)).drop == Drop::none);
    CHECK(tells(first(6, with(tcp, 12, {0x70}) + Bytes(4))));  // the options are cut
    const Bytes little = with(tcp, 12, {0x40});
    CHECK(tells(first(6, {little.begin(), little.begin() + 16})));  // whatever its offset of data says
    CHECK(first(17, udp).drop == Drop::none);
    CHECK(first(58, icmp).drop == Drop::none);
    CHECK(tells(first(options, hex("11 00 0104 00000000"))));
    CHECK(tells(first(options, hex("11 01 0104 00000000"))));
    CHECK(tells(first(options, hex("3a 00 0104 00000000"))));
    CHECK(first(options, hex("3b 00 0104 00000000")).drop == Drop::none);  // no next header: that was all
    CHECK(first(options, hex("11 00 0104 00000000") + udp).drop == Drop::none);
    // An atomic one holds all there is; what it lacks its transport refuses.
    CHECK(walk(fragment, fragment_of(6, 0, false, udp)).drop == Drop::none);
    // When our first piece of the frame ends and not the fragment, nobody is told.
    Bytes bytes = packet(fragment, fragment_of(6, 0, true, tcp + Bytes(4)));
    bytes.resize(56);
    CHECK(silent(walk(bytes, 16), Drop::ipv6_extension_short));
}

TEST_CASE("a fragment of a fragment is refused", "[stack][wire][ipv6]") {
    CHECK(silent(walk(fragment, fragment_of(fragment, 0, false, fragment_of(17, 0, true, udp))),
                 Drop::ipv6_fragment_again));
    CHECK(silent(walk(fragment, fragment_of(fragment, 0, true, fragment_of(17, 0, false, udp))),
                 Drop::ipv6_fragment_again));
}

TEST_CASE("what comes from :: with a hop-by-hop header has to be ICMPv6", "[stack][wire][ipv6]") {
    const auto from_nobody = [](const Bytes& rest) {
        Bytes bytes = packet(hop_by_hop, rest, Ipv6Addr::all_mldv2_routers());
        store_ipv6(bytes.data() + 8, {});
        return walk(bytes);
    };
    CHECK(from_nobody(hex("3a 00 0502 0000 0100") + icmp).drop == Drop::none);
    CHECK(silent(from_nobody(hex("11 00 0502 0000 0100") + udp), Drop::ipv6_source));
    CHECK(silent(from_nobody(hex("06 00 0502 0000 0100") + tcp), Drop::ipv6_source));
}

TEST_CASE("a cut chain of extension headers is refused at every byte", "[stack][wire][ipv6]") {
    const Bytes whole = packet(hop_by_hop, hex("3c 00 0502 0000 0100"
                                               "2b 01 1e0c 000000000000000000000000"
                                               "2c 00 04 00 00000000") +
                                               fragment_of(17, 0, true, udp));
    REQUIRE(walk(whole).drop == Drop::none);
    for (std::size_t size = ipv6_bytes; size < whole.size(); ++size) {
        CAPTURE(size);
        Bytes cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
        CHECK(walk(cut, whole.size() - size).drop == Drop::ipv6_extension_short);
        store_be16(cut.data() + 4, static_cast<std::uint16_t>(size - ipv6_bytes));
        CHECK(walk(cut).drop != Drop::none);
    }
}

}  // namespace
}  // namespace skerry::stack::wire
