#pragma once

// DPDK's interrupt thread, on which devices hear of their links, other ends and ends.

namespace skerry::dpdk {

/// Has `what(of)` run on that thread, so neither beside nor within what a device does there, and waits for its end. If
/// that thread has not come to it after ten seconds it runs here, which is said.
///
/// For net_memif of DPDK 22.11, which brings its rings up and takes them away on that thread by what its peer says, and
/// is not made for one that closes it meanwhile; and to wait until that thread is through with what it was at.
///
/// Threads: any but that one, and within no burst.
void on_interrupt_thread(void (*what)(void* of), void* of) noexcept;

}  // namespace skerry::dpdk
