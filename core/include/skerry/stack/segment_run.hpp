#pragma once

// Hot path of ports that can have a long segment of TCP cut behind them: by a card (TSO), or by a kernel that would
// rather have it whole. What the stack sends stays one frame a segment, with all of its headers; here, where a burst
// leaves, those of one flow that stand in a row are found again, and the port hands over the headers of the first, made
// for all, and the payload of each from where it lies.
//
// So TCP knows nothing of it. What may leave has been decided segment by segment, by windows and the algorithm; each is
// kept, acknowledged, lost and sent again alone, and no run is longer than what would have left in that burst anyway.
// What it costs is a look at neighbouring headers, a burst, in ports that have asked for it.
//
// Rejected: descriptors of several segments in the send queue, as Linux has them. They spare a bulk sender the headers
// of all segments but one, some hundred instructions each beside a copy of 1,460 bytes; and SACK, RACK, F-RTO and the
// tail probe would have to cut them again whenever something is lost, which is when a queue must not fail for memory.
// A dialogue, whose messages are one segment, would pay for the distinction and win nothing.

#include "../backend/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack {

/// How much a port hands over as one.
struct RunLimits {
    std::size_t segments_max = 1;  ///< 1: nothing is joined
    std::size_t packet_bytes_max = 65'535;  ///< of IP's headers, TCP's and all payload
};

/// Segments at the front of a burst that may be handed over as one. One alone is always such a run, whatever it is; the
/// rest is told of two or more.
struct SegmentRun {
    std::size_t segments = 1;
    std::size_t header_bytes = 0;  ///< of each, from Ethernet to TCP's options
    std::size_t segment_bytes = 0;  ///< payload of each but the last, which may have less
    std::size_t payload_bytes = 0;  ///< of all
    bool is_v6 = false;

    [[nodiscard]] std::size_t network_bytes() const noexcept;
    [[nodiscard]] std::size_t tcp_bytes() const noexcept;
};

/// The longest Ethernet, IP and TCP headers of a run.
inline constexpr std::size_t run_header_bytes_max = 14 + 40 + 60;

/// The run that `burst` begins with, which has a frame at least.
///
/// Its segments leave their checksum to the port (frame_flag::sum_missing), follow each other without a gap and say
/// the same but for that. Who cuts gives PSH and FIN to the last one alone, so one that has them ends a run. CWR is for
/// the first alone (RFC 3168 section 6.1.2), and cards are known that write it into each: what has it leaves by itself.
///
/// Cost: nothing is read of a burst of one frame, or of frames that ask for no checksum.
[[nodiscard]] SegmentRun run_at(std::span<backend::Frame* const> burst, const RunLimits& limits) noexcept;

/// Writes the headers of the whole run, of two or more, to `to`: the first one's with the length of all, the last one's
/// flags, IPv4's checksum, and the sum of the pseudo header in TCP's. `to` may be where the first one's are.
void write_run_headers(std::byte* to, std::span<backend::Frame* const> burst, const SegmentRun& run) noexcept;

}  // namespace skerry::stack
