#include <skerry/stack/long_frame.hpp>

#include <skerry/backend/frame_cache.hpp>

#include <cstring>
#include <new>

namespace skerry::stack {

Frame* make_long_frame(std::size_t bytes) noexcept {
    SKERRY_ASSERT(bytes <= long_frame_bytes_max, "no packet is that long");
    constexpr std::size_t headroom = backend::FrameCache::headroom;
    const std::size_t capacity = headroom + bytes;
    void* const memory = ::operator new(sizeof(Frame) + capacity, std::align_val_t{alignof(Frame)}, std::nothrow);
    if (memory == nullptr) return nullptr;
    auto* const frame = new (memory) Frame;
    frame->release = [](BufferOwner* owner) noexcept {
        ::operator delete(static_cast<void*>(static_cast<Frame*>(owner)), std::align_val_t{alignof(Frame)});
    };
    frame->capacity = static_cast<std::uint32_t>(capacity);
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
