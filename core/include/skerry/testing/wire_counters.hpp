#pragma once

#include <cstdint>

namespace skerry::testing {

/// What the wire of a Simulation did to frames. One that is sent to several hosts counts for each.
struct WireCounters {
    std::uint64_t sent = 0;
    std::uint64_t delivered = 0;
    std::uint64_t dropped = 0;     ///< by Link::drop
    std::uint64_t cut_off = 0;     ///< by a link that is down, or on the way to a host that crashed
    std::uint64_t overflowed = 0;  ///< found the link's queue full
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0;
    std::uint64_t corrupted = 0;
    std::uint64_t recut = 0;     ///< segments made of two, by Link::recut
    std::uint64_t lost_in_bursts = 0;  ///< by Link::burst_loss
    std::uint64_t truncated = 0;
    std::uint64_t too_big = 0;   ///< for Link::mtu
    std::uint64_t filtered = 0;  ///< dropped by a FrameFilter
    std::uint64_t marked = 0;    ///< by Link::ecn_mark
    std::uint64_t no_frame = 0;  ///< arrived at a host that had no memory left for it
};

}  // namespace skerry::testing
