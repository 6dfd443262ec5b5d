#include <skerry/base/object_memory.hpp>

#include <skerry/base/assert.hpp>
#include <skerry/base/cache_line.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace skerry {

/// In front of each block's pieces.
struct alignas(cache_line_bytes) ObjectMemory::Block {
    Block* before;
    std::size_t bytes;
    bool is_mapped;
};

ObjectMemory::~ObjectMemory() {
    while (newest_ != nullptr) {
        Block* const block = std::exchange(newest_, newest_->before);
        if (block->is_mapped)
            unmap_aligned(reinterpret_cast<std::byte*>(block), block->bytes);
        else
            ::operator delete(block, std::align_val_t{cache_line_bytes});
    }
}

std::byte* ObjectMemory::cut(std::size_t bytes) noexcept {
    SKERRY_ASSERT(bytes != 0 && bytes <= piece_bytes_max, "a piece of no length, or longer than a block");
    bytes = (bytes + cache_line_bytes - 1) & ~(cache_line_bytes - 1);
    if (static_cast<std::size_t>(end_ - at_) < bytes && !add_block(bytes)) [[unlikely]]
        return nullptr;
    return std::exchange(at_, at_ + bytes);
}

bool ObjectMemory::add_block(std::size_t piece_bytes) noexcept {
    if (next_block_bytes_ > heap_block_bytes_max && add_region()) return true;
    while (next_block_bytes_ < piece_bytes) next_block_bytes_ *= 2;
    const std::size_t pieces = std::min(next_block_bytes_, heap_block_bytes_max) / piece_bytes;
    if (!add_heap_block(sizeof(Block) + pieces * piece_bytes)) return false;
    if (next_block_bytes_ <= heap_block_bytes_max) next_block_bytes_ *= 2;
    return true;
}

bool ObjectMemory::add_region() noexcept {
    std::byte* const memory = map_aligned(huge_page_bytes);
    if (memory == nullptr) return false;
    want_huge_pages(memory, huge_page_bytes);
    take(memory, huge_page_bytes, true);
    return true;
}

bool ObjectMemory::add_heap_block(std::size_t bytes) noexcept {
    void* const memory = ::operator new(bytes, std::align_val_t{cache_line_bytes}, std::nothrow);
    if (memory == nullptr) return false;
    take(static_cast<std::byte*>(memory), bytes, false);
    return true;
}

// What is left of the block before stays unused: less than a piece.
void ObjectMemory::take(std::byte* memory, std::size_t bytes, bool is_mapped) noexcept {
    newest_ = new (memory) Block{newest_, bytes, is_mapped};
    at_ = memory + sizeof(Block);
    end_ = memory + bytes;
    bytes_ += bytes;
}

}  // namespace skerry
