#include <skerry/backend/heap_frames.hpp>

#include <atomic>
#include <memory>
#include <new>
#include <vector>

namespace skerry::backend {

// Frames that come home from other threads are pushed on `returned`; its last value, `closed`, says that the cache is
// gone, and from then on whoever drops a frame counts it down.
struct HeapFrames::Store {
    /// In front of each frame's memory.
    struct alignas(cache_line_bytes) Block {
        Store* store = nullptr;
        alignas(cache_line_bytes) Frame frame;
    };

    Frame* closed() noexcept { return &mark; }

    static Store& of(Frame& frame) noexcept {
        return **reinterpret_cast<Store**>(reinterpret_cast<std::byte*>(&frame) - cache_line_bytes);
    }

    void give_back(Frame& frame) noexcept {
        Frame* first = returned.load(std::memory_order_relaxed);
        do {
            if (first == closed()) return end_one();
            frame.next = first;
        } while (!returned.compare_exchange_weak(first, &frame, std::memory_order_release, std::memory_order_relaxed));
    }

    // The last one sees what all others wrote to their frames, before the memory goes.
    void end_one() noexcept {
        if (orphans.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    /// Takes what has come home; returns how many.
    std::size_t collect(Frame* replacement) noexcept {
        std::size_t count = 0;
        for (Frame* frame = returned.exchange(replacement, std::memory_order_acq_rel); frame != nullptr; ++count) {
            free.push_back(frame);
            frame = frame->next;
        }
        return count;
    }

    FrameCache* cache = nullptr;
    std::unique_ptr<std::byte[]> memory;
    std::vector<Frame*> free;  // has room for all from the start
    std::uint32_t total = 0;
    std::atomic<Frame*> returned{nullptr};
    std::atomic<std::uint64_t> orphans{0};
    Frame mark;
};

HeapFrames::HeapFrames(const HeapFramesOptions& options) : store_(new Store) {
    const std::size_t capacity = (headroom + options.payload_bytes + 63U) / 64U * 64U;
    const std::size_t stride = sizeof(Store::Block) + capacity;
    store_->cache = this;
    store_->total = options.frames;
    store_->memory = std::make_unique_for_overwrite<std::byte[]>(stride * options.frames + cache_line_bytes);
    store_->free.reserve(options.frames);
    void* begin = store_->memory.get();
    std::size_t space = stride * options.frames + cache_line_bytes;
    auto* at = static_cast<std::byte*>(std::align(cache_line_bytes, stride * options.frames, begin, space));
    for (std::uint32_t i = 0; i < options.frames; ++i, at += stride) {
        auto* const block = new (at) Store::Block;
        block->store = store_;
        block->frame.release = &release;
        block->frame.capacity = static_cast<std::uint32_t>(capacity);
        block->frame.data = at + sizeof(Store::Block);
        store_->free.push_back(&block->frame);
    }
}

HeapFrames::~HeapFrames() {
    spill_all();
    Store& store = *store_;
    // One more than there are, for this thread: whoever comes meanwhile must not free the store under it.
    store.orphans.store(store.total + 1U, std::memory_order_relaxed);
    store.collect(store.closed());
    const std::uint64_t home = store.free.size();
    if (store.orphans.fetch_sub(home, std::memory_order_acq_rel) == home + 1) {
        delete store_;
        return;
    }
    store.end_one();
}

std::uint64_t HeapFrames::out() const noexcept {
    std::uint64_t home = store_->free.size() + ready();
    for (const Frame* frame = store_->returned.load(std::memory_order_acquire); frame != nullptr; frame = frame->next)
        ++home;
    return store_->total - home;
}

std::size_t HeapFrames::available() noexcept {
    if (store_->returned.load(std::memory_order_relaxed) != nullptr) store_->collect(nullptr);
    return store_->free.size() + ready();
}

std::size_t HeapFrames::refill(std::span<Frame*> out) noexcept {
    std::vector<Frame*>& free = store_->free;
    if (free.empty() && store_->collect(nullptr) == 0) return 0;
    std::size_t count = 0;
    for (; count < out.size() && !free.empty(); ++count) {
        out[count] = free.back();
        free.pop_back();
    }
    return count;
}

void HeapFrames::spill(std::span<Frame*> frames) noexcept {
    store_->free.insert(store_->free.end(), frames.begin(), frames.end());
}

void HeapFrames::release(BufferOwner* owner) noexcept {
    Frame& frame = *static_cast<Frame*>(owner);
    Store& store = Store::of(frame);
    if (current_frames != nullptr && current_frames == store.cache)
        store.cache->put(frame);
    else
        store.give_back(frame);
}

}  // namespace skerry::backend
