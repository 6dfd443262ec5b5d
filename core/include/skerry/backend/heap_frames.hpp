#pragma once

// Frames on the heap, for ports that have no memory of their own: TAP, and the wire in memory.

#include "frame_cache.hpp"

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
/// Lifetime: may go away before its frames: the memory goes with the last of them.
/// Threads:  the core's; frames may be dropped anywhere, and those dropped elsewhere come home when the core runs out.
/// Cost:     frames x (payload + headroom + 128) bytes at once.
class HeapFrames final : public FrameCache {
public:
    explicit HeapFrames(const HeapFramesOptions& options = {});
    ~HeapFrames();

    /// Frames that are neither here nor on their way home.
    [[nodiscard]] std::uint64_t out() const noexcept;
    [[nodiscard]] std::size_t available() noexcept override;

protected:
    std::size_t refill(std::span<Frame*> out) noexcept override;
    void spill(std::span<Frame*> frames) noexcept override;

private:
    struct Store;

    static void release(BufferOwner* owner) noexcept;

    Store* store_;
};

}  // namespace skerry::backend
