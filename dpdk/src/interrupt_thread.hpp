#pragma once

// DPDK's interrupt thread, on which devices hear of their links, other ends and ends.

namespace skerry::dpdk {

/// Waits until that thread is through with what it was at, 100 ms at most: net_memif of DPDK 22.11 says that a link is
/// down and goes on to take its rings away, and a device that is closed meanwhile takes them from under it.
///
/// Threads: any but that one.
void wait_for_interrupt_thread() noexcept;

}  // namespace skerry::dpdk
