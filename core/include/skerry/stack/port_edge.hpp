#pragma once

// Between a port and the stack, on cores where something is asked for there: a capture. Others have none, and pay for
// one branch a burst.

#include "frame_queue.hpp"

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

    /// From here on frames are recorded, as they are on the wire.
    void set_capture(trace::CaptureTap& tap) noexcept { tap_ = &tap; }

    /// What the port received.
    void received(std::span<Frame* const> burst) noexcept;

    /// Before the port is given a burst, and after it took `sent` frames of it.
    void leaving(std::span<Frame* const> burst, time::Instant now) noexcept;
    void left(std::size_t sent) noexcept;

private:
    trace::CaptureTap* tap_ = nullptr;
    std::uint64_t begin_ = 0;
    std::array<std::uint64_t, burst_max> ends_{};  // in the tap, of the frames that are leaving
};

}  // namespace skerry::stack
