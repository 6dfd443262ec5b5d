#pragma once

// How a TCP connection fares, in the same words from the kernel's TCP and from our own.

#include <chrono>
#include <cstdint>
#include <string_view>

namespace skerry::backend {

/// RFC 9293 section 3.3.2.
enum class TcpState : std::uint8_t {
    closed,
    syn_sent,
    syn_received,
    established,
    fin_wait_1,
    fin_wait_2,
    close_wait,
    closing,
    last_ack,
    time_wait,
};

/// As RFC 9293 writes it: "ESTABLISHED".
[[nodiscard]] std::string_view to_string(TcpState state) noexcept;

/// A moment's view. Bytes are of payload.
struct TcpInfo {
    TcpState state = TcpState::closed;
    std::chrono::microseconds round_trip{0};            ///< smoothed (RFC 6298); 0: not measured yet
    std::chrono::microseconds round_trip_variation{0};  ///< its mean deviation
    std::chrono::microseconds retransmission_timeout{0};
    std::uint32_t send_mss = 0;              ///< the longest segment to the peer
    std::uint32_t congestion_window = 0;     ///< bytes that may be under way
    std::uint32_t slow_start_threshold = 0;  ///< bytes; no_threshold: nothing was lost yet
    std::uint32_t send_window = 0;  ///< bytes behind the acknowledged ones that the peer takes; the kernel's
                                    ///< since Linux 5.4, else 0
    std::uint32_t unacknowledged = 0;  ///< bytes under way; of the kernel, which counts segments, at most these
    std::uint32_t unsent = 0;  ///< bytes written and never sent
    std::uint32_t retransmitted = 0;  ///< segments sent again, since the connection began
    bool has_timestamps = false;  ///< RFC 7323
    bool has_window_scale = false;  ///< RFC 7323
    bool has_sack = false;  ///< RFC 2018
    bool has_ecn = false;  ///< RFC 3168
    bool has_seen_ecn = false;  ///< and the peer has sent data that routers may mark

    static constexpr std::uint32_t no_threshold = 0xffff'ffff;
};

}  // namespace skerry::backend
