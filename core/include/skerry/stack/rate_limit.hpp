#pragma once

// So many a second, about. The limit moves at random, because a fixed one tells a stranger who makes us send them how
// many others made us send: with challenge ACKs that is enough to find a connection's sequence numbers (CVE-2016-5696),
// with port unreachables a resolver's port ("SAD DNS", CVE-2020-25705).

#include "random.hpp"

#include "../time/instant.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace skerry::stack {

class RateLimit {
public:
    explicit RateLimit(std::uint32_t per_second) noexcept : per_second_(per_second) {}

    /// Whether one more may go.
    [[nodiscard]] bool take(time::Instant now, Random& random) noexcept {
        constexpr auto interval = std::chrono::milliseconds{10};
        if (now - refilled_ >= interval) {
            refilled_ = now;
            const std::uint32_t share = std::max(1U, per_second_ / 100);
            tokens_ = std::max(1U, share / 2 + random.next() % (share + 1));
        }
        if (tokens_ == 0) return false;
        --tokens_;
        return true;
    }

private:
    std::uint32_t per_second_;
    std::uint32_t tokens_ = 0;
    time::Instant refilled_;
};

}  // namespace skerry::stack
