#pragma once

// Hot path. Frames of one queue's mbufs: a Frame is the private area behind an mbuf, so each of the two leads to the
// other without a load.

#include <skerry/backend/frame_cache.hpp>
#include <skerry/dpdk/native.hpp>

#include <cstddef>
#include <span>

namespace skerry::dpdk {

static_assert(sizeof(backend::Frame) <= private_bytes);
static_assert(sizeof(rte_mbuf) % alignof(backend::Frame) == 0);

[[nodiscard]] inline backend::Frame& frame_of(rte_mbuf& mbuf) noexcept {
    return *reinterpret_cast<backend::Frame*>(&mbuf + 1);
}
[[nodiscard]] inline rte_mbuf& mbuf_of(backend::Frame& frame) noexcept {
    return *(reinterpret_cast<rte_mbuf*>(&frame) - 1);
}
[[nodiscard]] inline const rte_mbuf& mbuf_of(const backend::Frame& frame) noexcept {
    return *(reinterpret_cast<const rte_mbuf*>(&frame) - 1);
}

/// An mbuf has two counts: `handles` of its frame, which is this core's, and its own reference count, one for all those
/// handles and one for a device that was given the frame while it is kept here.
///
/// Threads: the core's; frames may be dropped anywhere.
class MbufFrames final : public backend::FrameCache {
public:
    explicit MbufFrames(rte_mempool* pool) noexcept : pool_(pool) {}
    ~MbufFrames() { spill_all(); }

    /// Makes the frame of an mbuf that was received or allocated, in one piece.
    static backend::Frame& adopt(rte_mbuf& mbuf) noexcept;

    /// Whether the device, or whoever it gave the mbuf to, has a reference of its own.
    [[nodiscard]] bool is_in_flight(const backend::Frame& frame) const noexcept override {
        return owns(frame) && rte_mbuf_refcnt_read(&mbuf_of(frame)) != 1;
    }

    [[nodiscard]] bool is_home_of(const BufferOwner& owner) const noexcept override {
        return owner.release == &release && mbuf_of(static_cast<const backend::Frame&>(owner)).pool == pool_;
    }

    /// Whether a frame is an mbuf's.
    [[nodiscard]] static bool owns(const backend::Frame& frame) noexcept { return frame.release == &release; }

    /// Those in the pool, and in this thread's cache of it: rte_mempool_avail_count() looks at 128 threads' caches.
    [[nodiscard]] std::size_t available() noexcept override;

protected:
    std::size_t refill(std::span<backend::Frame*> out) noexcept override;
    void spill(std::span<backend::Frame*> frames) noexcept override;

private:
    static void release(BufferOwner* owner) noexcept;

    rte_mempool* pool_;
};

inline backend::Frame& MbufFrames::adopt(rte_mbuf& mbuf) noexcept {
    backend::Frame& frame = frame_of(mbuf);
    frame.release = &release;
    frame.capacity = mbuf.buf_len;
    frame.handles = 1;
    frame.home = no_home_core;
    frame.BufferOwner::memory = BufferMemory::host;
    frame.data = static_cast<std::byte*>(mbuf.buf_addr) + mbuf.data_off;
    frame.next = nullptr;
    frame.length = mbuf.data_len;
    frame.headroom = mbuf.data_off;
    frame.flags = 0;
    return frame;
}

}  // namespace skerry::dpdk
