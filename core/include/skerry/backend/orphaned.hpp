#pragma once

// What a socket does whose core has gone away while a program still holds it: it answers runtime_shutdown, on every
// backend alike, and is freed when it is closed. It belongs to no core then, so it may be used and dropped on any.

#include "socket_ops.hpp"

namespace skerry::backend {

/// `Stream` is the backend's record, which close() deletes.
template <class Stream>
inline constexpr StreamOps orphaned_stream_ops{
    [](StreamSocket&, ReadRequest& request) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](StreamSocket&, ReadRequest& request, IoSlicesMut) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](StreamSocket&, WriteRequest& request) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](StreamSocket&, WriteRequest& request, IoSlices) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](StreamSocket&, WriteRequest& request) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](StreamSocket&) noexcept { return true; },
    [](StreamSocket&, ShutdownHow) noexcept -> Result<> { return Errc::runtime_shutdown; },
    [](StreamSocket* socket) noexcept {
        delete socket->given_back;
        delete static_cast<Stream*>(socket);
    },
    [](StreamSocket&, SocketOption, int) noexcept -> Result<> { return Errc::runtime_shutdown; },
    [](StreamSocket&, SocketOption) noexcept -> Result<int> { return Errc::runtime_shutdown; },
    [](StreamSocket&) noexcept -> Result<net::SocketAddr> { return Errc::runtime_shutdown; },
    [](StreamSocket&) noexcept -> Result<TcpInfo> { return Errc::runtime_shutdown; },
    [](StreamSocket&) noexcept -> Error { return Errc::runtime_shutdown; },
    &no_descriptor};

/// The same for datagrams.
template <class Socket>
inline constexpr DatagramOps orphaned_datagram_ops{
    [](DatagramSocket&, RecvRequest& request) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](DatagramSocket&, SendRequest& request) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](DatagramSocket&, SendRequest& request) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](DatagramSocket&, SendRequest& request) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](DatagramSocket&, const net::SocketAddr&) noexcept -> Result<> { return Errc::runtime_shutdown; },
    [](DatagramSocket&, const Membership&, MembershipChange) noexcept -> Result<> { return Errc::runtime_shutdown; },
    [](DatagramSocket* socket) noexcept {
        delete socket->given_back;
        delete static_cast<Socket*>(socket);
    },
    [](DatagramSocket&, SocketOption, int) noexcept -> Result<> { return Errc::runtime_shutdown; },
    [](DatagramSocket&, SocketOption) noexcept -> Result<int> { return Errc::runtime_shutdown; }};

/// The same for a listener.
template <class Listener>
inline constexpr ListenerOps orphaned_listener_ops{[](ListenerSocket&, AcceptRequest& request) noexcept {
                                                       request.error = Errc::runtime_shutdown;
                                                       return Step::done;
                                                   },
                                                   [](ListenerSocket* socket) noexcept {
                                                       delete socket->given_back;
                                                       delete static_cast<Listener*>(socket);
                                                   }};

/// Makes an orphan of a stream; its backend has let go of it.
///
/// Threads: the core that goes away.
template <class Stream>
void orphan_stream(Stream& stream) noexcept {
    StreamSocket& socket = stream;
    socket.ops = &orphaned_stream_ops<Stream>;
    socket.home = no_home_core;
    socket.may_read = socket.may_write = true;
}

/// The same of a datagram socket.
template <class Socket>
void orphan_datagrams(Socket& datagrams) noexcept {
    DatagramSocket& socket = datagrams;
    socket.ops = &orphaned_datagram_ops<Socket>;
    socket.home = no_home_core;
    socket.may_receive = socket.may_send = true;
}

/// The same of a listener.
template <class Listener>
void orphan_listener(Listener& listener) noexcept {
    ListenerSocket& socket = listener;
    socket.ops = &orphaned_listener_ops<Listener>;
    socket.home = no_home_core;
    socket.may_accept = true;
}

}  // namespace skerry::backend
