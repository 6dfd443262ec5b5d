#include <skerry/stack/tcp/receiver.hpp>

#include <skerry/base/compiler.hpp>
#include <skerry/stack/long_frame.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace skerry::stack::tcp {

void Receiver::start(Tcb& tcb, std::uint32_t irs) noexcept {
    const TcpLimits& limits = shared_.config.tcp;
    const std::uint32_t told_most = std::uint32_t{0xffff} << tcb.receive_scale;
    tcb.receive_limit = buffer_of(limits, std::min(tcb.receive_limit, told_most), tcb.mss, tcb.has_timestamps);
    tcb.rcv_nxt = tcb.last_ack_sent = irs + 1;
    // What rounding brought is given with the first acknowledgement: less than a segment, it would be kept back.
    const std::uint32_t given =
        limits.buffers_in_segments ? tcb.receive_limit : Output::first_window(tcb.receive_limit);
    tcb.rcv_right = tcb.rcv_nxt + given;
    begin_quick_acks(tcb);
}

// As Linux (tcp_incr_quickack): no more than half a window of segments, of which nothing is known yet but that a short
// one is as long as the default.
void Receiver::begin_quick_acks(Tcb& tcb) noexcept {
    if (tcb.quick_ack && tcb.quick_acks_left == 0) return;  // for good: it was asked for
    const TcpLimits& limits = shared_.config.tcp;
    const std::uint32_t half_window = tcb.receive_limit / (2U * std::min(tcb.mss, mss_default));
    const std::uint32_t wanted =
        std::min({std::uint32_t{limits.quick_acks}, std::max(2U, half_window), quick_acks_max});
    tcb.quick_acks_left = wanted & quick_acks_max;
    tcb.quick_ack = tcb.owes_for_one = wanted != 0 || limits.segments_per_ack == 1;
}

void Receiver::use_quick_ack(Tcb& tcb, time::Instant now) noexcept {
    tcb.has_quick_acked = true;
    tcb.quick_heard_ms = milliseconds(now);
    const std::uint32_t left = tcb.quick_acks_left - 1U;
    tcb.quick_acks_left = left & quick_acks_max;
    if (left == 0) tcb.quick_ack = shared_.config.tcp.segments_per_ack == 1;
}

// --- what comes

// A connection that has hardly any keeps a copy on the heap when frames are short. So those that nobody reads stop no
// other one.
Drop Receiver::accept_next(Tcb& tcb, Segment& segment) noexcept {
    Frame& frame = segment.frame();
    if (can_join(tcb, frame) || may_keep()) [[likely]] {
        segment.is_kept = take_next(tcb, frame, segment.now());
        return Drop::none;
    }
    Frame* const copy = tcb.received.size() < shared_.config.assured_frames ? copy_to_heap(frame) : nullptr;
    if (copy == nullptr) {
        tcb.lacks_frames = true;
        shared_.owe_ack(tcb);
        forget_dropped(tcb);
        return Drop::tcp_frames;
    }
    (void)take_next(tcb, *copy, segment.now());  // it joins none
    return Drop::none;
}

// With the window that follows the peer goes back behind what was dropped. What it says of its own window from there
// on would be older than that, and with both windows closed neither end would ever hear of the other's.
void Receiver::forget_dropped(Tcb& tcb) noexcept { tcb.snd_wl1 = seq_min(tcb.snd_wl1, tcb.rcv_nxt); }

bool Receiver::take_next(Tcb& tcb, Frame& payload, time::Instant now) noexcept {
    const bool is_joined = can_join(tcb, payload);
    if (is_joined) {
        Frame& last = tcb.received.back();
        std::memcpy(last.data + last.length, payload.data, payload.length);
        last.length = static_cast<std::uint16_t>(last.length + payload.length);
        tcb.received_bytes += payload.length;
        tcb.rcv_nxt += payload.length;
    } else {
        queue(tcb, payload);
        ++shared_.receive_frames;
    }
    owe_for_data(tcb, now);
    shared_.mark_ready(tcb);
    return !is_joined;
}

// Every second segment is acknowledged, or after 40 ms. The flush after the tasks sends it, unless a reply did.
void Receiver::owe_for_data(Tcb& tcb, time::Instant now) noexcept {
    if (std::exchange(tcb.owes_for_one, true)) {
        if (tcb.quick_acks_left != 0) [[unlikely]]
            use_quick_ack(tcb, now);
        return shared_.owe_ack(tcb);
    }
    if (tcb.ack_at == never) shared_.owe_ack_at(tcb, now.as_nanos() + shared_.config.tcp.delayed_ack.count());
}

// Small segments that nobody reads would hold a whole frame each.
bool Receiver::can_join(const Tcb& tcb, const Frame& payload) noexcept {
    constexpr std::size_t many_frames = 8;
    constexpr std::size_t small_bytes = 512;
    if (tcb.received.size() < many_frames || payload.length > small_bytes) return false;
    const Frame& last = tcb.received.back();
    return !last.is_shared() && last.tailroom() >= payload.length;
}

void Receiver::queue(Tcb& tcb, Frame& payload) noexcept {
    tcb.received_bytes += payload.length;
    tcb.rcv_nxt += payload.length;
    tcb.received.push(payload);
}

Drop Receiver::accept(Tcb& tcb, Segment& segment) noexcept {
    Frame& frame = segment.frame();
    std::uint32_t seq = segment.seq();
    bool has_fin = segment.has(flag::fin);
    wire::SackBlock told;
    if (tcb.has_ecn && segment.has(flag::cwr)) [[unlikely]]
        stop_echoing(tcb);
    if (seq_before(seq, tcb.rcv_nxt)) {
        const std::uint32_t known = tcb.rcv_nxt - seq;
        if (known >= frame.length && !(has_fin && known == frame.length && !tcb.has_fin)) {
            acknowledge_known(tcb, seq, segment);
            return Drop::tcp_sequence;
        }
        frame.trim_front(known);
        told = {seq, tcb.rcv_nxt};
        seq = tcb.rcv_nxt;
    }
    const std::uint32_t right = tcb.has_fin ? seq_min(tcb.rcv_right, tcb.fin_seq) : tcb.rcv_right;
    Drop drop = Drop::none;
    if (seq_after(seq + frame.length, right)) {
        frame.length = static_cast<std::uint16_t>(std::max(0, seq_distance(seq, right)));
        has_fin = false;
        drop = Drop::tcp_window_full;
    }
    if (has_fin && !tcb.has_fin) {
        tcb.has_fin = true;
        tcb.fin_seq = seq + frame.length;
    }
    if (frame.length == 0) {
        if (is_finished(tcb)) return Drop::none;
        acknowledge(tcb, told, segment.now());
        return drop;
    }
    if (tcb.has_ecn) [[unlikely]]
        note_mark(tcb, segment.ecn());
    if (seq != tcb.rcv_nxt) return wait_for_gap(tcb, seq, segment);
    if (const Drop why = accept_next(tcb, segment); why != Drop::none) return why;
    if (drop != Drop::none) shared_.drops.count(drop);
    if (told.left == told.right) told = tcb.reassembly.known(seq, tcb.rcv_nxt);
    if (!tcb.reassembly.empty()) take_what_follows(tcb);
    if (tcb.has_sack && told.left != told.right) output_.send_ack_of_known(tcb, told, segment.now());
    return Drop::none;
}

void Receiver::take_what_follows(Tcb& tcb) noexcept {
    const Shared::Accounting accounting(shared_, tcb);
    while (Frame* const next = tcb.reassembly.take(tcb.rcv_nxt)) {
        // Nothing is behind the peer's FIN, whatever it sent.
        if (tcb.has_fin && seq_after(tcb.rcv_nxt + next->length, tcb.fin_seq))
            next->length = static_cast<std::uint16_t>(tcb.fin_seq - tcb.rcv_nxt);
        if (next->length == 0) {
            next->drop();
            break;
        }
        queue(tcb, *next);
    }
    tcb.has_gap = !tcb.reassembly.empty();
    shared_.owe_ack(tcb);  // a gap was filled: the sender waits for that. RFC 5681 section 4.2
}

// At once, and tells of `known`, unless that is empty.
void Receiver::acknowledge(Tcb& tcb, const wire::SackBlock& known, time::Instant now) noexcept {
    if (known.left != known.right)
        output_.send_ack_of_known(tcb, known, now);
    else
        output_.send_ack(tcb, now);
}

// A FIN has a number too, but no block tells of it. Linux takes it for a lost acknowledgement, and is quick.
void Receiver::acknowledge_known(Tcb& tcb, std::uint32_t seq, const Segment& segment) noexcept {
    if (shared_.config.tcp.quick_acks != 0) begin_quick_acks(tcb);
    acknowledge(tcb, {seq, seq + segment.bytes()}, segment.now());
}

// At once, and one for each: that is how the sender learns of the gap. RFC 5681 section 4.2.
Drop Receiver::wait_for_gap(Tcb& tcb, std::uint32_t seq, Segment& segment) noexcept {
    if (!may_keep()) [[unlikely]] {
        output_.send_ack(tcb, segment.now());
        forget_dropped(tcb);
        return Drop::tcp_frames;
    }
    const Shared::Accounting accounting(shared_, tcb);
    const wire::SackBlock known = tcb.reassembly.known(seq, seq + segment.bytes());
    std::uint32_t dropped = 0;
    const TcpLimits& limits = shared_.config.tcp;
    // One with a hole that its peer never fills leaves the others half of the frames.
    const std::uint32_t more =
        std::min(shared_.buffers.more_to_receive(tcb, own_mss(shared_.config)), limits.receive_frames_max / 2);
    const std::uint32_t limit = limits.reassembly_segments_max + more;
    const auto outcome = tcb.reassembly.insert(seq, segment.frame(), limit, dropped);
    for (; dropped != 0; --dropped) shared_.drops.count(Drop::tcp_reassembly_full);
    segment.is_kept = outcome == Reassembly::Outcome::kept;
    tcb.has_gap = !tcb.reassembly.empty();
    acknowledge(tcb, known, segment.now());
    switch (outcome) {
        case Reassembly::Outcome::kept: return Drop::none;
        case Reassembly::Outcome::known: return Drop::tcp_sequence;
        case Reassembly::Outcome::full: break;
    }
    return Drop::tcp_reassembly_full;
}

void Receiver::take_fin(Tcb& tcb) noexcept {
    const Shared::Accounting accounting(shared_, tcb);
    ++tcb.rcv_nxt;
    tcb.reassembly.clear();
    tcb.has_gap = false;
    shared_.owe_ack(tcb);
    shared_.mark_ready(tcb);
}

// --- what is read

std::size_t Receiver::read(Tcb& tcb, std::span<std::byte> into, time::Instant now) noexcept {
    std::size_t bytes = 0;
    while (bytes < into.size() && !tcb.received.empty()) {
        Frame& oldest = *tcb.received.front();
        const std::size_t count = std::min<std::size_t>(into.size() - bytes, oldest.length);
        std::memcpy(into.data() + bytes, oldest.data, count);
        bytes += count;
        if (count == oldest.length) {
            tcb.received.pop()->drop();
            --shared_.receive_frames;
        } else {
            oldest.trim_front(count);
        }
    }
    on_read(tcb, bytes, now);
    return bytes;
}

std::size_t Receiver::peek(Tcb& tcb, std::span<std::byte> into) noexcept {
    std::size_t bytes = 0;
    for (Frame* frame = tcb.received.front(); frame != nullptr && bytes < into.size(); frame = frame->next) {
        const std::size_t count = std::min<std::size_t>(into.size() - bytes, frame->length);
        std::memcpy(into.data() + bytes, frame->data, count);
        bytes += count;
    }
    return bytes;
}

void Receiver::discard(Tcb& tcb) noexcept {
    while (Frame* const oldest = tcb.received.pop()) {
        oldest->drop();
        --shared_.receive_frames;
    }
    tcb.received_bytes = 0;
}

IoBuf Receiver::read_buf(Tcb& tcb, time::Instant now) noexcept {
    Frame* const oldest = tcb.received.pop();
    if (oldest == nullptr) return {};
    --shared_.receive_frames;
    IoBuf buffer = oldest->to_buffer();
    on_read(tcb, buffer.size(), now);
    return buffer;
}

namespace {

// Whether room is told of by a segment of its own, though it goes with the next one: as __tcp_cleanup_rbuf() of Linux,
// where the window has come down to half and would be twice as large, or as tcp_output() of FreeBSD. Who may still send
// half of the window has its room with the acknowledgement of that; and one that is nearly closed doubles by any two
// segments.
bool is_worth_a_segment(const StackConfig& config, const Tcb& tcb, std::uint32_t room, std::uint32_t gain) noexcept {
    const std::uint32_t limit = tcb.receive_limit;
    if (config.tcp.tells_all_room) return gain >= limit / 4 || room <= limit / 8 || limit <= 8U * own_mss(config);
    const std::uint32_t given = room - gain;
    return given <= limit / 2 && given <= room / 2;
}

/// What is read between two looks at whether the buffer should grow.
constexpr std::uint32_t read_bytes_looked_at = 8 * 1024;

// A call at the end, so that a read of little, which each of a dialogue is, saves no registers for it.
SKERRY_NOINLINE void on_much_read(Shared& shared, Tcb& tcb, std::uint32_t room, std::uint32_t gain, bool is_room_worth,
                                  time::Instant now) noexcept {
    if (is_room_worth && is_worth_a_segment(shared.config, tcb, room, gain)) shared.owe_ack(tcb);
    shared.buffers.on_read(tcb, now);
}

}  // namespace

// Less than two segments, or half of a small buffer, is never told of alone. Who reads each segment as it comes makes
// no more room than that at a time, and his buffer grows all the same.
void Receiver::on_read(Tcb& tcb, std::size_t bytes, time::Instant now) noexcept {
    tcb.received_bytes -= static_cast<std::uint32_t>(bytes);
    if (tcb.has_fin || !may_receive(tcb.state)) return;
    if (tcb.lacks_frames) [[unlikely]] {
        tcb.lacks_frames = false;
        shared_.owe_ack(tcb);
    }
    const std::uint32_t room = tcb.receive_limit - std::min(tcb.received_bytes, tcb.receive_limit);
    const std::int32_t gain = seq_distance(tcb.rcv_right, tcb.rcv_nxt + room);
    const std::uint32_t worth = std::min<std::uint32_t>(tcb.receive_limit / 2, 2U * own_mss(shared_.config));
    const bool is_room_worth = gain >= static_cast<std::int32_t>(worth);
    const std::uint32_t read_to = tcb.rcv_nxt - tcb.received_bytes;
    const bool is_looked_at =
        ((read_to ^ (read_to - static_cast<std::uint32_t>(bytes))) & ~(read_bytes_looked_at - 1)) != 0;
    if (!is_room_worth && !is_looked_at) return;
    on_much_read(shared_, tcb, room, static_cast<std::uint32_t>(gain), is_room_worth, now);
}

}  // namespace skerry::stack::tcp
