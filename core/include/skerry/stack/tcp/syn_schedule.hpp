#pragma once

// How long a SYN, or the answer to one, waits before it is sent again. RFC 6298 section 5 asks for a doubling with each
// time-out. Kernels that send some SYNs at even distances first find a peer behind a lossy way sooner, for a few small
// segments more, and double then.

#include "limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace skerry::stack::tcp {

/// The first wait, doubled so often, as far as rto_max.
[[nodiscard]] inline std::chrono::nanoseconds doubled_wait(const TcpLimits& limits, std::uint32_t doublings) noexcept {
    std::chrono::nanoseconds wait = limits.rto_initial;
    for (; doublings != 0 && wait < limits.rto_max; --doublings) wait *= 2;
    return std::min(wait, limits.rto_max);
}

/// The wait of a SYN that was sent again `retries` times.
///
/// Source: RFC 6298 sections 5.5 and 5.7; Linux's tcp_syn_linear_timeouts, and FreeBSD's tcp_syn_backoff, which is 4
///         steady retries and at most 6 doublings.
[[nodiscard]] inline std::chrono::nanoseconds syn_wait(const TcpLimits& limits, std::uint32_t retries) noexcept {
    const std::uint32_t steady = limits.syn_steady_retries;
    return doubled_wait(limits, std::min<std::uint32_t>(retries - std::min(retries, steady), limits.syn_doublings_max));
}

/// The same of a SYN-ACK.
[[nodiscard]] inline std::chrono::nanoseconds syn_ack_wait(const TcpLimits& limits, std::uint32_t retries) noexcept {
    return doubled_wait(limits, retries);
}

/// Whether a SYN that was sent again `retries` times has the MSS alone.
[[nodiscard]] inline bool is_bare_syn(const TcpLimits& limits, std::uint32_t retries) noexcept {
    return retries >= limits.syns_with_options;
}

}  // namespace skerry::stack::tcp
