#pragma once

// Carries frames between two devices, each way by its own rules.

#include "device.hpp"
#include "way.hpp"

#include <skerry/metrics/hdr_histogram.hpp>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace skerry::link {

/// What one direction has done.
struct DirectionCounts : WayCounts {
    std::uint64_t arrived = 0;
    std::uint64_t refused = 0;   ///< the device that they were for did not take them
    std::uint64_t too_long = 0;  ///< longer than an Ethernet frame: an offload that should be off
    std::uint64_t no_room = 0;   ///< more than under_way_max were under way
};

/// Threads: one.
class Carrier {
public:
    static constexpr std::size_t under_way_max = 65'536;  ///< 128 MiB of memory

    /// Forth is from left to right.
    Carrier(Device left, Device right, const WayRules& forth, const WayRules& back);

    /// Until `is_over` is not 0, which a signal's handler sets.
    ///
    /// Errors: a device was deleted, one with a packet socket went down, or the devices cannot be waited for.
    [[nodiscard]] Result<void, DeviceError> run(const volatile std::sig_atomic_t& is_over);

    [[nodiscard]] DirectionCounts forth() const noexcept { return directions_[0].total(); }
    [[nodiscard]] DirectionCounts back() const noexcept { return directions_[1].total(); }
    /// By how much frames arrived later than they should, ns.
    [[nodiscard]] const metrics::HdrHistogram& lateness() const noexcept { return lateness_; }

private:
    static constexpr std::size_t room_bytes = 2048;
    static constexpr std::size_t frame_bytes_max = 1518;

    struct Buffer {
        std::size_t length = 0;
        std::array<std::byte, room_bytes> bytes;
    };
    struct Direction {
        Device& from;
        Device& to;
        Way way;
        DirectionCounts counts;

        [[nodiscard]] DirectionCounts total() const noexcept;
    };
    struct UnderWay {
        std::int64_t due_ns;
        std::uint64_t number;  // those that are due at once go in their order
        Direction* direction;
        std::unique_ptr<Buffer> buffer;

        // For the heap, whose front is the greatest.
        friend bool operator<(const UnderWay& one, const UnderWay& other) noexcept {
            return one.due_ns != other.due_ns ? one.due_ns > other.due_ns : one.number > other.number;
        }
    };

    /// Returns 0 after a frame, else the errno of the read that brought none.
    int take_from(Direction& direction);
    void deliver();
    [[nodiscard]] Result<void, DeviceError> wait();
    [[nodiscard]] std::unique_ptr<Buffer> make_buffer();

    Device left_;
    Device right_;
    std::array<Direction, 2> directions_;
    std::vector<UnderWay> under_way_;  // a heap
    std::vector<std::unique_ptr<Buffer>> free_;
    std::uint64_t numbered_ = 0;
    metrics::HdrHistogram lateness_;
};

}  // namespace skerry::link
