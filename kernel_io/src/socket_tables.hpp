#pragma once

// What stands alike in every driver's tables of socket operations: what needs the descriptor and nothing else.

#include "os_socket.hpp"
#include "tcp_info.hpp"

#include <skerry/backend/socket_ops.hpp>

namespace skerry::kernel_io {

/// `Stream` has fd() and is a backend::StreamSocket.
template <class Stream>
struct StreamTable {
    static Result<> set_option(backend::StreamSocket& socket, backend::SocketOption option, int value) noexcept {
        return kernel_io::set_option(static_cast<Stream&>(socket).fd(), socket.peer.is_v6(), option, value);
    }
    static Result<int> get_option(backend::StreamSocket& socket, backend::SocketOption option) noexcept {
        return kernel_io::get_option(static_cast<Stream&>(socket).fd(), socket.peer.is_v6(), option);
    }
    static Result<net::SocketAddr> local_address(backend::StreamSocket& socket) noexcept {
        return kernel_io::local_address(static_cast<Stream&>(socket).fd());
    }
    static Result<backend::TcpInfo> info(backend::StreamSocket& socket) noexcept {
        return tcp_info(static_cast<Stream&>(socket).fd());
    }
};

/// `Port` has fd() and is a backend::DatagramSocket.
template <class Port>
struct DatagramTable {
    static Result<> connect(backend::DatagramSocket& socket, const net::SocketAddr& peer) noexcept {
        if (auto connected = connect_datagram(static_cast<Port&>(socket).fd(), peer); !connected) return connected;
        socket.connected = true;
        return {};
    }
    static Result<> join(backend::DatagramSocket& socket, const net::IpAddr& group, std::uint32_t interface_index,
                         bool join) noexcept {
        return change_membership(static_cast<Port&>(socket).fd(), group, interface_index, join);
    }
    static Result<> set_option(backend::DatagramSocket& socket, backend::SocketOption option, int value) noexcept {
        return kernel_io::set_option(static_cast<Port&>(socket).fd(), socket.local.is_v6(), option, value);
    }
    static Result<int> get_option(backend::DatagramSocket& socket, backend::SocketOption option) noexcept {
        return kernel_io::get_option(static_cast<Port&>(socket).fd(), socket.local.is_v6(), option);
    }
};

}  // namespace skerry::kernel_io
