#pragma once

// A kernel says things by itself that no script is about: router solicitations, reports of multicast groups, and in
// IPv6 whatever has to do with finding neighbours.

#include <skerry/base/socket_addr.hpp>

#include <cstddef>
#include <span>

namespace skerry::pkt::kernel {

/// False for what is not of `family`, for what is neither TCP nor UDP nor ICMP, and for ICMPv6 that is about
/// neighbours, routers and groups. `packet` begins with its IP header. A later fragment counts as what it is a part of.
[[nodiscard]] bool is_of_scripts(std::span<const std::byte> packet, net::IpFamily family) noexcept;

}  // namespace skerry::pkt::kernel
