#include <skerry/task/slab.hpp>

#include <skerry/base/assert.hpp>
#include <skerry/base/huge_pages.hpp>

#include <cstdlib>
#include <new>

namespace skerry::task {

namespace {

constexpr std::size_t chunk_bytes = huge_page_bytes;

// Chunks lie at multiples of their size, so the chunk of a block, and in it the owner, is one mask away.
struct alignas(64) ChunkHeader {
    std::uint16_t owner;
};

}  // namespace

Slab::~Slab() { reset(); }

TaskHeader& Slab::allocate_slow(std::size_t frame_bytes, unsigned index) {
    if (index == heap_class) {
        ++heap_frames_;
        return allocate_heap(frame_bytes);
    }
    const std::size_t bytes = class_bytes(index);
    if (static_cast<std::size_t>(bump_end_ - bump_) < bytes) add_chunk();
    auto* block = ::new (bump_) TaskHeader;
    bump_ += bytes;
    carved_bytes_ += bytes;
    block->set_home(home_);
    block->set_size_class(index);
    ++live_blocks_;
    return *block;
}

void Slab::add_chunk() {
    std::byte* const chunk = map_aligned(chunk_bytes);
    if (chunk == nullptr) throw std::bad_alloc();
    // Where tasks are so many, each resume would miss in the TLB too. The first chunk is left in small pages, because a
    // program with few tasks would get 2 MiB for them.
    if (!chunks_.empty()) want_huge_pages(chunk, chunk_bytes);
    ::new (chunk) ChunkHeader{home_};
    if (!chunks_.empty()) chunks_.back().used_end = bump_;
    bump_ = chunk + sizeof(ChunkHeader);
    bump_end_ = chunk + chunk_bytes;
    chunks_.push_back({bump_, bump_});
}

std::uint16_t Slab::owner_of(const TaskHeader& block) noexcept {
    const std::uintptr_t chunk = reinterpret_cast<std::uintptr_t>(&block) & ~(chunk_bytes - 1);
    return reinterpret_cast<const ChunkHeader*>(chunk)->owner;
}

TaskHeader& Slab::allocate_heap(std::size_t frame_bytes) {
    void* memory = std::aligned_alloc(16, (frame_bytes + sizeof(TaskHeader) + 15) & ~std::size_t{15});
    if (memory == nullptr) throw std::bad_alloc();
    auto* block = ::new (memory) TaskHeader;
    block->set_size_class(heap_class);
    return *block;
}

void Slab::release_heap(TaskHeader& block) noexcept {
    block.~TaskHeader();
    std::free(&block);
}

void Slab::reset() noexcept {
    SKERRY_ASSERT(live_blocks_ == 0, "a core's frame slab is given back while frames of it are alive");
    for (const Chunk& chunk : chunks_) {
        std::byte* const begin = chunk.begin - sizeof(ChunkHeader);
        unpoison_memory(begin, chunk_bytes);
        unmap_aligned(begin, chunk_bytes);
    }
    chunks_.clear();
    free_.fill(nullptr);
    bump_ = bump_end_ = nullptr;
    carved_bytes_ = 0;
    heap_frames_ = 0;
}

SlabStats Slab::stats() const noexcept {
    return {chunks_.size() * chunk_bytes, carved_bytes_, live_blocks_, heap_frames_};
}

}  // namespace skerry::task
