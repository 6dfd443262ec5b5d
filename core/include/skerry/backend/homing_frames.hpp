#pragma once

// Frames that find home: a fixed number of them, for ports that have no pool of their own. Where their memory lies is
// the matter of who derives from this: the heap, or memory that the kernel shares.

#include "frame_cache.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace skerry::backend {

class FrameStore;

/// A frame and, in front of it, whose it is.
struct alignas(cache_line_bytes) HomingBlock {
    FrameStore* store = nullptr;
    alignas(cache_line_bytes) Frame frame;
};

/// What the frames of one core share. Whoever derives from it owns blocks and memory, and gives up both in its
/// destructor: when the cache is gone and the last frame is home.
///
/// Threads: the core's; frames come home from anywhere.
class FrameStore {
public:
    explicit FrameStore(std::uint32_t frames) { free_.reserve(frames); }
    FrameStore(const FrameStore&) = delete;
    FrameStore& operator=(const FrameStore&) = delete;
    virtual ~FrameStore() = default;

protected:
    /// Makes a block at `at`, whose frame has the `capacity` bytes at `memory`. Once for each frame, at the beginning;
    /// the frame that is to be handed out first comes last.
    void add(void* at, std::byte* memory, std::uint32_t capacity) noexcept;

private:
    friend class HomingFrames;

    [[nodiscard]] static FrameStore& of(const Frame& frame) noexcept {
        return **reinterpret_cast<FrameStore* const*>(reinterpret_cast<const std::byte*>(&frame) - cache_line_bytes);
    }
    [[nodiscard]] Frame* closed() noexcept { return &mark_; }
    void give_back(Frame& frame) noexcept;
    void end_one() noexcept;
    [[nodiscard]] std::size_t collect(Frame* replacement) noexcept;
    static void release(BufferOwner* owner) noexcept;

    FrameCache* cache_ = nullptr;
    std::vector<Frame*> free_;  // has room for all from the start
    std::uint32_t total_ = 0;
    std::atomic<Frame*> returned_{nullptr};
    std::atomic<std::uint64_t> orphans_{0};
    Frame mark_;
};

/// The frames of a store, for one core.
///
/// Lifetime: may go away before its frames: the store goes with the last of them.
/// Threads:  the core's; frames may be dropped anywhere, and those dropped elsewhere come home when the core runs out.
class HomingFrames : public FrameCache {
public:
    /// Frames that are neither here nor on their way home.
    [[nodiscard]] std::uint64_t out() const noexcept;
    [[nodiscard]] std::size_t available() noexcept final;
    [[nodiscard]] bool is_home_of(const BufferOwner& owner) const noexcept final;

protected:
    explicit HomingFrames(std::unique_ptr<FrameStore> store) noexcept;
    ~HomingFrames();

    std::size_t refill(std::span<Frame*> out) noexcept final;
    void spill(std::span<Frame*> frames) noexcept final;

private:
    FrameStore* store_;
};

}  // namespace skerry::backend
