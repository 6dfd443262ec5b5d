#pragma once

// Sockets that are bound, listen or were there before, made alike for every driver here.

#include "adopted_socket.hpp"
#include "os_socket.hpp"

#include <skerry/base/result.hpp>

#include <memory>
#include <new>
#include <utility>

namespace skerry::kernel_io {

/// The record of a driver's `Core` for what open_listener() or open_datagram() gave, with the address it got. It is not
/// enrolled yet.
///
/// Errors: that of `fd`; no_memory.
template <class Socket, class Core>
[[nodiscard]] Result<std::unique_ptr<Socket>> make_bound(Core& core, Result<OwnedFd> fd) noexcept {
    if (!fd) return fd.error();
    auto local = local_address(fd->get());
    if (!local) return local.error();
    std::unique_ptr<Socket> socket(new (std::nothrow) Socket(core, std::move(*fd)));
    if (socket == nullptr) return Errc::no_memory;
    socket->local = *local;
    return socket;
}

/// The same, enrolled: what `Core` lists and watches, and net:: knows `As`. `how` is what it wants to know besides.
template <class As, class Socket, class Core, class... How>
[[nodiscard]] Result<As*> enroll_bound(Core& core, Result<OwnedFd> fd, How... how) noexcept {
    auto socket = make_bound<Socket>(core, std::move(fd));
    if (!socket) return socket.error();
    if (auto enrolled = core.enroll(**socket, how...); !enrolled) return enrolled.error();
    return socket->release();
}

/// A datagram socket that was there, which may have a peer.
template <class Port, class Core, class... How>
[[nodiscard]] Result<backend::DatagramSocket*> enroll_adopted_datagram(Core& core, OwnedFd fd, How... how) noexcept {
    const bool is_connected = peer_address(fd.get()).has_value();
    auto port = enroll_bound<backend::DatagramSocket, Port>(core, adopt_datagram(std::move(fd)), how...);
    if (port) (*port)->connected = is_connected;
    return port;
}

/// A connected stream that was there, whose bytes may have come already.
template <class Stream, class Core>
[[nodiscard]] Result<backend::StreamSocket*> enroll_adopted_stream(Core& core, OwnedFd fd) noexcept {
    auto adopted = adopt_stream(std::move(fd));
    if (!adopted) return adopted.error();
    std::unique_ptr<Stream> stream(new (std::nothrow) Stream(core, std::move(adopted->fd)));
    if (stream == nullptr) return Errc::no_memory;
    stream->peer = adopted->peer;
    stream->may_read = true;
    if (auto enrolled = core.enroll(*stream); !enrolled) return enrolled.error();
    return stream.release();
}

}  // namespace skerry::kernel_io
