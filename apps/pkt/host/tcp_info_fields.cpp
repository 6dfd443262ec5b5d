#include "tcp_info_fields.hpp"

#include <skerry/stack/tcp/info.hpp>

namespace skerry::pkt {

using backend::TcpInfo;
using backend::TcpState;

std::optional<std::int64_t> TcpInfoFields::find(std::string_view name) const {
    const auto found = values.find(name);
    if (found == values.end()) return {};
    return found->second;
}

int linux_state(TcpState state) noexcept {
    switch (state) {
        case TcpState::established: return 1;
        case TcpState::syn_sent: return 2;
        case TcpState::syn_received: return 3;
        case TcpState::fin_wait_1: return 4;
        case TcpState::fin_wait_2: return 5;
        case TcpState::time_wait: return 6;
        case TcpState::closed: return 7;
        case TcpState::close_wait: return 8;
        case TcpState::last_ack: return 9;
        case TcpState::closing: return 11;
    }
    return 7;
}

namespace {

// Linux counts segments where the stack counts bytes; what is left over of a segment is one that has not grown yet.
std::int64_t in_segments(std::uint32_t bytes, std::uint32_t mss) { return mss == 0 ? 0 : bytes / mss; }

std::int64_t threshold_in_segments(const TcpInfo& info) {
    constexpr std::int64_t linux_infinite = 0x7fff'ffff;
    if (info.slow_start_threshold == TcpInfo::no_threshold) return linux_infinite;
    return in_segments(info.slow_start_threshold, info.send_mss);
}

// TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE, TCPI_OPT_ECN, TCPI_OPT_ECN_SEEN.
std::int64_t option_bits(const TcpInfo& info) {
    return (info.has_timestamps ? 1 : 0) | (info.has_sack ? 2 : 0) | (info.has_window_scale ? 4 : 0) |
           (info.has_ecn ? 8 : 0) | (info.has_seen_ecn ? 16 : 0);
}

}  // namespace

TcpInfoFields info_fields(const stack::tcp::Tcb& tcb, const stack::TcpLimits& limits) {
    const TcpInfo info = stack::tcp::info_of(tcb, limits);
    TcpInfoFields fields;
    auto& values = fields.values;
    values["tcpi_state"] = linux_state(info.state);
    values["tcpi_options"] = option_bits(info);
    values["tcpi_snd_wscale"] = tcb.send_scale;
    values["tcpi_rcv_wscale"] = tcb.receive_scale;
    values["tcpi_rto"] = info.retransmission_timeout.count();
    values["tcpi_rtt"] = info.round_trip.count();
    values["tcpi_rttvar"] = info.round_trip_variation.count();
    values["tcpi_snd_mss"] = info.send_mss;
    values["tcpi_snd_cwnd"] = in_segments(info.congestion_window, info.send_mss);
    values["tcpi_snd_ssthresh"] = threshold_in_segments(info);
    values["tcpi_unacked"] = tcb.queue.sent();
    values["tcpi_notsent_bytes"] = info.unsent;
    values["tcpi_total_retrans"] = info.retransmitted;
    values["tcpi_snd_wnd"] = info.send_window;
    return fields;
}

}  // namespace skerry::pkt
