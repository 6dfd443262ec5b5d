#pragma once

// A TCP socket that is configured before it connects or listens. The same type on every backend.

#include "socket_addr.hpp"
#include "tcp_listener.hpp"
#include "tcp_stream.hpp"

#include "../backend/stream_setup.hpp"
#include "../base/result.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace skerry::net {

namespace detail {

class ConnectSocketAwaiter : public ConnectAwaiter {
public:
    ConnectSocketAwaiter(const SocketAddr& address, const backend::StreamSetup& asked) noexcept
        : ConnectAwaiter(address, &asked_), asked_(asked) {}

private:
    backend::StreamSetup asked_;
};

}  // namespace detail

/// What TcpSocket::connect returns.
class [[nodiscard]] ConnectSocket {
public:
    ConnectSocket(const backend::StreamSetup& setup, const SocketAddr& to) noexcept : setup_(setup), to_(to) {}
    [[nodiscard]] detail::ConnectSocketAwaiter operator co_await() const noexcept {
        return detail::ConnectSocketAwaiter(to_, setup_);
    }

private:
    backend::StreamSetup setup_;
    SocketAddr to_;
};

/// What is to be asked of a socket that does not exist yet. Nothing happens before connect() or listen(), which may be
/// called again and make a socket each time; so that is where an option turns out to be wrong. What nobody set stays
/// as it is with TcpStream::connect and TcpListener::bind. Connections that a listener accepts inherit its options.
///
/// Threads: a value like any other.
class TcpSocket {
public:
    /// Where connections begin. Port 0 takes a free one; an unspecified address leaves the choice to the routes.
    TcpSocket& bind(const SocketAddr& local) noexcept {
        setup_.local = local;
        return *this;
    }

    /// SO_REUSEADDR: a bound address and port may be those of connections in TIME-WAIT. Our own stack and the simulator
    /// ask for none of it: there one port may have connections to several peers, but none to the peer that is waited
    /// for. Our own stack lets even that one be followed, where timestamps tell the two apart, when
    /// stack::TcpLimits::time_wait_reuse is over.
    TcpSocket& set_reuseaddr(bool on) noexcept {
        setup_.reuse_address = on;
        return *this;
    }
    /// SO_REUSEPORT: others of this user who ask for it too may have the same address.
    TcpSocket& set_reuseport(bool on) noexcept {
        setup_.reuse_port = on;
        return *this;
    }
    /// SO_BINDTODEVICE: sends and receives by this interface alone. An empty name stands for any.
    TcpSocket& bind_device(std::string_view name) noexcept {
        setup_.device.set(name);
        return *this;
    }
    /// A listener of an IPv6 address takes no IPv4 connections.
    TcpSocket& set_only_v6(bool on) noexcept {
        only_v6_ = on;
        return *this;
    }

    TcpSocket& set_option(SocketOption option, int value) noexcept {
        setup_.options.set(option, value);
        return *this;
    }
    TcpSocket& set_nodelay(bool on) noexcept { return set_option(SocketOption::no_delay, on ? 1 : 0); }
    /// As TcpStream::set_cork; what a listener accepts has it too.
    TcpSocket& set_cork(bool on) noexcept { return set_option(SocketOption::cork, on ? 1 : 0); }
    /// As TcpStream::set_quickack; the kernel does not hand it on from a listener to what it accepts.
    TcpSocket& set_quickack(bool on) noexcept { return set_option(SocketOption::quick_ack, on ? 1 : 0); }
    TcpSocket& set_keepalive(bool on) noexcept { return set_option(SocketOption::keep_alive, on ? 1 : 0); }
    /// Bytes. The kernel doubles what it is asked for, and has an upper limit of its own. A buffer that is not set
    /// grows with what the way holds, on the kernel and on our own stack; one that is set stays.
    TcpSocket& set_send_buffer_size(int bytes) noexcept { return set_option(SocketOption::send_buffer_bytes, bytes); }
    /// Bytes, as the send buffer's. It matters that it is asked for by now: the window of the first segment is as much.
    TcpSocket& set_recv_buffer_size(int bytes) noexcept {
        return set_option(SocketOption::receive_buffer_bytes, bytes);
    }
    /// As TcpStream::set_linger.
    TcpSocket& set_linger(std::optional<std::chrono::seconds> linger) noexcept {
        return set_option(SocketOption::linger_s, linger ? detail::as_option(*linger) : -1);
    }
    /// As TcpStream::set_congestion.
    TcpSocket& set_congestion(std::string_view name) noexcept {
        return set_option(SocketOption::congestion_control, detail::as_congestion_control(name));
    }
    /// How losses are found on our own stack: by the time that what arrived was sent (RACK, RFC 8985 section 6), which
    /// is the default, or by three segments behind the lost one (RFC 6675). This and the two below hold for a
    /// connection from its beginning to its end; where a kernel does the sending, connect() and listen() say
    /// unsupported.
    TcpSocket& set_rack(bool on) noexcept { return set_option(SocketOption::rack, on ? 1 : 0); }
    /// Whether something goes once more when nothing is acknowledged for two round trips, so that an answer tells of
    /// losses before a time-out does. RFC 8985 section 7; the default.
    TcpSocket& set_tail_probe(bool on) noexcept { return set_option(SocketOption::tail_probe, on ? 1 : 0); }
    /// Whether the window of a recovery comes down with what arrives (PRR, RFC 6937), which is the default, or at once.
    TcpSocket& set_proportional_rate(bool on) noexcept {
        return set_option(SocketOption::proportional_rate, on ? 1 : 0);
    }
    /// As TcpStream::set_user_timeout.
    TcpSocket& set_user_timeout(std::chrono::milliseconds limit) noexcept {
        return set_option(SocketOption::user_timeout_ms, detail::as_option(limit));
    }
    /// The type of service (IPv4) or traffic class (IPv6): DSCP in the upper six bits.
    TcpSocket& set_tos(int value) noexcept { return set_option(SocketOption::traffic_class, value); }
    TcpSocket& set_ttl(int hops) noexcept { return set_option(SocketOption::ttl, hops); }

    /// Connects to `to` from this core.
    ///
    /// Errors: as TcpStream::connect; address_in_use, address_not_available, of the address that it was bound to;
    ///         unsupported, for what the backend does not have; invalid_argument, for a value that an option cannot
    ///         have; not_found, for an interface or a name that there is not; permission_denied.
    /// Cancel: safe: the attempt is given up.
    [[nodiscard]] ConnectSocket connect(const SocketAddr& to) const noexcept { return {setup_, to}; }

    /// Listens on this core, on the address that it was bound to.
    ///
    /// Errors: as TcpListener::bind, and those of connect(); invalid_argument, when it was bound to none.
    [[nodiscard]] Result<TcpListener> listen(int backlog = ListenOptions{}.backlog) const noexcept;

private:
    backend::StreamSetup setup_;
    bool only_v6_ = false;
};

}  // namespace skerry::net
