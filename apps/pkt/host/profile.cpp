#include "profile.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

namespace skerry::pkt {

using namespace std::chrono_literals;
using stack::tcp::CongestionControl;

std::optional<Profile> parse_profile(std::string_view name) noexcept {
    if (name == "linux") return Profile::linux_like;
    if (name == "freebsd") return Profile::freebsd;
    if (name == "lowlat") return Profile::lowlat;
    return {};
}

// Of the two that both kernels have; FreeBSD's name for Reno is another.
std::optional<CongestionControl> parse_congestion(std::string_view name, Flavour flavour) noexcept {
    for (const CongestionControl algorithm : {CongestionControl::reno, CongestionControl::cubic})
        if (congestion_name(algorithm, flavour) == name) return algorithm;
    return {};
}

std::string_view congestion_name(CongestionControl algorithm, Flavour flavour) noexcept {
    if (algorithm == CongestionControl::reno && flavour == Flavour::freebsd) return "newreno";
    return backend::name_of(algorithm);
}

namespace {

// The defaults of FreeBSD 14: net.inet.tcp.rexmit_min, rexmit_initial, keepinit, delacktime, msl (TIME-WAIT is two of
// them), finwait2_timeout, sendspace, recvspace, syncache.rexmtlimit. A receive buffer of 64 KiB makes a window of
// 65'535, and kern.ipc.maxsockbuf of 2 MiB a scale of 6.
void apply_freebsd(stack::TcpLimits& limits) noexcept {
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
    limits.syn_layout = stack::wire::SynLayout::freebsd;
    // tcp_syn_backoff: 1 five times, 2 to 64, 64 again; net.inet.tcp.keepinit ends it before.
    limits.syn_steady_retries = 4;
    limits.syn_doublings_max = 6;
    limits.syn_retries = 12;
    limits.syn_timeout = 75s;
    limits.syn_ack_retries = 3;
    // Its usual stack, which is not tcp_rack; PRR is on (net.inet.tcp.do_prr).
    limits.loss_detection = stack::LossDetection::rfc6675;
    limits.tail_probe = false;
    limits.undoes_spurious = false;
    limits.forward_after_time_out = false;
}

// What of Linux the stack's defaults are not: TCP_INIT_CWND counts segments, however long, TCP_MAX_QUICKACKS,
// net.ipv4.tcp_min_tso_segs, tcp_minshall_check(), TCP_PAWS_WINDOW and tcp_reset_check(). And a window that says what a
// script expects: tcp_moderate_rcvbuf is 0.
void apply_linux(stack::TcpLimits& limits) noexcept {
    limits.initial_window_bytes = std::numeric_limits<std::uint32_t>::max();
    limits.quick_acks = 16;
    limits.burst_segments = 2;
    limits.nagle_by_minshall = true;
    limits.paws_slack = 1;
    limits.takes_missing_timestamps = true;
    limits.takes_late_resets = true;
    limits.receive_buffer_max = 0;
}

}  // namespace

void apply(Profile profile, stack::TcpLimits& limits) noexcept {
    // Scripts are written for RFC 5681's windows; one that is about CUBIC asks for it.
    limits.congestion_control = CongestionControl::reno;
    profile == Profile::freebsd ? apply_freebsd(limits) : apply_linux(limits);
    if (profile == Profile::lowlat) limits.rto_min = 5ms;
}

std::size_t accept_queue(int backlog, Flavour flavour) noexcept {
    constexpr int somaxconn_linux = 4096;
    constexpr int somaxconn_freebsd = 128;
    if (flavour == Flavour::freebsd) {
        const int limit = backlog < 0 || backlog > somaxconn_freebsd ? somaxconn_freebsd : backlog;
        return static_cast<std::size_t>(3 * limit / 2) + 1;
    }
    // A negative one is unsigned there, and so cut to the most.
    const int limit = backlog < 0 ? somaxconn_linux : std::min(backlog, somaxconn_linux);
    return static_cast<std::size_t>(limit) + 1;
}

}  // namespace skerry::pkt
