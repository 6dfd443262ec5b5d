#include <skerry/stack/long_frame.hpp>

#include <skerry/backend/frame_cache.hpp>

#include <atomic>
#include <cstring>
#include <new>

namespace skerry::stack {

namespace {

std::atomic<std::size_t> kept{0};  // bytes; guards nothing

std::size_t memory_of(const Frame& frame) noexcept { return sizeof(Frame) + frame.capacity; }

void release(BufferOwner* owner) noexcept {
    auto* const frame = static_cast<Frame*>(owner);
    kept.fetch_sub(memory_of(*frame), std::memory_order_relaxed);
    ::operator delete(static_cast<void*>(frame), std::align_val_t{alignof(Frame)});
}

}  // namespace

std::size_t bytes_in_long_frames() noexcept { return kept.load(std::memory_order_relaxed); }

Frame* make_long_frame(std::size_t bytes) noexcept {
    SKERRY_ASSERT(bytes <= long_frame_bytes_max, "no packet is that long");
    constexpr std::size_t headroom = backend::FrameCache::headroom;
    const std::size_t capacity = headroom + bytes;
    void* const memory = ::operator new(sizeof(Frame) + capacity, std::align_val_t{alignof(Frame)}, std::nothrow);
    if (memory == nullptr) return nullptr;
    auto* const frame = new (memory) Frame;
    frame->release = &release;
    frame->capacity = static_cast<std::uint32_t>(capacity);
    kept.fetch_add(memory_of(*frame), std::memory_order_relaxed);
    frame->data = reinterpret_cast<std::byte*>(frame + 1) + headroom;
    frame->headroom = headroom;
    frame->length = static_cast<std::uint16_t>(bytes);
    return frame;
}

Frame* copy_to_heap(const Frame& frame) noexcept {
    Frame* const made = make_long_frame(frame.length);
    if (made == nullptr) return nullptr;
    if (frame.length != 0) std::memcpy(made->data, frame.data, frame.length);
    made->set_arrival(frame);
    return made;
}

}  // namespace skerry::stack
