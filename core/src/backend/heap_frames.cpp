#include <skerry/backend/heap_frames.hpp>

#include <memory>

namespace skerry::backend {

namespace {

/// A block, then its frame's memory, and so on.
class HeapStore final : public FrameStore {
public:
    explicit HeapStore(const HeapFramesOptions& options) : FrameStore(options.frames) {
        const std::size_t capacity = (FrameCache::headroom + options.payload_bytes + 63U) / 64U * 64U;
        const std::size_t stride = sizeof(HomingBlock) + capacity;
        std::size_t space = stride * options.frames + cache_line_bytes;
        memory_ = std::make_unique_for_overwrite<std::byte[]>(space);
        void* begin = memory_.get();
        auto* at = static_cast<std::byte*>(std::align(cache_line_bytes, stride * options.frames, begin, space));
        for (std::uint32_t i = 0; i < options.frames; ++i, at += stride)
            add(at, at + sizeof(HomingBlock), static_cast<std::uint32_t>(capacity));
    }

private:
    std::unique_ptr<std::byte[]> memory_;
};

}  // namespace

HeapFrames::HeapFrames(const HeapFramesOptions& options) : HomingFrames(std::make_unique<HeapStore>(options)) {}

}  // namespace skerry::backend
