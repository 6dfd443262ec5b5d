#pragma once

// Hot path. A host's end of the simulated wire.

#include "frame_wire.hpp"
#include "host_clock.hpp"

#include "../parking.hpp"

#include <skerry/backend/frame_port.hpp>
#include <skerry/backend/heap_frames.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::testing {

/// Where a host stands. What it points at outlives the host's core.
struct Place {
    Pace* pace = nullptr;
    Bell* bell = nullptr;
    FrameWire* wire = nullptr;
    Station station = 0;
    HostClock* clock = nullptr;    ///< null: the pace's
    Random* shuffle = nullptr;     ///< where the order of ready tasks is drawn; null: it is not
    VirtualClock* own_clock = nullptr;  ///< the pace's, when this host alone is on it: its tasks may advance() it
    std::uint16_t mtu = backend::mtu_usual;

    [[nodiscard]] const time::VirtualTime& time() const noexcept { return clock ? clock->time() : pace->clock.time(); }
    /// When the next frame arrives. Not of a host with a clock of its own: its simulation looks after that.
    [[nodiscard]] time::Instant next_arrival() const noexcept {
        return clock ? time::Instant::max() : wire->next_arrival(station);
    }
};

class WirePort {
public:
    static constexpr std::int64_t busy_poll_interval_ns = 0;

    explicit WirePort(const Place& place) : place_(place), frames_(backend::HeapFramesOptions::for_mtu(place.mtu)) {}

    std::size_t receive(std::span<backend::Frame*> out, time::Instant now) noexcept;
    std::size_t transmit(std::span<backend::Frame*> packets) noexcept;
    [[nodiscard]] backend::PortInfo info() const noexcept;
    [[nodiscard]] backend::FrameCache& frames() noexcept { return frames_; }
    [[nodiscard]] std::uint64_t frames_out() const noexcept { return frames_.out(); }
    [[nodiscard]] time::Instant next_deadline() const noexcept { return place_.next_arrival(); }
    bool arm() const noexcept { return place_.wire->next_arrival(place_.station) > place_.pace->clock.now(); }
    void park(time::Instant wake_at) noexcept { testing::park(*place_.pace, *place_.bell, wake_at); }
    void unpark() noexcept { place_.bell->ring(); }
    [[nodiscard]] int wake_fd() const noexcept { return -1; }
    [[nodiscard]] backend::SlowLane* slow_lane() const noexcept { return nullptr; }

    [[nodiscard]] const Place& place() const noexcept { return place_; }

private:
    Place place_;
    backend::HeapFrames frames_;
};

}  // namespace skerry::testing
