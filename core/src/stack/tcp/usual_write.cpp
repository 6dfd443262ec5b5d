// The usual write: all of it is one segment that may leave at once, behind others that have left. One function leads
// from the program's bytes to the frame in the port's queue; every other write goes the long way, through sender.cpp
// and output.cpp.

#include <skerry/stack/tcp/sender.hpp>

#include <skerry/base/compiler.hpp>
#include <skerry/stack/wire/checksum.hpp>

#include <cstring>

namespace skerry::stack::tcp {

namespace {

// Of a connection that stands; see Sender::may_go(). Nothing else waits or asks for attention.
SKERRY_ALWAYS_INLINE bool may_leave(const Tcb& tcb, std::size_t bytes, const TcpLimits& limits) noexcept {
    const SendQueue& queue = tcb.queue;
    const std::uint32_t ahead = tcb.snd_nxt - tcb.snd_una;
    if (tcb.state != State::established || bytes - 1 >= tcb.mss) return false;
    if (ahead + bytes > tcb.congestion.window || ahead + bytes > tcb.snd_wnd) return false;
    if (tcb.is_probing || tcb.wants_room || tcb.is_fin_queued || tcb.duplicate_acks != 0) return false;
    if (!tcb.no_delay && ahead != 0 && bytes < tcb.mss) return false;
    return !queue.has_unsent() && queue.size() < limits.send_segments_max &&
           std::size_t{queue.bytes()} + bytes <= tcb.send_limit;
}

// One that may be kept; null when frames are short.
SKERRY_ALWAYS_INLINE Frame* frame_for(Shared& shared, std::size_t bytes) noexcept {
    if (shared.send_frames >= shared.config.tcp.send_frames_max || !shared.link.may_keep_to_send()) [[unlikely]]
        return nullptr;
    Frame* const frame = shared.link.allocate();
    if (frame == nullptr || bytes <= frame->tailroom()) [[likely]]
        return frame;
    frame->drop();
    return nullptr;
}

}  // namespace

// The payload is copied and summed in one walk, and TCP's header is summed while its words are in registers.
SKERRY_ALWAYS_INLINE void Output::send_usual(Tcb& tcb, Frame& frame, std::span<const std::byte> from,
                                             time::Instant now) noexcept {
    const Way& way = shared_.output.way();
    const std::uint32_t header_bytes = wire::tcp_bytes + (tcb.has_timestamps ? wire::tcp_timestamps_bytes : 0);
    const auto segment_bytes = static_cast<std::uint32_t>(header_bytes + from.size());
    const std::uint64_t pseudo = way.pseudo_header(wire::ip_protocol::tcp, segment_bytes);
    const bool has_checksum = !shared_.config.checksums_sent;
    std::uint64_t sum = pseudo;
    if (has_checksum)
        sum = wire::copy_and_sum(frame.data, from, pseudo);
    else
        std::memcpy(frame.data, from.data(), from.size());

    wire::TcpHeader header;
    header.source_port = tcb.tuple.local_port;
    header.destination_port = tcb.tuple.remote_port;
    header.seq = tcb.snd_nxt;
    header.ack = tcb.rcv_nxt;
    header.header_bytes = static_cast<std::uint8_t>(header_bytes);
    header.flags = flag::ack | flag::psh;
    header.window = window(tcb);
    std::byte* const at = frame.data - header_bytes;
    sum += wire::write(header, at);
    if (tcb.has_timestamps)
        sum += wire::store_only_timestamps({timestamp(now, tcb.ts_offset), tcb.ts_recent}, at + wire::tcp_bytes);
    if (has_checksum)
        wire::store_checksum(at + 16, wire::fold(sum));
    else
        wire::store_unfinished(at + 16, pseudo);

    frame.flags = backend::frame_flag::kept;
    if (!has_checksum) frame.flags |= backend::frame_flag::sum_missing;
    ++frame.handles;
    shared_.output.send_ready(frame, wire::ip_protocol::tcp, header_bytes, segment_bytes);
    acknowledged(tcb);
}

bool Sender::write_usual(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept {
    if (!may_leave(tcb, from.size(), shared_.config.tcp) || !shared_.output.is_ready(tcb.tuple.remote, now))
        return false;
    Frame* const frame = frame_for(shared_, from.size());
    if (frame == nullptr) [[unlikely]]
        return false;
    SendSegment segment;
    segment.frame = frame;
    segment.sent_ns = now.as_nanos();
    segment.seq = tcb.snd_nxt;
    segment.offset = frame->headroom;
    segment.length = static_cast<std::uint16_t>(from.size());
    if (!tcb.queue.push(segment)) [[unlikely]] {
        frame->drop();
        return false;
    }
    tcb.queue.mark_sent();
    ++shared_.send_frames;
    output_.send_usual(tcb, *frame, from, now);
    tcb.snd_nxt += segment.length;
    if (tcb.retransmit_at == never) begin_to_wait(tcb, now);
    return true;
}

}  // namespace skerry::stack::tcp
