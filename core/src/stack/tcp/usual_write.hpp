#pragma once

// Hot path. The usual write: all of it is one segment that may leave at once, behind others that have left. One
// function leads from the program's bytes to the frame in the port's queue, and is compiled into whoever writes; every
// other write goes the long way, through sender.cpp and output.cpp.

#include "../wire/sum_blocks.hpp"

#include <skerry/stack/tcp/tcp.hpp>

#include <skerry/base/compiler.hpp>

#include <algorithm>
#include <cstring>

namespace skerry::stack::tcp {

namespace usual {

/// Whether a write may be the usual one; see Sender::may_go(). Where a window's probe or a FIN waits, something is
/// unsent or the connection has left its state. Each question says which answer is usual: else g++ takes the code
/// behind so many of them for cold, and makes it small, with a division by hand.
SKERRY_ALWAYS_INLINE bool may_leave(const Tcb& tcb, std::size_t bytes, const TcpLimits& limits) noexcept {
    const SendQueue& queue = tcb.queue;
    const std::size_t ahead = tcb.snd_nxt - tcb.snd_una;
    if (!tcb.sends_as_usual() || bytes - 1 >= tcb.mss) [[unlikely]]
        return false;
    if (ahead + bytes > std::min(tcb.congestion.window, tcb.snd_wnd) || queue.has_unsent()) [[unlikely]]
        return false;
    return queue.size() < limits.send_segments_max && queue.bytes() + bytes <= tcb.send_limit;
}

/// One that may be kept; null when frames are short.
SKERRY_ALWAYS_INLINE Frame* frame_for(Shared& shared, std::size_t bytes) noexcept {
    if (shared.send_frames >= shared.config.tcp.send_frames_max || !shared.link.may_keep_to_send()) [[unlikely]]
        return nullptr;
    Frame* const frame = shared.link.allocate();
    if (frame == nullptr || bytes <= frame->tailroom()) [[likely]]
        return frame;
    frame->drop();
    return nullptr;
}

}  // namespace usual

// The payload is copied and summed in one walk, and TCP's header is summed while its words are in registers.
template <bool is_there>
SKERRY_ALWAYS_INLINE void Output::send_usual(Tcb& tcb, Frame& frame, std::span<const std::byte> from,
                                             time::Instant now) noexcept {
    const Way& way = shared_.output.way();
    const std::uint32_t header_bytes = wire::tcp_bytes + (tcb.has_timestamps ? wire::tcp_timestamps_bytes : 0);
    const auto segment_bytes = static_cast<std::uint32_t>(header_bytes + from.size());
    const std::uint64_t pseudo = way.pseudo_header(wire::ip_protocol::tcp, segment_bytes);
    const bool has_checksum = !shared_.config.checksums_sent;
    std::uint64_t sum = pseudo;
    if constexpr (is_there) {
        if (has_checksum) sum = wire::sum(from, pseudo);
    } else if (has_checksum) {
        sum = wire::copy_and_sum_inlined(frame.data, from, pseudo);
    } else {
        std::memcpy(frame.data, from.data(), from.size());
    }

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
    if (tcb.has_timestamps) [[likely]]
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

SKERRY_ALWAYS_INLINE void Sender::on_left(Tcb& tcb, std::uint16_t bytes, time::Instant now) noexcept {
    tcb.snd_nxt += bytes;
    if (tcb.retransmit_at == never)
        begin_to_wait(tcb, now);
    else if (tcb.queue.size() == 2 && tcb.probes_tail)  // later ones find the timer set
        watch_tail(tcb, now);
}

SKERRY_ALWAYS_INLINE bool Sender::write_usual(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept {
    if (!usual::may_leave(tcb, from.size(), shared_.config.tcp) ||
        !shared_.output.is_ready(tcb.tuple.local, tcb.tuple.remote, now)) [[unlikely]]
        return false;
    Frame* const frame = usual::frame_for(shared_, from.size());
    if (frame == nullptr) [[unlikely]]
        return false;
    SendSegment segment;
    segment.frame = frame;
    segment.sent_ns = now.as_nanos();
    segment.seq = tcb.snd_nxt;
    segment.offset = frame->headroom;
    segment.length = static_cast<std::uint16_t>(from.size());
    segment.flags = sent_flag::psh;
    if (!tcb.queue.push_sent(segment)) [[unlikely]] {
        frame->drop();
        return false;
    }
    ++shared_.send_frames;
    output_.send_usual(tcb, *frame, from, now);
    on_left(tcb, segment.length, now);
    return true;
}

SKERRY_ALWAYS_INLINE bool Tcp::write_usual(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept {
    return sender_.write_usual(tcb, from, now);
}

}  // namespace skerry::stack::tcp
