#pragma once

// What a host knows of IPv6 on its link: its own addresses, which prefixes and routers there are, what routers say of
// packets. One core finds it out (autoconf.hpp), or the configuration says it; every core has a copy (ipv6_link.hpp).

#include "wire/addresses.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// RFC 4862 section 2.
enum class AddressState : std::uint8_t {
    none,        ///< there is none, or it is no longer valid
    tentative,   ///< whether it is another's is being found out
    preferred,
    deprecated,  ///< goes on being used by what uses it, and is chosen when there is no other
};

struct OwnAddress {
    wire::Ipv6Addr address;  ///< of one that is no longer valid: what it was
    std::uint8_t prefix_bits = 64;
    AddressState state = AddressState::none;

    [[nodiscard]] constexpr bool is_usable() const noexcept { return state >= AddressState::preferred; }
    friend constexpr bool operator==(const OwnAddress&, const OwnAddress&) noexcept = default;
};

struct OnLinkPrefix {
    wire::Ipv6Addr prefix;
    std::uint8_t bits = 64;

    friend constexpr bool operator==(const OnLinkPrefix&, const OnLinkPrefix&) noexcept = default;
};

/// Plain data, which cores copy.
struct Ipv6Facts {
    static constexpr std::size_t addresses_max = 8;  ///< beside the link-local one
    static constexpr std::size_t prefixes_max = 16;
    static constexpr std::size_t routers_max = 8;

    OwnAddress link_local;
    std::array<OwnAddress, addresses_max> addresses;  ///< each keeps its place, which is its number (Hosts)
    std::array<OnLinkPrefix, prefixes_max> on_link;
    std::size_t prefixes = 0;  ///< how many of `on_link` count
    std::array<wire::Ipv6Addr, routers_max> router;  ///< the best first
    std::size_t routers = 0;
    std::uint8_t hop_limit = 64;  ///< of what nobody has marked
    std::uint16_t mtu = 0;  ///< of the link, when routers say that it is less than the port's; 0: they do not
    std::chrono::nanoseconds reachable{0};   ///< see NeighbourLimits
    std::chrono::nanoseconds retransmit{0};
    wire::Ipv6Addr duplicate;  ///< the last address of ours that turned out to be another's; ::, none did
    bool is_settled = false;   ///< whoever waits for an address has one, or gets none soon

    friend constexpr bool operator==(const Ipv6Facts&, const Ipv6Facts&) noexcept = default;
};

}  // namespace skerry::stack
