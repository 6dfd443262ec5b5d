#include <skerry/stack/tcp/tcp.hpp>

#include <skerry/stack/wire/checksum.hpp>

#include <utility>

namespace skerry::stack::tcp {

namespace {

// RFC 7323 section 5.5: after so long without one, any timestamp is new.
constexpr std::uint32_t paws_idle_s = 24 * 24 * 3600;

/// Where the numbers of what this SYN begins are to begin, if another core's TIME-WAIT says so.
std::optional<std::uint32_t> isn_of(const Segment& segment) noexcept {
    const Frame& frame = segment.packet.frame;
    const bool has_isn = segment.packet.is_steered && (frame.flags & backend::frame_flag::has_isn) != 0;
    return has_isn ? std::optional(frame.hash) : std::nullopt;
}

std::uint32_t seconds(time::Instant now) noexcept { return static_cast<std::uint32_t>(now.as_nanos() / 1'000'000'000); }

// RFC 7323 section 5.3. Behind 0 nothing is old: there are systems whose SYNs say that, and whose next segments say
// anything. So Linux (tcp_paws_check) and FreeBSD, and a handshake with such a peer ends.
bool is_old(std::uint32_t value, const Tcb& tcb, time::Instant now, std::int32_t slack = 0) noexcept {
    if (seq_distance(value, tcb.ts_recent) <= slack || tcb.ts_recent == 0) return false;
    return seconds(now) - tcb.ts_recent_s <= paws_idle_s;
}

}  // namespace

Tcp::Tcp(const StackConfig& config, Link& link, IpOutput& output, Timers& timers, DropCounters& drops)
    : shared_(config, link, output, timers, drops),
      output_(shared_),
      sender_(shared_, output_),
      receiver_(shared_, output_),
      passive_(shared_, output_, sender_, receiver_),
      time_waits_(shared_, output_),
      active_(shared_, output_, sender_, receiver_, passive_, time_waits_) {}

Tcp::~Tcp() {
    while (!held_.empty()) destroy(static_cast<Tcb&>(held_.front()));
}

// --- what a segment is for

void Tcp::input(Packet& packet) noexcept {
    Frame& frame = packet.frame;
    Segment segment{packet, {}, {}, {}, false, false};
    Drop why = read_header(segment);
    if (why == Drop::none) why = dispatch(segment);
    if (why != Drop::none) shared_.drops.count(why);
    if (!segment.is_kept) frame.drop();
}

Drop Tcp::read_header(Segment& segment) noexcept {
    Packet& packet = segment.packet;
    wire::TcpHeader& header = segment.header;
    const std::span<const std::byte> bytes = packet.payload();
    if (const Drop why = wire::parse(bytes, header); why != Drop::none) return why;
    if (!shared_.is_own(packet.ip.destination)) return Drop::tcp_not_unicast;
    if (!packet.is_verified() &&
        !wire::tcp_checksum_holds(bytes, shared_.output.pseudo_header(packet.ip.source, packet.ip.destination,
                                                                      wire::ip_protocol::tcp, packet.frame.length)))
        return Drop::tcp_checksum;
    const auto options = bytes.subspan(wire::tcp_bytes, header.header_bytes - wire::tcp_bytes);
    if (wire::has_only_timestamps(options)) {
        segment.options.has_timestamps = true;
        segment.options.timestamps = wire::load_only_timestamps(options);
    } else if (!options.empty()) {
        if (const Drop why = wire::parse(options, segment.options); why != Drop::none) return why;
    }
    packet.frame.trim_front(header.header_bytes);
    segment.tuple = {packet.ip.destination, packet.ip.source, header.destination_port, header.source_port};
    // From itself to itself: whatever answers would answer itself ("LAND").
    if (packet.ip.source == packet.ip.destination && header.source_port == header.destination_port)
        return Drop::ipv4_source;
    return Drop::none;
}

Drop Tcp::dispatch(Segment& segment) noexcept {
    const std::uint32_t number = shared_.find(segment.tuple);
    if (number == FlowTable::none) return input_stranger(segment, isn_of(segment));
    const std::uint32_t index = flow_index(number);
    switch (flow_kind(number)) {
        case Kind::half_open: {
            Tcb* made = nullptr;
            const Drop why = passive_.input(shared_.half_opens[index], segment, made);
            return made != nullptr ? input_made(*made, segment) : why;
        }
        case Kind::time_wait: {
            const bool may_begin = may_begin_again(segment.tuple);
            TimeWait& before = shared_.time_waits[index];
            const TimeWaits::Outcome outcome = time_waits_.input(before, segment, may_begin);
            return outcome.isn ? begin_again(before, segment, *outcome.isn) : outcome.drop;
        }
        case Kind::connection: break;
    }
    return input_connection(shared_.tcbs[index], segment);
}

// The end of a handshake is the first segment of its connection.
Drop Tcp::input_made(Tcb& made, Segment& segment) noexcept {
    made.tcp = this;
    made.on_time = &Tcp::on_time;
    return input_connection(made, segment);
}

Drop Tcp::input_listener(Segment& segment, std::optional<std::uint32_t> isn) noexcept {
    Tcb* made = nullptr;
    const Drop why = passive_.input(segment, isn, made);
    return made != nullptr ? input_made(*made, segment) : why;
}

// Whether somebody takes a connection in the place of one in TIME-WAIT. While nobody does, that knows which numbers are
// used.
bool Tcp::may_begin_again(const Tuple& tuple) const noexcept {
    const CoreSteering* const steering = shared_.config.steering;
    if (steering != nullptr && steering->owner_of_beginning(tuple) != steering->core()) return true;
    return passive_.has_room(tuple.local, tuple.local_port);
}

// Of no connection of this core. What another core has a connection or a listener for goes there.
Drop Tcp::input_stranger(Segment& segment, std::optional<std::uint32_t> isn) noexcept {
    CoreSteering* const steering = shared_.config.steering;
    if (steering == nullptr) return input_listener(segment, isn);
    const std::uint16_t owner = steering->owner_of_segment(segment.tuple);
    if (owner == steering->core()) return input_listener(segment, isn);
    (void)hand_over(owner, segment, isn);
    return Drop::none;
}

// Where the numbers of the new one begin is known to the entry alone: it stays until the SYN has its place, or is on
// its way to the core that listens. One that is lost comes again.
Drop Tcp::begin_again(TimeWait& before, Segment& segment, std::uint32_t isn) noexcept {
    CoreSteering* const steering = shared_.config.steering;
    const std::uint16_t owner = steering != nullptr ? steering->owner_of_beginning(segment.tuple) : 0;
    if (steering != nullptr && owner != steering->core()) {
        if (hand_over(owner, segment, isn)) time_waits_.remove(before);
        return Drop::none;
    }
    Tcb* made = nullptr;  // a SYN makes none
    const Drop why = passive_.input(segment, isn, made, flow_number(Kind::time_wait, before.index));
    if (why == Drop::none) time_waits_.replaced(before);
    return why;
}

bool Tcp::hand_over(std::uint16_t owner, Segment& segment, std::optional<std::uint32_t> isn) noexcept {
    Frame& frame = segment.frame();
    frame.untrim_front(segment.header.header_bytes);
    frame.checksum = backend::FrameChecksum::good;  // it was looked at here
    if (isn) {
        frame.flags |= backend::frame_flag::has_isn;
        frame.hash = *isn;
    }
    segment.is_kept = true;
    return shared_.config.steering->hand_over(owner, segment.packet.restored(), segment.tuple.local_port);
}

bool Tcp::input_error(const IcmpError& error, time::Instant now) noexcept {
    const Tuple tuple{error.local, error.remote, error.local_port, error.remote_port};
    const std::uint32_t number = shared_.find(tuple);
    if (number == FlowTable::none || flow_kind(number) != Kind::connection) return false;
    Tcb& tcb = shared_.tcbs[flow_index(number)];
    if (error.meaning.is_too_long) return take_too_long(tcb, error, now);
    // A connection that stands is not ended by what anybody could have sent: RFC 5927 section 5.2.
    if (tcb.state != State::syn_sent) return take_soft_error(tcb, error);
    if (!error.meaning.ends_connect || error.seq != tcb.iss) return false;
    end(tcb, Error::from_os(error.meaning.os_error));
    return true;
}

// About a packet that is under way, or it is somebody's who knows nothing of this connection: RFC 5927 sections 4.1
// and 7.
static bool is_under_way(const Tcb& tcb, std::uint32_t seq) noexcept {
    return !seq_before(seq, tcb.snd_una) && seq_before(seq, tcb.snd_nxt);
}

// It is kept for who is told of the end, should there be no progress until then: RFC 9293 section 3.9.2.2.
bool Tcp::take_soft_error(Tcb& tcb, const IcmpError& error) noexcept {
    if (tcb.state == State::closed || !is_under_way(tcb, error.seq)) return false;
    tcb.has_soft_error = true;
    tcb.os_error = error.meaning.os_error;
    return true;
}

bool Tcp::take_too_long(Tcb& tcb, const IcmpError& error, time::Instant now) noexcept {
    if (tcb.state == State::syn_sent || !is_under_way(tcb, error.seq)) return false;
    const bool is_news = shared_.output.lower_path_mtu(error.remote, error.too_long, now);
    // What another connection has heard of the path is true for this one too, whose packets are lost all the same.
    const std::uint16_t fits = shared_.path_mss(tcb.tuple.remote, tcb.has_timestamps);
    if (fits >= tcb.mss) return is_news;
    sender_.shorten(tcb, fits, now);
    return true;
}

void Tcp::send_owed(time::Instant now) noexcept {
    while (!shared_.owed.empty()) {
        Tcb& tcb = static_cast<Tcb&>(shared_.owed.front());
        if (tcb.ack_at <= now.as_nanos()) {
            output_.send_ack(tcb, now);
        } else {
            static_cast<AckLink&>(tcb).unlink();
            shared_.arm(tcb, tcb.ack_at);
        }
    }
}

// --- a segment of a connection: RFC 9293 section 3.10.7.4

Drop Tcp::input_connection(Tcb& tcb, Segment& segment) noexcept {
    if (tcb.state == State::syn_sent) {
        Errc failure = Errc::ok;
        const Drop why = active_.input(tcb, segment, failure);
        if (failure != Errc::ok) end(tcb, failure);
        return why;
    }
    if (const Drop why = check_timestamp(tcb, segment); why != Drop::none) return why;
    if (const Drop why = check_sequence(tcb, segment); why != Drop::none) {
        if (is_beyond_little_window(tcb, segment)) take_ack_alone(tcb, segment);
        return why;
    }
    if (segment.has(flag::rst)) return take_reset(tcb, segment);
    if (segment.has(flag::syn)) {
        if (is_answer_of_both(tcb, segment)) return take_answer_of_both(tcb, segment);
        output_.challenge(tcb, segment.now());  // RFC 5961 section 4
        return Drop::tcp_syn_in_window;
    }
    if (!segment.has(flag::ack)) return Drop::tcp_flags;
    bool is_over = false;
    if (const Drop why = take_ack(tcb, segment, is_over); why != Drop::none || is_over) return why;
    return take_payload(tcb, segment);
}

// Both began at once, and each answers the other's SYN by a SYN-ACK: it repeats the SYN, and acknowledges. RFC 9293
// section 3.5, figure 7, lines 5 and 6.
bool Tcp::is_answer_of_both(const Tcb& tcb, const Segment& segment) noexcept {
    return tcb.state == State::syn_received && segment.has(flag::ack) && segment.length() == 1 &&
           segment.end() == tcb.rcv_nxt && segment.ack() == tcb.snd_nxt;
}

Drop Tcp::take_answer_of_both(Tcb& tcb, Segment& segment) noexcept {
    bool is_over = false;
    // The window of a SYN is never scaled: RFC 7323 section 2.2. Linux scales this one.
    const std::uint8_t scale = std::exchange(tcb.send_scale, std::uint8_t{0});
    const Drop why = take_ack(tcb, segment, is_over);
    if (is_over) return why;
    tcb.send_scale = scale;
    if (why == Drop::none && tcb.state == State::established) shared_.owe_ack(tcb);  // else the FIN has said so
    if (segment.lets_go) sender_.let_go(tcb, segment.now());
    return why;
}

// RFC 7323 sections 3.2 and 5.3.
Drop Tcp::check_timestamp(Tcb& tcb, Segment& segment) noexcept {
    if (!tcb.has_timestamps || segment.has(flag::rst)) return Drop::none;
    if (!segment.options.has_timestamps) {
        if (shared_.config.tcp.takes_missing_timestamps) {
            segment.options.timestamps.value = tcb.ts_recent;  // it says nothing new
            return Drop::none;
        }
        // A peer that began anew would wait for ever: RFC 5961 section 4.2.
        if (segment.has(flag::syn)) output_.challenge(tcb, segment.now());
        return Drop::tcp_timestamp;
    }
    if (!is_old(segment.options.timestamps.value, tcb, segment.now(), shared_.config.tcp.paws_slack)) return Drop::none;
    if (segment.length() != 0 && !segment.has(flag::syn))
        output_.send_ack(tcb, segment.now());
    else
        output_.answer(tcb, segment.now());
    return Drop::tcp_timestamp;
}

// As Linux and unlike the letter of RFC 9293, a segment that touches the window is looked at even when the window is
// closed, because its acknowledgement counts; what is in it is trimmed later.
Drop Tcp::check_sequence(Tcb& tcb, const Segment& segment) noexcept {
    const bool is_in = seq_at_or_after(segment.end(), tcb.last_ack_sent) &&
                       seq_at_or_before(segment.seq(), seq_max(tcb.rcv_right, tcb.rcv_nxt));
    if (is_in) return Drop::none;
    if (segment.has(flag::rst)) return may_reset(tcb, segment.seq()) ? Drop::none : Drop::tcp_reset;
    // Two ends that each find the other outside would answer each other for ever: without data not at once. Nor a SYN,
    // whatever it carries: a connection that stands has no use for it, and a stranger needs no number to send it.
    if (segment.bytes() == 0 || segment.has(flag::syn))
        output_.answer(tcb, segment.now());
    else if (seq_before(segment.end(), tcb.rcv_nxt))
        output_.send_ack_of_known(tcb, {segment.seq(), segment.seq() + segment.bytes()}, segment.now());
    else
        output_.send_ack(tcb, segment.now());
    return Drop::tcp_sequence;
}

// RFC 9293 section 3.10.7.4: while our window is closed, valid acknowledgements count; here while little of it is open.
// A peer by the letter takes no window from what we sent again, whose number is old, but takes its acknowledgement: it
// sends further than we have room for, and so is the number of all that it sends from then on. With its window full,
// too, nobody else opens ours (lwIP). It cannot have gone further than the largest window that we told it of.
bool Tcp::is_beyond_little_window(const Tcb& tcb, const Segment& segment) noexcept {
    const std::uint32_t right = seq_max(tcb.rcv_right, tcb.rcv_nxt);
    return right - tcb.rcv_nxt < tcb.receive_limit / 2 && may_receive(tcb.state) && segment.has(flag::ack) &&
           !segment.has(flag::rst | flag::syn) && segment.seq() - right <= std::max(tcb.receive_limit, 0xffffU);
}

// Of the rest only what is true whatever the number: neither that nor the timestamp, which the segments in between are
// older than.
void Tcp::take_ack_alone(Tcb& tcb, Segment& segment) noexcept {
    segment.header.seq = tcb.rcv_nxt;
    segment.options.timestamps.value = tcb.ts_recent;
    bool is_over = false;
    if (take_ack(tcb, segment, is_over) == Drop::none && !is_over && segment.lets_go)
        sender_.let_go(tcb, segment.now());
}

// RFC 5961 section 3.2, and what Linux adds to it (tcp_reset_check, max_sack): there are systems that reset with the
// number of the FIN that they sent before, and one whose segments were lost resets behind those that arrived; neither
// would answer a challenge. Who guesses has two numbers instead of one.
bool Tcp::may_reset(const Tcb& tcb, std::uint32_t seq) const noexcept {
    if (seq == tcb.rcv_nxt) return true;
    if (!shared_.config.tcp.takes_late_resets) return false;
    switch (tcb.state) {
        case State::close_wait:
        case State::closing:
        case State::last_ack: return seq == tcb.rcv_nxt - 1;
        default: return tcb.has_sack && tcb.has_gap && seq == tcb.reassembly.end();
    }
}

Drop Tcp::take_reset(Tcb& tcb, const Segment& segment) noexcept {
    if (!may_reset(tcb, segment.seq())) {
        output_.challenge(tcb, segment.now());
        return Drop::tcp_reset;
    }
    switch (tcb.state) {
        case State::syn_received: end(tcb, Errc::connection_refused); break;
        case State::close_wait: end(tcb, Errc::broken_pipe); break;
        default: end(tcb, Errc::connection_reset); break;
    }
    return Drop::none;
}

void Tcp::remember_timestamp(Tcb& tcb, std::uint32_t value, time::Instant now) noexcept {
    tcb.ts_recent = value;
    tcb.ts_recent_s = seconds(now);
}

Drop Tcp::take_ack(Tcb& tcb, Segment& segment, bool& is_over) noexcept {
    if (tcb.state == State::syn_received) {
        if (segment.ack() != tcb.snd_nxt) {
            output_.refuse(segment);
            return Drop::tcp_ack;
        }
        tcb.state = State::established;
        tcb.snd_una = segment.ack();
        tcb.retransmit_at = never;
        forget_soft_error(tcb);
        shared_.mark_ready(tcb);
    }
    // RFC 5961 section 5.
    const std::uint32_t oldest = tcb.snd_una - tcb.snd_wnd_max;
    if (seq_after(segment.ack(), tcb.snd_nxt) || seq_before(segment.ack(), oldest)) {
        output_.challenge(tcb, segment.now());
        return Drop::tcp_ack;
    }
    // Only now: whoever guesses a number in the window, but not one of ours, keeps nobody alive and moves no timestamp.
    on_heard(tcb, segment.now());
    // One that the slack let pass is no newer.
    const std::uint32_t stamp = segment.options.timestamps.value;
    if (tcb.has_timestamps && seq_at_or_before(segment.seq(), tcb.last_ack_sent) && !is_old(stamp, tcb, segment.now()))
        remember_timestamp(tcb, stamp, segment.now());
    const Acknowledgement ack = Acknowledgement::of(segment);
    // An old one says nothing, about the window neither: RFC 9293 section 3.10.7.4. But its blocks are as true as new.
    if (seq_before(segment.ack(), tcb.snd_una)) {
        if (!ack.blocks.empty()) sender_.take_overtaken(tcb, ack);
        return Drop::none;
    }
    if (seq_after(segment.ack(), tcb.snd_una)) forget_soft_error(tcb);
    segment.lets_go =
        tcb.has_ecn ? sender_.take_ack_with_ecn(tcb, ack, segment.has(flag::ece)) : sender_.take_ack(tcb, ack);
    if (!tcb.is_fin_queued || !tcb.queue.empty()) return Drop::none;
    if (tcb.state == State::established) {  // it was asked for in SYN-RECEIVED
        tcb.is_fin_queued = false;
        is_over = !finish(tcb, segment.now());
        return Drop::none;
    }
    // The peer's FIN again: it waits for an acknowledgement, and TIME-WAIT would not see this one.
    if (tcb.state == State::closing && segment.has(flag::fin)) shared_.owe_ack(tcb);
    on_fin_acknowledged(tcb, segment.now(), is_over);
    return Drop::none;
}

void Tcp::on_fin_acknowledged(Tcb& tcb, time::Instant now, bool& is_over) noexcept {
    switch (tcb.state) {
        case State::fin_wait_1:
            tcb.state = State::fin_wait_2;
            if (tcb.endpoint == nullptr) watch_orphan(tcb, now);
            return;
        case State::closing: is_over = true; return enter_time_wait(tcb, now);
        case State::last_ack: is_over = true; return end(tcb, Errc::ok);
        default: return;
    }
}

// RFC 1122 section 4.2.2.13. Who has shut both directions is as good as gone on Linux (tcp_rcv_state_process), until
// the peer's end; FreeBSD acknowledges what comes.
bool Tcp::has_no_reader(const Tcb& tcb) const noexcept {
    if (tcb.endpoint == nullptr) return tcb.acceptor == nullptr;
    return tcb.is_read_shut && tcb.state != State::established && shared_.config.tcp.resets_unread;
}

// What the acknowledgement lets go leaves behind it, and acknowledges the payload.
Drop Tcp::take_payload(Tcb& tcb, Segment& segment) noexcept {
    if (segment.length() == 0) {
        if (segment.lets_go) sender_.let_go(tcb, segment.now());
        return Drop::none;
    }
    if (!may_receive(tcb.state)) {  // behind the peer's FIN, or that again
        if (segment.lets_go) sender_.let_go(tcb, segment.now());
        output_.send_ack(tcb, segment.now());
        return Drop::tcp_sequence;
    }
    if (segment.bytes() != 0 && has_no_reader(tcb) && seq_after(segment.seq() + segment.bytes(), tcb.rcv_nxt)) {
        output_.refuse(segment);  // nobody will read it. RFC 9293 section 3.6.1
        end(tcb, Errc::connection_reset);
        return Drop::tcp_closed;
    }
    const Drop why = receiver_.accept(tcb, segment);
    if (segment.lets_go) sender_.let_go(tcb, segment.now());
    if (Receiver::is_finished(tcb)) take_fin(tcb, segment.now());
    return why;
}

void Tcp::take_fin(Tcb& tcb, time::Instant now) noexcept {
    receiver_.take_fin(tcb);
    switch (tcb.state) {
        case State::established: tcb.state = State::close_wait; return;
        case State::fin_wait_1: tcb.state = State::closing; return;
        case State::fin_wait_2: return enter_time_wait(tcb, now);
        default: return;
    }
}

}  // namespace skerry::stack::tcp
