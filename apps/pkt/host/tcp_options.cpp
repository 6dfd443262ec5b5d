// setsockopt() and getsockopt() of a TCP socket. An option that the stack does not have is not supported, whatever its
// value: a kernel that took it would behave otherwise from then on.

#include "tcp_socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <utility>

namespace skerry::pkt {

using stack::tcp::State;
using stack::tcp::Tcb;
using stack::tcp::Tcp;

namespace {

Attempt with_option(OptionValue value) {
    Returned result = success();
    result.output.option = std::move(value);
    return result;
}

// What no limit changes: below, kernels and the stack round up to different sizes; above, Linux has net.core.wmem_max
// and rmem_max, FreeBSD kern.ipc.maxsockbuf.
constexpr int buffer_least = 4'608;
constexpr int buffer_most_linux = 212'992;
constexpr int buffer_most_freebsd = 1 << 20;

constexpr int segment_bytes_unknown = 536;  // RFC 9293 section 3.7.1
constexpr int timestamps_bytes = 12;

/// What both ends agreed on, the timestamps counted.
int agreed_segment_bytes(const Tcb& tcb) { return int{tcb.mss} + (tcb.has_timestamps ? timestamps_bytes : 0); }

Attempt no_option(int level, int name) {
    return unsupported("socket option " + std::to_string(name) + " of level " + std::to_string(level) + " of TCP");
}

}  // namespace

// --- setting

// A connection that stands is made so at once, any other one when it stands.
Attempt TcpSocket::wished() {
    if (is_wished_ && tcb()->state != State::closed) apply(wishes_, tcp(), *tcb(), home_.engine.now());
    return success();
}

Attempt TcpSocket::wish(bool& place, bool value) {
    place = value;
    return wished();
}

Attempt TcpSocket::set_option(int level, int name, const OptionValue& value) {
    if (level == SOL_SOCKET) return set_socket_option(name, value);
    if (level == IPPROTO_TCP) return set_tcp_option(name, value);
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && family_.is_v6) return set_v6_only(value);
    if (level == IPPROTO_IP || (level == IPPROTO_IPV6 && family_.is_v6)) return set_mark(level, name, value);
    return no_option(level, name);
}

// -1 is the kernel's own value again. Of a traffic class TCP keeps ECN's two bits for itself.
Attempt TcpSocket::set_mark(int level, int name, const OptionValue& value) {
    const int* const number = std::get_if<int>(&value);
    if (number == nullptr) return no_option(level, name);
    const bool is_v6_name = level == IPPROTO_IPV6;
    stack::IpMarks& marks = is_v6_name ? wishes_.marks6 : wishes_.marks4;
    constexpr int ecn_bits = 3;
    if (name == (is_v6_name ? IPV6_UNICAST_HOPS : IP_TTL)) {
        if (*number < -1 || *number > 255 || (*number == 0 && !is_v6_name)) return failure(EINVAL);
        marks.ttl = *number == -1 ? stack::IpMarks{}.ttl : static_cast<std::uint8_t>(*number);
    } else if (name == (is_v6_name ? IPV6_TCLASS : IP_TOS)) {
        if (is_v6_name && (*number < -1 || *number > 255)) return failure(EINVAL);
        marks.traffic_class = *number == -1 ? std::uint8_t{0} : static_cast<std::uint8_t>(*number & ~ecn_bits);
    } else {
        return no_option(level, name);
    }
    tell_door();
    return wished();
}

// Only before the socket has a name: so Linux's ipv6_sockglue.c.
Attempt TcpSocket::set_v6_only(const OptionValue& value) {
    const int* const number = std::get_if<int>(&value);
    if (number == nullptr || is_bound_ || link_ != nullptr) return failure(EINVAL);
    family_.v6_only = *number != 0;
    return success();
}

Attempt TcpSocket::set_linger(const Linger& linger) {
    if (linger.is_on && linger.seconds != 0)
        return unsupported("SO_LINGER with a time: the stack's close() does not wait");
    return wish(wishes_.resets_on_close, linger.is_on);
}

Attempt TcpSocket::set_buffer(int name, int bytes) {
    const int most = is_freebsd() ? buffer_most_freebsd : buffer_most_linux;
    if (bytes < buffer_least || bytes > most)
        return unsupported("a buffer of " + std::to_string(bytes) + " bytes: kernels and the stack have other limits");
    (name == SO_RCVBUF ? wishes_.receive_buffer_bytes : wishes_.send_buffer_bytes) = bytes;
    tell_door();
    if (tcb() != nullptr) set_buffer_of(*tcb(), name, static_cast<std::uint32_t>(bytes));
    return success();
}

// What the window can say bounds that of a connection that stands; one that begins has no scale yet.
void TcpSocket::set_buffer_of(Tcb& tcb, int name, std::uint32_t bytes) {
    if (name == SO_SNDBUF)
        tcb.tcp->set_send_buffer(tcb, bytes);
    else
        tcb.tcp->set_receive_buffer(tcb,
                                    is_wished_ ? std::min(bytes, std::uint32_t{0xffff} << tcb.receive_scale) : bytes);
}

// Who connects to a listener from now on is answered as it is set now.
void TcpSocket::tell_door() {
    if (door_ == nullptr) return;
    door_->opening = opening_of(wishes_, home_.flavour);
    door_->opening.marks = wishes_.marks_to(family_.any());
}

// Linux keeps it for connections that begin, and takes it of one that stands without effect. FreeBSD takes no more than
// the segment that it has, of 536 bytes before a connection, and forgets it when one begins.
Attempt TcpSocket::set_segment_bytes(int bytes) {
    if (is_freebsd()) {
        const Tcb* const connection = tcb();
        const int now = connection != nullptr && is_wished_ ? agreed_segment_bytes(*connection) : segment_bytes_unknown;
        if (bytes <= 0 || bytes > now) return failure(EINVAL);
        return unsupported("TCP_MAXSEG on FreeBSD: the stack keeps the segments that were agreed on");
    }
    constexpr int least = 88;
    constexpr int most = 32'767;
    if (bytes != 0 && (bytes < least || bytes > most)) return failure(EINVAL);
    if (is_connecting_ && !is_wished_) return unsupported("TCP_MAXSEG while connect() is under way");
    wishes_.mss_max = static_cast<std::uint16_t>(bytes);
    tell_door();
    return success();
}

Attempt TcpSocket::set_socket_option(int name, const OptionValue& value) {
    if (name == SO_LINGER) {
        if (const auto* const linger = std::get_if<Linger>(&value)) return set_linger(*linger);
        return unsupported("SO_LINGER without a struct linger");
    }
    const int* const number = std::get_if<int>(&value);
    if (number == nullptr) return unsupported("a value that is no number for option " + std::to_string(name));
    switch (name) {
        case SO_REUSEADDR:
            wishes_.may_share_port = *number != 0;
            if (claim_) (*claim_)->may_share = wishes_.may_share_port;
            return success();
        case SO_DEBUG: wishes_.is_debugged = *number != 0; return success();  // of no kernel's traffic either
        case SO_KEEPALIVE: return wish(wishes_.keep.keep_alive, *number != 0);
        case SO_SNDBUF:
        case SO_RCVBUF: return set_buffer(name, *number);
        default: return no_option(SOL_SOCKET, name);
    }
}

// The ranges are Linux's.
Attempt TcpSocket::set_keep_alive(int name, int value) {
    constexpr int seconds_max = 32'767;
    constexpr int count_max = 127;
    if (value < 1 || value > (name == TCP_KEEPCNT ? count_max : seconds_max)) return failure(EINVAL);
    if (name == TCP_KEEPIDLE) wishes_.keep.keep_alive_idle_s = static_cast<std::uint16_t>(value);
    if (name == TCP_KEEPINTVL) wishes_.keep.keep_alive_interval_s = static_cast<std::uint16_t>(value);
    if (name == TCP_KEEPCNT) wishes_.keep.keep_alive_count = static_cast<std::uint8_t>(value);
    return wished();
}

Attempt TcpSocket::set_tcp_option(int name, const OptionValue& value) {
    if (name == TCP_CONGESTION) {
        const auto* const asked = std::get_if<std::string>(&value);
        const auto algorithm = asked != nullptr ? parse_congestion(*asked, home_.flavour) : std::nullopt;
        if (!algorithm) return unsupported("TCP_CONGESTION: the stack has Reno and CUBIC");
        wishes_.congestion = *algorithm;
        return wished();
    }
    const int* const number = std::get_if<int>(&value);
    if (number == nullptr) return unsupported("a value that is no number for TCP option " + std::to_string(name));
    switch (name) {
        case TCP_NODELAY: return wish(wishes_.no_delay, *number != 0);
        case TCP_CORK:
            if (is_freebsd()) return no_option(IPPROTO_TCP, name);
            return wish(wishes_.is_corked, *number != 0);
        case TCP_MAXSEG: return set_segment_bytes(*number);
        case TCP_KEEPIDLE:
        case TCP_KEEPINTVL:
        case TCP_KEEPCNT: return set_keep_alive(name, *number);
        case TCP_QUICKACK: wishes_.quick_ack = *number != 0; return wished();
        case TCP_USER_TIMEOUT:
            if (*number < 0) return failure(EINVAL);
            if (is_connecting_ && !is_wished_) return unsupported("TCP_USER_TIMEOUT while connect() is under way");
            wishes_.user_timeout_ms = static_cast<std::uint32_t>(*number);
            return wished();
        default: return no_option(IPPROTO_TCP, name);
    }
}

// --- getting

Attempt TcpSocket::get_option(int level, int name) {
    if (level == SOL_SOCKET) return get_socket_option(name);
    if (level == IPPROTO_TCP) return get_tcp_option(name);
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && family_.is_v6) return with_option(family_.v6_only ? 1 : 0);
    if (level == IPPROTO_IPV6 && name == IPV6_UNICAST_HOPS && family_.is_v6)
        return with_option(int{wishes_.marks6.ttl});
    if (level == IPPROTO_IPV6 && name == IPV6_TCLASS && family_.is_v6)
        return with_option(int{wishes_.marks6.traffic_class});
    if (level == IPPROTO_IP && name == IP_TTL) return with_option(int{wishes_.marks4.ttl});
    if (level == IPPROTO_IP && name == IP_TOS) return with_option(int{wishes_.marks4.traffic_class});
    return no_option(level, name);
}

Attempt TcpSocket::get_error() {
    const Error why = tcb() != nullptr ? Tcp::take_error(*tcb()) : Error();
    const auto error = errno_of(why, home_.flavour);
    if (!error) return failed_with(why, home_.flavour);
    return with_option(*error);
}

// Linux tells twice of what it was asked for, which is what it reserves; FreeBSD what the connection has, which is
// rounded up.
Attempt TcpSocket::get_buffer(int name) const {
    const bool receives = name == SO_RCVBUF;
    const std::optional<int>& asked = receives ? wishes_.receive_buffer_bytes : wishes_.send_buffer_bytes;
    const stack::TcpLimits& limits = home_.engine.config().tcp;
    if (is_freebsd()) {
        if (const Tcb* const has = tcb())
            return with_option(static_cast<int>(receives ? has->receive_limit : has->send_limit));
        return with_option(
            asked.value_or(static_cast<int>(receives ? limits.receive_buffer_bytes : limits.send_buffer_bytes)));
    }
    if (asked) return with_option(2 * *asked);
    if (is_wished_) return unsupported("a connection's buffer that was never set: Linux's grows");
    return with_option(receives ? home_.defaults.receive_buffer_told : home_.defaults.send_buffer_told);
}

Attempt TcpSocket::get_socket_option(int name) {
    switch (name) {
        case SO_ERROR: return get_error();
        case SO_REUSEADDR: return with_option(wishes_.may_share_port ? 1 : 0);
        case SO_DEBUG: return with_option(wishes_.is_debugged ? 1 : 0);
        case SO_KEEPALIVE: return with_option(wishes_.keep.keep_alive ? 1 : 0);
        case SO_LINGER: return with_option(Linger{wishes_.resets_on_close, 0});
        case SO_SNDBUF: return get_buffer(SO_SNDBUF);
        case SO_RCVBUF: return get_buffer(SO_RCVBUF);
        case SO_TYPE: return with_option(static_cast<int>(SOCK_STREAM));
        case SO_DOMAIN: return with_option(family_.domain());
        case SO_PROTOCOL: return with_option(static_cast<int>(IPPROTO_TCP));
        case SO_ACCEPTCONN: return with_option(door_ != nullptr ? 1 : 0);
        default: return no_option(SOL_SOCKET, name);
    }
}

// Linux tells what fits beside the timestamps, FreeBSD what both ends agreed on. While a connection begins, and nothing
// is agreed on, Linux reckons with what it would send (tcp_connect_init); before and after it tells what was set.
Attempt TcpSocket::get_segment_bytes() const {
    const Tcb* const connection = tcb();
    if (is_freebsd())
        return with_option(connection != nullptr && is_wished_ ? agreed_segment_bytes(*connection)
                                                               : segment_bytes_unknown);
    const int asked = wishes_.mss_max != 0 ? wishes_.mss_max : segment_bytes_unknown;
    if (connection == nullptr) return with_option(asked);
    if (connection->state == State::syn_sent) {
        const bool has_timestamps = home_.engine.config().tcp.timestamps;
        return with_option(std::min(asked, int{connection->own_mss}) - (has_timestamps ? timestamps_bytes : 0));
    }
    if (connection->state == State::closed && (wishes_.mss_max != 0 || !is_wished_)) return with_option(asked);
    return with_option(int{connection->mss});
}

Attempt TcpSocket::get_congestion() const {
    const auto algorithm = wishes_.congestion.value_or(home_.engine.config().tcp.congestion_control);
    return with_option(std::string(congestion_name(algorithm, home_.flavour)));
}

Attempt TcpSocket::get_tcp_option(int name) {
    switch (name) {
        case TCP_NODELAY: return with_option(wishes_.no_delay ? 1 : 0);
        case TCP_CORK:
            if (is_freebsd()) return no_option(IPPROTO_TCP, name);
            return with_option(wishes_.is_corked ? 1 : 0);
        case TCP_MAXSEG: return get_segment_bytes();
        case TCP_KEEPIDLE: return with_option(int{wishes_.keep.keep_alive_idle_s});
        case TCP_KEEPINTVL: return with_option(int{wishes_.keep.keep_alive_interval_s});
        case TCP_KEEPCNT: return with_option(int{wishes_.keep.keep_alive_count});
        case TCP_USER_TIMEOUT: return with_option(static_cast<int>(wishes_.user_timeout_ms));
        case TCP_CONGESTION: return get_congestion();
        case TCP_INFO:
            if (tcb() == nullptr) return unsupported("TCP_INFO of a socket without a connection");
            return with_option(info_fields(*tcb(), home_.engine.config().tcp));
        default: return no_option(IPPROTO_TCP, name);
    }
}

}  // namespace skerry::pkt
