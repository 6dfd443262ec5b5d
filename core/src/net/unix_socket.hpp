#pragma once

// What the Unix sockets share: making one, and addresses as the kernel has them.

#include <skerry/base/owned_fd.hpp>
#include <skerry/base/result.hpp>
#include <skerry/net/unix_addr.hpp>

#include <sys/socket.h>
#include <sys/un.h>

namespace skerry::net::detail {

struct OsUnixAddr {
    sockaddr_un os{};
    socklen_t length = sizeof os;

    OsUnixAddr() noexcept = default;
    explicit OsUnixAddr(const UnixAddr& address) noexcept;
    [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&os); }
    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&os); }
    [[nodiscard]] UnixAddr address() const noexcept;
};

/// A non-blocking socket of `type`. Errors: no_descriptors, no_memory, unsupported where this core could not watch it.
[[nodiscard]] Result<OwnedFd> open_unix(int type) noexcept;
/// Two of them, connected.
[[nodiscard]] Result<std::pair<OwnedFd, OwnedFd>> open_unix_pair(int type) noexcept;
[[nodiscard]] Result<> bind_unix(int fd, const UnixAddr& address) noexcept;
[[nodiscard]] Result<UnixAddr> local_unix_addr(int fd) noexcept;
[[nodiscard]] Result<UnixAddr> peer_unix_addr(int fd) noexcept;
[[nodiscard]] UCred from_os(const ucred& os) noexcept;

}  // namespace skerry::net::detail
