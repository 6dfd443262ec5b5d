#include <skerry/backend/homing_frames.hpp>

#include <new>

namespace skerry::backend {

// Frames that come home from other threads are pushed on `returned_`; its last value, `closed`, says that the cache is
// gone, and from then on whoever drops a frame counts it down.

void FrameStore::add(void* at, std::byte* memory, std::uint32_t capacity) noexcept {
    auto* const block = new (at) HomingBlock;
    block->store = this;
    block->frame.release = &release;
    block->frame.capacity = capacity;
    block->frame.data = memory;
    free_.push_back(&block->frame);
    ++total_;
}

void FrameStore::give_back(Frame& frame) noexcept {
    Frame* first = returned_.load(std::memory_order_relaxed);
    do {
        if (first == closed()) return end_one();
        frame.next = first;
    } while (!returned_.compare_exchange_weak(first, &frame, std::memory_order_release, std::memory_order_relaxed));
}

// The last one sees what all others wrote to their frames, before the memory goes.
void FrameStore::end_one() noexcept {
    if (orphans_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

// Takes what has come home; returns how many.
std::size_t FrameStore::collect(Frame* replacement) noexcept {
    std::size_t count = 0;
    for (Frame* frame = returned_.exchange(replacement, std::memory_order_acq_rel); frame != nullptr; ++count) {
        free_.push_back(frame);
        frame = frame->next;
    }
    return count;
}

void FrameStore::release(BufferOwner* owner) noexcept {
    Frame& frame = *static_cast<Frame*>(owner);
    FrameStore& store = of(frame);
    if (current_frames != nullptr && current_frames == store.cache_)
        store.cache_->put(frame);
    else
        store.give_back(frame);
}

HomingFrames::HomingFrames(std::unique_ptr<FrameStore> store) noexcept : store_(store.release()) {
    store_->cache_ = this;
}

HomingFrames::~HomingFrames() {
    spill_all();
    FrameStore& store = *store_;
    // One more than there are, for this thread: whoever comes meanwhile must not free the store under it.
    store.orphans_.store(store.total_ + 1U, std::memory_order_relaxed);
    (void)store.collect(store.closed());
    const std::uint64_t home = store.free_.size();
    if (store.orphans_.fetch_sub(home, std::memory_order_acq_rel) == home + 1) {
        delete store_;
        return;
    }
    store.end_one();
}

std::uint64_t HomingFrames::out() const noexcept {
    std::uint64_t home = store_->free_.size() + ready();
    for (const Frame* frame = store_->returned_.load(std::memory_order_acquire); frame != nullptr; frame = frame->next)
        ++home;
    return store_->total_ - home;
}

std::size_t HomingFrames::available() noexcept {
    if (store_->returned_.load(std::memory_order_relaxed) != nullptr) (void)store_->collect(nullptr);
    return store_->free_.size() + ready();
}

bool HomingFrames::is_home_of(const BufferOwner& owner) const noexcept {
    return owner.release == &FrameStore::release && &FrameStore::of(static_cast<const Frame&>(owner)) == store_;
}

std::size_t HomingFrames::refill(std::span<Frame*> out) noexcept {
    std::vector<Frame*>& free = store_->free_;
    if (free.empty() && store_->collect(nullptr) == 0) return 0;
    std::size_t count = 0;
    for (; count < out.size() && !free.empty(); ++count) {
        out[count] = free.back();
        free.pop_back();
    }
    return count;
}

void HomingFrames::spill(std::span<Frame*> frames) noexcept {
    store_->free_.insert(store_->free_.end(), frames.begin(), frames.end());
}

}  // namespace skerry::backend
