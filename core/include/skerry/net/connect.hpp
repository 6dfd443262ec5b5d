#pragma once

// To a host, by whichever of its addresses answers first.

#include "socket_addr.hpp"
#include "tcp_stream.hpp"

#include "../base/result.hpp"
#include "../task/task.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace skerry::net {

struct ConnectOptions {
    /// How long an attempt may take before the next address is tried as well. RFC 8305 section 8 asks for 250 ms, and
    /// for no less than 10 ms and no more than 2 s.
    std::chrono::nanoseconds attempt_delay = std::chrono::milliseconds{250};
};

/// Connects to the first of `addresses` that takes the connection.
///
/// They are tried in their order, but the families take turns, beginning with that of the first. The next attempt
/// begins when one has failed, or has not answered within attempt_delay; what was begun goes on beside it. With the
/// first connection the other attempts are given up.
///
/// Errors: as TcpStream::connect: of the attempt that failed last; invalid_argument, when `addresses` is empty.
/// Cancel: safe: all attempts are given up and their descriptors closed.
/// Cost:   a task for each attempt that is begun.
/// Source: RFC 8305 sections 4 and 5.
[[nodiscard]] Task<Result<TcpStream>> connect(std::vector<SocketAddr> addresses, ConnectOptions options = {});

/// The same with the addresses of `host`, which is a name or an address in text.
///
/// Errors: also those of resolve().
/// Cancel: safe.
/// Source: RFC 8305, but that the look-up answers once, with the addresses that resolve() has.
[[nodiscard]] Task<Result<TcpStream>> connect(std::string host, std::uint16_t port, ConnectOptions options = {});

}  // namespace skerry::net
