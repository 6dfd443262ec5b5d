#pragma once

// Loss that comes in bursts, as of radio and of queues that overflow: the model of Gilbert and Elliott, a link that is
// either good or bad and may change with each frame.

namespace skerry::testing {

/// Lost in the long run: `loss_bad * p / (p + r)` of the frames when `loss_good` is 0, with p for `to_bad` and r for
/// `to_good`; a bad time lasts 1 / r frames.
///
/// Source: E. N. Gilbert, Capacity of a burst-noise channel, 1960; E. O. Elliott, 1963; RFC 5236 has p and r.
struct BurstLoss {
    double to_bad = 0;     ///< probability that a good link is bad from this frame on; 0: no bursts
    double to_good = 0.3;  ///< probability that a bad one is good again
    double loss_bad = 1;   ///< probability of being lost while it is bad
    double loss_good = 0;  ///< and while it is good
};

}  // namespace skerry::testing
