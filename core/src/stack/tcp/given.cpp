// A buffer that a program gives away to be written. Where a copy of it would be a segment of its own, and it is a frame
// of the port's, that frame is kept, leaves, and goes again as it is: nothing is copied, and the program has no handle
// left by which it could write to it. For want of room it waits with who writes it, and is taken when acknowledgements
// have made some. All else goes the way of copies, so that what the peer sees of both is the same:
//
// * what is longer than a segment is cut, and the headers of its second part would lie on the end of the first, which
//   is kept to be sent again. Only a packet of several pieces could spare that, and hardly a port of ours takes such;
// * what comes behind a short segment that waits (Nagle, a cork, a window) fills that up first;
// * a frame that somebody else holds or reads is not the program's to give;
// * with frames short the copy is made, which gives the program's frame back, or takes the heap's.
//
// What is written later may still fill up a short one that waits, in its own frame.

#include "usual_write.hpp"

#include <skerry/stack/tcp/tcp.hpp>

namespace skerry::stack {

// One that is shared has no headroom. 64 KiB, because a segment says in 16 bits where it begins.
Frame* Link::frame_behind(const IoBuf& buffer) const noexcept {
    BufferOwner* const owner = buffer.owner();
    if (owner == nullptr || buffer.is_device_memory() || !frames_.is_home_of(*owner)) return nullptr;
    auto& frame = static_cast<Frame&>(*owner);
    const std::size_t room = buffer.headroom();
    if (room < backend::FrameCache::headroom || room + buffer.size() > 0xffff || is_in_flight(frame)) return nullptr;
    return &frame;
}

namespace tcp {

// Whether a copy would be a segment of its own, as soon as there is room for it.
bool Sender::may_be_segment(Tcb& tcb, std::size_t bytes) const noexcept {
    SendQueue& queue = tcb.queue;
    if (bytes == 0 || bytes > tcb.mss || bytes > tcb.send_limit) return false;
    return !queue.has_unsent() || queue.back().length >= tcb.mss;
}

Given Sender::write_given(Tcb& tcb, IoBuf& data, time::Instant now) noexcept {
    const std::size_t bytes = data.size();
    if (!may_be_segment(tcb, bytes)) return Given::copied;
    Frame* const frame = shared_.link.frame_behind(data);
    if (frame == nullptr) return Given::copied;
    if (tcb.queue.bytes() + bytes > tcb.send_limit || !may_have_piece(tcb)) return Given::waits;
    if (shared_.send_frames >= shared_.config.tcp.send_frames_max || !shared_.link.may_keep_to_send())
        return Given::copied;
    return take_given(tcb, *frame, data, now) ? Given::taken : Given::copied;
}

// As the usual write where that may leave, else as any other. False when there is no memory.
bool Sender::take_given(Tcb& tcb, Frame& frame, IoBuf& data, time::Instant now) noexcept {
    const std::size_t bytes = data.size();
    const Shared::SendAccounting accounting(shared_, tcb);
    const bool is_usual = usual::may_leave(tcb, bytes, shared_.config.tcp) &&
                          shared_.output.is_ready(tcb.tuple.local, tcb.tuple.remote, now);
    SendSegment segment;
    segment.frame = &frame;
    segment.sent_ns = now.as_nanos();
    segment.seq = tcb.queue.empty() ? tcb.snd_nxt : tcb.queue.back().end();
    segment.offset = static_cast<std::uint16_t>(data.headroom());
    segment.length = static_cast<std::uint16_t>(bytes);
    if (is_usual) segment.flags = sent_flag::psh;
    if (!(is_usual ? tcb.queue.push_sent(segment) : tcb.queue.push(segment))) return false;
    ++frame.handles;
    data.reset();
    ++shared_.buffers_given;
    if (is_usual) {
        send_in_place(tcb, segment, now);
    } else {
        tcb.passes_cork = false;
        push(tcb, now);
    }
    return true;
}

void Sender::send_in_place(Tcb& tcb, const SendSegment& segment, time::Instant now) noexcept {
    Frame& frame = *segment.frame;
    frame.data = frame.memory() + segment.offset;
    frame.headroom = segment.offset;
    frame.next = nullptr;
    frame.checksum = backend::FrameChecksum::unknown;
    output_.send_usual<true>(tcb, frame, {frame.data, segment.length}, now);
    on_left(tcb, segment.length, now);
}

Given Tcp::write_given(Tcb& tcb, IoBuf& data, time::Instant now) noexcept {
    if (!is_writable(tcb)) return Given::copied;
    const Given given = sender_.write_given(tcb, data, now);
    tcb.wants_room = given == Given::waits;
    return given;
}

}  // namespace tcp
}  // namespace skerry::stack
