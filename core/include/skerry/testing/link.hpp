#pragma once

// What the way from one host to another does to what is sent there. Used by Simulation, where frames travel, and by
// Network, where streams and datagrams do.

#include "burst_loss.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace skerry::testing {

/// One direction between two hosts. Probabilities are of each frame (Network: of each datagram; its streams are only
/// slowed down and held back).
struct Link {
    std::chrono::nanoseconds delay{0};    ///< of a Simulation's frames at least 1 us
    std::chrono::nanoseconds jitter{0};   ///< up to so much more, drawn each time; alone it reorders nothing
    std::uint64_t bytes_per_second = 0;   ///< 0: no limit
    bool is_down = false;                 ///< what is sent is lost; a Network holds streams back
    double drop = 0;                      ///< probability of being lost
    double duplicate = 0;                 ///< probability of coming twice
    double reorder = 0;                   ///< probability of being late, and overtaken, by up to reorder_delay
    std::chrono::nanoseconds reorder_delay = std::chrono::milliseconds{1};

    // Of a Simulation only.
    std::size_t queue_bytes = 0;  ///< what waits for its turn under bytes_per_second; more is lost; 0: no limit
    double corrupt = 0;  ///< probability of one wrong bit; where no checksum covers that, the frame is lost
    /// Probability that a segment of TCP is followed, up to reorder_delay later, by one with its beginning and the end
    /// of the segment before it: as of a peer that cuts its stream anew when it sends again. One behind extension
    /// headers of IPv6 is not.
    double recut = 0;
    BurstLoss burst_loss = {};  ///< besides `drop`
    double truncate = 0;  ///< probability of losing its end, wherever it is cut
    /// The longest IP packet that gets through; 0: no limit. A longer one is lost and answered as a router on the way
    /// does: IPv4 that must not be cut into pieces by ICMP "fragmentation needed", IPv6 by ICMPv6 "packet too big".
    /// That never says less than 1280, which IPv6 asks of every link: with less here, its longer packets are lost for
    /// good.
    std::uint16_t mtu = 0;
    /// Probability that a packet whose sender knows ECN is marked "congestion experienced" where another is dropped.
    double ecn_mark = 0;
};

}  // namespace skerry::testing
