#pragma once

// Hot path. What a connection has to send and what is not acknowledged yet, in the order of the sequence numbers: a
// ring of descriptors. Each has a handle on the frame with its payload and says itself where in the frame that is,
// because the frame's own window is moved by whoever has the packet: the port, or a receiver in the same process.
//
//   front                       sent()                 size()
//     |  sent, unacknowledged     |  to be sent           |
//
// After a timeout sent() goes back to 0: everything is to be sent again, as the congestion window allows. Two
// descriptors stand in the connection itself, which is all that a dialogue needs; a longer ring comes and goes.

#include "../../backend/frame.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace skerry::stack::tcp {

namespace sent_flag {
inline constexpr std::uint8_t fin = 1;
inline constexpr std::uint8_t again = 2;  ///< sent more than once: says nothing about the round trip (Karn)
// The Scoreboard's marks.
inline constexpr std::uint8_t arrived = 4;  ///< the peer says so, but may still forget it
inline constexpr std::uint8_t lost = 8;
inline constexpr std::uint8_t sent_for_loss = 16;  ///< again, since this loss was noticed
inline constexpr std::uint8_t ends_burst = 32;  ///< it left as the last of several: TcpLimits::burst_segments
inline constexpr std::uint8_t psh = 128;  ///< nothing was behind it when it left; whenever it goes again it says so
inline constexpr std::uint8_t of_end = fin | ends_burst | psh;  ///< of a segment that is cut its last piece has these
}  // namespace sent_flag

struct SendSegment {
    backend::Frame* frame = nullptr;  ///< null: no payload
    std::int64_t sent_ns = 0;
    std::uint32_t seq = 0;
    std::uint16_t offset = 0;  ///< from frame->memory()
    std::uint16_t length = 0;
    std::uint8_t flags = 0;

    [[nodiscard]] bool is_fin() const noexcept { return (flags & sent_flag::fin) != 0; }
    [[nodiscard]] std::uint32_t seq_length() const noexcept { return length + (is_fin() ? 1U : 0U); }
    [[nodiscard]] std::uint32_t end() const noexcept { return seq + seq_length(); }
    [[nodiscard]] const std::byte* payload() const noexcept { return frame->memory() + offset; }
};
static_assert(sizeof(SendSegment) == 32);

/// Owns its handles on the frames.
class SendQueue {
public:
    SendQueue() noexcept { slots_ = inline_.data(); }
    ~SendQueue() { clear(); }
    SendQueue(const SendQueue&) = delete;
    SendQueue& operator=(const SendQueue&) = delete;

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
    /// Payload in all of them.
    [[nodiscard]] std::uint32_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::uint32_t sent() const noexcept { return size_ - unsent_; }
    /// How many descriptors there is memory for.
    [[nodiscard]] std::uint32_t capacity() const noexcept { return mask_ + 1; }
    [[nodiscard]] bool has_unsent() const noexcept { return unsent_ != 0; }

    [[nodiscard]] SendSegment& operator[](std::uint32_t at) noexcept { return slots_[(head_ + at) & mask_]; }
    [[nodiscard]] SendSegment& front() noexcept { return (*this)[0]; }
    [[nodiscard]] SendSegment& back() noexcept { return (*this)[size_ - 1]; }
    [[nodiscard]] SendSegment& next_unsent() noexcept { return (*this)[sent()]; }
    /// The first that was sent and ends behind `seq`; sent() when none does.
    [[nodiscard]] std::uint32_t find(std::uint32_t seq) noexcept;

    /// Takes the handle on `segment.frame` over. False, and nothing taken, when there is no memory.
    [[nodiscard]] bool push(const SendSegment& segment) noexcept {
        if (!push_sent(segment)) return false;
        ++unsent_;
        return true;
    }
    /// The same of one that leaves now. Nothing waits in front of it.
    [[nodiscard]] bool push_sent(const SendSegment& segment) noexcept {
        if (size_ > mask_ && !grow()) [[unlikely]]
            return false;
        (*this)[size_++] = segment;
        bytes_ += segment.length;
        return true;
    }
    /// `count` more bytes were put behind the last one's payload.
    void extend_back(std::uint16_t count) noexcept {
        back().length = static_cast<std::uint16_t>(back().length + count);
        bytes_ += count;
    }
    /// Cuts a segment in two, the first with `bytes` of payload. False when there is no memory.
    [[nodiscard]] bool split(std::uint32_t at, std::uint16_t bytes) noexcept;
    /// Cuts all that are longer than `most`, but those that have arrived. False when there is no memory for all: then
    /// the first are cut, as far as there are slots. Cost: linear.
    bool cut(std::uint16_t most) noexcept;
    /// Makes one of a segment and the one behind it, neither of which is under way, if that has no more than `most`
    /// bytes of payload and may be written to the first one's frame. False, and nothing changed, else.
    [[nodiscard]] bool join(std::uint32_t at, std::uint32_t most) noexcept;
    /// Everything before `ack` is acknowledged.
    void acknowledge(std::uint32_t ack) noexcept;

    void mark_sent() noexcept { --unsent_; }
    void send_again() noexcept { unsent_ = size_; }
    /// Takes that back: what lies before `nxt` is under way after all.
    void send_on_from(std::uint32_t nxt) noexcept;
    void clear() noexcept;
    /// Gives a ring of its own back, when it is empty.
    void shrink() noexcept;

private:
    static constexpr std::uint32_t inline_slots = 2;

    [[nodiscard]] bool has_ring() const noexcept { return slots_ != inline_.data(); }
    [[nodiscard]] bool grow() noexcept;
    void cut_into(std::uint32_t at, std::uint32_t pieces, std::uint32_t to, std::uint16_t most) noexcept;
    void drop_front(std::uint32_t count, std::uint32_t bytes) noexcept;

    SendSegment* slots_ = nullptr;  // those in here, or a ring of our own
    std::uint32_t mask_ = inline_slots - 1;  // the slots are a power of two
    std::uint32_t head_ = 0;
    std::uint32_t size_ = 0;
    std::uint32_t unsent_ = 0;
    std::uint32_t bytes_ = 0;
    std::array<SendSegment, inline_slots> inline_;
};

}  // namespace skerry::stack::tcp
