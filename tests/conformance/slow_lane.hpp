#pragma once

// For cases about what the kernel watches for a core: descriptors, Unix sockets, children. A backend without a slow
// lane passes them over and says so.

#include "fixture.hpp"

#include <skerry/backend/slow_lane.hpp>
#include <skerry/time/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>

namespace skerry::conformance {

[[nodiscard]] inline bool has_slow_lane() { return backend::current_slow_lane != nullptr; }

/// True where such a case has nothing to try, which it says.
[[nodiscard]] inline bool lacks_slow_lane() {
    if (has_slow_lane()) return false;
    WARN("skipped: this backend has no slow lane");
    return true;
}

/// The least of some looks: a thread of DPDK's opens one now and then, to ask for a link, and closes it.
[[nodiscard]] inline std::size_t open_descriptors() {
    std::size_t least = SIZE_MAX;
    for (int looks = 0; looks < 16; ++looks) {
        const std::filesystem::directory_iterator all("/proc/self/fd");
        least = std::min(least, static_cast<std::size_t>(std::distance(begin(all), end(all))));
    }
    return least;
}

[[nodiscard]] inline Task<> driver_turns(unsigned count) {
    for (unsigned i = 0; i < count; ++i) co_await yield_to_driver();
}

/// Longer than what must come takes on any machine: beside that in a select.
[[nodiscard]] inline Task<> patience() { co_await time::sleep(std::chrono::seconds{20}); }

}  // namespace skerry::conformance
