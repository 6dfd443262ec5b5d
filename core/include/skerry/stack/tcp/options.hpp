#pragma once

// What the two ends agree on in their SYNs, and the clock of timestamps.

#include "limits.hpp"
#include "opening.hpp"

#include "../config.hpp"
#include "../hosts.hpp"
#include "../wire/ipv4.hpp"
#include "../wire/ipv6.hpp"
#include "../wire/tcp.hpp"
#include "../wire/tcp_options.hpp"
#include "../../time/instant.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace skerry::stack::tcp {

// RFC 9293 section 3.7.1, of IPv4 and of IPv6.
inline constexpr std::uint16_t mss_default = 536;
inline constexpr std::uint16_t mss_default_v6 = 1220;
inline constexpr std::uint16_t mss_min = 88;  // of what this end offers, as in Linux
/// What a peer says is believed down to this, as in Linux: less would make each of our packets mostly header
/// (CVE-2019-11479).
inline constexpr std::uint16_t peer_mss_min = 48;

/// The segments of IPv4 that we can take.
[[nodiscard]] inline std::uint16_t own_mss(const StackConfig& config) noexcept {
    return static_cast<std::uint16_t>(config.mtu - wire::ipv4_bytes - wire::tcp_bytes);
}

/// The segments that a connection with `remote` takes which begins so.
[[nodiscard]] inline std::uint16_t own_mss(const StackConfig& config, wire::Ipv4Addr remote,
                                           const Opening& opening) noexcept {
    constexpr std::size_t longer = wire::ipv6_bytes - wire::ipv4_bytes;
    const auto fits = static_cast<std::uint16_t>(own_mss(config) - (is_host_number(remote) ? longer : 0));
    return opening.mss_max == 0 ? fits : std::min(fits, std::max(mss_min, opening.mss_max));
}

/// The payload of a segment to a peer whose SYN had `peer_mss`, where this end's has `own_mss`.
[[nodiscard]] inline std::uint16_t send_mss(std::uint16_t own_mss, std::uint16_t peer_mss,
                                            bool has_timestamps) noexcept {
    const std::uint16_t fits = std::clamp(peer_mss, peer_mss_min, std::max(peer_mss_min, own_mss));
    return static_cast<std::uint16_t>(fits - (has_timestamps ? wire::tcp_timestamps_bytes : 0));
}

/// The same where the way there takes packets of `mtu` bytes.
[[nodiscard]] inline std::uint16_t path_mss(std::uint16_t mtu, wire::Ipv4Addr remote, bool has_timestamps) noexcept {
    const std::size_t headers = (is_host_number(remote) ? wire::ipv6_bytes : wire::ipv4_bytes) + wire::tcp_bytes +
                                (has_timestamps ? wire::tcp_timestamps_bytes : 0);
    return static_cast<std::uint16_t>(mtu - headers);
}

[[nodiscard]] inline std::uint16_t peer_mss(const wire::TcpOptions& options, wire::Ipv4Addr remote) noexcept {
    if (options.has_mss) return options.mss;
    return is_host_number(remote) ? mss_default_v6 : mss_default;
}

/// What a buffer has room for when both ends know how long their segments are, `mss` bytes of payload beside the
/// timestamps.
[[nodiscard]] inline std::uint32_t buffer_of(const TcpLimits& limits, std::uint32_t bytes, std::uint32_t mss,
                                             bool has_timestamps) noexcept {
    const std::uint32_t segment = mss + (has_timestamps ? wire::tcp_timestamps_bytes : 0);
    if (!limits.buffers_in_segments || bytes < segment) return bytes;
    return (bytes + segment - 1) / segment * segment;
}

/// How far this end shifts its windows. Never so far that half of the buffer would be less than a unit: who was told of
/// none would send a byte at a time, to ask.
[[nodiscard]] inline std::uint8_t own_scale(const TcpLimits& limits, const Opening& opening) noexcept {
    std::uint8_t scale = opening.window_scale.value_or(limits.window_scale);
    const std::uint32_t half = opening.receive_buffer_or(limits.receive_buffer_bytes) / 2;
    while (scale != 0 && half >> scale == 0) --scale;
    return scale;
}

/// Of the clock, modulo 2^32: 49 days.
[[nodiscard]] inline std::uint32_t milliseconds(time::Instant now) noexcept {
    return static_cast<std::uint32_t>(now.as_nanos() / 1'000'000);
}

/// The same as a mark of when something was, of which 0 says never.
[[nodiscard]] inline std::uint32_t mark_ms(time::Instant now) noexcept {
    const std::uint32_t ms = milliseconds(now);
    return ms != 0 ? ms : ~0U;
}

/// Whether that was less than `interval` ago. Once in 49 days it says so for an interval too long.
[[nodiscard]] inline bool was_within(std::uint32_t mark, std::chrono::nanoseconds interval,
                                     time::Instant now) noexcept {
    return mark != 0 && std::chrono::milliseconds{milliseconds(now) - mark} < interval;
}

/// Milliseconds, from a beginning that differs with each connection. RFC 7323 section 5.4.
[[nodiscard]] inline std::uint32_t timestamp(time::Instant now, std::uint32_t offset) noexcept {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(now.as_nanos()) / 1'000'000) + offset;
}

/// What this end offers in a SYN: the options without their values.
[[nodiscard]] inline wire::TcpOptions offered_options(const TcpLimits& limits) noexcept {
    wire::TcpOptions options;
    options.sack_permitted = limits.sack;
    options.has_timestamps = limits.timestamps;
    options.has_window_scale = limits.window_scaling;
    return options;
}

/// What counts of the options of a peer's SYN, when this end's has `offered` or an answer may have as much.
///
/// Source: RFC 7323 sections 2.2 and 3.2, RFC 2018 section 2: who has not offered an option does not take part in it.
[[nodiscard]] inline wire::TcpOptions agreed_options(const wire::TcpOptions& offered,
                                                     const wire::TcpOptions& theirs) noexcept {
    wire::TcpOptions options = theirs;
    options.sack_permitted = theirs.sack_permitted && offered.sack_permitted;
    options.has_timestamps = theirs.has_timestamps && offered.has_timestamps;
    options.has_window_scale = theirs.has_window_scale && offered.has_window_scale;
    return options;
}

}  // namespace skerry::stack::tcp
