#pragma once

// Addresses as the stack compares and hashes them: an IPv4 address is one register, an IPv6 address two, a MAC address
// six octets. Programs see net::IpAddr, which is 17 bytes and either family.

#include "byte_order.hpp"
#include "../../base/socket_addr.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

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
    /// 240.0.0.0/4. RFC 1112 section 4.
    [[nodiscard]] constexpr bool is_reserved() const noexcept { return bits >> 28U == 0xfU; }
    /// Never a sender on a wire: multicast, reserved and broadcast, loopback, 0.0.0.0/8. RFC 1122 section 3.2.1.3.
    [[nodiscard]] constexpr bool is_never_a_source() const noexcept {
        return bits >> 29U == 0x7U || is_loopback() || bits >> 24U == 0;
    }

    friend constexpr bool operator==(const Ipv4Addr&, const Ipv4Addr&) noexcept = default;
    friend constexpr std::strong_ordering operator<=>(const Ipv4Addr&, const Ipv4Addr&) noexcept = default;
};

inline constexpr std::size_t ipv6_addr_bytes = 16;

/// How far a group reaches, by the third hexadecimal digit from the front. RFC 4291 section 2.7, RFC 7346 section 2.
namespace multicast_scope {
inline constexpr std::uint8_t reserved = 0x0;
inline constexpr std::uint8_t interface_local = 0x1;
inline constexpr std::uint8_t link_local = 0x2;
inline constexpr std::uint8_t realm_local = 0x3;
inline constexpr std::uint8_t admin_local = 0x4;
inline constexpr std::uint8_t site_local = 0x5;
inline constexpr std::uint8_t organization_local = 0x8;
inline constexpr std::uint8_t global = 0xe;
}  // namespace multicast_scope

/// An IPv6 address, its halves in the host's order: 2001:db8::1 is {0x20010db8'00000000, 1}.
struct Ipv6Addr {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    /// From the eight groups between the colons.
    [[nodiscard]] static constexpr Ipv6Addr of(std::uint16_t a, std::uint16_t b, std::uint16_t c, std::uint16_t d,
                                               std::uint16_t e, std::uint16_t f, std::uint16_t g,
                                               std::uint16_t h) noexcept {
        return {std::uint64_t{a} << 48U | std::uint64_t{b} << 32U | std::uint64_t{c} << 16U | std::uint64_t{d},
                std::uint64_t{e} << 48U | std::uint64_t{f} << 32U | std::uint64_t{g} << 16U | std::uint64_t{h}};
    }
    /// From 16 octets as they travel.
    [[nodiscard]] static constexpr Ipv6Addr of(const std::array<std::uint8_t, ipv6_addr_bytes>& octets) noexcept {
        Ipv6Addr address;
        for (std::size_t i = 0; i < 8; ++i) {
            address.high = address.high << 8U | octets[i];
            address.low = address.low << 8U | octets[i + 8];
        }
        return address;
    }
    /// `ip` must be IPv6; the scope of a link-local address is the socket's and not here.
    [[nodiscard]] static constexpr Ipv6Addr of(const net::IpAddr& ip) noexcept {
        return of(ip.v6_group(0), ip.v6_group(1), ip.v6_group(2), ip.v6_group(3), ip.v6_group(4), ip.v6_group(5),
                  ip.v6_group(6), ip.v6_group(7));
    }
    [[nodiscard]] constexpr std::array<std::uint8_t, ipv6_addr_bytes> octets() const noexcept {
        std::array<std::uint8_t, ipv6_addr_bytes> octets{};
        for (std::size_t i = 0; i < 8; ++i) {
            octets[i] = static_cast<std::uint8_t>(high >> (56U - 8U * i));
            octets[i + 8] = static_cast<std::uint8_t>(low >> (56U - 8U * i));
        }
        return octets;
    }
    [[nodiscard]] constexpr net::IpAddr ip() const noexcept { return net::IpAddr::v6(octets()); }

    /// ff02::1, who is on the link.
    [[nodiscard]] static constexpr Ipv6Addr all_nodes() noexcept { return {0xff02'0000'0000'0000U, 1}; }
    /// ff02::2, the routers on the link.
    [[nodiscard]] static constexpr Ipv6Addr all_routers() noexcept { return {0xff02'0000'0000'0000U, 2}; }
    /// ff02::16, the routers that read MLDv2 reports. RFC 3810 section 5.2.14.
    [[nodiscard]] static constexpr Ipv6Addr all_mldv2_routers() noexcept { return {0xff02'0000'0000'0000U, 0x16}; }
    [[nodiscard]] static constexpr Ipv6Addr loopback() noexcept { return {0, 1}; }
    /// ::ffff:a.b.c.d, how a socket of both families shows an IPv4 peer. It never travels.
    [[nodiscard]] static constexpr Ipv6Addr mapped(Ipv4Addr address) noexcept {
        return {0, 0xffff'0000'0000U | address.bits};
    }

    /// ff00::/8.
    [[nodiscard]] constexpr bool is_multicast() const noexcept { return high >> 56U == 0xffU; }
    /// fe80::/10. Routers forward none.
    [[nodiscard]] constexpr bool is_link_local() const noexcept { return high >> 54U == 0xfe80U >> 6U; }
    /// fc00::/7. RFC 4193.
    [[nodiscard]] constexpr bool is_unique_local() const noexcept { return high >> 57U == 0xfcU >> 1U; }
    /// ::1, alone.
    [[nodiscard]] constexpr bool is_loopback() const noexcept { return *this == loopback(); }
    /// ::, which stands for no address.
    [[nodiscard]] constexpr bool is_unspecified() const noexcept { return (high | low) == 0; }
    /// ::ffff:0:0/96.
    [[nodiscard]] constexpr bool is_v4_mapped() const noexcept { return high == 0 && low >> 32U == 0xffffU; }
    /// The IPv4 address inside; the address must be an IPv4-mapped one.
    [[nodiscard]] constexpr Ipv4Addr v4() const noexcept { return {static_cast<std::uint32_t>(low)}; }
    /// Of a group; see multicast_scope.
    [[nodiscard]] constexpr std::uint8_t scope() const noexcept {
        return static_cast<std::uint8_t>(high >> 48U & 0xfU);
    }
    /// ff02::1:ff00:0/104, where neighbours are asked for.
    [[nodiscard]] constexpr bool is_solicited_node() const noexcept {
        return high == 0xff02'0000'0000'0000U && low >> 24U == 0x1ffU;
    }
    /// The group in which who has this address is asked for it: ff02::1:ff and its low 24 bits.
    /// Source:   RFC 4291 section 2.7.1.
    [[nodiscard]] constexpr Ipv6Addr solicited_node() const noexcept {
        return {0xff02'0000'0000'0000U, 0x1'ff00'0000U | (low & 0xff'ffffU)};
    }
    /// Whether the first `bits` bits, 0 to 128, are those of `prefix`, whose other bits do not count.
    [[nodiscard]] constexpr bool is_within(const Ipv6Addr& prefix, std::uint8_t bits) const noexcept {
        return masked(bits) == prefix.masked(bits);
    }
    /// The first `bits` bits, 0 to 128, and zeros behind them.
    [[nodiscard]] constexpr Ipv6Addr masked(std::uint8_t bits) const noexcept {
        if (bits == 0) return {};
        if (bits <= 64) return {high & ~std::uint64_t{0} << (64U - bits), 0};
        return {high, bits >= 128 ? low : low & ~std::uint64_t{0} << (128U - bits)};
    }
    /// fe80:: and an interface identifier that is made of `mac`.
    /// Source:   RFC 4291 section 2.5.6 and appendix A.
    [[nodiscard]] static constexpr Ipv6Addr link_local(const struct MacAddr& mac) noexcept;
    /// Neither one host's nor "no address": a group, ::1 or IPv4-mapped. :: is for each protocol to judge.
    ///
    /// Source:   RFC 4291 sections 2.7 and 2.5.3. That mapped addresses do not travel is said of none there; but a
    ///           filter for IPv6 lets ::ffff:127.0.0.1 pass that one for IPv4 would have stopped.
    [[nodiscard]] constexpr bool is_never_a_host() const noexcept {
        return is_multicast() || (high == 0 && (low == 1 || low >> 32U == 0xffffU));
    }
    /// Nowhere to send to from another node: ::, ::1, IPv4-mapped, groups of scope 0 or of one interface.
    ///
    /// Source:   RFC 4291 sections 2.5.2, 2.5.3 and 2.7 with its erratum 3480.
    [[nodiscard]] constexpr bool is_never_a_destination() const noexcept {
        if (is_multicast()) return scope() <= multicast_scope::interface_local;
        return high == 0 && (low <= 1 || low >> 32U == 0xffffU);
    }

    friend constexpr bool operator==(const Ipv6Addr&, const Ipv6Addr&) noexcept = default;
    friend constexpr std::strong_ordering operator<=>(const Ipv6Addr&, const Ipv6Addr&) noexcept = default;
};

static_assert(sizeof(Ipv6Addr) == ipv6_addr_bytes && std::is_trivially_copyable_v<Ipv6Addr>);

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
    /// Where a packet for an IPv6 group goes: 33-33 and the low 32 bits.
    /// Source:   RFC 2464 section 7.
    [[nodiscard]] static constexpr MacAddr of_group(const Ipv6Addr& group) noexcept {
        return {{0x33, 0x33, static_cast<std::uint8_t>(group.low >> 24U), static_cast<std::uint8_t>(group.low >> 16U),
                 static_cast<std::uint8_t>(group.low >> 8U), static_cast<std::uint8_t>(group.low)}};
    }

    /// A group, broadcast included.
    [[nodiscard]] constexpr bool is_multicast() const noexcept { return (octets[0] & 1U) != 0; }
    [[nodiscard]] constexpr bool is_broadcast() const noexcept { return *this == broadcast(); }

    friend constexpr bool operator==(const MacAddr&, const MacAddr&) noexcept = default;
    friend constexpr std::strong_ordering operator<=>(const MacAddr&, const MacAddr&) noexcept = default;
};

constexpr Ipv6Addr Ipv6Addr::link_local(const MacAddr& mac) noexcept {
    std::uint64_t id = 0;
    for (const std::uint8_t octet : {mac.octets[0], mac.octets[1], mac.octets[2], std::uint8_t{0xff},
                                     std::uint8_t{0xfe}, mac.octets[3], mac.octets[4], mac.octets[5]})
        id = id << 8U | octet;
    return {0xfe80'0000'0000'0000U, id ^ 0x0200'0000'0000'0000U};
}

[[nodiscard]] inline Ipv4Addr load_ipv4(const std::byte* at) noexcept { return {load_be32(at)}; }
inline void store_ipv4(std::byte* at, Ipv4Addr address) noexcept { store_be32(at, address.bits); }

[[nodiscard]] inline Ipv6Addr load_ipv6(const std::byte* at) noexcept { return {load_be64(at), load_be64(at + 8)}; }
inline void store_ipv6(std::byte* at, const Ipv6Addr& address) noexcept {
    store_be64(at, address.high);
    store_be64(at + 8, address.low);
}

[[nodiscard]] inline MacAddr load_mac(const std::byte* at) noexcept {
    MacAddr address;
    std::memcpy(address.octets.data(), at, mac_bytes);
    return address;
}
inline void store_mac(std::byte* at, const MacAddr& address) noexcept {
    std::memcpy(at, address.octets.data(), mac_bytes);
}

}  // namespace skerry::stack::wire
