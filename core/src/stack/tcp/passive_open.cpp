#include <skerry/stack/tcp/passive_open.hpp>

#include <skerry/stack/ephemeral_port.hpp>
#include <skerry/stack/tcp/syn_schedule.hpp>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace skerry::stack::tcp {

using wire::Ipv4Addr;

PassiveOpen::PassiveOpen(Shared& shared, Output& output, Sender& sender, Receiver& receiver)
    : shared_(shared),
      output_(output),
      sender_(sender),
      receiver_(receiver),
      mint_(shared.config.seed),
      by_port_(static_cast<Acceptor**>(std::calloc(ports, sizeof(Acceptor*))), &std::free) {
    if (by_port_ == nullptr) throw std::bad_alloc();
}

// --- listeners

bool PassiveOpen::is_taken(Ipv4Addr local, std::uint16_t port, bool v6_only) const noexcept {
    for (const Acceptor* other = by_port_[port]; other != nullptr; other = other->next_on_port_)
        if (overlap(local, v6_only, other->local, other->v6_only)) return true;
    return false;
}

Acceptor* PassiveOpen::find(Ipv4Addr local, std::uint16_t port) const noexcept {
    for (Acceptor* each = by_port_[port]; each != nullptr; each = each->next_on_port_)
        if (covers(each->local, each->v6_only, local)) return each;
    return nullptr;
}

bool PassiveOpen::has_room(Ipv4Addr local, std::uint16_t port) const noexcept {
    const Acceptor* const acceptor = find(local, port);
    return acceptor != nullptr && acceptor->waiting_count_ < acceptor->backlog_;
}

bool PassiveOpen::take(Acceptor& acceptor, Ipv4Addr local, std::uint16_t port, bool shared) noexcept {
    if (is_taken(local, port, acceptor.v6_only)) return false;
    acceptor.use_ = use_of(local, acceptor.v6_only, true, shared_.config.more_addresses);
    CoreSteering* const steering = shared_.config.steering;
    return steering == nullptr || steering->claim_tcp(port, acceptor.use_, shared);
}

void PassiveOpen::share(const Acceptor& acceptor) noexcept {
    if (CoreSteering* const steering = shared_.config.steering; steering != nullptr)
        steering->share_tcp(acceptor.port, acceptor.use_);
}

// Unless another listener of this core uses the port in the same way: all IPv6 addresses but the link-local one are one
// use.
void PassiveOpen::release(const Acceptor& acceptor) noexcept {
    CoreSteering* const steering = shared_.config.steering;
    if (steering == nullptr) return;
    for (const Acceptor* other = by_port_[acceptor.port]; other != nullptr; other = other->next_on_port_)
        if (other->use_ == acceptor.use_) return;
    steering->release_tcp(acceptor.port, acceptor.use_);
}

Result<> PassiveOpen::listen(Acceptor& acceptor, Ipv4Addr local, std::uint16_t port, std::size_t backlog,
                             bool shared) noexcept {
    const bool has_v4 = shared_.config.has_v4();
    if (!has_v4 && !is_host_number(local)) return Errc::address_not_available;
    if (!has_v4 && local == Hosts::any_v6) acceptor.v6_only = true;  // of one family, where there is no other
    if (!is_any(local) && !shared_.is_own(local)) return Errc::address_not_available;
    if (port != 0 && !take(acceptor, local, port, shared)) return Errc::address_in_use;
    if (port == 0)
        port =
            stack::free_port(shared_.random, [&](std::uint16_t each) { return !take(acceptor, local, each, shared); });
    if (port == 0) return Errc::address_in_use;
    acceptor.local = local;
    acceptor.port = port;
    acceptor.backlog_ = std::max<std::size_t>(1, backlog);
    acceptor.home_ = this;
    acceptor.next_on_port_ = std::exchange(by_port_[port], &acceptor);
    return {};
}

void PassiveOpen::leave_address(Ipv4Addr own) noexcept {
    for (std::size_t port = 0; port < ports; ++port)
        for (Acceptor* each = by_port_[port]; each != nullptr; each = each->next_on_port_)
            if (each->local == own) each->local = Hosts::nobody;
}

void PassiveOpen::close(Acceptor& acceptor) noexcept {
    for (Acceptor** at = &by_port_[acceptor.port]; *at != nullptr; at = &(*at)->next_on_port_) {
        if (*at != &acceptor) continue;
        *at = acceptor.next_on_port_;
        break;
    }
    release(acceptor);
    while (!acceptor.half_open_.empty()) forget(static_cast<HalfOpen&>(acceptor.half_open_.front()));
}

// --- the first SYN

// As Linux with 1: those that are kept stay, and those that come later cost nothing. Forgetting the oldest instead is
// as good as the flood is slow: at a million SYNs a second each of 1,024 handshakes is gone within a millisecond,
// before any peer but those in the same building has answered.
static bool wants_cookie(SynCookies when, bool is_full) noexcept {
    return when == SynCookies::always || (when == SynCookies::when_full && is_full);
}

Drop PassiveOpen::input(const Segment& segment, std::optional<std::uint32_t> isn, Tcb*& made,
                        std::uint32_t place) noexcept {
    if (segment.has(flag::rst)) return Drop::tcp_no_port;
    Acceptor* const acceptor = find(segment.tuple.local, segment.tuple.local_port);
    if (acceptor == nullptr || segment.has(flag::ack)) {
        const Drop why = acceptor == nullptr ? Drop::tcp_no_port : take_cookie(*acceptor, segment, made);
        if (why == Drop::tcp_no_port || why == Drop::tcp_ack || why == Drop::tcp_cookie) output_.refuse(segment);
        return why;
    }
    if (!segment.has(flag::syn) || segment.has(flag::fin)) return Drop::tcp_flags;
    return begin(*acceptor, segment, isn, place);
}

bool PassiveOpen::enter(const HalfOpen& half_open, std::uint32_t place) noexcept {
    const std::uint32_t number = flow_number(Kind::half_open, half_open.index);
    if (place == FlowTable::none) return shared_.enter(half_open.tuple, number);
    shared_.flows.replace(shared_.secrets.hash(half_open.tuple), place, number);
    return true;
}

Drop PassiveOpen::begin(Acceptor& acceptor, const Segment& segment, std::optional<std::uint32_t> isn,
                        std::uint32_t place) noexcept {
    const TcpLimits& limits = shared_.config.tcp;
    if (acceptor.waiting_count_ >= acceptor.backlog_) return Drop::tcp_accept_full;
    if (const Drop why = shared_.output.check(segment.tuple.remote, wire::tcp_bytes_max); why != Drop::none) return why;
    // One that begins anew what is in TIME-WAIT has its number from that, which no cookie could say. Its peer was there
    // a minute ago, so it is kept whatever comes.
    const bool is_full = acceptor.half_open_count_ >= limits.half_open_max;
    const bool is_first = place == FlowTable::none;
    if (is_first && !isn && wants_cookie(limits.syn_cookies, is_full)) return answer_by_cookie(acceptor, segment);
    // The oldest goes. A peer that is there answers within a round trip, and those of a flood never do: refusing the
    // new one instead would let 16 SYNs a second shut a listener.
    if (is_full && !acceptor.half_open_.empty()) {
        shared_.drops.count(Drop::tcp_half_open_full);
        forget(static_cast<HalfOpen&>(acceptor.half_open_.front()));
    }
    // One that takes another's place has its peer's address from that.
    Tuple tuple = segment.tuple;
    HalfOpen* const half_open = shared_.half_opens.make();
    if (half_open == nullptr) return Drop::tcp_memory;
    if (is_first && !shared_.hold(tuple)) {
        shared_.half_opens.free(*half_open);
        return Drop::tcp_memory;
    }
    half_open->tuple = tuple;
    half_open->on_time = &PassiveOpen::on_time;
    half_open->iss = isn ? *isn : shared_.secrets.isn(shared_.lasting(tuple), segment.now());
    half_open->ts_offset = shared_.secrets.timestamp_offset(shared_.lasting(tuple));
    agree(*half_open, acceptor, segment);
    if (!enter(*half_open, place)) {
        if (is_first) shared_.let_go(tuple);
        shared_.half_opens.free(*half_open);
        return Drop::tcp_memory;
    }
    acceptor.half_open_.push_back(*half_open);
    ++acceptor.half_open_count_;
    output_.send_syn_ack(*half_open, segment.now());
    send_again_later(*half_open, segment.now());
    return Drop::none;
}

// A SYN that could be marked is none of RFC 3168's (section 6.1.1): something on the way writes those bits, and what
// they say means nothing. As Linux.
static bool asks_for_ecn(const Segment& segment) noexcept {
    constexpr std::uint8_t both = flag::ece | flag::cwr;
    return (segment.header.flags & both) == both && segment.ecn() == wire::ecn::not_ect;
}

void PassiveOpen::agree(HalfOpen& half_open, Acceptor& acceptor, const Segment& segment) noexcept {
    const TcpLimits& limits = shared_.config.tcp;
    half_open.acceptor = &acceptor;
    half_open.irs = segment.seq();
    const wire::TcpOptions options = agreed_options(offered_options(limits), segment.options);
    half_open.has_timestamps = options.has_timestamps;
    half_open.ts_recent = options.timestamps.value;
    half_open.has_scale = options.has_window_scale;
    half_open.has_sack = options.sack_permitted;
    half_open.has_ecn = limits.ecn != Ecn::off && asks_for_ecn(segment);
    half_open.peer_scale = options.window_scale;
    half_open.own_scale = own_scale(limits, acceptor.opening);
    half_open.peer_mss = peer_mss(options, segment.tuple.remote);
    half_open.peer_window = segment.header.window;
}

void PassiveOpen::send_again_later(HalfOpen& half_open, time::Instant now) noexcept {
    shared_.timers.set(half_open, now + syn_ack_wait(shared_.config.tcp, half_open.retries));
}

void PassiveOpen::on_time(Timer& timer, time::Instant now) noexcept {
    auto& half_open = static_cast<HalfOpen&>(timer);
    PassiveOpen& self = *half_open.acceptor->home_;
    if (half_open.retries >= self.shared_.config.tcp.syn_ack_retries) return self.forget(half_open);
    ++half_open.retries;
    self.output_.send_syn_ack(half_open, now);
    self.send_again_later(half_open, now);
}

void PassiveOpen::forget(HalfOpen& half_open) noexcept {
    shared_.leave(half_open.tuple, flow_number(Kind::half_open, half_open.index));
    free(half_open);
}

void PassiveOpen::lose(Acceptor& acceptor, Ipv4Addr local) noexcept {
    HalfOpenLink* next = acceptor.half_open_.empty() ? nullptr : &acceptor.half_open_.front();
    while (next != nullptr) {
        auto& half_open = static_cast<HalfOpen&>(*next);
        next = acceptor.half_open_.next_of(*next);
        if (half_open.tuple.local == local) forget(half_open);
    }
}

void PassiveOpen::free(HalfOpen& half_open) noexcept {
    Timers::cancel(half_open);
    static_cast<HalfOpenLink&>(half_open).unlink();
    --half_open.acceptor->half_open_count_;
    shared_.half_opens.free(half_open);
}

// --- the rest of the handshake

// A SYN that comes again without an option that it had before: the peer takes no part in it any more. There are those
// whose SYNs were lost so often that they try it without.
static bool asks_for_less(const HalfOpen& half_open, const Segment& segment) noexcept {
    const wire::TcpOptions& options = segment.options;
    return (half_open.has_timestamps && !options.has_timestamps) ||
           (half_open.has_scale && !options.has_window_scale) || (half_open.has_sack && !options.sack_permitted);
}

// RFC 9293 section 3.10.7.4 for SYN-RECEIVED, with RFC 5961's checks.
Drop PassiveOpen::input(HalfOpen& half_open, const Segment& segment, Tcb*& made) noexcept {
    const std::uint32_t next = half_open.irs + 1;
    if (segment.has(flag::rst)) {
        if (segment.seq() == next) {
            forget(half_open);
            return Drop::none;
        }
        if (seq_within(segment.seq(), next, 0xffff)) output_.challenge(half_open, segment.now());
        return Drop::tcp_reset;
    }
    if (segment.has(flag::syn)) {
        if (segment.seq() == half_open.irs && !segment.has(flag::ack)) {
            half_open.was_answered_again = true;
            if (asks_for_less(half_open, segment)) agree(half_open, *half_open.acceptor, segment);
            output_.send_syn_ack(half_open, segment.now());
            return Drop::none;
        }
        output_.challenge(half_open, segment.now());
        return Drop::tcp_syn_in_window;
    }
    if (!segment.has(flag::ack)) return Drop::tcp_flags;
    if (half_open.has_timestamps && !segment.options.has_timestamps) {
        if (!shared_.config.tcp.takes_missing_timestamps) return Drop::tcp_timestamp;
    } else if (half_open.has_timestamps) {
        // 0 says nothing: tcp.cpp.
        if (half_open.ts_recent != 0 && seq_before(segment.options.timestamps.value, half_open.ts_recent)) {
            output_.challenge(half_open, segment.now());
            return Drop::tcp_timestamp;
        }
    }
    if (!seq_within(segment.seq(), next, 0xffff)) {
        output_.challenge(half_open, segment.now());
        return Drop::tcp_sequence;
    }
    if (segment.ack() != half_open.iss + 1 && !is_of_earlier_cookie(half_open, segment)) {
        output_.refuse(segment);
        return Drop::tcp_ack;
    }
    // Full: nothing is answered, and the peer's data, or our SYN-ACK sent again, will bring another chance.
    if (half_open.acceptor->waiting_count_ >= half_open.acceptor->backlog_) return Drop::tcp_accept_full;
    made = complete(half_open, segment);
    return made != nullptr ? Drop::none : Drop::tcp_memory;
}

// What was answered once says how long the way is; of one that was answered twice nobody knows which answer is meant.
// RFC 6298 sections 2.2 and 3.
void PassiveOpen::measure(Tcb& tcb, const HalfOpen& half_open, const Segment& segment) noexcept {
    if (half_open.retries != 0) return sender_.start_after_loss(tcb, segment, half_open.retries);
    if (half_open.was_answered_again) return;
    const std::int64_t sent_ns = half_open.deadline_ns - shared_.config.tcp.rto_initial.count();
    tcb.rto.sample(std::chrono::nanoseconds{segment.now().as_nanos() - sent_ns});
}

Tcb* PassiveOpen::complete(HalfOpen& half_open, const Segment& segment) noexcept {
    Tcb* const made = shared_.tcbs.make();
    if (made == nullptr) return nullptr;
    start(*made, half_open, segment);
    shared_.flows.replace(shared_.secrets.hash(made->tuple), flow_number(Kind::half_open, half_open.index),
                          flow_number(Kind::connection, made->index));
    free(half_open);
    return made;
}

// A connection that its acceptor has, and that is in the table or about to be.
void PassiveOpen::start(Tcb& tcb, const HalfOpen& half_open, const Segment& segment) noexcept {
    Acceptor& acceptor = *half_open.acceptor;
    tcb.tuple = half_open.tuple;
    tcb.state = State::established;
    tcb.has_timestamps = half_open.has_timestamps;
    tcb.has_sack = half_open.has_sack;
    tcb.agree_on_ecn(half_open.has_ecn);
    if (half_open.has_ecn) ++shared_.ecn.agreed;
    tcb.ts_recent = half_open.ts_recent;
    tcb.ts_offset = half_open.ts_offset;
    if (half_open.has_scale) {
        tcb.send_scale = half_open.peer_scale;
        tcb.receive_scale = half_open.own_scale;
    }
    const TcpLimits& limits = shared_.config.tcp;
    tcb.receive_limit = acceptor.opening.receive_buffer_or(limits.receive_buffer_bytes);
    tcb.send_limit = acceptor.opening.send_buffer_or(limits.send_buffer_bytes);
    shared_.buffers.start(tcb, acceptor.opening.send_buffer_bytes != 0, acceptor.opening.receive_buffer_bytes != 0);
    tcb.own_mss = own_mss(shared_.config, tcb.tuple.remote, acceptor.opening);
    tcb.own_scale = half_open.own_scale;
    tcb.mark(acceptor.opening.marks);
    tcb.repair_by(acceptor.opening, limits);
    tcb.mss = send_mss(tcb.own_mss, half_open.peer_mss, half_open.has_timestamps);
    tcb.mss = std::min(tcb.mss, shared_.path_mss(tcb.tuple.remote, half_open.has_timestamps));
    tcb.iss = half_open.iss;
    tcb.snd_una = tcb.snd_nxt = half_open.iss + 1;
    tcb.snd_wl1 = half_open.irs;
    tcb.snd_wl2 = tcb.snd_una;
    tcb.snd_wnd = half_open.peer_window;  // the acknowledgement's begins SND.WND, and the largest: section 3.10.7.4
    tcb.ts_recent_s = static_cast<std::uint32_t>(segment.now().as_nanos() / 1'000'000'000);
    receiver_.start(tcb, half_open.irs);
    sender_.start(tcb);
    measure(tcb, half_open, segment);
    shared_.confirm_way(tcb, segment.now());
    tcb.in_table = true;
    tcb.acceptor = &acceptor;
    acceptor.waiting_.push_back(tcb);
    ++acceptor.waiting_count_;
    shared_.ready.mark(acceptor);
}

// --- handshakes that nobody keeps

Drop PassiveOpen::answer_by_cookie(Acceptor& acceptor, const Segment& segment) noexcept {
    const Tuple lasting = shared_.lasting(segment.tuple);
    HalfOpen unkept;
    unkept.tuple = segment.tuple;
    agree(unkept, acceptor, segment);
    unkept.has_scale = unkept.has_scale && unkept.has_timestamps;
    unkept.has_sack = unkept.has_sack && unkept.has_timestamps;
    unkept.has_ecn = unkept.has_ecn && unkept.has_timestamps;
    const CookieTerms terms{unkept.peer_mss,  unkept.peer_scale, unkept.has_timestamps,
                            unkept.has_scale, unkept.has_sack,   unkept.has_ecn};
    unkept.iss = mint_.make(shared_.secrets.isn_hash(lasting), unkept.irs, terms, segment.now());
    std::uint32_t stamp = 0;
    if (terms.has_timestamps)
        stamp = CookieMint::timestamp(timestamp(segment.now(), 0), terms) + shared_.secrets.timestamp_offset(lasting);
    output_.send_syn_ack(unkept, stamp, segment.now());
    acceptor.cookie_period_ = CookieMint::period(segment.now());
    ++cookie_counts_.sent;
    return Drop::none;
}

std::optional<CookieTerms> PassiveOpen::read_cookie(const Acceptor& acceptor, const Segment& segment,
                                                    std::uint32_t irs) const noexcept {
    const Tuple lasting = shared_.lasting(segment.tuple);
    std::optional<std::uint32_t> echo;
    if (segment.options.has_timestamps && shared_.config.tcp.timestamps)
        echo = segment.options.timestamps.echo - shared_.secrets.timestamp_offset(lasting);
    return mint_.read(segment.ack() - 1, shared_.secrets.isn_hash(lasting), irs, echo, acceptor.cookie_period_,
                      segment.now());
}

// A listener at peace does not even look. What is full is full as with a kept handshake: nothing is answered, and the
// peer's data brings another chance as long as the cookie is good.
Drop PassiveOpen::take_cookie(Acceptor& acceptor, const Segment& segment, Tcb*& made) noexcept {
    if (segment.has(flag::syn) || !CookieMint::is_recent(acceptor.cookie_period_, segment.now())) return Drop::tcp_ack;
    const std::optional<CookieTerms> terms = read_cookie(acceptor, segment, segment.seq() - 1);
    if (!terms) {
        ++cookie_counts_.refused;
        return Drop::tcp_cookie;
    }
    if (acceptor.waiting_count_ >= acceptor.backlog_) return Drop::tcp_accept_full;
    HalfOpen unkept;
    unkept.tuple = segment.tuple;
    unkept.acceptor = &acceptor;
    unkept.iss = segment.ack() - 1;
    unkept.irs = segment.seq() - 1;
    unkept.has_timestamps = terms->has_timestamps;
    unkept.ts_recent = segment.options.timestamps.value;
    unkept.ts_offset = shared_.secrets.timestamp_offset(shared_.lasting(segment.tuple));
    unkept.has_scale = terms->has_scale;
    unkept.peer_scale = terms->peer_scale;
    unkept.own_scale = own_scale(shared_.config.tcp, acceptor.opening);
    unkept.has_sack = terms->has_sack;
    unkept.has_ecn = terms->has_ecn && shared_.config.tcp.ecn != Ecn::off;
    unkept.peer_mss = terms->peer_mss;
    unkept.peer_window = segment.header.window;
    unkept.was_answered_again = true;  // for all that anybody knows
    if (!shared_.hold(unkept.tuple)) return Drop::tcp_memory;
    Tcb* const tcb = shared_.tcbs.make();
    if (tcb == nullptr || !shared_.enter(unkept.tuple, flow_number(Kind::connection, tcb->index))) {
        if (tcb != nullptr) shared_.tcbs.free(*tcb);
        shared_.let_go(unkept.tuple);
        return Drop::tcp_memory;
    }
    start(*tcb, unkept, segment);
    ++cookie_counts_.accepted;
    made = tcb;
    return Drop::none;
}

// The SYN came twice, and was answered by a cookie before it was kept: the peer may have heard the first answer, and
// goes by what that offered.
bool PassiveOpen::is_of_earlier_cookie(HalfOpen& half_open, const Segment& segment) noexcept {
    const Acceptor& acceptor = *half_open.acceptor;
    if (!CookieMint::is_recent(acceptor.cookie_period_, segment.now())) return false;
    const std::optional<CookieTerms> terms = read_cookie(acceptor, segment, half_open.irs);
    if (!terms || terms->has_timestamps != half_open.has_timestamps) return false;
    half_open.iss = segment.ack() - 1;
    half_open.has_scale = terms->has_scale;
    half_open.has_sack = terms->has_sack;
    half_open.has_ecn = terms->has_ecn;
    half_open.was_answered_again = true;
    ++cookie_counts_.accepted;
    return true;
}

}  // namespace skerry::stack::tcp
