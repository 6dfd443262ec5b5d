#pragma once

// Frames on the heap, for ports that have no memory of their own: TAP, and the wire in memory.

#include "homing_frames.hpp"
#include "mtu.hpp"

#include <algorithm>
#include <cstdint>

namespace skerry::backend {

/// What HeapFrames is made of.
struct HeapFramesOptions {
    std::uint32_t frames = 4096;         ///< made at once, and never more
    std::uint32_t payload_bytes = 1920;  ///< behind the headroom; with it 2 KiB
    constexpr HeapFramesOptions() noexcept {}

    /// Frames for a port of that MTU, each as long as its longest packet and 2 KiB at the least.
    [[nodiscard]] static constexpr HeapFramesOptions for_mtu(std::uint16_t mtu) noexcept {
        HeapFramesOptions options;
        options.payload_bytes = std::max(options.payload_bytes, frame_bytes_for(mtu));
        return options;
    }
};

/// A fixed number of frames for one core.
///
/// Lifetime: as HomingFrames.
/// Threads:  as HomingFrames.
/// Cost:     frames x (payload + headroom + 128) bytes at once.
class HeapFrames final : public HomingFrames {
public:
    explicit HeapFrames(const HeapFramesOptions& options = {});
};

}  // namespace skerry::backend
