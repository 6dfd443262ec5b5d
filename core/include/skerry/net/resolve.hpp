#pragma once

// Names to addresses.

#include "socket_addr.hpp"

#include "../base/result.hpp"
#include "../task/task.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace skerry::net {

/// Finds the addresses of `host`, which is a name or an address in text, each with `port`.
///
/// Shape:  at least one address, in the order the system prefers. Where the kernel carries the traffic none of a family
///         that it has no address of; a stack of our own gets both.
/// Errors: not_found, when the name has no address; invalid_argument, when it has a zero byte; timed_out, when the
///         name servers do not answer; no_memory; would_block, when the pool could start no thread; the system's own,
///         as no_descriptors.
/// Cancel: safe: the look-up that runs is not interrupted, and its answer dropped; one that has not begun is not made.
/// Cost:   an address in text costs nothing; a name goes to getaddrinfo on the blocking pool.
[[nodiscard]] Task<Result<std::vector<SocketAddr>>> resolve(std::string host, std::uint16_t port);

}  // namespace skerry::net
