#pragma once

// Hot path of ports whose device cuts long segments (TSO). The mbufs of a run's frames become one packet: the headers
// of all stand where the first one's were, and the payloads follow in a chain, each from where it lies. What the device
// does not take is taken apart again, and is as it was.
//
// An mbuf may come back with what it was chained to: who frees one that somebody else holds too leaves `next` alone.
// So each of a chain says in `nb_segs`, which nobody reads but of the first, that it is one, until unchain() or the
// pool makes it whole.
//
// Source: DPDK 22.11, rte_mbuf_core.h, RTE_MBUF_F_TX_TCP_SEG, for what the device finds.

#include "mbuf_frames.hpp"

#include <skerry/stack/segment_run.hpp>

#include <array>
#include <cstddef>
#include <span>

namespace skerry::dpdk {

/// A run under way, and what its first frame's headers were.
struct SegmentChain {
    std::size_t first = 0;  ///< in the burst
    stack::SegmentRun run;
    std::array<std::byte, stack::run_header_bytes_max> headers;
};

/// Whether an mbuf was in a chain and is not whole again.
[[nodiscard]] inline bool is_chained(const rte_mbuf& mbuf) noexcept { return mbuf.nb_segs != 1; }
inline void unchain(rte_mbuf& mbuf) noexcept {
    mbuf.next = nullptr;
    mbuf.nb_segs = 1;
}

/// Makes one packet of the run that `packets` begins with, two frames or more, whose mbufs hold what they say. The
/// device finishes IPv4's checksum, or wants it made.
void join(std::span<backend::Frame* const> packets, SegmentChain& chain, bool finishes_ipv4) noexcept;

/// Takes it back.
void take_apart(std::span<backend::Frame* const> packets, const SegmentChain& chain) noexcept;

}  // namespace skerry::dpdk
