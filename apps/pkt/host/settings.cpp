#include "settings.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace skerry::pkt {

using stack::TcpLimits;

namespace {

using Numbers = std::vector<std::int64_t>;

/// What is wrong with a value; nothing when it was set.
using Refusal = std::optional<std::string>;

/// Sets a value whose numbers were read.
using Setter = Refusal (*)(MachineSettings&, const Numbers&);

struct Row {
    std::string_view name;
    Setter set;
};

// --- ways to set something

template <std::chrono::nanoseconds TcpLimits::* Member, std::int64_t UnitNs>
Refusal set_time(MachineSettings& settings, const Numbers& values) {
    constexpr std::int64_t most = 1'000'000'000;
    if (values.size() != 1 || values[0] < 0 || values[0] > most) return "no time that the stack takes";
    settings.stack.tcp.*Member = std::chrono::nanoseconds{values[0] * UnitNs};
    return {};
}

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t s = 1'000 * ms;

template <class Number>
Refusal set_number(Number& place, const Numbers& values, std::int64_t least, std::int64_t most) {
    if (values.size() != 1 || values[0] < least || values[0] > most)
        return "the stack takes " + std::to_string(least) + " to " + std::to_string(most);
    place = static_cast<Number>(values[0]);
    return {};
}

/// The stack does what this value says and cannot do otherwise.
template <std::int64_t Only>
Refusal is_always(MachineSettings&, const Numbers& values) {
    if (values.size() == 1 && values[0] == Only) return {};
    return "the stack does what " + std::to_string(Only) + " means, and nothing else";
}

/// Nothing of it is seen on the wire or by a socket, because the stack does not have what it is about.
Refusal is_nothing(MachineSettings&, const Numbers&) { return {}; }

/// Values in this range differ only in what no socket here can ask for, or under a load that no script makes.
template <std::int64_t Least, std::int64_t Most>
Refusal makes_no_difference(MachineSettings&, const Numbers& values) {
    if (values.size() == 1 && values[0] >= Least && values[0] <= Most) return {};
    return "the stack knows no difference from " + std::to_string(Least) + " to " + std::to_string(Most) + " alone";
}

Refusal set_syn_retries(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.syn_retries, values, 1, 127);
}
Refusal set_syn_ack_retries(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.syn_ack_retries, values, 0, 127);
}
Refusal set_syn_steady_retries(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.syn_steady_retries, values, 0, 127);
}
// 0: never, 1: asked for, 2: when a peer asks, on both systems. More is AccECN.
Refusal set_ecn(MachineSettings& settings, const Numbers& values) {
    std::uint8_t when = 0;
    if (const Refusal wrong = set_number(when, values, 0, 2)) return wrong;
    settings.stack.tcp.ecn = static_cast<stack::Ecn>(when);
    return {};
}
Refusal set_sack(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.sack, values, 0, 1);
}
Refusal set_timestamps(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.timestamps, values, 0, 1);
}
Refusal set_window_scaling(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.window_scaling, values, 0, 1);
}
// 1: RACK, 0: what RFC 6675 says. More of its bits take parts of RACK away.
Refusal set_recovery(MachineSettings& settings, const Numbers& values) {
    bool is_rack = false;
    if (const Refusal wrong = set_number(is_rack, values, 0, 1)) return wrong;
    settings.stack.tcp.loss_detection = is_rack ? stack::LossDetection::rack : stack::LossDetection::rfc6675;
    return {};
}
// 3 and 4: tail loss probes. What 1 and 2 were, no kernel has since RACK.
Refusal set_early_retrans(MachineSettings& settings, const Numbers& values) {
    std::uint8_t kind = 0;
    if (const Refusal wrong = set_number(kind, values, 0, 4)) return wrong;
    settings.stack.tcp.tail_probe = kind >= 3;
    return {};
}
// 1 and 2 are the same.
Refusal set_frto(MachineSettings& settings, const Numbers& values) {
    std::uint8_t kind = 0;
    if (const Refusal wrong = set_number(kind, values, 0, 2)) return wrong;
    settings.stack.tcp.forward_after_time_out = kind != 0;
    return {};
}
Refusal set_prr(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.proportional_rate, values, 0, 1);
}
// 1: both, 2: scaling alone, 3: timestamps alone.
Refusal set_rfc1323(MachineSettings& settings, const Numbers& values) {
    std::uint8_t which = 0;
    if (const Refusal wrong = set_number(which, values, 0, 3)) return wrong;
    settings.stack.tcp.window_scaling = which == 1 || which == 2;
    settings.stack.tcp.timestamps = which == 1 || which == 3;
    return {};
}
// From the third SYN that is sent again on (tcp_timer_rexmt); else all of them have options.
Refusal set_rexmit_drop_options(MachineSettings& settings, const Numbers& values) {
    bool drops = false;
    if (const Refusal wrong = set_number(drops, values, 0, 1)) return wrong;
    settings.stack.tcp.syns_with_options = drops ? 3 : TcpLimits().syns_with_options;
    return {};
}
Refusal set_half_open_max(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.half_open_max, values, 1, 1 << 20);
}
// 0: never, 1: when the table is full, 2: always. Which of them a system has differs.
template <std::uint8_t Most>
Refusal set_syn_cookies(MachineSettings& settings, const Numbers& values) {
    std::uint8_t when = 0;
    if (const Refusal wrong = set_number(when, values, 0, Most)) return wrong;
    settings.stack.tcp.syn_cookies = static_cast<stack::SynCookies>(when);
    return {};
}
Refusal set_burst_segments(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.burst_segments, values, 1, 255);
}
Refusal set_time_wait_max(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.time_wait_max, values, 1, 1 << 24);
}
Refusal set_orphans_max(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.orphans_max, values, 0, 1 << 24);
}
Refusal set_send_buffer(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.send_buffer_bytes, values, 4096, 1 << 26);
}
Refusal set_receive_buffer(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.receive_buffer_bytes, values, 4096, 1 << 26);
}

// The numbers of FreeBSD are milliseconds.
Refusal set_keep_idle_ms(MachineSettings& settings, const Numbers& values) {
    if (values.size() != 1 || values[0] % 1000 != 0) return "no whole seconds";
    return set_number(settings.sockets.keep_alive_idle_s, {values[0] / 1000}, 1, 32'767);
}
Refusal set_keep_interval_ms(MachineSettings& settings, const Numbers& values) {
    if (values.size() != 1 || values[0] % 1000 != 0) return "no whole seconds";
    return set_number(settings.sockets.keep_alive_interval_s, {values[0] / 1000}, 1, 32'767);
}
Refusal set_keep_idle_s(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.sockets.keep_alive_idle_s, values, 1, 32'767);
}
Refusal set_keep_interval_s(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.sockets.keep_alive_interval_s, values, 1, 32'767);
}
Refusal set_keep_count(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.sockets.keep_alive_count, values, 1, 127);
}
Refusal set_always_keep_alive(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.sockets.keep_alive, values, 0, 1);
}

Refusal set_keep_init(MachineSettings& settings, const Numbers& values) {
    if (values.size() != 1 || values[0] < 1) return "the stack takes 1 and more";
    return set_time<&TcpLimits::syn_timeout, ms>(settings, values);
}

Refusal set_msl(MachineSettings& settings, const Numbers& values) {
    if (values.size() != 1 || values[0] < 1 || values[0] > 1'000'000'000) return "no time that the stack takes";
    settings.stack.tcp.time_wait = std::chrono::milliseconds{2 * values[0]};
    return {};
}

// Least, default, most. The window that Linux begins with is half of the default, which leaves the other half to its
// own overhead (tcp_adv_win_scale 1), and the scale is what the largest buffer needs (tcp_select_initial_window).
Refusal set_rmem(MachineSettings& settings, const Numbers& values) {
    if (values.size() != 3) return "three numbers are wanted";
    if (values[1] < 8192 || values[2] < values[1] || values[2] > std::int64_t{1} << 30U)
        return "the stack takes 8192 to 2^30, the last one the largest";
    constexpr int scale_max = 14;
    const int bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(values[2])));
    settings.sockets.receive_buffer_told = static_cast<int>(values[1]);
    settings.stack.tcp.receive_buffer_bytes = static_cast<std::uint32_t>(values[1] / 2);
    settings.receive_buffer_most = static_cast<std::uint32_t>(values[2] / 2);
    if (settings.stack.tcp.receive_buffer_max != 0)
        settings.stack.tcp.receive_buffer_max = settings.receive_buffer_most;
    settings.stack.tcp.window_scale = static_cast<std::uint8_t>(std::clamp(bits - 16, 0, scale_max));
    return {};
}

// 1: it grows with what is read, to what tcp_rmem has last (tcp_rcv_space_adjust).
Refusal set_moderate_rcvbuf(MachineSettings& settings, const Numbers& values) {
    bool grows = false;
    if (const Refusal wrong = set_number(grows, values, 0, 1)) return wrong;
    settings.stack.tcp.receive_buffer_max = grows ? settings.receive_buffer_most : 0;
    return {};
}

Refusal set_wmem(MachineSettings& settings, const Numbers& values) {
    if (values.size() != 3) return "three numbers are wanted";
    if (const Refusal wrong = set_send_buffer(settings, {values[1]})) return wrong;
    settings.sockets.send_buffer_told = static_cast<int>(values[1]);
    return {};
}

// The scale is what the largest buffer needs. A smaller limit would refuse buffers that sockets are given here.
Refusal set_buffer_most(MachineSettings& settings, const Numbers& values) {
    constexpr int scale_max = 14;
    if (values.size() != 1 || values[0] < 2 << 20 || values[0] > 1 << 30) return "the stack takes 2^21 to 2^30";
    std::uint8_t scale = 0;
    while (scale < scale_max && std::int64_t{0xffff} << scale < values[0]) ++scale;
    settings.stack.tcp.window_scale = scale;
    return {};
}

// 0: each segment is acknowledged at once.
Refusal set_delayed_ack(MachineSettings& settings, const Numbers& values) {
    bool is_delayed = false;
    if (const Refusal wrong = set_number(is_delayed, values, 0, 1)) return wrong;
    settings.stack.tcp.segments_per_ack = is_delayed ? 2 : 1;
    return {};
}

// So many segments, but no more bytes than so many of 1460 have; 0: what RFC 3390 says (tcp_compute_initwnd).
Refusal set_initial_window(MachineSettings& settings, const Numbers& values) {
    std::uint8_t segments = 0;
    if (const Refusal wrong = set_number(segments, values, 0, 255)) return wrong;
    settings.stack.tcp.initial_window_segments = segments != 0 ? segments : std::uint8_t{4};
    settings.stack.tcp.initial_window_bytes = segments != 0 ? segments * 1460U : 4380U;
    return {};
}

Refusal set_slow_start_after_idle(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.slow_start_after_idle, values, 0, 1);
}

Refusal set_icmp_limit(MachineSettings& settings, const Numbers& values) {
    if (const Refusal wrong = set_number(settings.stack.icmp_per_second, values, 1, 1'000'000)) return wrong;
    settings.stack.tcp.resets_per_second = settings.stack.icmp_per_second;
    return {};
}

Refusal set_challenges(MachineSettings& settings, const Numbers& values) {
    return set_number(settings.stack.tcp.challenges_per_second, values, 1, std::numeric_limits<std::int32_t>::max());
}

// --- the names

constexpr Row linux_rows[] = {
    {"net.ipv4.tcp_abort_on_overflow", &is_always<0>},
    {"net.ipv4.tcp_adv_win_scale", &is_always<1>},
    {"net.ipv4.tcp_challenge_ack_limit", &set_challenges},
    {"net.ipv4.tcp_comp_sack_delay_ns", &is_nothing},
    {"net.ipv4.tcp_comp_sack_nr", &is_nothing},
    {"net.ipv4.tcp_comp_sack_slack_ns", &is_nothing},
    {"net.ipv4.tcp_dsack", &is_always<1>},
    {"net.ipv4.tcp_early_retrans", &set_early_retrans},
    {"net.ipv4.tcp_ecn", &set_ecn},
    {"net.ipv4.tcp_ecn_fallback", &is_always<1>},
    {"net.ipv4.tcp_fastopen", &makes_no_difference<0, 3>},  // a socket has to ask for it besides
    {"net.ipv4.tcp_fin_timeout", &set_time<&TcpLimits::fin_wait_2, s>},
    {"net.ipv4.tcp_frto", &set_frto},
    {"net.ipv4.tcp_invalid_ratelimit", &set_time<&TcpLimits::challenge_interval, ms>},
    {"net.ipv4.tcp_keepalive_intvl", &set_keep_interval_s},
    {"net.ipv4.tcp_keepalive_probes", &set_keep_count},
    {"net.ipv4.tcp_keepalive_time", &set_keep_idle_s},
    {"net.ipv4.tcp_limit_output_bytes", &is_nothing},
    {"net.ipv4.tcp_max_orphans", &set_orphans_max},
    {"net.ipv4.tcp_max_syn_backlog", &set_half_open_max},
    {"net.ipv4.tcp_max_tw_buckets", &set_time_wait_max},
    {"net.ipv4.tcp_min_tso_segs", &set_burst_segments},
    {"net.ipv4.tcp_moderate_rcvbuf", &set_moderate_rcvbuf},
    {"net.ipv4.tcp_mtu_probing", &is_always<0>},
    {"net.ipv4.tcp_no_metrics_save", &is_always<1>},
    {"net.ipv4.tcp_notsent_lowat", &is_always<4'294'967'295>},
    {"net.ipv4.tcp_recovery", &set_recovery},
    {"net.ipv4.tcp_reordering", &is_always<3>},
    {"net.ipv4.tcp_rfc1337", &is_always<1>},
    {"net.ipv4.tcp_rmem", &set_rmem},
    {"net.ipv4.tcp_rto_min_us", &set_time<&TcpLimits::rto_min, 1'000>},
    {"net.ipv4.tcp_sack", &set_sack},
    {"net.ipv4.tcp_slow_start_after_idle", &set_slow_start_after_idle},
    {"net.ipv4.tcp_syn_linear_timeouts", &set_syn_steady_retries},
    {"net.ipv4.tcp_syn_retries", &set_syn_retries},
    {"net.ipv4.tcp_synack_retries", &set_syn_ack_retries},
    {"net.ipv4.tcp_syncookies", &set_syn_cookies<2>},
    {"net.ipv4.tcp_thin_linear_timeouts", &is_always<0>},
    {"net.ipv4.tcp_timestamps", &set_timestamps},
    {"net.ipv4.tcp_tso_win_divisor", &is_nothing},
    {"net.ipv4.tcp_tw_reuse", &makes_no_difference<0, 2>},  // no script connects again from the port of another end
    {"net.ipv4.tcp_window_scaling", &set_window_scaling},
    {"net.ipv4.tcp_wmem", &set_wmem},
    {"net.ipv4.tcp_workaround_signed_windows", &is_always<0>},
};

constexpr Row freebsd_rows[] = {
    {"kern.ipc.maxsockbuf", &set_buffer_most},
    {"net.inet.icmp.icmplim", &set_icmp_limit},
    {"net.inet.tcp.always_keepalive", &set_always_keep_alive},
    {"net.inet.tcp.blackhole", &is_always<0>},
    {"net.inet.tcp.delacktime", &set_time<&TcpLimits::delayed_ack, ms>},
    {"net.inet.tcp.delayed_ack", &set_delayed_ack},
    {"net.inet.tcp.do_prr", &set_prr},
    {"net.inet.tcp.do_prr_conservative", &is_always<0>},
    {"net.inet.tcp.drop_synfin", &is_always<1>},
    {"net.inet.tcp.ecn.enable", &set_ecn},
    {"net.inet.tcp.ecn.maxretries", &is_always<1>},
    {"net.inet.tcp.fastopen.client_enable", &is_always<0>},
    {"net.inet.tcp.fastopen.server_enable", &is_always<0>},
    {"net.inet.tcp.finwait2_timeout", &set_time<&TcpLimits::fin_wait_2, ms>},
    {"net.inet.tcp.hostcache.enable", &is_always<0>},
    {"net.inet.tcp.hostcache.purgenow", &is_nothing},
    {"net.inet.tcp.initcwnd_segments", &set_initial_window},
    {"net.inet.tcp.insecure_rst", &is_always<0>},
    {"net.inet.tcp.insecure_syn", &is_always<0>},
    {"net.inet.tcp.keepcnt", &set_keep_count},
    {"net.inet.tcp.keepidle", &set_keep_idle_ms},
    {"net.inet.tcp.keepinit", &set_keep_init},
    {"net.inet.tcp.keepintvl", &set_keep_interval_ms},
    {"net.inet.tcp.log_debug", &is_nothing},
    {"net.inet.tcp.log_in_vain", &is_nothing},
    {"net.inet.tcp.minmss", &is_always<88>},
    {"net.inet.tcp.mssdflt", &is_always<536>},
    {"net.inet.tcp.msl", &set_msl},
    {"net.inet.tcp.pmtud_blackhole_detection", &is_always<0>},
    {"net.inet.tcp.recvbuf_auto", &is_always<0>},
    {"net.inet.tcp.recvspace", &set_receive_buffer},
    {"net.inet.tcp.rexmit_drop_options", &set_rexmit_drop_options},
    {"net.inet.tcp.rexmit_initial", &set_time<&TcpLimits::rto_initial, ms>},
    {"net.inet.tcp.rexmit_min", &set_time<&TcpLimits::rto_min, ms>},
    {"net.inet.tcp.rexmit_slop", &is_always<200>},  // of FreeBSD's time-outs as they are by default
    {"net.inet.tcp.rfc1323", &set_rfc1323},
    {"net.inet.tcp.rfc3042", &is_always<1>},
    {"net.inet.tcp.rfc3390", &is_always<1>},
    {"net.inet.tcp.sack.enable", &set_sack},
    {"net.inet.tcp.sendbuf_auto", &is_always<0>},
    {"net.inet.tcp.sendspace", &set_send_buffer},
    {"net.inet.tcp.syncache.rexmtlimit", &set_syn_ack_retries},
    {"net.inet.tcp.syncookies", &set_syn_cookies<1>},
    {"net.inet.tcp.syncookies_only", &is_always<0>},
    {"net.inet.tcp.tolerate_missing_ts", &is_always<0>},
    {"net.inet.tcp.ts_offset_per_conn", &is_always<1>},
    {"net.inet.tcp.tso", &makes_no_difference<0, 1>},
    {"net.inet.tcp.v6mssdflt", &is_nothing},
};

// Names whose values are words.
struct Word {
    std::string_view name;
    std::string_view only;
};
constexpr Word words[] = {
    {"net.inet.tcp.functions_default", "freebsd"},
};

struct CongestionName {
    std::string_view name;
    Flavour flavour;  // whose names the values are
};
constexpr CongestionName congestion_names[] = {
    {"net.ipv4.tcp_congestion_control", Flavour::linux_like},
    {"net.inet.tcp.cc.algorithm", Flavour::freebsd},
};

// --- reading

constexpr std::string_view blanks = " \t";

std::optional<Numbers> read_numbers(std::string_view text) {
    Numbers numbers;
    for (std::size_t at = text.find_first_not_of(blanks); at != std::string_view::npos;
         at = text.find_first_not_of(blanks, at)) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
        at = static_cast<std::size_t>(end - text.data());
        const bool is_whole = at == text.size() || blanks.find(text[at]) != std::string_view::npos;
        if (error != std::errc() || !is_whole) return {};
        numbers.push_back(number);
    }
    return numbers;
}

Unsupported refused(std::string_view name, std::string_view value, std::string_view why) {
    return unsupported("sysctl " + std::string(name) + "=" + std::string(value) + ": " + std::string(why));
}

Setter find(std::span<const Row> rows, std::string_view name) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
    return found != rows.end() ? found->set : nullptr;
}

}  // namespace

bool have_same_stack(const MachineSettings& a, const MachineSettings& b) {
    return a.stack.tcp == b.stack.tcp && a.stack.icmp_per_second == b.stack.icmp_per_second;
}

std::optional<Unsupported> set_sysctl(MachineSettings& settings, std::string_view name, std::string_view value) {
    for (const Word& word : words) {
        if (word.name != name) continue;
        if (word.only == value) return {};
        return refused(name, value, "the stack has " + std::string(word.only) + " alone");
    }
    for (const CongestionName& row : congestion_names) {
        if (row.name != name) continue;
        const auto algorithm = parse_congestion(value, row.flavour);
        if (!algorithm) return refused(name, value, "the stack has Reno and CUBIC");
        settings.stack.tcp.congestion_control = *algorithm;
        return {};
    }
    Setter setter = find(linux_rows, name);
    if (setter == nullptr) setter = find(freebsd_rows, name);
    if (setter == nullptr) return refused(name, value, "not known here");
    const auto numbers = read_numbers(value);
    if (!numbers || numbers->empty()) return refused(name, value, "no number");
    if (const Refusal wrong = setter(settings, *numbers)) return refused(name, value, *wrong);
    return {};
}

}  // namespace skerry::pkt
