#pragma once

// Hot path. The packets that wait for the port, in one row: what the port takes is shown to it where it lies.

#include "../backend/frame.hpp"
#include "../base/assert.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace skerry::stack {

using backend::Frame;

/// First in, first out. Owns what is in it.
///
/// Threads: one core.
/// Cost:    one pointer a packet, in memory that is taken once; an empty one begins at its first place again, so that
///          the same lines are used.
class Backlog {
public:
    /// Room for `places` packets.
    explicit Backlog(std::size_t places)
        : mask_(std::bit_ceil(std::max<std::size_t>(places, 1)) - 1), ring_(new Frame*[mask_ + 1]) {}
    Backlog(const Backlog&) = delete;
    Backlog& operator=(const Backlog&) = delete;
    ~Backlog() {
        while (Frame* const packet = pop()) packet->drop();
    }

    [[nodiscard]] bool empty() const noexcept { return head_ == tail_; }
    [[nodiscard]] std::size_t size() const noexcept { return tail_ - head_; }
    /// The oldest; null when there is none.
    [[nodiscard]] Frame* front() const noexcept { return empty() ? nullptr : ring_[head_ & mask_]; }

    /// There must be room.
    void push(Frame& packet) noexcept {
        SKERRY_DEBUG_ASSERT(size() <= mask_, "the backlog holds more than its places");
        ring_[tail_++ & mask_] = &packet;
    }
    /// The oldest, `most` of them or fewer.
    [[nodiscard]] std::span<Frame*> oldest(std::size_t most) noexcept {
        const std::size_t from = head_ & mask_;
        return {ring_.get() + from, std::min({most, size(), mask_ + 1 - from})};
    }
    /// Gives up the `count` oldest, which somebody has taken over.
    void forget(std::size_t count) noexcept {
        head_ += count;
        if (empty()) head_ = tail_ = 0;
    }
    /// Null when there is none.
    [[nodiscard]] Frame* pop() noexcept {
        Frame* const packet = front();
        if (packet != nullptr) forget(1);
        return packet;
    }

private:
    std::size_t mask_;
    std::unique_ptr<Frame*[]> ring_;
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
};

}  // namespace skerry::stack
