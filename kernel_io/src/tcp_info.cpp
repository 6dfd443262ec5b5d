#include "tcp_info.hpp"

#include "os_socket.hpp"

#include <linux/tcp.h>  // glibc's <netinet/tcp.h> has an older struct tcp_info, and the two do not go together
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>

namespace skerry::kernel_io {

namespace {

using backend::TcpInfo;
using backend::TcpState;

// By the kernel's numbers, from 1; its LISTEN has no connection.
TcpState state_of(std::uint8_t number) noexcept {
    static constexpr std::array<TcpState, 12> states{
        TcpState::closed,     TcpState::established, TcpState::syn_sent,  TcpState::syn_received,
        TcpState::fin_wait_1, TcpState::fin_wait_2,  TcpState::time_wait, TcpState::closed,
        TcpState::close_wait, TcpState::last_ack,    TcpState::closed,    TcpState::closing};
    return number < states.size() ? states[number] : TcpState::closed;
}

std::uint32_t bytes_in(std::uint32_t segments, std::uint32_t mss) noexcept {
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::min(std::uint64_t{segments} * mss, most));
}

}  // namespace

Result<TcpInfo> tcp_info(int fd) noexcept {
    struct tcp_info told{};  // a kernel that knows less leaves the rest
    socklen_t length = sizeof told;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &told, &length) != 0) return last_error();
    constexpr std::uint32_t no_threshold_segments = 0x7fff'ffff;
    TcpInfo info;
    info.state = state_of(told.tcpi_state);
    info.round_trip = std::chrono::microseconds{told.tcpi_rtt};
    info.round_trip_variation = std::chrono::microseconds{told.tcpi_rttvar};
    info.retransmission_timeout = std::chrono::microseconds{told.tcpi_rto};
    info.send_mss = told.tcpi_snd_mss;
    info.congestion_window = bytes_in(told.tcpi_snd_cwnd, told.tcpi_snd_mss);
    info.slow_start_threshold = told.tcpi_snd_ssthresh >= no_threshold_segments
                                    ? TcpInfo::no_threshold
                                    : bytes_in(told.tcpi_snd_ssthresh, told.tcpi_snd_mss);
    info.send_window = told.tcpi_snd_wnd;
    info.unacknowledged = bytes_in(told.tcpi_unacked, told.tcpi_snd_mss);
    info.unsent = told.tcpi_notsent_bytes;
    info.retransmitted = told.tcpi_total_retrans;
    info.has_timestamps = (told.tcpi_options & TCPI_OPT_TIMESTAMPS) != 0;
    info.has_window_scale = (told.tcpi_options & TCPI_OPT_WSCALE) != 0;
    info.has_sack = (told.tcpi_options & TCPI_OPT_SACK) != 0;
    info.has_ecn = (told.tcpi_options & TCPI_OPT_ECN) != 0;
    info.has_seen_ecn = (told.tcpi_options & TCPI_OPT_ECN_SEEN) != 0;
    return info;
}

}  // namespace skerry::kernel_io
