#pragma once

// The IPv4 addresses of a port beside its first one. What asks about addresses asks the first one inline and these only
// where there are any (config.hpp), so that a port with one address pays a comparison for them, and its usual packets
// not even that.

#include "routes.hpp"
#include "wire/addresses.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack {

/// An address of ours and the bits of its network.
struct OwnIpv4 {
    wire::Ipv4Addr address;
    std::uint8_t prefix_bits = 24;

    /// Whether a host is in its network, and so on our link.
    [[nodiscard]] constexpr bool is_near(wire::Ipv4Addr host) const noexcept {
        return ((host.bits ^ address.bits) & mask_of(prefix_bits)) == 0 && !host.is_reserved();
    }
    /// All ones behind the prefix.
    [[nodiscard]] constexpr bool is_broadcast(wire::Ipv4Addr host) const noexcept {
        return prefix_bits < 31 && is_near(host) && (host.bits | mask_of(prefix_bits)) == ~0U;
    }
    friend constexpr bool operator==(const OwnIpv4&, const OwnIpv4&) noexcept = default;
};

class MoreIpv4 {
public:
    static constexpr std::size_t most = 7;

    [[nodiscard]] constexpr bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
    /// False when there are `most`.
    constexpr bool add(const OwnIpv4& own) noexcept {
        if (count_ == most) return false;
        own_[count_++] = own;
        return true;
    }
    [[nodiscard]] std::span<const OwnIpv4> all() const noexcept { return std::span(own_).first(count_); }
    [[nodiscard]] std::span<OwnIpv4> all() noexcept { return std::span(own_).first(count_); }

    [[nodiscard]] bool has(wire::Ipv4Addr address) const noexcept { return place_of(address) < count_; }
    /// Which of all() it is; size(), none.
    [[nodiscard]] std::size_t place_of(wire::Ipv4Addr address) const noexcept;
    /// Whether it is all ones in one of their networks.
    [[nodiscard]] bool is_broadcast(wire::Ipv4Addr host) const noexcept;
    /// The one in whose network a host is: of several the longest prefix, of several of those the first. Null, when it
    /// is in none.
    [[nodiscard]] const OwnIpv4* near(wire::Ipv4Addr host) const noexcept;

private:
    std::uint8_t count_ = 0;
    std::array<OwnIpv4, most> own_{};
};

/// Addresses that a port has at most.
inline constexpr std::size_t ipv4_addresses_max = 1 + MoreIpv4::most;

}  // namespace skerry::stack
