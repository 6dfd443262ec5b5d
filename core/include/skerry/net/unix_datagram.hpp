#pragma once

// Datagrams between processes of one machine: none is lost, doubled or overtaken.

#include "unix_addr.hpp"

#include "../backend/socket_ops.hpp"
#include "../base/result.hpp"
#include "../io/async_fd.hpp"
#include "../task/task.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace skerry::net {

/// One datagram that UnixDatagram::recv_from copied.
struct UnixReceived {
    std::size_t bytes = 0;
    UnixAddr peer;               ///< unnamed, when the sender was not bound
    bool truncated = false;      ///< the datagram was longer than the buffer; the rest is gone
    std::optional<UCred> sender;  ///< with set_passcred(), of what was sent behind it
};

/// A Unix datagram socket, owned by the core that made it. Several tasks may receive and send.
///
/// Dropping it closes; a path that it was bound to stays and is the program's to remove.
///
/// Lifetime: buffers and the socket outlive every await on it.
/// Threads:  its own core; asserted in debug builds.
class UnixDatagram {
public:
    /// Binds on this core.
    ///
    /// Errors: address_in_use, when there is a file of that name; not_found, when its folder is not there;
    ///         permission_denied; no_descriptors, no_memory; unsupported, on a core without a slow lane.
    [[nodiscard]] static Result<UnixDatagram> bind(const UnixAddr& address);

    /// One without a name, which sends and gets no answers unless it is connected to by pair().
    ///
    /// Errors: no_descriptors, no_memory; unsupported, on a core without a slow lane.
    [[nodiscard]] static Result<UnixDatagram> unbound();

    /// Two that are connected to each other.
    ///
    /// Errors: no_descriptors, no_memory; unsupported, on a core without a slow lane.
    [[nodiscard]] static Result<std::pair<UnixDatagram, UnixDatagram>> pair();

    /// Fixes the peer: send() goes there, and only its datagrams come from now on. What came before the first
    /// connect() stays to be received, whoever sent it; at a further one, to another peer, it is dropped.
    ///
    /// Errors: not_found; connection_refused, when nobody is bound there; permission_denied, when that one is
    ///         connected to somebody else; unsupported, when it is a stream socket.
    Result<> connect(const UnixAddr& peer) noexcept;

    /// Waits for one datagram and copies it.
    ///
    /// Shape:  as much as fits; UnixReceived::truncated says whether that was all.
    /// Errors: connection_reset, when the connected peer has gone; runtime_shutdown.
    /// Cancel: safe: the datagram is left for the next receive.
    [[nodiscard]] Task<Result<UnixReceived>> recv_from(std::span<std::byte> out);

    /// recv_from() without the sender.
    ///
    /// Shape:  returns the bytes in `out`; of a longer datagram the rest is gone.
    /// Errors: as recv_from.
    /// Cancel: safe: the datagram is left for the next receive.
    [[nodiscard]] Task<Result<std::size_t>> recv(std::span<std::byte> out);

    /// Sends one datagram. While the receiver's queue is full it tries again, at growing intervals of at most 5 ms,
    /// because the kernel tells a socket without a fixed peer nothing of that.
    ///
    /// Shape:  returns data.size().
    /// Errors: not_found, connection_refused, permission_denied, message_too_long, no_buffers, runtime_shutdown.
    /// Cancel: safe: it was not sent.
    [[nodiscard]] Task<Result<std::size_t>> send_to(std::span<const std::byte> data, UnixAddr to);

    /// Sends one datagram to the connected peer.
    ///
    /// Shape:  returns data.size().
    /// Errors: not_connected; connection_refused and connection_reset, when the peer has gone; message_too_long,
    ///         no_buffers, runtime_shutdown.
    /// Cancel: safe: it was not sent.
    [[nodiscard]] Task<Result<std::size_t>> send(std::span<const std::byte> data);

    /// Whether UnixReceived::sender says who sent, as the kernel vouches for it. Of datagrams that were sent before,
    /// the kernel does not know.
    Result<> set_passcred(bool on) noexcept;

    /// Ends one direction or both.
    ///
    /// Errors: not_connected.
    Result<> shutdown(backend::ShutdownHow how) noexcept;

    [[nodiscard]] Result<UnixAddr> local_addr() const noexcept;
    /// Errors: not_connected.
    [[nodiscard]] Result<UnixAddr> peer_addr() const noexcept;

    [[nodiscard]] io::AsyncFd& async_fd() noexcept { return fd_; }

private:
    UnixDatagram(io::AsyncFd fd, std::unique_ptr<bool> tells_sender) noexcept
        : fd_(std::move(fd)), tells_sender_(std::move(tells_sender)) {}
    static Result<UnixDatagram> over(OwnedFd fd);

    io::AsyncFd fd_;
    std::unique_ptr<bool> tells_sender_;  // stays where it is when the socket moves: receives that wait look at it
};

}  // namespace skerry::net
