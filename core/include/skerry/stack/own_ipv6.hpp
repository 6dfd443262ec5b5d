#pragma once

// The IPv6 addresses of a port beside its first one, as a configuration names them. What a host uses is in Ipv6Facts.

#include "wire/addresses.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack {

/// An address of ours and the bits of its network.
struct OwnIpv6 {
    wire::Ipv6Addr address;
    std::uint8_t prefix_bits = 64;

    /// Whether a host is in its network, and so on our link.
    [[nodiscard]] constexpr bool is_near(const wire::Ipv6Addr& host) const noexcept {
        return host.is_within(address, prefix_bits);
    }
    friend constexpr bool operator==(const OwnIpv6&, const OwnIpv6&) noexcept = default;
};

class MoreIpv6 {
public:
    static constexpr std::size_t most = 7;

    [[nodiscard]] constexpr bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
    /// False when there are `most`.
    constexpr bool add(const OwnIpv6& own) noexcept {
        if (count_ == most) return false;
        own_[count_++] = own;
        return true;
    }
    [[nodiscard]] std::span<const OwnIpv6> all() const noexcept { return std::span(own_).first(count_); }
    [[nodiscard]] std::span<OwnIpv6> all() noexcept { return std::span(own_).first(count_); }

    [[nodiscard]] bool has(const wire::Ipv6Addr& address) const noexcept {
        return std::any_of(all().begin(), all().end(), [&](const OwnIpv6& own) { return own.address == address; });
    }
    /// Whether a host is in one of their networks.
    [[nodiscard]] bool is_near(const wire::Ipv6Addr& host) const noexcept {
        return std::any_of(all().begin(), all().end(), [&](const OwnIpv6& own) { return own.is_near(host); });
    }

private:
    std::uint8_t count_ = 0;
    std::array<OwnIpv6, most> own_{};
};

/// Addresses that a port has at most, beside its link-local one.
inline constexpr std::size_t ipv6_addresses_max = 1 + MoreIpv6::most;

}  // namespace skerry::stack
