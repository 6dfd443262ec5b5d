#pragma once

// SocketAddr in the kernel's form and back. Apart from socket_addr.hpp because <sys/socket.h> brings names and
// macros into every file that sees it.

#include "socket_addr.hpp"

#include <sys/socket.h>

namespace skerry::net {

/// Writes `address` to the front of `out`; returns how many bytes that are. The rest stays as it is.
[[nodiscard]] socklen_t to_os(const SocketAddr& address, sockaddr_storage& out) noexcept;

/// Reads what the kernel wrote; `length` is what it said.
///
/// IPv6 flow information is dropped. An IPv4-mapped peer stays one; see IpAddr::unmapped().
/// Errors:   unsupported, for a family that is neither IPv4 nor IPv6; invalid_argument, when `length` is too
///           short for the family, as for the peer of an unnamed socket.
[[nodiscard]] Result<SocketAddr> from_os(const sockaddr_storage& in, socklen_t length) noexcept;

}  // namespace skerry::net
