#pragma once

// How closely a port leads to a host, so that one of several can be chosen.

#include <skerry/base/socket_addr.hpp>
#include <skerry/stack/stack.hpp>

namespace skerry::stack {

inline constexpr int reach_none = -1;  ///< not at all
inline constexpr int reach_by_gateway = 0;
inline constexpr int reach_own = 256;  ///< the host is this one, by an address of this port
/// The longest prefix that covers the host, one more than its bits; or one of those above.
///
/// Shape: `host` is no group and no IPv4-mapped address.
[[nodiscard]] int reach_of(const Stack& stack, const net::IpAddr& host) noexcept;

/// Whether the address, or one that all of the port's own network hear, is this port's.
[[nodiscard]] bool has_address(const Stack& stack, const net::IpAddr& own) noexcept;

/// Whether there is anything of that family.
[[nodiscard]] bool speaks(const Stack& stack, net::IpFamily family) noexcept;

}  // namespace skerry::stack
