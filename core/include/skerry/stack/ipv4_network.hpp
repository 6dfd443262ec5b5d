#pragma once

// What a stack is told of its IPv4 network, and may be told anew while it runs: by a lease of DHCP, and by whoever else
// gives addresses.

#include "routes.hpp"
#include "wire/addresses.hpp"

#include <array>
#include <cstdint>

namespace skerry::stack {

struct Ipv4Network {
    wire::Ipv4Addr address;  ///< ours; 0.0.0.0: none, and the rest says nothing
    std::uint8_t prefix_bits = 24;
    wire::Ipv4Addr gateway;  ///< 0.0.0.0: none
    std::uint16_t mtu = 0;  ///< of an IP packet, if that is less than what the port takes; 0: not said
    Ipv4Routes routes;
    /// For whoever wants them: nothing here asks them. 0.0.0.0 behind the last one.
    std::array<wire::Ipv4Addr, 3> name_servers{};

    friend bool operator==(const Ipv4Network&, const Ipv4Network&) = default;
};

}  // namespace skerry::stack
