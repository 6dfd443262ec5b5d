#pragma once

// Hot path. The empty frames of one core: a stack of a few dozen, the last one used on top, refilled from and spilled
// to whatever the port has (a mempool, a block of the heap) half a stack at a time. So the stack of protocols needs no
// template to get memory, and pays an indirect call for 32 frames.

#include "../base/compiler.hpp"
#include "frame.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::backend {

/// Numbers of a FrameCache.
struct FrameStats {
    std::uint64_t misses = 0;  ///< allocate() calls that found none
};

/// Threads: one core.
class FrameCache {
public:
    static constexpr std::size_t frames_max = 64;
    static constexpr std::size_t refill_frames = frames_max / 2;
    /// In front of a fresh frame: Ethernet, VLAN, IPv6 and TCP headers with options, and some to spare.
    static constexpr std::uint16_t headroom = 128;

    FrameCache(const FrameCache&) = delete;
    FrameCache& operator=(const FrameCache&) = delete;

    /// An empty frame with the usual headroom, held once; null when there is none (misses).
    [[nodiscard]] Frame* allocate() noexcept {
        if (count_ == 0 && !refill_some()) [[unlikely]]
            return nullptr;
        Frame& frame = *free_[--count_];
        frame.data = frame.memory() + headroom;
        frame.next = nullptr;
        frame.length = 0;
        frame.headroom = headroom;
        frame.checksum = FrameChecksum::unknown;
        frame.flags = 0;
        return &frame;
    }

    /// Takes a frame that nobody holds any more; `handles` is 1.
    void put(Frame& frame) noexcept {
        if (count_ == frames_max) [[unlikely]]
            spill_some();
        free_[count_++] = &frame;
    }

    /// Whether a device may still read a frame of this cache that was transmitted while somebody kept it
    /// (frame_flag::kept): until then nothing is written to it. Asked when a segment is sent again, so seldom. A port
    /// that is done with a frame when its transmit() returns has none.
    [[nodiscard]] virtual bool is_in_flight(const Frame&) const noexcept { return false; }

    /// Whether what stands behind a buffer is a frame that this cache hands out, or one that its port received.
    [[nodiscard]] virtual bool is_home_of(const BufferOwner&) const noexcept { return false; }

    [[nodiscard]] const FrameStats& stats() const noexcept { return stats_; }
    /// How many a caller could still get, about; for whoever keeps frames and has to leave some to others.
    /// Cost: an indirect call; to be asked once for some dozen frames.
    [[nodiscard]] virtual std::size_t available() noexcept = 0;
    /// Frames that stand here, ready.
    [[nodiscard]] std::size_t ready() const noexcept { return count_; }

protected:
    FrameCache() noexcept = default;
    ~FrameCache() = default;

    /// Fills `out` from the front; returns how many, 0 when there are none.
    virtual std::size_t refill(std::span<Frame*> out) noexcept = 0;
    virtual void spill(std::span<Frame*> frames) noexcept = 0;

    /// Gives everything back, before the end.
    void spill_all() noexcept {
        spill({free_.data(), count_});
        count_ = 0;
    }

private:
    [[nodiscard]] SKERRY_COLD bool refill_some() noexcept {
        count_ = refill({free_.data(), refill_frames});
        if (count_ != 0) return true;
        ++stats_.misses;
        return false;
    }
    // The oldest go: those on top are in cache.
    SKERRY_COLD void spill_some() noexcept {
        spill({free_.data(), refill_frames});
        count_ -= refill_frames;
        for (std::size_t i = 0; i < count_; ++i) free_[i] = free_[i + refill_frames];
    }

    std::array<Frame*, frames_max> free_;
    std::size_t count_ = 0;
    FrameStats stats_;
};

/// The frames of this thread's core; null on a thread that is no core, or whose backend has no frames.
inline thread_local constinit FrameCache* current_frames = nullptr;

}  // namespace skerry::backend
