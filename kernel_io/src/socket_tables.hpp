#pragma once

// What stands alike in every driver's tables of socket operations: what needs the descriptor and nothing else.

#include "control_messages.hpp"
#include "os_socket.hpp"
#include "tcp_info.hpp"

#include <skerry/backend/socket_ops.hpp>

#include <cstdint>

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
    static Error take_error(backend::StreamSocket& socket) noexcept {
        return Error::from_os(pending_error(static_cast<Stream&>(socket).fd()));
    }
};

/// `Port` has fd(), and `Result<> tell(std::uint8_t, bool)`, by which it is ready to be told what told_bit() stands
/// for, or no longer; `Result<> mark_by(std::uint8_t, bool)` and is_marked_by(), by which it sends by a bit of mark::;
/// multicast_interface, which the kernel does not tell; and is a backend::DatagramSocket.
template <class Port>
struct DatagramTable {
    static Result<> connect(backend::DatagramSocket& socket, const net::SocketAddr& peer) noexcept {
        auto& port = static_cast<Port&>(socket);
        if (auto connected = connect_datagram(port.fd(), peer); !connected) return connected;
        port.forget_refusals();
        socket.connected = true;
        return {};
    }
    static Result<> join(backend::DatagramSocket& socket, const backend::Membership& membership,
                         backend::MembershipChange change) noexcept {
        return change_membership(static_cast<Port&>(socket).fd(), membership, change);
    }
    static Result<> set_option(backend::DatagramSocket& socket, backend::SocketOption option, int value) noexcept {
        auto& port = static_cast<Port&>(socket);
        if (const std::uint8_t bit = mark_bit(option); bit != 0) return port.mark_by(bit, value != 0);
        const std::uint8_t told = told_bit(option);
        // There is room for what the kernel tells before it does.
        if (told != 0 && value != 0)
            if (auto room = port.tell(told, true); !room) return room;
        const bool was_told =
            told != 0 && kernel_io::get_option(port.fd(), socket.local.is_v6(), option).value_or(0) != 0;
        if (auto set = kernel_io::set_option(port.fd(), socket.local.is_v6(), option, value); !set) {
            if (told != 0 && !was_told) (void)port.tell(told, false);
            return set;
        }
        if (option == backend::SocketOption::multicast_interface) port.multicast_interface = value;
        if (told != 0 && value == 0) return port.tell(told, false);
        return {};
    }
    static Result<int> get_option(backend::DatagramSocket& socket, backend::SocketOption option) noexcept {
        auto& port = static_cast<Port&>(socket);
        if (const std::uint8_t bit = mark_bit(option); bit != 0) return port.is_marked_by(bit) ? 1 : 0;
        if (option == backend::SocketOption::multicast_interface) return port.multicast_interface;
        return kernel_io::get_option(port.fd(), socket.local.is_v6(), option);
    }
};

}  // namespace skerry::kernel_io
