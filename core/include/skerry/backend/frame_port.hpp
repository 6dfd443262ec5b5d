#pragma once

// The part of the seam below the protocols: one queue pair of something that carries frames, seen by one core. A port
// compiles stack::Driver with itself, so the calls are inlined.

#include "../time/instant.hpp"
#include "frame.hpp"
#include "frame_cache.hpp"
#include "mtu.hpp"
#include "slow_lane.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::backend {

/// What the stack has to know of a port.
struct PortInfo {
    std::array<std::uint8_t, 6> mac{};
    std::uint16_t mtu = mtu_usual;  ///< bytes of an IP packet, at most mtu_max
    bool checksums_sent = false;    ///< the port finishes the checksum of a frame with frame_flag::sum_missing
};

/// One object per core; only unpark() may be called from another. A port whose device can be taken away also has
/// `bool is_lost() noexcept`: from then on it receives nothing, and drops what it is given. One whose park() waits for
/// what wake_fd() does not show has `time::Instant outside_deadline() noexcept`: when a loop outside looks again.
template <class P>
concept FramePort = requires(P& port, std::span<Frame*> frames, time::Instant time) {
    // Whole packets, up to frames.size(), with time and queue; each is the caller's. What the port finds damaged it
    // counts and keeps.
    { port.receive(frames, time) } noexcept -> std::same_as<std::size_t>;
    // Takes packets from the front; returns how many. The rest stays the caller's.
    { port.transmit(frames) } noexcept -> std::same_as<std::size_t>;
    { port.info() } noexcept -> std::same_as<PortInfo>;
    { port.frames() } noexcept -> std::same_as<FrameCache&>;
    // When to look again although nothing says that frames have come; Instant::max(): something does.
    { port.next_deadline() } noexcept -> std::same_as<time::Instant>;
    { port.arm() } noexcept -> std::same_as<bool>;  // as backend::Driver
    { port.park(time) } noexcept;
    { port.unpark() } noexcept;
    { port.wake_fd() } noexcept -> std::same_as<int>;
    { port.slow_lane() } noexcept -> std::same_as<SlowLane*>;  // null: it has none
    { P::busy_poll_interval_ns } -> std::convertible_to<std::int64_t>;
};

}  // namespace skerry::backend
