#include <skerry/stack/tcp/profile.hpp>

#include <chrono>
#include <cstddef>
#include <limits>

namespace skerry::stack {

using namespace std::chrono_literals;

std::optional<TcpProfile> parse_tcp_profile(std::string_view name) noexcept {
    for (std::size_t i = 0; i < tcp_profile_names.size(); ++i)
        if (tcp_profile_names[i] == name) return static_cast<TcpProfile>(i);
    return {};
}

namespace {

// The defaults of FreeBSD 14: net.inet.tcp.rexmit_min, rexmit_initial, keepinit, delacktime, msl (TIME-WAIT is two of
// them), finwait2_timeout, sendspace, recvspace, syncache.rexmtlimit. A receive buffer of 64 KiB makes a window of
// 65'535, and kern.ipc.maxsockbuf of 2 MiB a scale of 6.
void apply_freebsd(TcpLimits& limits) noexcept {
    limits.receive_buffer_bytes = 65'536;
    limits.send_buffer_bytes = 32'768;
    limits.buffers_in_segments = true;
    limits.tells_all_room = true;
    limits.window_scale = 6;
    limits.rto_min = 30ms;
    limits.rto_min_is_of_all = true;
    limits.lost_syns_forgiven = 0;
    limits.halves_when_idle = false;
    // tcp_setpersist(): net.inet.tcp.persmin and persmax.
    limits.probes_with_data = true;
    limits.window_probe_min = 5s;
    limits.window_probe_max = 60s;
    limits.rto_initial = 1s;
    limits.rto_max = 64s;
    limits.delayed_ack = 40ms;
    limits.time_wait = 60s;
    limits.fin_wait_2 = 60s;
    limits.resets_unread = false;
    limits.syn_layout = wire::SynLayout::freebsd;
    // tcp_syn_backoff: 1 five times, 2 to 64, 64 again; net.inet.tcp.keepinit ends it before.
    limits.syn_steady_retries = 4;
    limits.syn_doublings_max = 6;
    limits.syn_retries = 12;
    limits.syn_timeout = 75s;
    limits.syn_ack_retries = 3;
    // PRR is on (net.inet.tcp.do_prr).
    limits.loss_detection = LossDetection::rfc6675;
    limits.tail_probe = false;
    limits.undoes_spurious = false;
    limits.forward_after_time_out = false;
}

// What of Linux the defaults are not: TCP_INIT_CWND counts segments, however long, TCP_MAX_QUICKACKS,
// net.ipv4.tcp_min_tso_segs, tcp_minshall_check(), TCP_PAWS_WINDOW and tcp_reset_check().
void apply_linux(TcpLimits& limits) noexcept {
    limits.initial_window_bytes = std::numeric_limits<std::uint32_t>::max();
    limits.quick_acks = 16;
    limits.burst_segments = 2;
    limits.nagle_by_minshall = true;
    limits.paws_slack = 1;
    limits.takes_missing_timestamps = true;
    limits.takes_late_resets = true;
}

}  // namespace

void apply(TcpProfile profile, TcpLimits& limits) noexcept {
    profile == TcpProfile::freebsd ? apply_freebsd(limits) : apply_linux(limits);
    if (profile != TcpProfile::lowlat) return;
    limits.rto_min = 5ms;
    limits.delayed_ack = 1ms;
}

}  // namespace skerry::stack
