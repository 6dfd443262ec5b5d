#pragma once

// Addresses as values: no system header, no lookup, no allocation but in to_string(). What the kernel calls
// them is in os_socket_addr.hpp, which only the code that talks to it includes.

#include "result.hpp"

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace skerry::net {

enum class IpFamily : std::uint8_t { v4, v6 };

/// An IPv4 or IPv6 address. By default 0.0.0.0.
///
/// An IPv4 address and its IPv4-mapped IPv6 form (::ffff:a.b.c.d) are different values; see unmapped().
/// Cost:   17 bytes, trivially copyable, everything but parse() and to_string() is constexpr.
class IpAddr {
public:
    constexpr IpAddr() noexcept = default;

    /// The address a.b.c.d.
    [[nodiscard]] static constexpr IpAddr v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept {
        return v4(std::array<std::uint8_t, 4>{a, b, c, d});
    }
    /// From 4 octets as they travel.
    [[nodiscard]] static constexpr IpAddr v4(const std::array<std::uint8_t, 4>& octets) noexcept {
        IpAddr address;
        address.octets_ =
            std::bit_cast<std::array<std::uint8_t, 16>>(std::array<std::array<std::uint8_t, 4>, 4>{octets});
        return address;
    }
    /// From 32 bits in the host's order: 0x7f000001 is 127.0.0.1.
    [[nodiscard]] static constexpr IpAddr v4(std::uint32_t bits) noexcept {
        return v4(static_cast<std::uint8_t>(bits >> 24U), static_cast<std::uint8_t>(bits >> 16U),
                  static_cast<std::uint8_t>(bits >> 8U), static_cast<std::uint8_t>(bits));
    }
    /// From 16 octets as they travel.
    [[nodiscard]] static constexpr IpAddr v6(const std::array<std::uint8_t, 16>& octets) noexcept {
        IpAddr address;
        address.octets_ = octets;
        address.family_ = IpFamily::v6;
        return address;
    }
    /// From the eight groups between the colons, in the host's order.
    [[nodiscard]] static constexpr IpAddr v6(const std::array<std::uint16_t, 8>& groups) noexcept {
        std::array<std::uint8_t, 16> octets{};
        for (std::size_t i = 0; i < groups.size(); ++i) {
            octets[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8U);
            octets[2 * i + 1] = static_cast<std::uint8_t>(groups[i]);
        }
        return v6(octets);
    }

    [[nodiscard]] static constexpr IpAddr v4_any() noexcept { return {}; }
    [[nodiscard]] static constexpr IpAddr v4_loopback() noexcept { return v4(127, 0, 0, 1); }
    [[nodiscard]] static constexpr IpAddr v4_broadcast() noexcept { return v4(255, 255, 255, 255); }
    [[nodiscard]] static constexpr IpAddr v6_any() noexcept { return v6(std::array<std::uint8_t, 16>{}); }
    [[nodiscard]] static constexpr IpAddr v6_loopback() noexcept {
        return v6(std::array<std::uint16_t, 8>{0, 0, 0, 0, 0, 0, 0, 1});
    }

    /// Reads "192.0.2.1" or "2001:db8::1". No names, no brackets, no scope, no leading zeros in decimals.
    ///
    /// Errors:   invalid_argument, when `text` as a whole is not an address.
    /// Source:   RFC 4291 section 2.2; IPv4 is the dotted-decimal of RFC 3986 section 3.2.2.
    [[nodiscard]] static Result<IpAddr> parse(std::string_view text) noexcept;

    [[nodiscard]] constexpr IpFamily family() const noexcept { return family_; }
    [[nodiscard]] constexpr bool is_v4() const noexcept { return family_ == IpFamily::v4; }
    [[nodiscard]] constexpr bool is_v6() const noexcept { return family_ == IpFamily::v6; }

    /// The 4 or 16 octets as they travel.
    [[nodiscard]] constexpr std::span<const std::uint8_t> octets() const noexcept {
        return {octets_.data(), is_v4() ? std::size_t{4} : std::size_t{16}};
    }
    /// The address as 32 bits in the host's order. It must be IPv4.
    [[nodiscard]] constexpr std::uint32_t v4_bits() const noexcept {
        SKERRY_DEBUG_ASSERT(is_v4(), "an IPv6 address was read as 32 bits");
        return std::uint32_t{octets_[0]} << 24U | std::uint32_t{octets_[1]} << 16U | std::uint32_t{octets_[2]} << 8U |
               std::uint32_t{octets_[3]};
    }
    /// Group `index` (0 to 7) of an IPv6 address, in the host's order.
    [[nodiscard]] constexpr std::uint16_t v6_group(std::size_t index) const noexcept {
        SKERRY_DEBUG_ASSERT(is_v6() && index < 8, "no such group in this address");
        return static_cast<std::uint16_t>(octets_[2 * index] << 8U | octets_[2 * index + 1]);
    }

    /// 0.0.0.0 or ::, "any address of this host".
    [[nodiscard]] constexpr bool is_unspecified() const noexcept { return octets_ == std::array<std::uint8_t, 16>{}; }
    /// 127.0.0.0/8 or ::1.
    [[nodiscard]] constexpr bool is_loopback() const noexcept {
        return is_v4() ? octets_[0] == 127 : *this == v6_loopback();
    }
    /// 224.0.0.0/4 or ff00::/8.
    [[nodiscard]] constexpr bool is_multicast() const noexcept {
        return is_v4() ? (octets_[0] & 0xf0U) == 0xe0U : octets_[0] == 0xffU;
    }
    /// 169.254.0.0/16 or fe80::/10. The IPv6 ones mean something only together with a scope.
    [[nodiscard]] constexpr bool is_link_local() const noexcept {
        return is_v4() ? octets_[0] == 169 && octets_[1] == 254 : octets_[0] == 0xfeU && (octets_[1] & 0xc0U) == 0x80U;
    }
    /// ::ffff:0:0/96: how a dual-stack socket of the kernel shows an IPv4 peer.
    [[nodiscard]] constexpr bool is_v4_mapped() const noexcept {
        if (is_v4() || octets_[10] != 0xffU || octets_[11] != 0xffU) return false;
        for (std::size_t i = 0; i < 10; ++i)
            if (octets_[i] != 0) return false;
        return true;
    }
    /// The IPv4 address inside an IPv4-mapped one; any other address unchanged.
    [[nodiscard]] constexpr IpAddr unmapped() const noexcept {
        return is_v4_mapped() ? v4(octets_[12], octets_[13], octets_[14], octets_[15]) : *this;
    }
    /// The IPv4-mapped form of an IPv4 address; an IPv6 one unchanged.
    [[nodiscard]] constexpr IpAddr mapped() const noexcept {
        if (is_v6()) return *this;
        return v6(std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff,  //
                                               octets_[0], octets_[1], octets_[2], octets_[3]});
    }

    [[nodiscard]] constexpr std::uint64_t hash() const noexcept {
        const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(octets_);
        const std::uint64_t first = (words[0] ^ static_cast<std::uint64_t>(family_)) * 0x9e37'79b9'7f4a'7c15U;
        const std::uint64_t second = (words[1] ^ first ^ first >> 32U) * 0xbf58'476d'1ce4'e5b9U;
        return second ^ second >> 29U;
    }

    friend constexpr bool operator==(const IpAddr&, const IpAddr&) noexcept = default;
    /// IPv4 before IPv6, then by the octets.
    friend constexpr std::strong_ordering operator<=>(const IpAddr& a, const IpAddr& b) noexcept {
        if (a.family_ != b.family_) return a.family_ <=> b.family_;
        return a.octets_ <=> b.octets_;
    }

private:
    friend class SocketAddr;

    std::array<std::uint8_t, 16> octets_{};  // IPv4: the first four, the rest zero
    IpFamily family_ = IpFamily::v4;
};

/// An address, a port, and for IPv6 the scope: the interface that a link-local address belongs to, 0 for none.
/// By default 0.0.0.0:0.
///
/// Cost:     24 bytes, trivially copyable.
class SocketAddr {
public:
    constexpr SocketAddr() noexcept = default;
    constexpr SocketAddr(IpAddr ip, std::uint16_t port, std::uint32_t scope = 0) noexcept
        : ip_(ip), port_(port), scope_(ip.is_v6() ? scope : 0) {}

    /// Reads "192.0.2.1:80", "[2001:db8::1]:53" or "[fe80::1%2]:53". The port is required, the scope is the
    /// number of an interface. No names: for those there is resolve().
    ///
    /// Errors:   invalid_argument, when `text` as a whole is not such an address.
    [[nodiscard]] static Result<SocketAddr> parse(std::string_view text) noexcept;

    /// Becomes the IPv4 address of these octets, as they travel, with this port.
    /// Cost:     a few stores; a temporary of 24 bytes would be put together on the stack first.
    void assign_v4(const std::array<std::uint8_t, 4>& octets, std::uint16_t port) noexcept {
        std::uint64_t front = 0;
        const std::uint64_t back = 0;
        std::memcpy(&front, octets.data(), octets.size());
        std::memcpy(ip_.octets_.data(), &front, sizeof front);
        std::memcpy(ip_.octets_.data() + sizeof front, &back, sizeof back);
        ip_.family_ = IpFamily::v4;
        port_ = port;
        scope_ = 0;
    }

    [[nodiscard]] constexpr const IpAddr& ip() const noexcept { return ip_; }
    [[nodiscard]] constexpr std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] constexpr std::uint32_t scope() const noexcept { return scope_; }

    [[nodiscard]] constexpr bool is_v4() const noexcept { return ip_.is_v4(); }
    [[nodiscard]] constexpr bool is_v6() const noexcept { return ip_.is_v6(); }
    [[nodiscard]] constexpr bool is_unspecified() const noexcept { return ip_.is_unspecified(); }
    [[nodiscard]] constexpr bool is_loopback() const noexcept { return ip_.is_loopback(); }
    [[nodiscard]] constexpr bool is_multicast() const noexcept { return ip_.is_multicast(); }

    /// The same address with another port.
    [[nodiscard]] constexpr SocketAddr with_port(std::uint16_t port) const noexcept { return {ip_, port, scope_}; }

    [[nodiscard]] constexpr std::uint64_t hash() const noexcept {
        const std::uint64_t rest = std::uint64_t{scope_} << 16U | port_;
        const std::uint64_t mixed = (ip_.hash() ^ rest) * 0x94d0'49bb'1331'11ebU;
        return mixed ^ mixed >> 31U;
    }

    friend constexpr bool operator==(const SocketAddr&, const SocketAddr&) noexcept = default;
    /// By address, then port, then scope.
    friend constexpr std::strong_ordering operator<=>(const SocketAddr&, const SocketAddr&) noexcept = default;

private:
    IpAddr ip_;
    std::uint16_t port_ = 0;
    std::uint32_t scope_ = 0;
};

static_assert(sizeof(SocketAddr) == 24 && std::is_trivially_copyable_v<SocketAddr>);

/// The text that parse() reads; IPv6 in the one form of RFC 5952: lower case, the first longest run of zero
/// groups as "::", the end of an IPv4-mapped address as dotted decimal.
[[nodiscard]] std::string to_string(const IpAddr& address);
[[nodiscard]] std::string to_string(const SocketAddr& address);

}  // namespace skerry::net

// Not keyed: a peer that chooses its addresses can make them collide. Tables of peers mix a secret in.
template <>
struct std::hash<skerry::net::IpAddr> {
    [[nodiscard]] std::size_t operator()(const skerry::net::IpAddr& address) const noexcept { return address.hash(); }
};
template <>
struct std::hash<skerry::net::SocketAddr> {
    [[nodiscard]] std::size_t operator()(const skerry::net::SocketAddr& address) const noexcept {
        return address.hash();
    }
};
