#pragma once

// Between a port and the stack, on cores where something is asked for there: a capture, a VLAN. Others have none, and
// pay for one branch a burst.
//
// The stack knows no tags. They are taken off before it sees a frame and put on behind the last of its queues, so all
// that it sends has one, and its fixed places and prepared headers are those of untagged frames. It costs a frame a
// move of its two hardware addresses.
//
// A tag is written into the room in front of a frame. That is free where the frame's payload is kept until it is
// acknowledged (frame_flag::kept): its keeper looks at nothing there, wrote down where the payload is, and writes all
// headers anew when it is sent again. What the port leaves gets its tag taken back, so that it waits as it was.
//
// Rejected: the tag in prepared headers (Way, EthernetImage). Their size would be a variable in the path of those who
// have no VLAN, and a received frame would take the long way through the parsers.
//
// Source: IEEE 802.1Q-2018 clause 9.6.

#include "frame_queue.hpp"
#include "link.hpp"

#include "../time/instant.hpp"
#include "../trace/capture_tap.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack {

/// Threads: one core.
class PortEdge {
public:
    static constexpr std::size_t burst_max = 32;

    /// `vlan` is the VLAN that we are in; 0: none.
    explicit PortEdge(std::uint16_t vlan) noexcept : vlan_(vlan) {}

    /// From here on frames are recorded, as they are on the wire.
    void set_capture(trace::CaptureTap& tap) noexcept { tap_ = &tap; }

    /// Takes in what the port received, of whose frames nobody else holds one; returns how many of it are the stack's,
    /// in front. The others are dropped.
    [[nodiscard]] std::size_t received(std::span<Frame*> burst, Link& link) noexcept;

    /// Before the port is given a burst, and after it took `sent` frames of it. Those that it left stand in `burst`,
    /// which may be copies of what it was given.
    void leaving(std::span<Frame* const> burst, time::Instant now) noexcept;
    void left(std::span<Frame* const> burst, std::size_t sent) noexcept;

private:
    void record_received(std::span<Frame* const> burst) noexcept;
    void record_leaving(std::span<Frame* const> burst, time::Instant now) noexcept;
    void record_left(std::size_t sent) noexcept;
    [[nodiscard]] std::size_t take_off_tags(std::span<Frame*> burst, Link& link) const noexcept;

    std::uint16_t vlan_;
    trace::CaptureTap* tap_ = nullptr;
    std::uint64_t begin_ = 0;
    std::array<std::uint64_t, burst_max> ends_{};  // in the tap, of the frames that are leaving
};

}  // namespace skerry::stack
