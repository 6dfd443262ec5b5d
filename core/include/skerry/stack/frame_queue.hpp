#pragma once

// Packets in a row, linked through their frames.

#include "../backend/frame.hpp"

#include <cstddef>
#include <span>
#include <utility>

namespace skerry::stack {

using backend::Frame;

/// A first-in, first-out queue of packets of one piece each. Owns what is in it.
class FrameQueue {
public:
    FrameQueue() noexcept = default;
    FrameQueue(FrameQueue&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)), last_(other.last_), size_(std::exchange(other.size_, 0)) {}
    FrameQueue& operator=(FrameQueue&&) = delete;
    ~FrameQueue() { clear(); }

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] Frame* front() const noexcept { return first_; }
    /// The newest. There must be one.
    [[nodiscard]] Frame& back() const noexcept { return *last_; }

    void push(Frame& packet) noexcept {
        packet.next = nullptr;
        if (first_ == nullptr)
            first_ = &packet;
        else
            last_->next = &packet;
        last_ = &packet;
        ++size_;
    }

    /// Null when there is none.
    [[nodiscard]] Frame* pop() noexcept {
        Frame* const packet = first_;
        if (packet == nullptr) return nullptr;
        first_ = packet->next;
        packet->next = nullptr;
        --size_;
        return packet;
    }

    /// Puts a packet back in front.
    void push_front(Frame& packet) noexcept {
        packet.next = first_;
        if (first_ == nullptr) last_ = &packet;
        first_ = &packet;
        ++size_;
    }

    void clear() noexcept {
        while (Frame* packet = pop()) packet->drop();
    }

private:
    Frame* first_ = nullptr;
    Frame* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace skerry::stack
