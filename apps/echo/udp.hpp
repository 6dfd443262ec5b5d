#pragma once

// The UDP half: one socket a core.

#include "counters.hpp"
#include "settings.hpp"

#include <skerry/base/result.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/task/cancel.hpp>
#include <skerry/task/task.hpp>

namespace skerry::echo {

/// The address, taken for this program alone.
///
/// Errors: as UdpSocket::bind; address_in_use also when another program would share the port.
[[nodiscard]] Result<net::UdpSocket> bind_udp(const net::SocketAddr& address);

/// Answers datagrams on every core, with `socket` on this one, until it is aborted.
///
/// Errors: the first core's that could not bind or receive.
/// Cancel: safe: what was received is answered or, like any datagram, lost.
[[nodiscard]] Task<Result<>> serve_udp(net::UdpSocket socket, Mode mode, Cores* cores);

}  // namespace skerry::echo
