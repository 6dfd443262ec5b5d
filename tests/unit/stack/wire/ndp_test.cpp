#include <skerry/stack/wire/ndp.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;
using tests::with;

const auto router = Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 2);
const auto neighbour = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const auto us = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const Ipv6Addr nobody;

Bytes operator+(Bytes front, const Bytes& back) {
    front.insert(front.end(), back.begin(), back.end());
    return front;
}

// How a message travelled.
struct Travelled {
    Ipv6Addr source = router;
    Ipv6Addr destination = us;
    std::uint8_t hop_limit = 255;
    bool fragment = false;
};

Drop read(Bytes bytes, NdpMessage& message, const Travelled& how = {}) {
    Ipv6Header ip;
    ip.source = how.source;
    ip.destination = how.destination;
    ip.hop_limit = how.hop_limit;
    Ipv6Chain chain;
    chain.has_fragment = how.fragment;
    if (bytes.size() >= 4) seal_icmpv6(bytes, ip.source, ip.destination);
    return parse_exact(bytes, message, ip, chain);
}

Drop refused(const Bytes& bytes, const Travelled& how = {}) {
    NdpMessage message;
    return read(bytes, message, how);
}

const Bytes solicitation = hex("87 00 0000 00000000  20010db8 00000000 00000000 00000001");
const Bytes advertisement = hex("88 00 0000 e0000000  20010db8 00000000 00000000 00000002");
const Bytes router_solicitation = hex("85 00 0000 00000000");
const Bytes router_advertisement = hex("86 00 0000 40 c8 0708 00007530 000003e8");
const Bytes redirect =
    hex("89 00 0000 00000000  fe800000 00000000 00000000 00000009"
        "20010db8 00010000 00000000 00000007");
const Bytes source_link = hex("01 01 020000000002");
const Bytes target_link = hex("02 01 020000000002");
const Bytes prefix = hex("03 04 40 c0 00015180 00003840 00000000 20010db8 00020000 00000000 00000000");
const Bytes mtu = hex("05 01 0000 000005dc");
const Bytes servers =
    hex("19 05 0000 00000e10  20010db8 00000000 00000000 00000053"
        "20010db8 00000000 00000000 00000054");

const Bytes* const all[] = {&solicitation, &advertisement, &router_solicitation, &router_advertisement, &redirect};

const MacAddr mac{{2, 0, 0, 0, 0, 2}};

// Such a message as it would be written.
Bytes written(const NdpMessage& message) {
    Bytes bytes(ndp_bytes(message), std::byte{0xa5});
    CHECK(write(message, bytes.data()) == bytes.size());
    return bytes;
}

TEST_CASE("a neighbour solicitation is read, and written back", "[stack][wire][ndp]") {
    NdpMessage message;
    REQUIRE(read(solicitation + source_link, message) == Drop::none);
    CHECK(message.type == Icmpv6Type::neighbour_solicitation);
    CHECK(message.target == us);
    CHECK(message.has_source_link);
    CHECK(message.source_link == mac);
    CHECK_FALSE(message.has_target_link);
    CHECK(written(message) == solicitation + source_link);
    REQUIRE(read(solicitation, message) == Drop::none);
    CHECK_FALSE(message.has_source_link);
    CHECK(written(message) == solicitation);
}

TEST_CASE("a neighbour advertisement is read, and written back", "[stack][wire][ndp]") {
    NdpMessage message;
    REQUIRE(read(advertisement + target_link, message) == Drop::none);
    CHECK(message.type == Icmpv6Type::neighbour_advertisement);
    CHECK(message.target == neighbour);
    CHECK(message.from_router);
    CHECK(message.solicited);
    CHECK(message.overrides);
    CHECK(message.has_target_link);
    CHECK(message.target_link == mac);
    CHECK(written(message) == advertisement + target_link);
    for (const int flags : {0x00, 0x20, 0x40, 0x80}) {
        REQUIRE(read(with(advertisement, 4, {flags}), message) == Drop::none);
        CHECK(message.from_router == (flags == 0x80));
        CHECK(message.solicited == (flags == 0x40));
        CHECK(message.overrides == (flags == 0x20));
        CHECK(written(message) == with(advertisement, 4, {flags}));
    }
}

TEST_CASE("a router solicitation is read, and written back", "[stack][wire][ndp]") {
    NdpMessage message;
    REQUIRE(read(router_solicitation + source_link, message) == Drop::none);
    CHECK(message.type == Icmpv6Type::router_solicitation);
    CHECK(message.source_link == mac);
    CHECK(written(message) == router_solicitation + source_link);
}

TEST_CASE("a router advertisement is read, and written back", "[stack][wire][ndp]") {
    NdpMessage message;
    REQUIRE(read(router_advertisement + source_link + mtu + prefix + servers, message) == Drop::none);
    CHECK(message.type == Icmpv6Type::router_advertisement);
    const NdpRouter& said = message.router;
    CHECK(said.hop_limit == 64);
    CHECK(said.managed);
    CHECK(said.other);
    CHECK(said.preference == 1);
    CHECK(said.lifetime_s == 1800);
    CHECK(said.reachable_ms == 30'000);
    CHECK(said.retransmit_ms == 1000);
    CHECK(message.source_link == mac);
    CHECK(said.has_mtu);
    CHECK(said.mtu == 1500);
    REQUIRE(said.prefixes == 1);
    CHECK(said.prefix[0] == NdpPrefix{Ipv6Addr::of(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0), 64, true, true, 86'400, 14'400});
    REQUIRE(said.servers == 2);
    CHECK(said.server[0] == NdpServer{Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53), 3600});
    CHECK(said.server[1] == NdpServer{Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x54), 3600});
    const Bytes each_apart = hex("19 03 0000 00000e10  20010db8 00000000 00000000 00000053") +
                             hex("19 03 0000 00000e10  20010db8 00000000 00000000 00000054");
    CHECK(written(message) == router_advertisement + source_link + mtu + prefix + each_apart);

    REQUIRE(read(router_advertisement, message) == Drop::none);
    CHECK_FALSE(message.router.has_mtu);
    CHECK(message.router.prefixes == 0);
    CHECK(message.router.servers == 0);
    CHECK(written(message) == router_advertisement);
}

TEST_CASE("RFC 4191 section 2.2: a router's preference is read, and its reserved value is medium",
          "[stack][wire][ndp]") {
    NdpMessage message;
    for (const auto& [flags, preference] : {std::pair{0x00, 0}, std::pair{0x08, 1}, std::pair{0x18, -1}, {0x10, 0}}) {
        REQUIRE(read(with(router_advertisement, 5, {flags}), message) == Drop::none);
        CHECK(message.router.preference == preference);
        CHECK_FALSE(message.router.managed);
        CHECK_FALSE(message.router.other);
        if (flags != 0x10) CHECK(written(message) == with(router_advertisement, 5, {flags}));
    }
}

TEST_CASE("a redirect is read, and written back", "[stack][wire][ndp]") {
    NdpMessage message;
    const Bytes quoted = hex("04 02 000000000000 60000000 00000000");  // a redirected header
    REQUIRE(read(redirect + target_link + quoted, message) == Drop::none);
    CHECK(message.type == Icmpv6Type::redirect);
    CHECK(message.target == Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 9));
    CHECK(message.destination == Ipv6Addr::of(0x2001, 0xdb8, 1, 0, 0, 0, 0, 7));
    CHECK(message.has_target_link);
    CHECK(message.target_link == mac);
    CHECK(written(message) == redirect + target_link);
}

TEST_CASE("RFC 4861 sections 6.1, 7.1 and 8.1: a hop limit of 255", "[stack][wire][ndp]") {
    for (const Bytes* bytes : all) {
        CHECK(refused(*bytes) == Drop::none);
        for (const std::uint8_t limit : {0, 1, 64, 254})
            CHECK(refused(*bytes, {router, us, limit}) == Drop::ndp_hop_limit);
    }
}

TEST_CASE("RFC 4861 sections 6.1, 7.1 and 8.1: a checksum that holds", "[stack][wire][ndp]") {
    for (const Bytes* bytes : all) {
        Ipv6Header ip;
        ip.source = router;
        ip.destination = us;
        ip.hop_limit = 255;
        Bytes sealed = *bytes;
        seal_icmpv6(sealed, router, us);
        NdpMessage message;
        CHECK(parse_exact(sealed, message, ip, Ipv6Chain{}) == Drop::none);
        CHECK(parse_exact(sealed, message, ip, Ipv6Chain{}, FrameChecksum::bad) == Drop::icmpv6_checksum);
        CHECK(parse_exact(*bytes, message, ip, Ipv6Chain{}) == Drop::icmpv6_checksum);
        CHECK(parse_exact(*bytes, message, ip, Ipv6Chain{}, FrameChecksum::good) == Drop::none);
        ip.destination = neighbour;
        CHECK(parse_exact(sealed, message, ip, Ipv6Chain{}) == Drop::icmpv6_checksum);
    }
}

TEST_CASE("RFC 4861 sections 6.1, 7.1 and 8.1: a code of 0", "[stack][wire][ndp]") {
    for (const Bytes* bytes : all)
        for (const int code : {1, 255}) CHECK(refused(with(*bytes, 1, {code})) == Drop::ndp_code);
}

TEST_CASE("RFC 4861 sections 6.1, 7.1 and 8.1: the length of the message without options", "[stack][wire][ndp]") {
    for (const Bytes* bytes : all)
        for (std::size_t size = 0; size < bytes->size(); ++size) {
            CAPTURE(int{load_8(bytes->data())}, size);
            CHECK(refused({bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(size)}) == Drop::ndp_short);
        }
}

TEST_CASE("RFC 4861 sections 6.1, 7.1 and 8.1: no option has a length of 0", "[stack][wire][ndp]") {
    for (const Bytes* bytes : all)
        for (const int type : {1, 2, 3, 4, 5, 14, 25, 253}) {
            CHECK(refused(*bytes + with(hex("00 00 000000000000"), 0, {type})) == Drop::ndp_option_length);
            CHECK(refused(*bytes + hex("fd 01 000000000000") + with(hex("00 00 000000000000"), 0, {type})) ==
                  Drop::ndp_option_length);
        }
}

TEST_CASE("options that go on past the end are refused", "[stack][wire][ndp]") {
    for (const Bytes* bytes : all) {
        CHECK(refused(*bytes + hex("fd")) == Drop::ndp_option_length);
        CHECK(refused(*bytes + hex("fd 01 0000000000")) == Drop::ndp_option_length);
        CHECK(refused(*bytes + hex("fd 02 000000000000")) == Drop::ndp_option_length);
        CHECK(refused(*bytes + hex("fd ff 000000000000")) == Drop::ndp_option_length);
        CHECK(refused(*bytes + hex("fd 01 000000000000 01")) == Drop::ndp_option_length);
    }
}

TEST_CASE("RFC 4861 sections 6.1, 7.1 and 8.1: unknown options are skipped", "[stack][wire][ndp]") {
    for (const Bytes* bytes : all) {
        NdpMessage message;
        REQUIRE(read(*bytes + hex("fd 01 000000000000 0e 02 000000000000 0000000000000000"), message) == Drop::none);
        CHECK(written(message) == *bytes);
    }
    NdpMessage message;
    REQUIRE(read(solicitation + hex("fd 01 000000000000") + source_link, message) == Drop::none);
    CHECK(message.source_link == mac);
}

TEST_CASE("RFC 4861 sections 6.1, 7.1 and 8.1: options of other messages are skipped", "[stack][wire][ndp]") {
    NdpMessage message;
    for (const Bytes* bytes : {&solicitation, &router_solicitation}) {
        REQUIRE(read(*bytes + target_link + prefix + mtu + servers, message) == Drop::none);
        CHECK(written(message) == *bytes);
        CHECK(message.router.prefixes + message.router.servers + message.router.has_mtu == 0);
    }
    for (const Bytes* bytes : {&advertisement, &redirect}) {
        REQUIRE(read(*bytes + source_link + prefix + mtu + servers, message) == Drop::none);
        CHECK(written(message) == *bytes);
        CHECK(message.router.prefixes + message.router.servers + message.router.has_mtu == 0);
    }
    REQUIRE(read(router_advertisement + target_link, message) == Drop::none);
    CHECK(written(message) == router_advertisement);
}

TEST_CASE("RFC 7527 section 4.1: a question whether an address is free has a nonce, of six bytes here",
          "[stack][wire][ndp]") {
    NdpMessage message;
    const Bytes nonce = hex("0e 01 a1b2c3d4e5f6");
    REQUIRE(read(solicitation + nonce, message) == Drop::none);
    CHECK(message.has_nonce);
    CHECK(message.nonce == 0xa1b2'c3d4'e5f6U);
    CHECK(written(message) == solicitation + nonce);
    REQUIRE(read(solicitation + hex("0e 02 a1b2c3d4e5f6 0000000000000000"), message) == Drop::none);
    CHECK_FALSE(message.has_nonce);
    REQUIRE(read(advertisement + nonce, message) == Drop::none);
    CHECK_FALSE(message.has_nonce);
}

TEST_CASE("a known option of another length than its own is refused", "[stack][wire][ndp]") {
    CHECK(refused(solicitation + hex("01 02 000000000000 0000000000000000")) == Drop::ndp_option_size);
    CHECK(refused(advertisement + hex("02 02 000000000000 0000000000000000")) == Drop::ndp_option_size);
    CHECK(refused(router_advertisement + hex("05 02 000000000000 0000000000000000")) == Drop::ndp_option_size);
    CHECK(refused(router_advertisement + with(prefix, 1, {5}) + hex("0000000000000000")) == Drop::ndp_option_size);
    CHECK(refused(router_advertisement + hex("03 03 40 c0 00015180 00003840 00000000 20010db8 00020000")) ==
          Drop::ndp_option_size);
    CHECK(refused(router_advertisement + hex("03 01 40 c0 00015180")) == Drop::ndp_option_size);
}

TEST_CASE("a hardware address that is a group is refused", "[stack][wire][ndp]") {
    CHECK(refused(solicitation + hex("01 01 333300000001")) == Drop::ndp_link_address);
    CHECK(refused(advertisement + hex("02 01 ffffffffffff")) == Drop::ndp_link_address);
    CHECK(refused(router_advertisement + hex("01 01 030000000002")) == Drop::ndp_link_address);
    CHECK(refused(redirect + hex("02 01 01005e000001")) == Drop::ndp_link_address);
}

TEST_CASE("RFC 4861 section 6.1.1: a router solicitation from :: has no hardware address", "[stack][wire][ndp]") {
    const Travelled how{nobody, Ipv6Addr::all_routers()};
    CHECK(refused(router_solicitation, how) == Drop::none);
    CHECK(refused(router_solicitation + source_link, how) == Drop::ndp_source_link);
    CHECK(refused(router_solicitation + source_link, {neighbour, Ipv6Addr::all_routers()}) == Drop::none);
}

TEST_CASE("RFC 4861 section 6.1.2: a router advertisement comes from a link-local address", "[stack][wire][ndp]") {
    CHECK(refused(router_advertisement, {router, Ipv6Addr::all_nodes()}) == Drop::none);
    CHECK(refused(router_advertisement, {neighbour, Ipv6Addr::all_nodes()}) == Drop::ndp_source);
    CHECK(refused(router_advertisement, {nobody, Ipv6Addr::all_nodes()}) == Drop::ndp_source);
}

TEST_CASE("RFC 4861 section 7.1.1: a neighbour solicitation's target is no group", "[stack][wire][ndp]") {
    CHECK(refused(with(solicitation, 8, {0xff, 0x02})) == Drop::ndp_target);
    // Nor anything else that no host is called.
    CHECK(refused(hex("87 00 0000 00000000 00000000 00000000 00000000 00000000")) == Drop::ndp_target);
    CHECK(refused(hex("87 00 0000 00000000 00000000 00000000 00000000 00000001")) == Drop::ndp_target);
    CHECK(refused(hex("87 00 0000 00000000 00000000 00000000 0000ffff 0a000001")) == Drop::ndp_target);
}

TEST_CASE("RFC 4861 section 7.1.1: from :: a solicitation goes to a solicited-node group", "[stack][wire][ndp]") {
    CHECK(refused(solicitation, {nobody, us.solicited_node()}) == Drop::none);
    CHECK(refused(solicitation, {nobody, Ipv6Addr::all_nodes()}) == Drop::ndp_destination);
    CHECK(refused(solicitation, {nobody, us}) == Drop::ndp_destination);
    CHECK(refused(solicitation, {neighbour, us}) == Drop::none);
}

TEST_CASE("RFC 4861 section 7.1.1: a solicitation from :: has no hardware address", "[stack][wire][ndp]") {
    CHECK(refused(solicitation + source_link, {nobody, us.solicited_node()}) == Drop::ndp_source_link);
    CHECK(refused(solicitation + source_link, {neighbour, us.solicited_node()}) == Drop::none);
}

TEST_CASE("RFC 4861 section 7.1.2: a neighbour advertisement's target is no group", "[stack][wire][ndp]") {
    CHECK(refused(with(advertisement, 8, {0xff, 0x02})) == Drop::ndp_target);
    CHECK(refused(hex("88 00 0000 20000000 00000000 00000000 00000000 00000000")) == Drop::ndp_target);
    CHECK(refused(hex("88 00 0000 20000000 00000000 00000000 00000000 00000001")) == Drop::ndp_target);
}

TEST_CASE("RFC 4861 section 7.1.2: to a group nothing is advertised as solicited", "[stack][wire][ndp]") {
    const Travelled to_all{neighbour, Ipv6Addr::all_nodes()};
    CHECK(refused(advertisement, to_all) == Drop::ndp_solicited);
    CHECK(refused(with(advertisement, 4, {0xa0}), to_all) == Drop::none);
    CHECK(refused(advertisement, {neighbour, us}) == Drop::none);
}

TEST_CASE("RFC 4861 section 8.1: a redirect comes from a link-local address", "[stack][wire][ndp]") {
    CHECK(refused(redirect, {router, us}) == Drop::none);
    CHECK(refused(redirect, {neighbour, us}) == Drop::ndp_source);
}

TEST_CASE("RFC 4861 section 8.1: a redirect's destination is no group", "[stack][wire][ndp]") {
    CHECK(refused(with(redirect, 24, {0xff, 0x02})) == Drop::ndp_redirect_destination);
    const Bytes nowhere(16);
    Bytes bytes = redirect;
    std::copy(nowhere.begin(), nowhere.end(), bytes.begin() + 24);
    CHECK(refused(bytes) == Drop::ndp_redirect_destination);
}

TEST_CASE("RFC 4861 section 8.1: a redirect is to a link-local address or to the destination itself",
          "[stack][wire][ndp]") {
    Bytes bytes = redirect;
    std::copy(redirect.begin() + 24, redirect.end(), bytes.begin() + 8);
    CHECK(refused(bytes) == Drop::none);
    CHECK(refused(with(bytes, 23, {8})) == Drop::ndp_redirect_target);
    CHECK(refused(with(redirect, 8, {0xfe, 0xc0})) == Drop::ndp_redirect_target);
    CHECK(refused(with(redirect, 8, {0xff, 0x02})) == Drop::ndp_redirect_target);
}

TEST_CASE("RFC 6980 section 5: nothing of neighbour discovery comes with a fragment header", "[stack][wire][ndp]") {
    for (const Bytes* bytes : all) {
        Travelled how;
        how.fragment = true;
        CHECK(refused(*bytes, how) == Drop::ndp_fragment);
    }
}

TEST_CASE("RFC 4861 section 4.6.2: the bits behind a prefix are ignored", "[stack][wire][ndp]") {
    NdpMessage message;
    Bytes bytes = router_advertisement + prefix;
    for (std::size_t i = 24; i < 32; ++i) bytes[router_advertisement.size() + i] = std::byte{0xff};
    REQUIRE(read(bytes, message) == Drop::none);
    CHECK(message.router.prefix[0].prefix == Ipv6Addr::of(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0));
    REQUIRE(read(router_advertisement + with(prefix, 2, {0, 0}), message) == Drop::none);
    CHECK(message.router.prefix[0] == NdpPrefix{{}, 0, false, false, 86'400, 14'400});
    REQUIRE(read(router_advertisement + with(prefix, 2, {128, 0x80}), message) == Drop::none);
    CHECK(message.router.prefix[0].on_link);
    CHECK_FALSE(message.router.prefix[0].autonomous);
    CHECK(refused(router_advertisement + with(prefix, 2, {129})) == Drop::ndp_prefix);
    CHECK(refused(router_advertisement + with(prefix, 2, {255})) == Drop::ndp_prefix);
}

TEST_CASE("RFC 8106 section 5.3.1: servers in an option of a wrong length are left out", "[stack][wire][ndp]") {
    const auto servers_of = [](int length) {
        Bytes option(static_cast<std::size_t>(length) * 8, std::byte{0x11});
        NdpMessage message;
        CHECK(read(router_advertisement + with(option, 0, {25, length}) + mtu, message) == Drop::none);
        CHECK(message.router.has_mtu);  // the rest counts
        return int{message.router.servers};
    };
    CHECK(servers_of(1) == 0);
    CHECK(servers_of(2) == 0);
    CHECK(servers_of(3) == 1);
    CHECK(servers_of(4) == 0);
    CHECK(servers_of(5) == 2);
    CHECK(servers_of(6) == 0);
    CHECK(servers_of(7) == 3);
}

TEST_CASE("prefixes and servers past those that are kept are left out", "[stack][wire][ndp]") {
    Bytes bytes = router_advertisement;
    for (int i = 0; i < 40; ++i) bytes = bytes + with(prefix, 23, {i}) + servers;
    NdpMessage message;
    REQUIRE(read(bytes, message) == Drop::none);
    CHECK(message.router.prefixes == ndp_prefixes_max);
    CHECK(message.router.prefix.back().prefix == Ipv6Addr::of(0x2001, 0xdb8, 2, 7, 0, 0, 0, 0));
    CHECK(message.router.servers == ndp_servers_max);
    // What is left out is looked at all the same.
    CHECK(refused(bytes + with(prefix, 2, {129})) == Drop::ndp_prefix);
}

TEST_CASE("other ICMPv6 is not read as neighbour discovery", "[stack][wire][ndp]") {
    for (const int type : {1, 128, 130, 132, 138, 143, 255})
        CHECK(refused(with(redirect, 0, {type})) == Drop::icmpv6_type);
}

TEST_CASE("a cut message of neighbour discovery is refused at every byte", "[stack][wire][ndp]") {
    const Bytes whole = router_advertisement + source_link + mtu + prefix + servers;
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < whole.size(); ++size)
        if (refused({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}) == Drop::none) ++accepted;
    CHECK(accepted == 4);  // between the options
}

}  // namespace
}  // namespace skerry::stack::wire
