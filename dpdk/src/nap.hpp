#pragma once

// How long a core that may sleep does, while it waits for frames that cannot wake it: 50 us after the last one, twice
// as long each time none has come, at most 1 ms.

#include <skerry/time/instant.hpp>

#include <algorithm>
#include <chrono>

namespace skerry::dpdk {

class Nap {
public:
    /// A frame came.
    void reset() noexcept { length_ = first; }

    /// When a nap that begins now ends.
    [[nodiscard]] time::Instant end() const noexcept { return time::Instant::now() + length_; }

    /// One is over.
    void lengthen() noexcept { length_ = std::min(length_ * 2, longest); }

private:
    static constexpr std::chrono::nanoseconds first = std::chrono::microseconds{50};
    static constexpr std::chrono::nanoseconds longest = std::chrono::milliseconds{1};

    std::chrono::nanoseconds length_ = first;
};

}  // namespace skerry::dpdk
