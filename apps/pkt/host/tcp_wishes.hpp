#pragma once

// What a program asked of a TCP socket by setsockopt(), whether it has a connection already or not. A connection that
// is accepted has its listener's wishes.

#include "profile.hpp"
#include "socket_defaults.hpp"

#include <skerry/stack/tcp/tcp.hpp>
#include <skerry/time/instant.hpp>

#include <cstdint>
#include <optional>

namespace skerry::pkt {

struct TcpWishes {
    explicit TcpWishes(const SocketDefaults& defaults) : keep(defaults) {}

    bool may_share_port = false;  ///< SO_REUSEADDR
    bool is_debugged = false;  ///< SO_DEBUG, which nobody sees
    bool no_delay = false;
    bool is_corked = false;  ///< TCP_CORK
    SocketDefaults keep;
    bool resets_on_close = false;  ///< SO_LINGER with a time of 0
    std::uint32_t user_timeout_ms = 0;
    std::optional<bool> quick_ack;
    std::optional<stack::tcp::CongestionControl> congestion;  ///< TCP_CONGESTION
    std::optional<int> send_buffer_bytes;
    std::optional<int> receive_buffer_bytes;
    std::uint16_t mss_max = 0;  ///< TCP_MAXSEG; 0: not set
    stack::IpMarks marks4;  ///< IP_TTL and IP_TOS
    stack::IpMarks marks6;  ///< IPV6_UNICAST_HOPS and IPV6_TCLASS

    [[nodiscard]] stack::IpMarks marks_to(stack::wire::Ipv4Addr host) const noexcept {
        return stack::is_host_number(host) ? marks6 : marks4;
    }
};

/// How connections of a program with such wishes begin.
///
/// Source: Linux offers the scale that the buffer needs which was set (tcp_select_initial_window), FreeBSD always that
///         of the largest one.
[[nodiscard]] stack::tcp::Opening opening_of(const TcpWishes& wishes, Flavour flavour) noexcept;

/// Makes a connection that has begun be as its program wishes, but for what is said when it begins.
void apply(const TcpWishes& wishes, stack::tcp::Tcp& tcp, stack::tcp::Tcb& tcb, time::Instant now);

}  // namespace skerry::pkt
