#include <skerry/stack/tcp/active_open.hpp>

#include <skerry/stack/ephemeral_port.hpp>
#include <skerry/stack/tcp/syn_schedule.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace skerry::stack::tcp {

ActiveOpen::Use ActiveOpen::use_of(const Tuple& tuple, time::Instant now) const noexcept {
    // Its segments would be refused as its own.
    if (tuple.local == tuple.remote && tuple.local_port == tuple.remote_port) return Use::taken;
    if (listeners_.is_taken(Hosts::any_v6, tuple.local_port)) return Use::taken;
    const std::uint32_t number = shared_.find(tuple);
    if (number == FlowTable::none) return Use::free;
    const bool is_over = flow_kind(number) == Kind::time_wait &&
                         time_waits_.may_be_followed(shared_.time_waits[flow_index(number)], now);
    return is_over ? Use::over : Use::taken;
}

bool ActiveOpen::comes_home(const Tuple& tuple) const noexcept {
    return shared_.config.steering == nullptr || shared_.config.steering->comes_home(tuple);
}

// What is over here is known to all as ours, and its port is no other core's.
bool ActiveOpen::is_others(const Tuple& tuple) const noexcept {
    return shared_.config.steering != nullptr && shared_.config.steering->is_known(tuple);
}

// A program that connects again and again would have used all ports within TIME-WAIT's minute. So one of those will do,
// where others are not to be had at once: a look at all of them is a hundred times the rest of a connect.
Errc ActiveOpen::choose_port(Tuple& tuple, std::uint16_t wanted, time::Instant now) noexcept {
    if (wanted != 0) {
        tuple.local_port = wanted;
        const Use use = use_of(tuple, now);
        if (use == Use::taken) return Errc::address_in_use;
        const bool may_be = comes_home(tuple) && (use == Use::over || !is_others(tuple));
        return may_be ? Errc::ok : Errc::address_not_available;
    }
    constexpr unsigned looks_for_free = 16;
    unsigned looks = 0;
    std::uint16_t first_over = 0;
    tuple.local_port = stack::free_port(shared_.random, [&](std::uint16_t port) {
        tuple.local_port = port;
        const Use use = comes_home(tuple) ? use_of(tuple, now) : Use::taken;
        if (use != Use::over) return use == Use::taken || is_others(tuple);
        if (first_over == 0) first_over = port;
        return ++looks <= looks_for_free;
    });
    if (tuple.local_port == 0) tuple.local_port = first_over;
    return tuple.local_port == 0 ? Errc::address_not_available : Errc::ok;
}

Result<Tcb*> ActiveOpen::connect(wire::Ipv4Addr to, std::uint16_t port, time::Instant now, LocalEnd from) noexcept {
    const Hosts& hosts = shared_.output.hosts();
    if (hosts.is_multicast(to) || shared_.config.is_broadcast(to)) return Error::from_os(ENETUNREACH);
    if (const Drop why = shared_.output.check(to, wire::tcp_bytes_max); why != Drop::none) {
        shared_.drops.count(why);
        return Error::from_os(ENETUNREACH);
    }
    Tuple tuple{shared_.output.source_for(to), to, 0, port};
    if (!is_any(from.address)) {
        if (!shared_.is_own(from.address) || is_host_number(from.address) != is_host_number(to))
            return Errc::address_not_available;
        tuple.local = from.address;
    }
    if (!shared_.hold(tuple)) return Errc::no_memory;
    const auto made = connect_held(tuple, now, from);
    if (!made) shared_.let_go(tuple);
    return made;
}

// `tuple` is held; its local port is chosen here.
Result<Tcb*> ActiveOpen::connect_held(Tuple tuple, time::Instant now, const LocalEnd& from) noexcept {
    if (const Errc wrong = choose_port(tuple, from.port, now); wrong != Errc::ok) return wrong;
    Tcb* const made = shared_.tcbs.make();
    if (made == nullptr) return Errc::no_memory;
    Tcb& tcb = *made;
    tcb.tuple = tuple;
    if (!enter(tcb, now)) {
        shared_.tcbs.free(tcb);
        return Errc::no_memory;
    }
    tcb.in_table = true;
    tcb.state = State::syn_sent;
    tcb.snd_una = tcb.iss;
    tcb.snd_nxt = tcb.iss + 1;
    tcb.receive_limit = from.opening.receive_buffer_or(shared_.config.tcp.receive_buffer_bytes);
    tcb.send_limit = from.opening.send_buffer_or(shared_.config.tcp.send_buffer_bytes);
    shared_.buffers.start(tcb, from.opening.send_buffer_bytes != 0, from.opening.receive_buffer_bytes != 0);
    tcb.own_mss = own_mss(shared_.config, tuple.remote, from.opening);
    tcb.own_scale = own_scale(shared_.config.tcp, from.opening);
    tcb.repair_by(from.opening, shared_.config.tcp);
    tcb.waiting_since = now.as_nanos();
    tcb.user_timeout_ms = from.user_timeout_ms;
    tcb.mark(from.opening.marks);
    tcb.agree_on_ecn(shared_.config.tcp.ecn == Ecn::asks);
    output_.send_syn(tcb, now);
    send_again_later(tcb, now);
    return made;
}

bool ActiveOpen::enter(Tcb& tcb, time::Instant now) noexcept {
    const std::uint32_t own = flow_number(Kind::connection, tcb.index);
    const std::uint32_t before = shared_.find(tcb.tuple);
    if (before == FlowTable::none) {
        tcb.ts_offset = shared_.secrets.timestamp_offset(shared_.lasting(tcb.tuple));
        tcb.iss = shared_.secrets.isn(shared_.lasting(tcb.tuple), now);
        return shared_.enter(tcb.tuple, own);
    }
    TimeWait& over = shared_.time_waits[flow_index(before)];
    tcb.ts_offset = over.ts_offset;
    tcb.iss = TimeWaits::next_isn(over);
    shared_.flows.replace(shared_.secrets.hash(tcb.tuple), before, own);
    shared_.let_go(over.tuple);  // the peer's address, which both held
    time_waits_.replaced(over);
    return true;
}

void ActiveOpen::send_again_later(Tcb& tcb, time::Instant now) noexcept {
    const std::chrono::nanoseconds wait = syn_wait(shared_.config.tcp, tcb.syn_retries);
    tcb.retransmit_at = std::min(now.as_nanos() + wait.count(), given_up_at(tcb));
    shared_.arm(tcb, tcb.retransmit_at);
}

std::int64_t ActiveOpen::given_up_at(const Tcb& tcb) const noexcept {
    const std::chrono::nanoseconds asked = std::chrono::milliseconds{tcb.user_timeout_ms};
    const std::chrono::nanoseconds configured = shared_.config.tcp.syn_timeout;
    std::int64_t at = never;
    if (asked.count() != 0) at = tcb.waiting_since + asked.count();
    if (configured.count() != 0) at = std::min(at, tcb.waiting_since + configured.count());
    return at;
}

bool ActiveOpen::on_timeout(Tcb& tcb, time::Instant now) noexcept {
    if (tcb.syn_retries >= shared_.config.tcp.syn_retries || now.as_nanos() >= given_up_at(tcb)) return false;
    ++tcb.syn_retries;
    output_.send_syn(tcb, now);
    send_again_later(tcb, now);
    return true;
}

// A SYN-ACK agrees by ECE alone: with CWR too it is one of a peer that sends back whatever came in these bits. A SYN of
// a peer who connected at once asks by both. RFC 3168 section 6.1.1.
void ActiveOpen::agree_on_ecn(Tcb& tcb, const Segment& segment) noexcept {
    constexpr std::uint8_t both = flag::ece | flag::cwr;
    const std::uint8_t agrees = segment.has(flag::ack) ? flag::ece : both;
    tcb.agree_on_ecn(tcb.has_ecn && (segment.header.flags & both) == agrees);
    if (tcb.has_ecn) ++shared_.ecn.agreed;
}

void ActiveOpen::agree(Tcb& tcb, const Segment& segment) noexcept {
    const TcpLimits& limits = shared_.config.tcp;
    const wire::TcpOptions offered =
        is_bare_syn(limits, tcb.syn_retries) ? wire::TcpOptions{} : offered_options(limits);
    const wire::TcpOptions options = agreed_options(offered, segment.options);
    tcb.has_timestamps = options.has_timestamps;
    tcb.ts_recent = options.timestamps.value;
    tcb.ts_recent_s = static_cast<std::uint32_t>(segment.now().as_nanos() / 1'000'000'000);
    tcb.has_sack = options.sack_permitted;
    agree_on_ecn(tcb, segment);
    tcb.has_scale = options.has_window_scale;
    if (options.has_window_scale) {
        tcb.send_scale = options.window_scale;
        tcb.receive_scale = tcb.own_scale;
    }
    tcb.mss = send_mss(tcb.own_mss, peer_mss(options, tcb.tuple.remote), options.has_timestamps);
    tcb.mss = std::min(tcb.mss, shared_.path_mss(tcb.tuple.remote, options.has_timestamps));
    tcb.snd_wnd = tcb.snd_wnd_max = segment.header.window;  // a SYN's is not scaled
    tcb.snd_wl1 = segment.seq();
    tcb.snd_wl2 = segment.has(flag::ack) ? segment.ack() : tcb.iss;
    receiver_.start(tcb, segment.seq());
    sender_.start(tcb);
}

// RFC 9293 section 3.10.7.3.
Drop ActiveOpen::input(Tcb& tcb, const Segment& segment, Errc& failure) noexcept {
    if (segment.has(flag::ack) && segment.ack() != tcb.snd_nxt) {
        output_.refuse(segment);
        return Drop::tcp_ack;
    }
    if (segment.has(flag::rst)) {
        if (!segment.has(flag::ack)) return Drop::tcp_reset;
        failure = Errc::connection_refused;
        return Drop::none;
    }
    if (!segment.has(flag::syn) || segment.has(flag::fin)) return Drop::tcp_flags;
    agree(tcb, segment);
    if (segment.has(flag::ack)) {
        tcb.snd_una = segment.ack();
        tcb.state = State::established;
        tcb.retransmit_at = never;
        if (tcb.syn_retries == 0)
            tcb.rto.sample(std::chrono::nanoseconds{segment.now().as_nanos() - tcb.waiting_since});
        else
            sender_.start_after_loss(tcb, segment, tcb.syn_retries);
        shared_.confirm_way(tcb, segment.now());
        shared_.owe_ack(tcb);
        shared_.mark_ready(tcb);
        return Drop::none;
    }
    // Both began at once. RFC 9293 section 3.5, figure 7.
    tcb.state = State::syn_received;
    output_.send_syn(tcb, segment.now());
    return Drop::none;
}

}  // namespace skerry::stack::tcp
