#pragma once

// The lower half of an address of our own making: the same for as long as the prefix, the card and the secret are, and
// another in each network, so that nobody follows a host from one to the next or guesses where it is.
//
// Source: RFC 7217 section 5, with SipHash as F; RFC 5453 for what is reserved.

#include "siphash.hpp"
#include "wire/addresses.hpp"

#include <cstdint>

namespace skerry::stack {

/// IANA's "Reserved IPv6 Interface Identifiers": the subnet-router anycast address, Ethernet's block with the Proxy
/// Mobile one in it, the subnet anycast addresses.
[[nodiscard]] constexpr bool is_reserved_interface_id(std::uint64_t id) noexcept {
    return id == 0 || id >> 32U == 0x0200'5effU || id - 0xfdff'ffff'ffff'ff80U < 0x80U;
}

/// The address in a prefix of 64 bits. `attempt` is how many before it were another's.
[[nodiscard]] constexpr wire::Ipv6Addr stable_address(const SipKey& secret, const wire::Ipv6Addr& prefix,
                                                      const wire::MacAddr& mac, std::uint8_t attempt) noexcept {
    std::uint64_t card = 0;
    for (const std::uint8_t octet : mac.octets) card = card << 8U | octet;
    const std::uint64_t network = siphash_12(secret, prefix.high, 0x7217);
    std::uint64_t id = 0;
    for (std::uint32_t round = 0; is_reserved_interface_id(id); ++round)
        id = siphash_12(secret, network ^ (card << 16U | attempt), round);
    return {prefix.high, id};
}

}  // namespace skerry::stack
