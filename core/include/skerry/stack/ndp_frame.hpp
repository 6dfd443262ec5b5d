#pragma once

// A message of neighbour discovery as a packet that is ready for the link.

#include "link.hpp"
#include "wire/ndp.hpp"

namespace skerry::stack {

/// Null when there is no frame.
[[nodiscard]] Frame* make_ndp_packet(Link& link, const wire::NdpMessage& message, const wire::Ipv6Addr& source,
                                     const wire::Ipv6Addr& destination) noexcept;

}  // namespace skerry::stack
