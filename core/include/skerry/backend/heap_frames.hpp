#pragma once

// Frames on the heap, for ports that have no memory of their own: TAP, and the wire in memory.

#include "homing_frames.hpp"

#include <cstdint>

namespace skerry::backend {

/// What HeapFrames is made of.
struct HeapFramesOptions {
    std::uint32_t frames = 4096;         ///< made at once, and never more
    std::uint32_t payload_bytes = 1920;  ///< behind the headroom; with it 2 KiB
    constexpr HeapFramesOptions() noexcept {}
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
