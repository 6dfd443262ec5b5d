#include <skerry/stack/tcp/sender.hpp>

#include <skerry/base/compiler.hpp>
#include <skerry/stack/long_frame.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace skerry::stack::tcp {

void Sender::start(Tcb& tcb) noexcept {
    tcb.recover = tcb.iss - 1;  // nothing came down yet
    tcb.probes_tail = tcb.probes_tail && tcb.has_sack;
    tcb.send_limit = buffer_of(shared_.config.tcp, tcb.send_limit, tcb.mss, tcb.has_timestamps);
    tcb.congestion.init(shared_.config.tcp, tcb.mss, initial_window(shared_.config.tcp, tcb.mss));
}

void Sender::start_after_loss(Tcb& tcb, const Segment& segment, std::uint32_t losses) noexcept {
    if (losses > shared_.config.tcp.lost_syns_forgiven) tcb.congestion.window = tcb.mss;
    if (!measure_by_timestamp(tcb, segment.options.timestamps.echo, segment.now())) tcb.rto.assume_slow();
}

// --- writing

std::size_t Sender::write(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept {
    const Shared::SendAccounting accounting(shared_, tcb);
    const std::size_t written = append_all(tcb, from, shared_.send_frames - tcb.queue.size());
    const bool passes = written < from.size() && passes_full(tcb);
    if (written != 0 || passes) push(tcb, now);
    return written;
}

bool Sender::write(Tcb& tcb, std::span<const std::span<const std::byte>> slices, time::Instant now,
                   std::size_t& written) noexcept {
    const Shared::SendAccounting accounting(shared_, tcb);
    const std::size_t others = shared_.send_frames - tcb.queue.size();
    bool is_all = true;
    for (const std::span<const std::byte> slice : slices) {
        const std::size_t count = append_all(tcb, slice, others);
        written += count;
        is_all = count == slice.size();
        if (!is_all) break;
    }
    const bool passes = !is_all && passes_full(tcb);
    if (written != 0 || passes) push(tcb, now);
    return is_all;
}

// A write waits for room. What is corked goes when nothing else would make some before the cork's time-out: it is all
// that there is, or too much of a small buffer for offer_room(). True when it does. Linux's tcp_sendmsg_locked() pushes
// whatever lies there; with others in front of it the rest still grows to a segment here.
bool Sender::passes_full(Tcb& tcb) noexcept {
    if (!tcb.is_corked || !tcb.queue.has_unsent()) [[likely]]
        return false;
    if (tcb.queue.size() > 1 && !leaves_no_offer(tcb, tcb.queue.back().length)) return false;
    tcb.passes_cork = true;
    return true;
}

// `others`: frames that other connections have queued.
std::size_t Sender::append_all(Tcb& tcb, std::span<const std::byte> from, std::size_t others) noexcept {
    std::size_t written = 0;
    while (written < from.size() && has_room(tcb)) {
        const bool has_share = others + tcb.queue.size() < shared_.config.tcp.send_frames_max;
        const std::size_t count = append(tcb, from.subspan(written), has_share);
        if (count == 0) break;
        written += count;
    }
    return written;
}

// The pool's, or, when its frames are short, one of the heap for a connection that has hardly any: those whose peers do
// not acknowledge stop no other one.
Frame* Sender::frame_to_keep(Tcb& tcb, bool has_share) noexcept {
    if (has_share && shared_.link.may_keep_to_send()) [[likely]]
        return shared_.link.allocate();
    Frame* const frame = tcb.queue.size() < shared_.config.assured_frames ? make_long_frame(tcb.mss) : nullptr;
    if (frame != nullptr) frame->length = 0;
    if (frame == nullptr) shared_.drops.count(Drop::tcp_frames);
    return frame;
}

// Behind the newest segment, while that is short and has not left; else in a new one.
std::size_t Sender::append(Tcb& tcb, std::span<const std::byte> from, bool has_share) noexcept {
    const std::size_t room = std::min<std::size_t>(from.size(), tcb.send_limit - tcb.queue.bytes());
    SendQueue& queue = tcb.queue;
    if (queue.has_unsent()) {
        SendSegment& last = queue.back();
        Frame& frame = *last.frame;  // a FIN would have ended the writing
        const std::size_t used = std::size_t{last.offset} + last.length;
        if (last.length < tcb.mss && !frame.is_shared() && used < frame.capacity) {
            const std::size_t count = std::min({room, std::size_t{tcb.mss} - last.length, frame.capacity - used});
            std::memcpy(frame.memory() + used, from.data(), count);
            queue.extend_back(static_cast<std::uint16_t>(count));
            return count;
        }
    }
    Frame* const frame = frame_to_keep(tcb, has_share);
    if (frame == nullptr) return 0;
    tcb.passes_cork = false;
    const std::size_t count = std::min({room, std::size_t{tcb.mss}, frame->tailroom()});
    std::memcpy(frame->data, from.data(), count);
    SendSegment segment;
    segment.frame = frame;
    segment.seq = queue.empty() ? tcb.snd_nxt : queue.back().end();
    segment.offset = frame->headroom;
    segment.length = static_cast<std::uint16_t>(count);
    if (queue.push(segment)) return count;
    shared_.link.drop(*frame, Drop::tcp_memory);
    return 0;
}

// With the last segment when that has not left yet.
bool Sender::finish(Tcb& tcb, time::Instant now) noexcept {
    if (tcb.is_fin_queued) return true;
    const Shared::SendAccounting accounting(shared_, tcb);
    SendSegment fin;
    fin.seq = tcb.queue.empty() ? tcb.snd_nxt : tcb.queue.back().end();
    fin.flags = sent_flag::fin;
    if (tcb.queue.has_unsent() && !seq_before(tcb.queue.back().seq, tcb.snd_nxt))
        tcb.queue.back().flags |= sent_flag::fin;
    else if (!tcb.queue.push(fin))
        return false;
    tcb.is_fin_queued = true;
    push(tcb, now);
    return true;
}

// --- sending

// Whether the next segment fits the windows; it may be cut for that.
bool Sender::may_go(Tcb& tcb, SendSegment& segment) noexcept {
    const std::uint32_t ahead = segment.seq - tcb.snd_una;
    if (segment.length < tcb.mss && tcb.queue.sent() + 1 < tcb.queue.size()) [[unlikely]]
        join_pieces(tcb, ahead);
    if (!has_way_for(tcb, ahead, segment.length)) return false;
    if (ahead + segment.seq_length() > tcb.snd_wnd) {
        if (is_kept_by_cork(tcb, segment)) return false;
        // The window was taken back: the oldest goes again as if it were not, and asks for it. RFC 9293 section 3.8.6.
        const bool is_oldest_again = ahead == 0 && seq_before(segment.seq, tcb.snd_nxt);
        if (is_oldest_again && tcb.snd_wnd == 0) return !tcb.is_probing;
        // A peer that never opens its window for a whole segment gets what fits, but no crumbs: all data, or half of
        // the largest window. For less there is send_what_fits(). RFC 9293 section 3.8.6.2.1.
        const std::uint32_t usable = tcb.snd_wnd > ahead ? tcb.snd_wnd - ahead : 0;
        const bool is_crumb = usable < segment.length && usable < tcb.snd_wnd_max / 2;
        if (usable == 0 || (is_crumb && !is_oldest_again)) return false;
        return tcb.queue.split(tcb.queue.sent(), static_cast<std::uint16_t>(usable));
    }
    const bool is_again = seq_before(segment.seq, tcb.snd_nxt);  // it has had its turn
    const bool is_short = segment.length < tcb.mss && !segment.is_fin() && !is_again;
    if (!is_short) return true;
    if (is_kept_by_cork(tcb, segment)) [[unlikely]]
        return false;
    return tcb.no_delay || ahead == 0 || !is_kept_back(tcb);  // Nagle: RFC 9293 section 3.7.4
}

// Less than a segment waits for more, whatever is under way and whether or not the program wants delay. What lies in
// front of others was cut for a window, and goes as if there were no cork. Source: Linux's tcp_nagle_test().
bool Sender::is_kept_by_cork(const Tcb& tcb, const SendSegment& segment) noexcept {
    return tcb.is_corked && !tcb.passes_cork && segment.length < tcb.mss && !segment.is_fin() &&
           !seq_before(segment.seq, tcb.snd_nxt) && tcb.queue.sent() + 1 == tcb.queue.size();
}

// What was cut for a small window, or left in pieces before a time-out, goes as one, as far as that fits the window.
void Sender::join_pieces(Tcb& tcb, std::uint32_t ahead) noexcept {
    SendQueue& queue = tcb.queue;
    const std::uint32_t most = std::min<std::uint32_t>(tcb.mss, std::max(tcb.snd_wnd, ahead) - ahead);
    const SendSegment& segment = queue.next_unsent();
    if (segment.frame == nullptr || shared_.link.is_in_flight(*segment.frame)) return;
    while (queue.sent() + 1 < queue.size() && queue.join(queue.sent(), most)) {
    }
}

// Whether less than a segment waits, where something is under way. All of that is looked at only when it does not: what
// leaves then is found soon the next time.
bool Sender::is_kept_back(Tcb& tcb) const noexcept {
    if (!shared_.config.tcp.nagle_by_minshall) return true;
    for (std::uint32_t at = tcb.queue.sent(); at-- != 0;)
        if (tcb.queue[at].length < tcb.mss) return true;
    return false;
}

// Whether the congestion window allows so much more behind `ahead` bytes, of which some are known to have left the way:
// by SACK, or a segment for each of the first two duplicates (RFC 3042).
bool Sender::has_way_for(const Tcb& tcb, std::uint32_t ahead, std::uint32_t bytes) noexcept {
    std::uint32_t window = tcb.congestion.window;
    if (tcb.duplicate_acks != 0) [[unlikely]] {
        const bool is_limited = !tcb.in_recovery && tcb.duplicate_acks < duplicates_that_tell;
        if (tcb.board != nullptr)
            ahead -= tcb.board->off_the_way();
        else if (is_limited)
            window += std::uint32_t{tcb.duplicate_acks} * tcb.mss;
    }
    return ahead + bytes <= window;
}

bool Sender::send_next(Tcb& tcb, time::Instant now) noexcept {
    SendQueue& queue = tcb.queue;
    SendSegment& segment = queue.next_unsent();
    if (tcb.quick_acks_left != 0) [[unlikely]]
        note_reply(tcb, now);
    const bool is_again = seq_before(segment.seq, tcb.snd_nxt);
    if (is_again) mark_again(tcb, segment, now);
    if (!output_.send(tcb, segment, queue.sent() + 1 == queue.size(), now)) return false;
    segment.sent_ns = now.as_nanos();
    if (is_again) [[unlikely]]
        note_sent_again(tcb, now);
    if (tcb.in_recovery) [[unlikely]]
        note_sent_in_recovery(tcb, segment.length);
    if (seq_after(segment.end(), tcb.snd_nxt)) tcb.snd_nxt = segment.end();
    queue.mark_sent();
    return true;
}

void Sender::push(Tcb& tcb, time::Instant now) noexcept {
    SendQueue& queue = tcb.queue;
    if (queue.empty()) return;
    const bool was_probing = tcb.is_probing;
    const bool was_idle = queue.sent() == 0 && !was_probing && tcb.retransmit_at == never;
    if (was_idle) restart_after_idle(tcb, now);
    for (std::uint32_t place = 0; queue.has_unsent() && may_go(tcb, queue.next_unsent()); ++place) {
        if (place != 0 && waits_for_burst(tcb, place, now)) break;
        if (place != 0 && ends_burst(tcb, place)) queue.next_unsent().flags |= sent_flag::ends_burst;
        if (!send_next(tcb, now)) return try_again_soon(tcb, now);
        tcb.is_probing = false;
    }
    if (was_probing && !tcb.is_probing) {  // what was the next probe's time would be far too late for a loss
        tcb.rto.reset_back_off();
        tcb.waiting_since = now.as_nanos();
        tcb.retransmit_at = never;
    }
    // Nothing is under way that could bring an acknowledgement: the window is asked for.
    if (queue.sent() == 0) tcb.is_probing = true;
    if (tcb.retransmit_at == never) tcb.is_probing ? restart_probe_timer(tcb, now) : restart_timer(tcb, now);
    if (tcb.probes_tail) watch_tail(tcb, now);
}

// What the windows keep goes past the cork later, when they open.
void Sender::release(Tcb& tcb, time::Instant now) noexcept {
    if (!tcb.queue.has_unsent()) return;
    const Shared::SendAccounting accounting(shared_, tcb);
    tcb.passes_cork = tcb.no_delay;
    push(tcb, now);
}

// A corked rest has waited for a time-out, and asked nobody for anything, so that nobody is given up for it. What a
// window keeps of it now waits again. False when nothing left.
bool Sender::push_past_cork(Tcb& tcb, time::Instant now) noexcept {
    const bool passes_cork = tcb.passes_cork;
    tcb.passes_cork = true;
    push(tcb, now);
    tcb.passes_cork = passes_cork;
    return !tcb.is_probing;
}

// There was no frame. What is under way brings an acknowledgement; if nothing is, time does.
void Sender::try_again_soon(Tcb& tcb, time::Instant now) noexcept {
    if (tcb.queue.sent() != 0) {
        if (tcb.retransmit_at == never) restart_timer(tcb, now);
        return;
    }
    tcb.retransmit_at = now.as_nanos() + shared_.config.tcp.rto_min.count();
    shared_.arm(tcb, tcb.retransmit_at);
}

namespace {

// Behind a silence that was longer than the least time-out that there is.
void begin_anew(Tcb& tcb, const TcpLimits& limits, std::int64_t silence_ns) noexcept {
    const std::int64_t time_out_ns = tcb.rto.value(limits).count();
    if (silence_ns <= time_out_ns || !limits.slow_start_after_idle) return;
    const std::int64_t passed = limits.halves_when_idle ? (silence_ns - 1) / time_out_ns : Congestion::all_halvings;
    const auto halvings = static_cast<std::uint32_t>(std::min<std::int64_t>(passed, Congestion::all_halvings));
    tcb.congestion.on_idle(initial_window(limits, tcb.congestion.mss), halvings);
}

}  // namespace

// What was learned of the way is out of date after a silence of a time-out, since something was sent and not since it
// was acknowledged: RFC 5681 section 4.1. The rare case is a call at the end, so that each reply of a dialogue, which
// comes here, saves no registers for it.
SKERRY_ALWAYS_INLINE void Sender::restart_after_idle(Tcb& tcb, time::Instant now) noexcept {
    const TcpLimits& limits = shared_.config.tcp;
    const std::int64_t silence_ns = now.as_nanos() - tcb.waiting_since;
    tcb.waiting_since = now.as_nanos();
    if (silence_ns > limits.rto_min.count()) [[unlikely]]
        begin_anew(tcb, limits, silence_ns);
}

SKERRY_ALWAYS_INLINE void Sender::set_timer(Tcb& tcb, std::chrono::nanoseconds wait, time::Instant now) noexcept {
    const std::int64_t give_up = tcb.waiting_since + user_timeout(tcb).count();
    const std::int64_t due = now.as_nanos() + wait.count();
    tcb.retransmit_at = give_up > now.as_nanos() ? std::min(due, give_up) : due;
    shared_.arm(tcb, tcb.retransmit_at);
}

void Sender::restart_timer(Tcb& tcb, time::Instant now) noexcept {
    set_timer(tcb, tcb.rto.value(shared_.config.tcp), now);
}

void Sender::restart_probe_timer(Tcb& tcb, time::Instant now) noexcept {
    const TcpLimits& limits = shared_.config.tcp;
    set_timer(tcb, std::clamp(tcb.rto.value(limits), limits.window_probe_min, limits.window_probe_max), now);
}

// Nothing was under way.
void Sender::begin_to_wait(Tcb& tcb, time::Instant now) noexcept {
    if (tcb.quick_acks_left != 0) [[unlikely]]
        note_reply(tcb, now);
    restart_after_idle(tcb, now);
    restart_timer(tcb, now);
}

// Data leaves. The usual write comes here only with nothing else under way; a reply in a dialogue is that.
void Sender::note_reply(Tcb& tcb, time::Instant now) noexcept {
    const std::chrono::milliseconds since{milliseconds(now) - tcb.quick_heard_ms};
    if (!tcb.has_quick_acked || since >= shared_.config.tcp.delayed_ack) return;
    tcb.quick_acks_left = 0;
    tcb.quick_ack = tcb.owes_for_one = shared_.config.tcp.segments_per_ack == 1;
}

// --- acknowledgements

void Sender::let_go(Tcb& tcb, time::Instant now) noexcept {
    const Shared::SendAccounting accounting(shared_, tcb);
    push(tcb, now);
}

bool Sender::take_ack(Tcb& tcb, const Acknowledgement& ack) noexcept {
    if (tcb.duplicate_acks != 0 || !ack.blocks.empty()) [[unlikely]] {
        if (on_selective_ack(tcb, ack)) return false;
    }
    if (ack.ack == tcb.snd_una && ack.length != 0 && !tcb.queue.has_unsent()) {
        update_window(tcb, ack);
        return false;
    }
    const Shared::SendAccounting accounting(shared_, tcb);
    const std::uint32_t window_before = tcb.snd_wnd;
    update_window(tcb, ack);
    if (seq_after(ack.ack, tcb.snd_una)) {
        advance(tcb, ack);
    } else if (ack.ack == tcb.snd_una && ack.length == 0 && tcb.queue.sent() != 0 && tcb.snd_wnd == window_before &&
               (!tcb.has_sack || !ack.blocks.empty())) {
        // With SACK one that tells of nothing new is no duplicate: RFC 6675 section 2.
        on_duplicate(tcb, ack.now);
    }
    return tcb.queue.has_unsent();
}

void Sender::update_window(Tcb& tcb, const Acknowledgement& ack) noexcept {
    // RFC 9293 section 3.10.7.4 takes no window from a segment with an older sequence number. Like Linux we do when it
    // acknowledges something new, as one that fills a gap may: it is newer than all that was heard, and the window of
    // before, counted from the new SND.UNA, would reach further than the peer ever said.
    const bool is_newer = seq_before(tcb.snd_wl1, ack.seq) ||
                          (tcb.snd_wl1 == ack.seq && seq_at_or_before(tcb.snd_wl2, ack.ack)) ||
                          seq_after(ack.ack, tcb.snd_una);
    if (!is_newer) return;
    tcb.snd_wnd = std::uint32_t{ack.window} << tcb.send_scale;
    tcb.snd_wnd_max = std::max(tcb.snd_wnd_max, tcb.snd_wnd);
    tcb.snd_wl1 = seq_max(tcb.snd_wl1, ack.seq);
    tcb.snd_wl2 = ack.ack;
}

// Returns the round trip, 0 when there is none to be known or only a timestamp's milliseconds.
std::chrono::nanoseconds Sender::measure(Tcb& tcb, const Acknowledgement& ack) noexcept {
    const SendSegment& oldest = tcb.queue.front();
    if ((oldest.flags & (sent_flag::again | sent_flag::arrived)) != 0) {
        (void)measure_by_timestamp(tcb, ack.echo, ack.now);
        return std::chrono::nanoseconds{0};
    }
    const std::chrono::nanoseconds round_trip{ack.now.as_nanos() - oldest.sent_ns};
    tcb.rto.sample(round_trip);
    return round_trip;
}

bool Sender::measure_by_timestamp(Tcb& tcb, std::uint32_t echo, time::Instant now) noexcept {
    if (!tcb.has_timestamps || echo == 0) return false;
    const std::uint32_t ms = timestamp(now, tcb.ts_offset) - echo;
    if (ms >= 0x8000'0000U) return false;
    tcb.rto.sample(std::chrono::milliseconds{ms});
    return true;
}

// What is acknowledged has left the queue.
void Sender::grow_window(Tcb& tcb, std::uint32_t acked, std::uint32_t in_flight_before,
                         std::chrono::nanoseconds round_trip, time::Instant now) noexcept {
    if (tcb.is_reducing) [[unlikely]]
        return;
    Congestion& congestion = tcb.congestion;
    AckSample sample;
    sample.acked_bytes = acked;
    sample.in_flight_before = in_flight_before;
    sample.round_trip = round_trip;
    sample.is_window_limited = in_flight_before + congestion.mss > congestion.window;
    sample.leaves_nothing = tcb.queue.empty();
    sample.ack = tcb.snd_una;
    sample.snd_nxt = tcb.snd_nxt;
    sample.smoothed = tcb.rto.smoothed();
    sample.now = now;
    if (!congestion.on_ack(sample)) shared_.drops.count(Drop::tcp_memory);
}

void Sender::advance(Tcb& tcb, const Acknowledgement& ack, Delivered* delivered) noexcept {
    const time::Instant now = ack.now;
    SendQueue& queue = tcb.queue;
    std::uint32_t acked = ack.ack - tcb.snd_una;
    const std::uint32_t in_flight_before = in_flight(tcb);
    const std::chrono::nanoseconds round_trip = queue.empty() ? std::chrono::nanoseconds{0} : measure(tcb, ack);
    if (tcb.duplicate_acks != 0 && tcb.board != nullptr) {
        // What had arrived before a time-out says nothing about the way since.
        const std::uint32_t known = tcb.board->forget(queue, ack.ack, delivered);
        if (delivered != nullptr) delivered->count(acked - known);
        if (tcb.repairs_time_out) acked -= known;
    }
    const std::int64_t newest_ns = queue.sent() == 0 ? now.as_nanos() : queue[queue.sent() - 1].sent_ns;
    queue.acknowledge(ack.ack);
    tcb.waiting_since = queue.empty() ? newest_ns : now.as_nanos();  // a silence has begun when the last one left
    tcb.snd_una = ack.ack;
    shared_.confirm_way(tcb, now);
    tcb.has_timed_out = false;
    if (tcb.repairs_time_out) [[unlikely]]
        on_ack_behind_time_out(tcb, ack);
    if (tcb.is_probing && tcb.snd_wnd != 0) tcb.rto.reset_back_off();  // by data, which opened the window
    tcb.is_probing = false;
    if (tcb.in_recovery) {
        recover(tcb, ack, acked);
    } else {
        if (tcb.duplicate_acks != 0 && tcb.board == nullptr) tcb.duplicate_acks = 0;
        if (tcb.congestion.minds(in_flight_before)) grow_window(tcb, acked, in_flight_before, round_trip, now);
    }
    tcb.retransmit_at = never;
    if (queue.sent() != 0) {
        restart_timer(tcb, now);
        if (tcb.probes_tail) watch_tail(tcb, now);
    }
    if (tcb.wants_room) offer_room(tcb);
}

// To a write that waits.
void Sender::offer_room(Tcb& tcb) noexcept {
    shared_.buffers.on_full(tcb);
    if (leaves_no_offer(tcb, tcb.queue.bytes()) || !has_room(tcb)) return;
    tcb.wants_room = false;
    shared_.mark_ready(tcb);
}

}  // namespace skerry::stack::tcp
