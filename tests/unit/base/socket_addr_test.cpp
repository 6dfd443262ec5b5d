#include <skerry/base/os_socket_addr.hpp>
#include <skerry/net/socket_addr.hpp>

#include "support/catch.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace {

using skerry::Errc;
using skerry::net::from_os;
using skerry::net::IpAddr;
using skerry::net::IpFamily;
using skerry::net::SocketAddr;
using skerry::net::to_os;
using Groups = std::array<std::uint16_t, 8>;

/// Addresses with many zero groups, where the text forms differ. The engine's output is fixed by the standard.
std::vector<IpAddr> random_v6_addresses(std::size_t count) {
    std::mt19937 random(20'240'704);
    std::vector<IpAddr> addresses;
    while (addresses.size() < count) {
        Groups groups{};
        for (auto& group : groups)
            group = random() % 2 == 0 ? 0 : static_cast<std::uint16_t>(random() >> random() % 16);
        addresses.push_back(IpAddr::v6(groups));
    }
    return addresses;
}

bool is_invalid(const skerry::Result<SocketAddr>& result) { return result == Errc::invalid_argument; }

}  // namespace

static_assert(sizeof(SocketAddr) <= 32 && std::is_trivially_copyable_v<SocketAddr>);
static_assert(std::is_trivially_copyable_v<IpAddr>);
static_assert(SocketAddr() == SocketAddr(IpAddr::v4_any(), 0));
static_assert(IpAddr::v4(0x7f000001U) == IpAddr::v4_loopback() && IpAddr::v4_loopback().v4_bits() == 0x7f000001U);
static_assert(IpAddr::v6_any() != IpAddr::v4_any(), "the families differ though all octets are zero");
static_assert(SocketAddr(IpAddr::v6_loopback(), 80, 3).with_port(81) == SocketAddr(IpAddr::v6_loopback(), 81, 3));
static_assert(SocketAddr(IpAddr::v4_loopback(), 80, 3).scope() == 0, "IPv4 has no scopes");

TEST_CASE("IPv4 addresses are read strictly", "[base][socket_addr]") {
    CHECK(IpAddr::parse("192.0.2.1") == IpAddr::v4(192, 0, 2, 1));
    CHECK(IpAddr::parse("0.0.0.0") == IpAddr::v4_any());
    CHECK(IpAddr::parse("255.255.255.255") == IpAddr::v4_broadcast());
    for (const auto* text :
         {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.00", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4",
          "1.2.3.+4", "0x1.2.3.4", "1..2.3", "1.2.3.", ".1.2.3", "1.2.3.4294967297", "localhost", "1.2.3.4:80"}) {
        CAPTURE(text);
        CHECK(IpAddr::parse(text) == Errc::invalid_argument);
    }
}

TEST_CASE("IPv6 addresses are read in all forms of RFC 4291", "[base][socket_addr]") {
    CHECK(IpAddr::parse("::") == IpAddr::v6_any());
    CHECK(IpAddr::parse("::1") == IpAddr::v6_loopback());
    CHECK(IpAddr::parse("1:2:3:4:5:6:7:8") == IpAddr::v6(Groups{1, 2, 3, 4, 5, 6, 7, 8}));
    CHECK(IpAddr::parse("2001:DB8::a:0b") == IpAddr::v6(Groups{0x2001, 0xdb8, 0, 0, 0, 0, 10, 11}));
    CHECK(IpAddr::parse("fe80::") == IpAddr::v6(Groups{0xfe80, 0, 0, 0, 0, 0, 0, 0}));
    CHECK(IpAddr::parse("1:2:3:4:5:6:7::") == IpAddr::v6(Groups{1, 2, 3, 4, 5, 6, 7, 0}));
    CHECK(IpAddr::parse("::2:3:4:5:6:7:8") == IpAddr::v6(Groups{0, 2, 3, 4, 5, 6, 7, 8}));
    CHECK(IpAddr::parse("::ffff:192.0.2.1") == IpAddr::v4(192, 0, 2, 1).mapped());
    CHECK(IpAddr::parse("1:2:3:4:5:6:1.2.3.4") == IpAddr::v6(Groups{1, 2, 3, 4, 5, 6, 0x102, 0x304}));
    CHECK(IpAddr::parse("64:ff9b::1.2.3.4") == IpAddr::v6(Groups{0x64, 0xff9b, 0, 0, 0, 0, 0x102, 0x304}));
}

TEST_CASE("what is nearly an IPv6 address is none", "[base][socket_addr]") {
    for (const auto* text : {":",
                             ":::",
                             "1",
                             "1:",
                             ":1",
                             "1:2:3:4:5:6:7",
                             "1:2:3:4:5:6:7:8:9",
                             "1:2:3:4:5:6:7:8:",
                             "1:2:3:4:5:6:7:8::",
                             "::1:2:3:4:5:6:7:8",
                             "1::2::3",
                             "1::2:",
                             ":1::2",
                             "12345::",
                             "::12345",
                             "::g",
                             "::-1",
                             "::0x1",
                             "::1%1",
                             "[::1]",
                             "1:2:3:4:5:6:7:1.2.3.4",
                             "::1.2.3",
                             "::1.2.3.4:5",
                             "1.2.3.4::",
                             "::1.2.3.256",
                             "::01.2.3.4",
                             "::1 "}) {
        CAPTURE(text);
        CHECK(IpAddr::parse(text) == Errc::invalid_argument);
    }
}

TEST_CASE("IPv6 text has the form of RFC 5952", "[base][socket_addr]") {
    const std::pair<const char*, const char*> forms[] = {
        {"2001:0db8::0001", "2001:db8::1"},                 // section 4.1
        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},          // section 4.2.1
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},   // section 4.2.2: not for one group
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},            // section 4.2.3: the longest
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},      // the first of equal ones
        {"2001:DB8::ABCD", "2001:db8::abcd"},               // section 4.3
        {"::ffff:c000:0201", "::ffff:192.0.2.1"},           // section 5
        {"0:0:0:0:0:0:0:0", "::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
        {"0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
    };
    for (const auto& [text, form] : forms) {
        CAPTURE(text);
        CHECK(to_string(IpAddr::parse(text).value()) == form);
    }
}

TEST_CASE("text and value agree with the C library's, both ways", "[base][socket_addr]") {
    for (const IpAddr& address : random_v6_addresses(2'000)) {
        const std::string text = to_string(address);
        CAPTURE(text);
        REQUIRE(IpAddr::parse(text) == address);
        std::array<std::uint8_t, 16> octets{};
        REQUIRE(::inet_pton(AF_INET6, text.c_str(), octets.data()) == 1);
        REQUIRE(IpAddr::v6(octets) == address);
    }
    CHECK(to_string(IpAddr::v4(192, 0, 2, 10)) == "192.0.2.10");
}

TEST_CASE("a socket address has a port, and IPv6 stands in brackets", "[base][socket_addr]") {
    CHECK(SocketAddr::parse("127.0.0.1:80") == SocketAddr(IpAddr::v4_loopback(), 80));
    CHECK(SocketAddr::parse("0.0.0.0:0") == SocketAddr());
    CHECK(SocketAddr::parse("[2001:db8::1]:53") == SocketAddr(IpAddr::parse("2001:db8::1").value(), 53));
    CHECK(SocketAddr::parse("[::1%1]:80") == SocketAddr(IpAddr::v6_loopback(), 80, 1));
    CHECK(SocketAddr::parse("[fe80::1%4294967295]:65535") ==
          SocketAddr(IpAddr::parse("fe80::1").value(), 65'535, 4'294'967'295U));
    for (const auto* text : {"",
                             ":",
                             ":80",
                             "127.0.0.1",
                             "127.0.0.1:",
                             "127.0.0.1:65536",
                             "127.0.0.1:-1",
                             "127.0.0.1:+1",
                             "127.0.0.1:080",
                             "127.0.0.1:80 ",
                             "127.0.0.1:http",
                             "127.0.0.1%1:80",
                             "[127.0.0.1]:80",
                             "localhost:80",
                             "::1:80",
                             "[::1]",
                             "[::1]80",
                             "[::1:80",
                             "::1]:80",
                             "[::1%]:80",
                             "[::1%eth0]:80",
                             "[::1%4294967296]:80",
                             "[::1]:",
                             "[]:80"}) {
        CAPTURE(text);
        CHECK(is_invalid(SocketAddr::parse(text)));
    }
}

TEST_CASE("the text of a socket address reads back as the same address", "[base][socket_addr]") {
    for (const auto* text : {"127.0.0.1:80", "0.0.0.0:0", "[::]:0", "[::1%1]:80", "[2001:db8::1]:53",
                             "[::ffff:192.0.2.1]:65535", "[fe80::1%4294967295]:1"}) {
        CHECK(to_string(SocketAddr::parse(text).value()) == text);
    }
}

TEST_CASE("an address knows what kind it is", "[base][socket_addr]") {
    const auto ip = [](const char* text) { return IpAddr::parse(text).value(); };
    CHECK(ip("127.255.0.1").is_loopback());
    CHECK_FALSE(ip("128.0.0.1").is_loopback());
    CHECK(ip("::1").is_loopback());
    CHECK_FALSE(ip("::2").is_loopback());
    CHECK(ip("224.0.0.1").is_multicast());
    CHECK(ip("239.255.255.255").is_multicast());
    CHECK_FALSE(ip("240.0.0.1").is_multicast());
    CHECK(ip("ff02::1").is_multicast());
    CHECK_FALSE(ip("fe02::1").is_multicast());
    CHECK(ip("0.0.0.0").is_unspecified());
    CHECK_FALSE(ip("0.0.0.1").is_unspecified());
    CHECK(ip("::").is_unspecified());
    CHECK(ip("169.254.1.1").is_link_local());
    CHECK(ip("febf::1").is_link_local());
    CHECK_FALSE(ip("fec0::1").is_link_local());
    CHECK(SocketAddr(ip("239.1.1.1"), 5'000).is_multicast());
    CHECK(SocketAddr(ip("::1"), 5'000).is_loopback());
    CHECK(SocketAddr(ip("::"), 5'000).is_unspecified());
}

TEST_CASE("an IPv4 address goes into its mapped form and comes back", "[base][socket_addr]") {
    const IpAddr v4 = IpAddr::v4(192, 0, 2, 1);
    CHECK(v4.mapped().is_v4_mapped());
    CHECK(v4.mapped() != v4);
    CHECK(v4.mapped().unmapped() == v4);
    CHECK(v4.unmapped() == v4);
    CHECK(IpAddr::v6_loopback().unmapped() == IpAddr::v6_loopback());
    CHECK_FALSE(IpAddr::parse("1::ffff:192.0.2.1").value().is_v4_mapped());
}

TEST_CASE("addresses sort by family, octets, port and scope", "[base][socket_addr]") {
    const IpAddr a = IpAddr::v4(10, 0, 0, 1);
    const IpAddr b = IpAddr::v4(10, 0, 0, 2);
    CHECK(a < b);
    CHECK(IpAddr::v4_broadcast() < IpAddr::v6_any());
    CHECK(SocketAddr(a, 9) < SocketAddr(b, 1));
    CHECK(SocketAddr(a, 1) < SocketAddr(a, 2));
    CHECK(SocketAddr(IpAddr::v6_any(), 1, 1) < SocketAddr(IpAddr::v6_any(), 1, 2));
    CHECK(SocketAddr(a, 1) <= SocketAddr(a, 1));
}

TEST_CASE("neighbouring addresses, ports, scopes and families hash apart", "[base][socket_addr]") {
    std::unordered_set<SocketAddr> addresses;
    std::set<std::uint64_t> low_bits;  // tables use these
    const auto add = [&](const SocketAddr& address) {
        addresses.insert(address);
        low_bits.insert(std::hash<SocketAddr>{}(address) & 0xffffU);
    };
    for (std::uint32_t i = 0; i < 16; ++i)
        for (std::uint16_t port = 0; port < 16; ++port) {
            add({IpAddr::v4(0xc6120000U + i), port});
            add({IpAddr::v6(Groups{0x2001, 0xdb8, 0, 0, 0, 0, 0, static_cast<std::uint16_t>(i)}), port, i});
        }
    add({IpAddr::v6_any(), 0});
    add({IpAddr::v4_any(), 0});
    CHECK(addresses.size() == 514);
    CHECK(low_bits.size() > 500);
    CHECK(std::hash<IpAddr>{}(IpAddr::v4_any()) != std::hash<IpAddr>{}(IpAddr::v6_any()));
}

TEST_CASE("the kernel's form has network byte order and comes back the same", "[base][socket_addr]") {
    sockaddr_storage storage;
    std::memset(&storage, 0xee, sizeof(storage));
    const SocketAddr v4(IpAddr::v4(192, 0, 2, 1), 0x1234);
    REQUIRE(to_os(v4, storage) == sizeof(sockaddr_in));
    sockaddr_in in;
    std::memcpy(&in, &storage, sizeof(in));
    CHECK(in.sin_family == AF_INET);
    CHECK(in.sin_port == ::htons(0x1234));
    CHECK(in.sin_addr.s_addr == ::htonl(0xc0000201U));
    CHECK(from_os(storage, sizeof(sockaddr_in)) == v4);

    const SocketAddr v6(IpAddr::parse("fe80::1:2").value(), 0x1234, 7);
    REQUIRE(to_os(v6, storage) == sizeof(sockaddr_in6));
    sockaddr_in6 in6;
    std::memcpy(&in6, &storage, sizeof(in6));
    CHECK(in6.sin6_family == AF_INET6);
    CHECK(in6.sin6_port == ::htons(0x1234));
    CHECK(in6.sin6_scope_id == 7);
    CHECK(in6.sin6_flowinfo == 0);
    CHECK(std::memcmp(&in6.sin6_addr, v6.ip().octets().data(), 16) == 0);
    CHECK(from_os(storage, sizeof(sockaddr_in6)) == v6);
}

TEST_CASE("what the kernel wrote is checked before it is an address", "[base][socket_addr]") {
    sockaddr_storage storage{};
    CHECK(from_os(storage, 0) == Errc::invalid_argument);
    storage.ss_family = AF_UNIX;
    CHECK(from_os(storage, sizeof(storage)) == Errc::unsupported);
    storage.ss_family = AF_INET;
    CHECK(from_os(storage, sizeof(sockaddr_in) - 1) == Errc::invalid_argument);
    storage.ss_family = AF_INET6;
    CHECK(from_os(storage, sizeof(sockaddr_in)) == Errc::invalid_argument);
}
