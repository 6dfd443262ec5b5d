#pragma once

// The IPv4 network of a core's own TCP/IP stack: what the configuration says, or a DHCP server that lends it.

#include "../base/socket_addr.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace skerry::net {

/// As it is at one moment: a server may give another.
struct StackNetwork {
    IpAddr address;  ///< ours, of several the first; 0.0.0.0: none, a lease is over
    std::uint8_t prefix_bits = 0;
    std::array<IpAddr, 7> more_addresses{};  ///< ours too; 0.0.0.0 behind the last
    IpAddr gateway;  ///< 0.0.0.0: none, or one of several routes
    std::uint16_t mtu = 0;  ///< of an IP packet
    std::array<IpAddr, 3>
        name_servers{};  ///< that the server named, for whoever resolves names; 0.0.0.0 behind the last
    bool is_lent = false;  ///< by a DHCP server
    bool may_have_several_v6 = false;  ///< IPv6 addresses beside its link-local one, as named or as routers say
};

/// The calling core's, of several ports the first one's; nothing where the kernel has the stack, or nobody.
///
/// Threads: a core of a runtime.
/// Cost:    no allocation.
[[nodiscard]] std::optional<StackNetwork> stack_network() noexcept;

}  // namespace skerry::net
