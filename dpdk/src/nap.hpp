#pragma once

// How long a core that may sleep does, while it waits for frames that cannot be relied on to wake it: 50 us after the
// last one, twice as long each time none has come, up to a limit.

#include <skerry/time/instant.hpp>

#include <algorithm>
#include <chrono>

namespace skerry::dpdk {

class Nap {
public:
    /// Nothing says that a frame has come.
    static constexpr std::chrono::nanoseconds without_interrupt = std::chrono::milliseconds{1};
    /// net_tap has a descriptor to sleep on, but shows a frame only after a signal, which another thread may handle
    /// later than the descriptor wakes this one.
    static constexpr std::chrono::nanoseconds with_late_interrupt = std::chrono::milliseconds{20};
    /// An interrupt does.
    static constexpr std::chrono::nanoseconds endless = std::chrono::nanoseconds::max();

    explicit Nap(std::chrono::nanoseconds longest = without_interrupt) noexcept : longest_(longest) {}

    /// A frame came.
    void reset() noexcept { length_ = first; }

    /// When a nap that begins now ends.
    [[nodiscard]] time::Instant end() const noexcept {
        return longest_ == endless ? time::Instant::max() : time::Instant::now() + length_;
    }

    /// One is over.
    void lengthen() noexcept {
        if (longest_ != endless) length_ = std::min(length_ * 2, longest_);
    }

private:
    static constexpr std::chrono::nanoseconds first = std::chrono::microseconds{50};

    std::chrono::nanoseconds longest_;
    std::chrono::nanoseconds length_ = first;
};

}  // namespace skerry::dpdk
