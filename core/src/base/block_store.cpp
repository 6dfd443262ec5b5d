#include <skerry/base/block_store.hpp>

#include <skerry/base/assert.hpp>
#include <skerry/base/cache_line.hpp>
#include <skerry/base/compiler.hpp>

#include <new>
#include <utility>

namespace skerry {

BlockStore* BlockStore::make(std::size_t block_bytes) noexcept {
    SKERRY_ASSERT(block_bytes != 0 && block_bytes % cache_line_bytes == 0, "a block is of whole cache lines");
    return new (std::nothrow) BlockStore(block_bytes);
}

void* BlockStore::take() noexcept {
    void* block = free_;
    if (block == nullptr) {
        block = memory_.cut(block_bytes_);
        if (block == nullptr) return nullptr;
    } else {
        unpoison_memory(block, block_bytes_);
        free_ = free_->next;
    }
    ++out_;
    return block;
}

void BlockStore::put(void* block) noexcept {
    if (left_.load(std::memory_order_relaxed) != 0) [[unlikely]] {
        if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
        return;
    }
    SKERRY_ASSERT(out_ != 0, "a block comes home that was not taken");
    --out_;
    free_ = new (block) Free{free_};
    poison_memory(block, block_bytes_);
}

void BlockStore::leave() noexcept {
    // ASan does not forget by itself what was poisoned in memory that goes back.
    for (Free* block = free_; block != nullptr;) {
        unpoison_memory(block, block_bytes_);
        block = block->next;
    }
    if (out_ == 0)
        delete this;
    else
        left_.store(out_, std::memory_order_relaxed);
}

}  // namespace skerry
