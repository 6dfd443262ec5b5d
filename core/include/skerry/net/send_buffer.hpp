#pragma once

// Memory to be filled and given away: TcpStream::write_buf() and UdpSocket::send_buf() send from it without a copy
// where the backend can.

#include "../backend/socket_ops.hpp"
#include "../base/io_buf.hpp"

#include <cstddef>

namespace skerry::net {

/// A buffer of `bytes` bytes, not initialized, with `headroom` in front that prepend() may give.
///
/// With our stack one of the port's frames, where it fits one and enough of them are left: less than a quarter of them
/// is never given out. Else, and on every other backend, the heap's.
///
/// What is given away comes back to the pool when the network is done with it, so that who takes one for each message
/// allocates nothing.
///
/// Shape:    what holds no more than a segment (TcpStream::info().send_mss), or a datagram of one packet, leaves
///           itself.
/// Errors:   an IoBuf that is false, when the heap refuses.
/// Lifetime: as IoBuf; who holds many of them takes them from what comes and leaves.
/// Threads:  a core of a runtime; on any other thread it is the heap's.
/// Cost:     of the port's frames no allocation; one indirect call.
[[nodiscard]] inline IoBuf send_buffer(std::size_t bytes, std::size_t headroom = 0) noexcept {
    if (backend::current_sockets == nullptr) return IoBuf::allocate(bytes, headroom);
    return backend::current_sockets->send_buffer(bytes, headroom);
}

}  // namespace skerry::net
