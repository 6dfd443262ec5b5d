#pragma once

// Hot path. Frames on their way from one core to one other: a ring with one producer and one consumer. What is pushed
// becomes visible with publish(), so that a batch moves one cache line of numbers and not one for each frame.

#include "../../backend/frame.hpp"
#include "../../base/cache_line.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace skerry::stack {

/// Lifetime: whoever destroys it is alone with it; frames that are left are dropped.
/// Threads:  push(), has_room(), has_room_in_half() and publish() on one, pop() on another.
class FrameRing {
public:
    explicit FrameRing(std::size_t frames)
        : slots_(std::make_unique<backend::Frame*[]>(std::bit_ceil(frames))), mask_(std::bit_ceil(frames) - 1) {}
    FrameRing(const FrameRing&) = delete;
    FrameRing& operator=(const FrameRing&) = delete;
    ~FrameRing() {
        publish();
        backend::Frame* frame = nullptr;
        while (pop({&frame, 1}) != 0) frame->drop();
    }

    /// Takes the frame over; false when the ring is full, and then it does not.
    [[nodiscard]] bool push(backend::Frame& frame) noexcept {
        if (!has_room()) return false;
        slots_[producer_.next++ & mask_] = &frame;
        return true;
    }
    /// Whether push() would take one: the producer's question.
    [[nodiscard]] bool has_room() noexcept { return has_fewer_than(mask_ + 1); }
    /// The same, for what may take half of the ring alone.
    [[nodiscard]] bool has_room_in_half() noexcept { return has_fewer_than((mask_ + 1) / 2); }

    /// Whether something was pushed and not published.
    [[nodiscard]] bool has_unpublished() const noexcept {
        return producer_.next != tail_.load(std::memory_order_relaxed);
    }
    // Pairs with the acquire in pop(): what the producer wrote to the frames is seen there.
    void publish() noexcept { tail_.store(producer_.next, std::memory_order_release); }

    /// Fills `out` from the front; returns how many.
    std::size_t pop(std::span<backend::Frame*> out) noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_acquire);
        const std::size_t count = std::min<std::size_t>(out.size(), tail - consumer_next_);
        for (std::size_t i = 0; i < count; ++i) out[i] = slots_[consumer_next_++ & mask_];
        if (count != 0) head_.store(consumer_next_, std::memory_order_release);
        return count;
    }

private:
    [[nodiscard]] bool has_fewer_than(std::size_t frames) noexcept {
        if (producer_.next - producer_.seen_head < frames) return true;
        // Pairs with the release in pop(): the consumer has read the slot before it is written again.
        producer_.seen_head = head_.load(std::memory_order_acquire);
        return producer_.next - producer_.seen_head < frames;
    }

    struct Producer {
        std::uint32_t next = 0;
        std::uint32_t seen_head = 0;
    };

    std::unique_ptr<backend::Frame*[]> slots_;
    std::size_t mask_;
    alignas(no_sharing_bytes) std::atomic<std::uint32_t> tail_{0};
    Producer producer_;
    alignas(no_sharing_bytes) std::atomic<std::uint32_t> head_{0};
    std::uint32_t consumer_next_ = 0;
};

}  // namespace skerry::stack
