#include <skerry/stack/wire/addresses.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::hex;

TEST_CASE("numbers are read and written big endian at any address", "[stack][wire]") {
    const auto bytes = hex("00 12 34 56 78 9a");
    CHECK(load_be16(bytes.data() + 1) == 0x1234);
    CHECK(load_be32(bytes.data() + 1) == 0x1234'5678U);
    CHECK(load_8(bytes.data() + 5) == 0x9a);
    auto out = hex("ff ff ff ff ff ff ff");
    store_be16(out.data() + 1, 0x0102);
    store_be32(out.data() + 3, 0x0304'0506U);
    CHECK(out == hex("ff 01 02 03 04 05 06"));
    const auto eight = hex("00 12 34 56 78 9a bc de f0");
    CHECK(load_be64(eight.data() + 1) == 0x1234'5678'9abc'def0U);
    auto again = hex("00 ff ff ff ff ff ff ff ff");
    store_be64(again.data() + 1, 0x1234'5678'9abc'def0U);
    CHECK(again == eight);
}

TEST_CASE("an IPv4 address says what kind it is", "[stack][wire]") {
    CHECK(Ipv4Addr::of(224, 0, 0, 0).is_multicast());
    CHECK(Ipv4Addr::of(239, 255, 255, 255).is_multicast());
    CHECK_FALSE(Ipv4Addr::of(223, 255, 255, 255).is_multicast());
    CHECK_FALSE(Ipv4Addr::of(240, 0, 0, 0).is_multicast());
    CHECK(Ipv4Addr::of(255, 255, 255, 255).is_broadcast());
    CHECK_FALSE(Ipv4Addr::of(255, 255, 255, 254).is_broadcast());
    CHECK(Ipv4Addr::of(127, 255, 0, 1).is_loopback());
    CHECK_FALSE(Ipv4Addr::of(128, 0, 0, 1).is_loopback());
    CHECK(Ipv4Addr{}.is_unspecified());
    CHECK_FALSE(Ipv4Addr::of(0, 0, 0, 1).is_unspecified());
    CHECK(Ipv4Addr::of(0, 1, 2, 3).is_never_a_source());
    CHECK_FALSE(Ipv4Addr::of(10, 0, 0, 255).is_never_a_source());
    CHECK(Ipv4Addr::of(9, 255, 255, 255) < Ipv4Addr::of(10, 0, 0, 0));
}

TEST_CASE("an IPv4 address becomes net::IpAddr and comes back", "[stack][wire]") {
    const auto address = Ipv4Addr::of(192, 0, 2, 33);
    CHECK(address.bits == 0xc000'0221U);
    CHECK(address.ip() == net::IpAddr::v4(192, 0, 2, 33));
    CHECK(Ipv4Addr::of(address.ip()) == address);
    std::array<std::byte, 4> out{};
    store_ipv4(out.data(), address);
    CHECK(load_ipv4(out.data()) == address);
    CHECK(out[3] == std::byte{33});
}

TEST_CASE("an IPv6 address becomes net::IpAddr and comes back", "[stack][wire]") {
    const auto address = Ipv6Addr::of(0x2001, 0xdb8, 1, 2, 3, 4, 5, 0xabcd);
    CHECK(address == Ipv6Addr{0x2001'0db8'0001'0002U, 0x0003'0004'0005'abcdU});
    CHECK(net::to_string(address.ip()) == "2001:db8:1:2:3:4:5:abcd");
    CHECK(Ipv6Addr::of(address.ip()) == address);
    CHECK(Ipv6Addr::of(address.octets()) == address);
    std::array<std::byte, 16> out{};
    store_ipv6(out.data(), address);
    CHECK(load_ipv6(out.data()) == address);
    CHECK(out[1] == std::byte{0x01});
    CHECK(out[15] == std::byte{0xcd});
    CHECK(Ipv6Addr::of(9, 0, 0, 0, 0, 0, 0, 0) > Ipv6Addr::of(8, 0xffff, 0, 0, 0xffff, 0, 0, 0));
}

// RFC 4291 section 2.4 and those of the kinds.
TEST_CASE("an IPv6 address says what kind it is", "[stack][wire]") {
    CHECK(Ipv6Addr::of(0xff00, 0, 0, 0, 0, 0, 0, 0).is_multicast());
    CHECK_FALSE(Ipv6Addr::of(0xfe00, 0, 0, 0, 0, 0, 0, 0).is_multicast());
    CHECK(Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 1).is_link_local());
    CHECK(Ipv6Addr::of(0xfebf, 0xffff, 0, 0, 0, 0, 0, 1).is_link_local());
    CHECK_FALSE(Ipv6Addr::of(0xfec0, 0, 0, 0, 0, 0, 0, 1).is_link_local());
    CHECK_FALSE(Ipv6Addr::of(0xfe7f, 0, 0, 0, 0, 0, 0, 1).is_link_local());
    CHECK(Ipv6Addr::of(0xfc00, 0, 0, 0, 0, 0, 0, 1).is_unique_local());
    CHECK(Ipv6Addr::of(0xfdff, 0, 0, 0, 0, 0, 0, 1).is_unique_local());
    CHECK_FALSE(Ipv6Addr::of(0xfe00, 0, 0, 0, 0, 0, 0, 1).is_unique_local());
    CHECK(Ipv6Addr::loopback().is_loopback());
    CHECK_FALSE(Ipv6Addr::of(0, 0, 0, 0, 0, 0, 0, 2).is_loopback());
    CHECK_FALSE(Ipv6Addr::of(1, 0, 0, 0, 0, 0, 0, 1).is_loopback());
    CHECK(Ipv6Addr{}.is_unspecified());
    CHECK_FALSE(Ipv6Addr::loopback().is_unspecified());
    CHECK_FALSE(Ipv6Addr::of(1, 0, 0, 0, 0, 0, 0, 0).is_unspecified());
    const auto mapped = Ipv6Addr::mapped(Ipv4Addr::of(192, 0, 2, 33));
    CHECK(net::to_string(mapped.ip()) == "::ffff:192.0.2.33");
    CHECK(mapped.is_v4_mapped());
    CHECK(mapped.v4() == Ipv4Addr::of(192, 0, 2, 33));
    CHECK_FALSE(Ipv6Addr::of(0, 0, 0, 0, 0, 0xfffe, 1, 1).is_v4_mapped());
    CHECK_FALSE(Ipv6Addr::of(0, 0, 0, 0, 1, 0xffff, 1, 1).is_v4_mapped());
    CHECK_FALSE(Ipv6Addr::of(0, 0, 0, 1, 0, 0xffff, 1, 1).is_v4_mapped());
    CHECK(Ipv6Addr::all_nodes().scope() == multicast_scope::link_local);
    CHECK(Ipv6Addr::of(0xff3e, 0, 0, 0, 0, 0, 0, 1).scope() == multicast_scope::global);
    CHECK(net::to_string(Ipv6Addr::all_nodes().ip()) == "ff02::1");
    CHECK(net::to_string(Ipv6Addr::all_routers().ip()) == "ff02::2");
    CHECK(net::to_string(Ipv6Addr::all_mldv2_routers().ip()) == "ff02::16");
}

TEST_CASE("the solicited-node group has the low 24 bits of the address", "[stack][wire]") {
    const auto group = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0x12ab, 0xcdef).solicited_node();
    CHECK(net::to_string(group.ip()) == "ff02::1:ffab:cdef");
    CHECK(group.is_solicited_node());
    CHECK_FALSE(Ipv6Addr::of(0xff02, 0, 0, 0, 0, 0, 0xffab, 0xcdef).is_solicited_node());
    CHECK_FALSE(Ipv6Addr::of(0xff02, 0, 0, 0, 0, 1, 0xfeab, 0xcdef).is_solicited_node());
    CHECK_FALSE(Ipv6Addr::of(0xff02, 0, 0, 0, 0, 2, 0xffab, 0xcdef).is_solicited_node());
    CHECK_FALSE(Ipv6Addr::of(0xff05, 0, 0, 0, 0, 1, 0xffab, 0xcdef).is_solicited_node());
}

TEST_CASE("an IPv6 prefix is compared by as many bits as it has", "[stack][wire]") {
    const auto address = Ipv6Addr{0x2001'0db8'1234'5678U, 0x9abc'def0'1234'5678U};
    CHECK(address.masked(0) == Ipv6Addr{});
    CHECK(address.masked(1) == Ipv6Addr{});
    CHECK(address.masked(32) == Ipv6Addr{0x2001'0db8'0000'0000U, 0});
    CHECK(address.masked(64) == Ipv6Addr{address.high, 0});
    CHECK(address.masked(65) == Ipv6Addr{address.high, 0x8000'0000'0000'0000U});
    CHECK(address.masked(127) == Ipv6Addr{address.high, 0x9abc'def0'1234'5678U});
    CHECK(Ipv6Addr{1, 3}.masked(127) == Ipv6Addr{1, 2});
    CHECK(address.masked(128) == address);
    CHECK(address.is_within({0x2001'0db8'ffff'0000U, 7}, 32));
    CHECK_FALSE(address.is_within({0x2001'0db8'ffff'0000U, 7}, 33));
    CHECK(address.is_within({}, 0));
}

TEST_CASE("the addresses that no IPv6 packet has are told", "[stack][wire]") {
    const auto mapped = Ipv6Addr::mapped(Ipv4Addr::of(10, 0, 0, 1));
    for (const auto& address : {Ipv6Addr::all_nodes(), Ipv6Addr::loopback(), mapped}) CHECK(address.is_never_a_host());
    for (const auto& address : {Ipv6Addr{}, Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 1), Ipv6Addr{0, 2}, Ipv6Addr{1, 1},
                                Ipv6Addr{1, 0xffff'0a00'0001U}})
        CHECK_FALSE(address.is_never_a_host());
    for (const auto& address : {Ipv6Addr{}, Ipv6Addr::loopback(), mapped, Ipv6Addr::of(0xff00, 0, 0, 0, 0, 0, 0, 1),
                                Ipv6Addr::of(0xff31, 0, 0, 0, 0, 0, 0, 1)})
        CHECK(address.is_never_a_destination());
    for (const auto& address : {Ipv6Addr::all_nodes(), Ipv6Addr{1, 0}, Ipv6Addr{0, 2}, Ipv6Addr{1, 0xffff'0a00'0001U},
                                Ipv6Addr::of(0xff0f, 0, 0, 0, 0, 0, 0, 1)})
        CHECK_FALSE(address.is_never_a_destination());
}

TEST_CASE("an IPv6 group's hardware address has the low 32 bits of the group", "[stack][wire]") {
    CHECK(MacAddr::of_group(Ipv6Addr::all_nodes()) == MacAddr{{0x33, 0x33, 0, 0, 0, 1}});
    const auto group = Ipv6Addr::of(0xff02, 0, 0, 0, 0, 1, 0xffab, 0xcdef);
    CHECK(MacAddr::of_group(group) == MacAddr{{0x33, 0x33, 0xff, 0xab, 0xcd, 0xef}});
    CHECK(MacAddr::of_group(group).is_multicast());
}

TEST_CASE("a group's hardware address has the low 23 bits of the group", "[stack][wire]") {
    CHECK(MacAddr::of_group(Ipv4Addr::of(224, 0, 0, 251)) == MacAddr{{0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb}});
    CHECK(MacAddr::of_group(Ipv4Addr::of(239, 255, 1, 2)) == MacAddr{{0x01, 0x00, 0x5e, 0x7f, 0x01, 0x02}});
    CHECK(MacAddr::of_group(Ipv4Addr::of(224, 128, 1, 2)) == MacAddr::of_group(Ipv4Addr::of(225, 0, 1, 2)));
}

TEST_CASE("a hardware address is a group by the lowest bit of its first octet", "[stack][wire]") {
    CHECK(MacAddr::broadcast().is_broadcast());
    CHECK(MacAddr::broadcast().is_multicast());
    CHECK(MacAddr{{0x01, 0, 0, 0, 0, 0}}.is_multicast());
    CHECK_FALSE(MacAddr{{0x01, 0, 0, 0, 0, 0}}.is_broadcast());
    CHECK_FALSE(MacAddr{{0x02, 0xff, 0xff, 0xff, 0xff, 0xff}}.is_multicast());
}

}  // namespace
}  // namespace skerry::stack::wire
