#pragma once

// Sockets that the kernel has made for somebody else: inherited from a service manager, or passed by another process.

#include <skerry/base/owned_fd.hpp>
#include <skerry/base/result.hpp>
#include <skerry/base/socket_addr.hpp>

namespace skerry::kernel_io {

/// A connected stream, and its peer.
struct AdoptedStream {
    OwnedFd fd;
    net::SocketAddr peer;
};

/// Each makes a socket non-blocking, for whoever else has its open file, too, and has exec() close the descriptor. Its
/// options stay, but that a datagram socket is told nothing besides: it asks for that itself.
///
/// Errors: invalid_argument: it is no socket, one of another protocol, a stream that listens where it must not, or does
///         not where it must; not_connected: a stream without a peer. The descriptor is closed then.
[[nodiscard]] Result<AdoptedStream> adopt_stream(OwnedFd fd) noexcept;
[[nodiscard]] Result<OwnedFd> adopt_listener(OwnedFd fd) noexcept;
[[nodiscard]] Result<OwnedFd> adopt_datagram(OwnedFd fd) noexcept;

}  // namespace skerry::kernel_io
