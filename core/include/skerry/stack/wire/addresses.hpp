#pragma once

// Addresses as the stack compares and hashes them: an IPv4 address is one register, a MAC address six octets. Programs
// see net::IpAddr, which is 17 bytes and either family.

#include "byte_order.hpp"
#include "../../base/socket_addr.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace skerry::stack::wire {

/// An IPv4 address in the host's order: 0x7f000001 is 127.0.0.1.
struct Ipv4Addr {
    std::uint32_t bits = 0;

    [[nodiscard]] static constexpr Ipv4Addr of(std::uint8_t a, std::uint8_t b, std::uint8_t c,
                                               std::uint8_t d) noexcept {
        return {std::uint32_t{a} << 24U | std::uint32_t{b} << 16U | std::uint32_t{c} << 8U | std::uint32_t{d}};
    }
    /// `ip` must be IPv4.
    [[nodiscard]] static constexpr Ipv4Addr of(const net::IpAddr& ip) noexcept { return {ip.v4_bits()}; }
    [[nodiscard]] constexpr net::IpAddr ip() const noexcept { return net::IpAddr::v4(bits); }

    /// 224.0.0.0/4.
    [[nodiscard]] constexpr bool is_multicast() const noexcept { return bits >> 28U == 0xeU; }
    /// 255.255.255.255. A subnet's broadcast address needs the subnet.
    [[nodiscard]] constexpr bool is_broadcast() const noexcept { return bits == 0xffff'ffffU; }
    /// 127.0.0.0/8.
    [[nodiscard]] constexpr bool is_loopback() const noexcept { return bits >> 24U == 127; }
    /// 0.0.0.0.
    [[nodiscard]] constexpr bool is_unspecified() const noexcept { return bits == 0; }
    /// Never a sender on a wire: multicast, broadcast, loopback, 0.0.0.0/8. RFC 1122 section 3.2.1.3.
    [[nodiscard]] constexpr bool is_never_a_source() const noexcept {
        return is_multicast() || is_broadcast() || is_loopback() || bits >> 24U == 0;
    }

    friend constexpr bool operator==(const Ipv4Addr&, const Ipv4Addr&) noexcept = default;
    friend constexpr std::strong_ordering operator<=>(const Ipv4Addr&, const Ipv4Addr&) noexcept = default;
};

inline constexpr std::size_t mac_bytes = 6;

/// A hardware address of Ethernet, octets as they travel.
struct MacAddr {
    std::array<std::uint8_t, mac_bytes> octets{};

    [[nodiscard]] static constexpr MacAddr broadcast() noexcept { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
    /// Where a datagram for an IPv4 group goes: 01-00-5e and the low 23 bits. 32 groups share each.
    /// Source:   RFC 1112 section 6.4.
    [[nodiscard]] static constexpr MacAddr of_group(Ipv4Addr group) noexcept {
        return {{0x01, 0x00, 0x5e, static_cast<std::uint8_t>(group.bits >> 16U & 0x7fU),
                 static_cast<std::uint8_t>(group.bits >> 8U), static_cast<std::uint8_t>(group.bits)}};
    }

    /// A group, broadcast included.
    [[nodiscard]] constexpr bool is_multicast() const noexcept { return (octets[0] & 1U) != 0; }
    [[nodiscard]] constexpr bool is_broadcast() const noexcept { return *this == broadcast(); }

    friend constexpr bool operator==(const MacAddr&, const MacAddr&) noexcept = default;
    friend constexpr std::strong_ordering operator<=>(const MacAddr&, const MacAddr&) noexcept = default;
};

[[nodiscard]] inline Ipv4Addr load_ipv4(const std::byte* at) noexcept { return {load_be32(at)}; }
inline void store_ipv4(std::byte* at, Ipv4Addr address) noexcept { store_be32(at, address.bits); }

[[nodiscard]] inline MacAddr load_mac(const std::byte* at) noexcept {
    MacAddr address;
    std::memcpy(address.octets.data(), at, mac_bytes);
    return address;
}
inline void store_mac(std::byte* at, const MacAddr& address) noexcept {
    std::memcpy(at, address.octets.data(), mac_bytes);
}

}  // namespace skerry::stack::wire
