#pragma once

// The time of this machine. Not Instant::now(), which a thread may have made virtual and which may run some 100 ns
// behind what another thread has read: here instants of several threads are compared.

#include <skerry/time/instant.hpp>

#include <chrono>

namespace skerry::pkt::kernel {

/// Of CLOCK_MONOTONIC.
///
/// Threads: any; what one thread read before it handed over is never later than what the next one reads.
[[nodiscard]] inline time::Instant present() noexcept {
    return time::Instant::from_steady(std::chrono::steady_clock::now());
}

}  // namespace skerry::pkt::kernel
