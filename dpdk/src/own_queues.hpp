#pragma once

// Which queue pairs of a port are one core's: the one of its number, and where the port runs with more pairs than there
// are cores, each further one that many behind it. It sends by the first alone.

#include <cstdint>

namespace skerry::dpdk {

struct OwnQueues {
    std::uint16_t first = 0;
    std::uint16_t stride = 1;  ///< cores of the runtime
    std::uint16_t end = 0;  ///< pairs of the port

    [[nodiscard]] bool any() const noexcept { return first < end; }
    /// The one after `queue`, and after the last the first.
    [[nodiscard]] std::uint16_t after(std::uint16_t queue) const noexcept {
        const unsigned next = unsigned{queue} + stride;
        return next < end ? static_cast<std::uint16_t>(next) : first;
    }
    /// Calls `each` with every one of them, from the first on.
    template <class Each>
    void for_each(Each each) const {
        for (unsigned queue = first; queue < end; queue += stride) each(static_cast<std::uint16_t>(queue));
    }
};

}  // namespace skerry::dpdk
