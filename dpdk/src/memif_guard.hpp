#pragma once

// net_memif of DPDK 22.11 unmaps its rings when the other end leaves: on DPDK's interrupt thread, and whether or not a
// core is within a burst of them. So its bursts pass a gate, which that thread shuts before the driver acts: the driver
// logs each message of its control channel first, and the log is ours.

#include <cstdint>

namespace skerry::dpdk {

/// Puts the gate before the bursts of `port`, which has been started; each start undoes it. A message holds bursts up
/// for as long as the driver is at it: they find nothing and take nothing. A burst that itself logs at that moment
/// waits for the thread that waits for it. So that one goes on after a second, and says so: a core that stood still
/// within one burst for as long is not safe. A port that closes logs there, too, and holds those of others up as long.
///
/// Cost: BurstGate::Passage a burst. Threads: none uses the port yet.
void guard_memif(std::uint16_t port) noexcept;

}  // namespace skerry::dpdk
