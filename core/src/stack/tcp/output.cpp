#include <skerry/stack/tcp/output.hpp>

#include <skerry/base/compiler.hpp>
#include <skerry/stack/tcp/syn_schedule.hpp>
#include <skerry/stack/wire/checksum.hpp>

#include <array>
#include <chrono>
#include <cstring>

namespace skerry::stack::tcp {

namespace {

using OptionBytes = std::array<std::byte, wire::tcp_options_bytes_max>;

std::span<const std::byte> timestamps(OptionBytes& out, bool has_timestamps, std::uint32_t value,
                                      std::uint32_t echo) noexcept {
    if (!has_timestamps) return {};
    wire::store_only_timestamps({value, echo}, out.data());
    return std::span(out).first(wire::tcp_timestamps_bytes);
}

}  // namespace

// --- the packet

void Output::emit(Frame& frame, const Tuple& tuple, wire::TcpHeader& header, std::span<const std::byte> options,
                  IpMarks marks, time::Instant now) noexcept {
    header.source_port = tuple.local_port;
    header.destination_port = tuple.remote_port;
    header.header_bytes = static_cast<std::uint8_t>(wire::tcp_bytes + options.size());
    std::byte* const at = frame.prepend(header.header_bytes);
    wire::write(header, at);
    if (!options.empty()) std::memcpy(at + wire::tcp_bytes, options.data(), options.size());
    const std::uint64_t pseudo =
        shared_.output.pseudo_header(tuple.local, tuple.remote, wire::ip_protocol::tcp, frame.length);
    if (shared_.config.checksums_sent) {
        wire::seal_tcp_unfinished(frame.bytes(), pseudo);
        frame.flags |= backend::frame_flag::sum_missing;
    } else {
        wire::seal_tcp(frame.bytes(), pseudo);
    }
    if (marks != IpMarks{})
        return shared_.output.send_marked(frame, tuple.local, tuple.remote, wire::ip_protocol::tcp, marks, now);
    shared_.output.send(frame, tuple.local, tuple.remote, wire::ip_protocol::tcp, now);
}

// Of a connection that stands. The checksum is made of the payload and of the words of the headers, while they are in
// registers.
SKERRY_ALWAYS_INLINE void Output::emit_usual(Frame& frame, Tcb& tcb, wire::TcpHeader& header,
                                             time::Instant now) noexcept {
    if (tcb.is_marked) [[unlikely]]
        return emit_marked(frame, tcb, header, now);
    const Tuple& tuple = tcb.tuple;
    header.source_port = tuple.local_port;
    header.destination_port = tuple.remote_port;
    header.header_bytes = wire::tcp_bytes + (tcb.has_timestamps ? wire::tcp_timestamps_bytes : 0);
    const bool has_checksum = !shared_.config.checksums_sent;
    const std::uint32_t bytes = std::uint32_t{header.header_bytes} + frame.length;
    const std::uint64_t pseudo = shared_.output.pseudo_header(tuple.local, tuple.remote, wire::ip_protocol::tcp, bytes);
    std::uint64_t sum = has_checksum ? wire::sum(frame.bytes(), pseudo) : 0;
    std::byte* const at = frame.prepend(header.header_bytes);
    sum += wire::write(header, at);
    if (tcb.has_timestamps) [[likely]]
        sum += wire::store_only_timestamps({timestamp(now, tcb.ts_offset), tcb.ts_recent}, at + wire::tcp_bytes);
    if (has_checksum) {
        wire::store_checksum(at + 16, wire::fold(sum));
    } else {
        wire::seal_tcp_unfinished(frame.bytes(), pseudo);
        frame.flags |= backend::frame_flag::sum_missing;
    }
    shared_.output.send(frame, tuple.local, tuple.remote, wire::ip_protocol::tcp, now);
    acknowledged(tcb);
}

// Of one whose marks are not the usual ones, or that has ECN: there data can be marked when it goes for the first time,
// and nothing else can (RFC 3168 section 6.1.5). The first segment of that kind tells that the window came down.
void Output::emit_marked(Frame& frame, Tcb& tcb, wire::TcpHeader& header, time::Instant now) noexcept {
    IpMarks marks = tcb.marks;
    if (tcb.has_ecn && frame.length != 0 && !seq_before(header.seq, tcb.snd_nxt)) {
        marks.traffic_class |= wire::ecn::ect0;
        if (tcb.owes_cwr) header.flags |= flag::cwr;
        tcb.owes_cwr = false;
    }
    if (tcb.echoes_mark) header.flags |= flag::ece;
    OptionBytes options;
    const auto stamps = timestamps(options, tcb.has_timestamps, timestamp(now, tcb.ts_offset), tcb.ts_recent);
    emit(frame, tcb.tuple, header, stamps, marks, now);
    acknowledged(tcb);
}

SKERRY_ALWAYS_INLINE wire::TcpHeader Output::header_of(Tcb& tcb, std::uint32_t seq, std::uint8_t flags) noexcept {
    wire::TcpHeader header;
    header.seq = seq;
    header.ack = tcb.rcv_nxt;
    header.flags = flags;
    header.window = window(tcb);
    return header;
}

void Output::send_empty(const Tuple& tuple, wire::TcpHeader& header, std::span<const std::byte> options, IpMarks marks,
                        time::Instant now) noexcept {
    Frame* const frame = shared_.link.allocate();
    if (frame != nullptr) emit(*frame, tuple, header, options, marks, now);
}

// --- of a connection

// An acknowledgement alone: a segment with payload has no room for blocks, and each that came out of order is
// acknowledged alone and at once.
SKERRY_COLD void Output::emit_with_blocks(Frame& frame, Tcb& tcb, wire::TcpHeader& header, const wire::SackBlock* known,
                                          time::Instant now) noexcept {
    wire::TcpOptions told;
    told.has_timestamps = tcb.has_timestamps;
    told.timestamps = {timestamp(now, tcb.ts_offset), tcb.ts_recent};
    auto room = std::span(told.sack).first(wire::sack_blocks_fit(tcb.has_timestamps));
    if (known != nullptr) {
        room.front() = *known;
        room = room.subspan(1);
    }
    told.sack_blocks = static_cast<std::uint8_t>((known != nullptr ? 1 : 0) + tcb.reassembly.tell(room));
    if (tcb.echoes_mark) header.flags |= flag::ece;
    OptionBytes options;
    emit(frame, tcb.tuple, header, std::span(options).first(wire::write_data_options(told, options.data())), tcb.marks,
         now);
    acknowledged(tcb);
}

void Output::send_ack_of_known(Tcb& tcb, const wire::SackBlock& known, time::Instant now) noexcept {
    if (!tcb.has_sack) return send_ack(tcb, now);
    Frame* const frame = shared_.link.allocate();
    if (frame == nullptr) return put_off(tcb, now);
    wire::TcpHeader header = header_of(tcb, seq_without_data(tcb), flag::ack);
    emit_with_blocks(*frame, tcb, header, &known, now);
}

// Whose data finds no frame has its peer ask for a window until there are some: in silence it would send the same
// again, ever later, and give the connection up. As Linux (ICSK_ACK_NOMEM).
SKERRY_COLD std::uint16_t Output::window_without_frames(Tcb& tcb) noexcept {
    if (!shared_.may_keep_received()) return 0;
    tcb.lacks_frames = false;
    return window(tcb);
}

// There was no frame. The acknowledgement is owed on, and the timer tries again.
SKERRY_COLD void Output::put_off(Tcb& tcb, time::Instant now) noexcept {
    if (AckLink& link = tcb; link.is_linked()) link.unlink();
    tcb.ack_at = now.as_nanos() + shared_.config.tcp.delayed_ack.count();
    shared_.arm(tcb, tcb.ack_at);
}

bool Output::send(Tcb& tcb, SendSegment& segment, bool is_last, time::Instant now) noexcept {
    Frame* frame = segment.frame;
    const bool is_again = (segment.flags & sent_flag::again) != 0;
    if (frame != nullptr && !frame->is_shared() && !(is_again && shared_.link.is_in_flight(*frame))) [[likely]] {
        frame->data = frame->memory() + segment.offset;
        frame->headroom = segment.offset;
        frame->length = segment.length;
        frame->checksum = backend::FrameChecksum::unknown;
        frame->flags = backend::frame_flag::kept;
        frame->next = nullptr;
        ++frame->handles;
    } else {
        frame = shared_.link.allocate();
        if (frame == nullptr) return false;
        if (segment.length != 0) std::memcpy(frame->data, segment.payload(), segment.length);
        frame->length = segment.length;
    }
    if (is_again) [[unlikely]]
        ++tcb.retransmitted;
    if (is_last && segment.length != 0) segment.flags |= sent_flag::psh;
    const bool has_psh = (segment.flags & (sent_flag::psh | sent_flag::ends_burst)) != 0;
    wire::TcpHeader header = header_of(
        tcb, segment.seq,
        static_cast<std::uint8_t>(flag::ack | (has_psh ? flag::psh : 0) | (segment.is_fin() ? flag::fin : 0)));
    emit_usual(*frame, tcb, header, now);
    return true;
}

// The number of what has no data: SND.NXT, but no further than the peer's window, because it drops what comes from
// beyond, acknowledgement and all. There is a window's probe of data, and what was under way when the peer took its
// window back. As Linux (tcp_acceptable_seq): less than a unit of the window's scale is what was rounded off.
std::uint32_t Output::seq_without_data(const Tcb& tcb) noexcept {
    if (tcb.is_probing) [[unlikely]]
        return tcb.snd_una;
    const std::uint32_t right = tcb.snd_una + tcb.snd_wnd;
    return seq_distance(right, tcb.snd_nxt) < std::int32_t{1} << tcb.send_scale ? tcb.snd_nxt : right;
}

void Output::send_bare(Tcb& tcb, std::uint32_t seq, std::uint8_t flags, time::Instant now) noexcept {
    Frame* const frame = shared_.link.allocate();
    if (frame == nullptr) [[unlikely]] {
        if (flags == flag::ack && seq == tcb.snd_nxt) put_off(tcb, now);
        return;
    }
    if (seq == tcb.snd_nxt) seq = seq_without_data(tcb);
    wire::TcpHeader header = header_of(tcb, seq, flags);
    if (tcb.has_gap && tcb.has_sack && flags == flag::ack) [[unlikely]]
        return emit_with_blocks(*frame, tcb, header, nullptr, now);
    emit_usual(*frame, tcb, header, now);
}

void Output::answer(Tcb& tcb, time::Instant now) noexcept {
    if (was_within(tcb.challenged_ms, shared_.config.tcp.challenge_interval, now)) return;
    tcb.challenged_ms = mark_ms(now);
    send_ack(tcb, now);
}

void Output::challenge(Tcb& tcb, time::Instant now) noexcept {
    if (was_within(tcb.challenged_ms, shared_.config.tcp.challenge_interval, now)) return;
    if (shared_.challenges.take(now, shared_.random)) answer(tcb, now);
}

// --- beginnings and ends

void Output::send_syn(Tcb& tcb, time::Instant now) noexcept {
    const bool is_answer = tcb.state == State::syn_received;
    wire::TcpHeader header;
    header.seq = tcb.iss;
    header.ack = is_answer ? tcb.rcv_nxt : 0;
    header.flags = static_cast<std::uint8_t>(flag::syn | (is_answer ? flag::ack : 0));
    // One that comes again asks no more: there are routers that drop a SYN for it. As Linux (tcp_ecn_fallback).
    if (tcb.has_ecn && is_answer) header.flags |= flag::ece;
    if (tcb.has_ecn && !is_answer && tcb.syn_retries == 0) header.flags |= flag::ece | flag::cwr;
    header.window = first_window(tcb.receive_limit);
    wire::TcpOptions options;
    if (!is_answer && !is_bare_syn(shared_.config.tcp, tcb.syn_retries)) options = offered_options(shared_.config.tcp);
    if (is_answer) {
        options.has_timestamps = tcb.has_timestamps;
        options.has_window_scale = tcb.has_scale;
        options.sack_permitted = tcb.has_sack;
    }
    options.timestamps = {timestamp(now, tcb.ts_offset), is_answer ? tcb.ts_recent : 0};
    options.mss = tcb.own_mss;
    options.window_scale = tcb.own_scale;
    emit_syn(tcb.tuple, header, options, tcb.marks, now);
}

void Output::send_syn_ack(const HalfOpen& half_open, std::uint32_t stamp, time::Instant now) noexcept {
    wire::TcpHeader header;
    header.seq = half_open.iss;
    header.ack = half_open.irs + 1;
    header.flags = static_cast<std::uint8_t>(flag::syn | flag::ack | (half_open.has_ecn ? flag::ece : 0));
    header.window = first_window(receive_buffer(half_open));
    wire::TcpOptions options;
    options.has_timestamps = half_open.has_timestamps;
    options.has_window_scale = half_open.has_scale;
    options.sack_permitted = half_open.has_sack;
    options.timestamps = {stamp, half_open.ts_recent};
    options.mss = own_mss(shared_.config, half_open.tuple.remote, half_open.acceptor->opening);
    options.window_scale = half_open.own_scale;
    emit_syn(half_open.tuple, header, options, half_open.acceptor->opening.marks, now);
}

void Output::emit_syn(const Tuple& tuple, wire::TcpHeader& header, wire::TcpOptions& options, IpMarks marks,
                      time::Instant now) noexcept {
    options.has_mss = true;
    OptionBytes bytes;
    const std::size_t count = wire::write_syn_options(options, bytes.data(), shared_.config.tcp.syn_layout);
    send_empty(tuple, header, std::span(bytes).first(count), marks, now);
}

void Output::challenge(HalfOpen& half_open, time::Instant now) noexcept {
    if (was_within(half_open.challenged_ms, shared_.config.tcp.challenge_interval, now)) return;
    if (!shared_.challenges.take(now, shared_.random)) return;
    half_open.challenged_ms = mark_ms(now);
    wire::TcpHeader header;
    header.seq = half_open.iss + 1;
    header.ack = half_open.irs + 1;
    header.flags = flag::ack;
    header.window = first_window(receive_buffer(half_open));
    if (half_open.has_scale) header.window = static_cast<std::uint16_t>(header.window >> half_open.own_scale);
    OptionBytes options;
    send_empty(half_open.tuple, header,
               timestamps(options, half_open.has_timestamps, timestamp(now, half_open.ts_offset), half_open.ts_recent),
               half_open.acceptor->opening.marks, now);
}

void Output::send_ack(TimeWait& entry, time::Instant now) noexcept {
    wire::TcpHeader header;
    header.seq = entry.snd_nxt;
    header.ack = entry.rcv_nxt;
    header.flags = flag::ack;
    header.window = entry.window;
    OptionBytes options;
    send_empty(entry.tuple, header,
               timestamps(options, entry.has_timestamps, timestamp(now, entry.ts_offset), entry.ts_recent),
               {IpMarks{}.ttl, entry.traffic_class}, now);
}

// RFC 9293 section 3.10.7.1.
void Output::refuse(const Segment& segment) noexcept {
    if (segment.has(flag::rst) || !shared_.resets.take(segment.now(), shared_.random)) return;
    if (shared_.output.check(segment.tuple.remote, wire::tcp_bytes) != Drop::none) return;
    wire::TcpHeader header;
    if (segment.has(flag::ack)) {
        header.seq = segment.ack();
        header.flags = flag::rst;
    } else {
        header.ack = segment.end();
        header.flags = flag::rst | flag::ack;
    }
    send_empty(segment.tuple, header, {}, {}, segment.now());
}

void Output::reset(const Tuple& tuple, std::uint32_t seq, std::uint32_t ack, time::Instant now) noexcept {
    wire::TcpHeader header;
    header.seq = seq;
    header.ack = ack;
    header.flags = flag::rst | flag::ack;
    send_empty(tuple, header, {}, {}, now);
}

}  // namespace skerry::stack::tcp
