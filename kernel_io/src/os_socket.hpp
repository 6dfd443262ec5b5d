#pragma once

// The socket calls that every driver of kernel_io shares: making, binding, options, membership.

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/owned_fd.hpp>
#include <skerry/base/result.hpp>
#include <skerry/base/socket_addr.hpp>

namespace skerry::kernel_io {

/// The error of the system call that has just failed.
[[nodiscard]] Error last_error() noexcept;

/// A non-blocking stream socket of the family of `peer`, with TCP_NODELAY and what `setup`, if there is one, asks for.
[[nodiscard]] Result<OwnedFd> open_stream(const net::SocketAddr& peer, const backend::StreamSetup* setup) noexcept;
/// A bound, listening one. What it accepts has TCP_NODELAY and the other options that it has itself.
[[nodiscard]] Result<OwnedFd> open_listener(const net::SocketAddr& address, const backend::ListenOptions& options,
                                            const backend::StreamSetup* setup) noexcept;
/// A bound, non-blocking datagram socket.
[[nodiscard]] Result<OwnedFd> open_datagram(const net::SocketAddr& address,
                                            const backend::BindOptions& options) noexcept;

[[nodiscard]] Result<net::SocketAddr> local_address(int fd) noexcept;
[[nodiscard]] Result<net::SocketAddr> peer_address(int fd) noexcept;

/// Sets whom a datagram socket sends to and hears.
[[nodiscard]] Result<> connect_datagram(int fd, const net::SocketAddr& peer) noexcept;
/// Ends one or both directions of a stream.
[[nodiscard]] Result<> shut_down(int fd, backend::ShutdownHow how) noexcept;
/// How a connect that was under way has ended, an errno; 0: well.
[[nodiscard]] int pending_error(int fd) noexcept;

/// Makes the close that follows send a reset.
void reset_on_close(int fd) noexcept;

[[nodiscard]] Result<> set_option(int fd, bool is_v6, backend::SocketOption option, int value) noexcept;
[[nodiscard]] Result<int> get_option(int fd, bool is_v6, backend::SocketOption option) noexcept;
[[nodiscard]] Result<> change_membership(int fd, const backend::Membership& membership,
                                         backend::MembershipChange change) noexcept;

}  // namespace skerry::kernel_io
