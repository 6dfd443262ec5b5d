#pragma once

// Vector clocks: the happens-before relation of the C++ memory model, one counter per model thread.

#include <algorithm>
#include <array>
#include <cstdint>

namespace skerry::model {

/// Threads a model may have, its main thread included. A clock is one 32-byte vector register then.
inline constexpr unsigned threads_max = 8;

struct VectorClock {
    std::array<std::uint32_t, threads_max> at{};

    void join(const VectorClock& other) noexcept {
        for (unsigned i = 0; i < threads_max; ++i) at[i] = std::max(at[i], other.at[i]);
    }

    /// The first thread whose counter here is ahead of `other`'s, or threads_max when none is.
    [[nodiscard]] unsigned first_ahead_of(const VectorClock& other) const noexcept {
        for (unsigned i = 0; i < threads_max; ++i) {
            if (at[i] > other.at[i]) return i;
        }
        return threads_max;
    }
};

}  // namespace skerry::model
