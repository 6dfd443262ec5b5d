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
