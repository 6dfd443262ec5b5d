#pragma once

// What every port in memory has beside receiving and sending: frames of the heap, an address, nothing to sleep on.

#include <skerry/backend/frame_port.hpp>
#include <skerry/backend/heap_frames.hpp>

#include <array>
#include <cstdint>

namespace skerry::tests {

/// Lacks receive() and transmit() of a backend::FramePort; a port of a test or benchmark derives from it.
class QuietPort {
public:
    static constexpr std::int64_t busy_poll_interval_ns = 0;

    explicit QuietPort(const std::array<std::uint8_t, 6>& mac, const backend::HeapFramesOptions& options = {})
        : mac_(mac), frames_(options) {}

    [[nodiscard]] backend::PortInfo info() const noexcept {
        backend::PortInfo info;
        info.mac = mac_;
        return info;
    }
    [[nodiscard]] backend::FrameCache& frames() noexcept { return frames_; }
    [[nodiscard]] time::Instant next_deadline() const noexcept { return time::Instant::max(); }
    bool arm() noexcept { return true; }
    void park(time::Instant) noexcept {}
    void unpark() noexcept {}
    [[nodiscard]] int wake_fd() const noexcept { return -1; }
    [[nodiscard]] backend::SlowLane* slow_lane() noexcept { return nullptr; }

private:
    std::array<std::uint8_t, 6> mac_;
    backend::HeapFrames frames_;
};

}  // namespace skerry::tests
