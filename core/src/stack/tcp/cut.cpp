// The way has become shorter: segments that are longer than it takes are cut, each once and moved once. A buffer that
// has grown holds some two thousand of them; to split them one by one would move all that lie behind for each.

#include <skerry/stack/tcp/send_queue.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

namespace {

std::uint32_t pieces_of(const SendSegment& segment, std::uint16_t most) noexcept {
    const bool stays = segment.length <= most || (segment.flags & sent_flag::arrived) != 0;
    return stays ? 1 : (std::uint32_t{segment.length} + most - 1) / most;
}

}  // namespace

// From the back, so that nothing is written to a place that is still to be read.
bool SendQueue::cut(std::uint16_t most) noexcept {
    std::uint32_t wanted = 0;
    for (std::uint32_t i = 0; i < size_; ++i) wanted += pieces_of((*this)[i], most);
    bool has_memory = true;
    while (wanted > capacity() && has_memory) has_memory = grow();
    std::uint32_t end = 0;  // of those that are cut
    std::uint32_t to = size_;  // as many as there will be
    for (; end < size_; ++end) {
        const std::uint32_t more = pieces_of((*this)[end], most) - 1;
        if (to + more > capacity()) break;
        to += more;
    }
    const std::uint32_t unsent_from = sent();
    const std::uint32_t added = to - size_;
    std::uint32_t added_unsent = 0;
    for (std::uint32_t at = size_; to != at;) {
        const std::uint32_t pieces = --at < end ? pieces_of((*this)[at], most) : 1;
        to -= pieces;
        if (at >= unsent_from) added_unsent += pieces - 1;
        cut_into(at, pieces, to, most);
    }
    size_ += added;
    unsent_ += added_unsent;
    return has_memory;
}

// Moves a segment to `to`, in so many pieces. What a segment says of its end, its last piece says.
void SendQueue::cut_into(std::uint32_t at, std::uint32_t pieces, std::uint32_t to, std::uint16_t most) noexcept {
    const SendSegment whole = (*this)[at];
    if (pieces == 1) {  // however long
        (*this)[to] = whole;
        return;
    }
    for (std::uint32_t i = pieces; i-- != 0;) {
        SendSegment& piece = (*this)[to + i];
        const std::uint32_t begin = i * most;
        piece = whole;
        piece.seq += begin;
        piece.offset = static_cast<std::uint16_t>(whole.offset + begin);
        piece.length = static_cast<std::uint16_t>(std::min<std::uint32_t>(most, whole.length - begin));
        if (i + 1 != pieces) piece.flags = static_cast<std::uint8_t>(piece.flags & ~sent_flag::of_end);
    }
    whole.frame->handles += pieces - 1;
}

}  // namespace skerry::stack::tcp
