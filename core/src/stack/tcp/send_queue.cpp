#include <skerry/stack/tcp/send_queue.hpp>

#include <skerry/backend/frame_cache.hpp>
#include <skerry/stack/sequence.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace skerry::stack::tcp {

bool SendQueue::grow() noexcept {
    const std::uint32_t capacity = has_ring() ? (mask_ + 1) * 2 : 8;
    auto* const ring = new (std::nothrow) SendSegment[capacity];
    if (ring == nullptr) return false;
    for (std::uint32_t i = 0; i < size_; ++i) ring[i] = (*this)[i];
    if (has_ring()) delete[] slots_;
    slots_ = ring;
    mask_ = capacity - 1;
    head_ = 0;
    return true;
}

bool SendQueue::split(std::uint32_t at, std::uint16_t bytes) noexcept {
    if (size_ > mask_ && !grow()) return false;
    if (at >= sent()) ++unsent_;
    for (std::uint32_t i = size_++; i > at + 1; --i) (*this)[i] = (*this)[i - 1];
    SendSegment& first = (*this)[at];
    SendSegment& second = (*this)[at + 1];
    second = first;
    second.seq += bytes;
    second.offset = static_cast<std::uint16_t>(first.offset + bytes);
    second.length = static_cast<std::uint16_t>(first.length - bytes);
    first.length = bytes;
    first.flags = static_cast<std::uint8_t>(first.flags & ~sent_flag::of_end);
    ++first.frame->handles;
    return true;
}

bool SendQueue::join(std::uint32_t at, std::uint32_t most) noexcept {
    SendSegment& first = (*this)[at];
    SendSegment& second = (*this)[at + 1];
    const std::uint32_t bytes = std::uint32_t{first.length} + second.length;
    if (second.length == 0 || bytes > most || first.is_fin()) return false;
    if (first.frame != second.frame) {
        if (first.frame->is_shared() || backend::FrameCache::headroom + bytes > first.frame->capacity) return false;
        std::byte* const to = first.frame->memory() + backend::FrameCache::headroom;  // what was there is acknowledged
        std::memmove(to, first.payload(), first.length);
        std::memcpy(to + first.length, second.payload(), second.length);
        first.offset = backend::FrameCache::headroom;
    }
    second.frame->drop();
    first.length = static_cast<std::uint16_t>(bytes);
    first.flags = static_cast<std::uint8_t>(first.flags | second.flags);
    --size_;
    --unsent_;
    for (std::uint32_t i = at + 1; i < size_; ++i) (*this)[i] = (*this)[i + 1];
    return true;
}

std::uint32_t SendQueue::find(std::uint32_t seq) noexcept {
    std::uint32_t first = 0;
    std::uint32_t last = sent();
    while (first != last) {
        const std::uint32_t middle = first + (last - first) / 2;
        if (seq_after((*this)[middle].end(), seq))
            last = middle;
        else
            first = middle + 1;
    }
    return first;
}

void SendQueue::drop_front(std::uint32_t count, std::uint32_t bytes) noexcept {
    bytes_ -= bytes;
    size_ -= count;
    unsent_ = std::min(unsent_, size_);
    head_ = size_ == 0 ? 0 : (head_ + count) & mask_;  // empty: the same line is used again
}

void SendQueue::acknowledge(std::uint32_t ack) noexcept {
    std::uint32_t count = 0;
    std::uint32_t bytes = 0;
    for (; count != size_; ++count) {
        const SendSegment& oldest = (*this)[count];
        if (seq_after(oldest.end(), ack)) break;
        bytes += oldest.length;
        if (oldest.frame != nullptr) oldest.frame->drop();
    }
    if (count != 0) drop_front(count, bytes);
    if (size_ == 0 || !seq_before(front().seq, ack)) return;
    SendSegment& oldest = front();
    const auto acked = static_cast<std::uint16_t>(ack - oldest.seq);  // a part of its payload
    oldest.seq = ack;
    oldest.offset = static_cast<std::uint16_t>(oldest.offset + acked);
    oldest.length = static_cast<std::uint16_t>(oldest.length - acked);
    bytes_ -= acked;
}

void SendQueue::send_on_from(std::uint32_t nxt) noexcept {
    while (unsent_ != 0 && !seq_after(next_unsent().end(), nxt)) --unsent_;
}

void SendQueue::clear() noexcept {
    if (size_ != 0) acknowledge(back().end());
    shrink();
}

void SendQueue::shrink() noexcept {
    if (size_ != 0 || !has_ring()) return;
    delete[] slots_;
    slots_ = inline_.data();
    mask_ = inline_slots - 1;
    head_ = 0;
}

}  // namespace skerry::stack::tcp
