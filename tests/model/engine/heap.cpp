#include "engine/heap.hpp"

#include <skerry/base/compiler.hpp>

#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace skerry::model {

namespace {

constexpr std::size_t region_bytes = std::size_t{16} << 20;
constexpr std::size_t red_zone_bytes = 16;
constexpr int fresh_fill = 0xCD;
constexpr int freed_fill = 0xDD;

}  // namespace

Heap::~Heap() {
    reset();
    if (region_ != nullptr) munmap(region_, region_bytes);
}

void* Heap::allocate(std::size_t bytes, std::size_t alignment) {
    if (region_ == nullptr) {
        void* map =
            mmap(nullptr, region_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED) return nullptr;
        region_ = static_cast<std::byte*>(map);
    }
    alignment = std::max<std::size_t>(alignment, 16);
    const std::size_t offset = (used_ + red_zone_bytes + alignment - 1) & ~(alignment - 1);
    if (bytes > region_bytes || offset + bytes > region_bytes) return nullptr;
    used_ = offset + std::max<std::size_t>(bytes, 1);
    blocks_.push_back({offset, bytes, false, {}});
    std::memset(region_ + offset, fresh_fill, bytes);
    return region_ + offset;
}

void Heap::free(Block& block) noexcept {
    block.freed = true;
    std::memset(region_ + block.offset, freed_fill, block.bytes);
    poison_memory(region_ + block.offset, block.bytes);
}

Heap::Block* Heap::find(const void* address) noexcept {
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - region_);
    auto after = std::upper_bound(blocks_.begin(), blocks_.end(), offset,
                                  [](std::size_t at, const Block& block) { return at < block.offset; });
    if (after == blocks_.begin()) return nullptr;
    Block& block = *--after;
    return offset < block.offset + std::max<std::size_t>(block.bytes, 1) ? &block : nullptr;
}

const Heap::Block* Heap::find_overwritten() noexcept {
    for (const Block& block : blocks_) {
        if (!block.freed) continue;
        const std::byte* begin = region_ + block.offset;
        unpoison_memory(begin, block.bytes);
        const auto intact = [](std::byte b) { return b == static_cast<std::byte>(freed_fill); };
        if (!std::all_of(begin, begin + block.bytes, intact)) return &block;
    }
    return nullptr;
}

void Heap::reset() noexcept {
    if (used_ != 0) unpoison_memory(region_, used_);
    used_ = 0;
    blocks_.clear();
}

}  // namespace skerry::model
