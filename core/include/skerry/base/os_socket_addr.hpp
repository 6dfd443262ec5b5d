#pragma once

// SocketAddr in the kernel's form and back. Apart from socket_addr.hpp because <sys/socket.h> brings names and
// macros into every file that sees it.

#include "socket_addr.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace skerry::net {

namespace detail {

/// Network byte order is big-endian. Not htons(), which is a macro with an old-style cast in some C libraries.
constexpr std::uint16_t swapped_to_network(std::uint16_t value) noexcept {
    if constexpr (std::endian::native == std::endian::big) return value;
    return static_cast<std::uint16_t>(value << 8U | value >> 8U);
}

/// The storage says AF_INET and is long enough. Copying is how it is read without breaking aliasing.
inline void from_v4(const sockaddr_storage& in, SocketAddr& out) noexcept {
    sockaddr_in os;
    std::memcpy(&os, &in, sizeof(os));
    out.assign_v4(std::bit_cast<std::array<std::uint8_t, 4>>(os.sin_addr), swapped_to_network(os.sin_port));
}

socklen_t to_os_v6(const SocketAddr& address, sockaddr_storage& out) noexcept;

}  // namespace detail

/// Writes `address` to the front of `out`; returns how many bytes that are. The rest stays as it is.
/// Cost:     inline for IPv4: each sent datagram pays it.
[[nodiscard]] inline socklen_t to_os(const SocketAddr& address, sockaddr_storage& out) noexcept {
    if (!address.is_v4()) [[unlikely]]
        return detail::to_os_v6(address, out);
    // Field by field to where they belong: a sockaddr_in would be put together in registers first.
    const sa_family_t family = AF_INET;
    const std::uint16_t port = detail::swapped_to_network(address.port());
    const std::uint64_t padding = 0;
    static_assert(offsetof(sockaddr_in, sin_zero) + sizeof padding == sizeof(sockaddr_in));
    auto* const os = reinterpret_cast<std::byte*>(&out);
    std::memcpy(os + offsetof(sockaddr_in, sin_family), &family, sizeof family);
    std::memcpy(os + offsetof(sockaddr_in, sin_port), &port, sizeof port);
    std::memcpy(os + offsetof(sockaddr_in, sin_addr), address.ip().octets().data(), sizeof(in_addr));
    std::memcpy(os + offsetof(sockaddr_in, sin_zero), &padding, sizeof padding);
    return sizeof(sockaddr_in);
}

/// Reads what the kernel wrote; `length` is what it said.
///
/// IPv6 flow information is dropped. An IPv4-mapped peer stays one; see IpAddr::unmapped().
/// Errors:   unsupported, for a family that is neither IPv4 nor IPv6; invalid_argument, when `length` is too
///           short for the family, as for the peer of an unnamed socket.
[[nodiscard]] Result<SocketAddr> from_os(const sockaddr_storage& in, socklen_t length) noexcept;

/// The same into `out` when it is IPv4; else `out` stays as it is and the answer is false.
/// Cost:     inline: each received datagram pays it.
inline bool from_os_v4(const sockaddr_storage& in, socklen_t length, SocketAddr& out) noexcept {
    if (length < sizeof(sockaddr_in) || in.ss_family != AF_INET) [[unlikely]]
        return false;
    detail::from_v4(in, out);
    return true;
}

/// The same for every family; `out` stays as it is on an error. Whether there was none.
inline bool from_os(const sockaddr_storage& in, socklen_t length, SocketAddr& out) noexcept {
    if (from_os_v4(in, length, out)) [[likely]]
        return true;
    const auto read = from_os(in, length);
    if (read) out = *read;
    return bool(read);
}

}  // namespace skerry::net
