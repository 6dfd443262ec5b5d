#include <skerry/base/aligned_buf.hpp>

#include <skerry/base/assert.hpp>
#include <skerry/base/cache_line.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace skerry {

namespace {

constexpr std::size_t alignment_max = std::size_t{64} << 10U;

// Stands right in front of the memory, wherever in the block that is.
struct alignas(cache_line_bytes) AlignedOwner : BufferOwner {
    void* block = nullptr;  // where malloc put the whole
};

void release_aligned(BufferOwner* owner) noexcept { std::free(static_cast<AlignedOwner*>(owner)->block); }

}  // namespace

IoBuf allocate_aligned(std::size_t size, std::size_t alignment) noexcept {
    SKERRY_ASSERT(std::has_single_bit(alignment) && alignment <= alignment_max, "an alignment is a power of two");
    SKERRY_ASSERT(size <= IoBuf::capacity_max, "a buffer ends before 4 GiB");
    const std::size_t step = std::max(alignment, alignof(AlignedOwner));
    void* const block = std::malloc(sizeof(AlignedOwner) + step + size);
    if (block == nullptr) return {};
    const auto earliest = reinterpret_cast<std::uintptr_t>(block) + sizeof(AlignedOwner);
    const std::size_t skipped = (0 - earliest) % step;
    std::byte* const memory = static_cast<std::byte*>(block) + sizeof(AlignedOwner) + skipped;
    auto* const owner = ::new (static_cast<void*>(memory - sizeof(AlignedOwner))) AlignedOwner;
    owner->release = release_aligned;
    owner->capacity = static_cast<std::uint32_t>(size);
    owner->block = block;
    return {*owner, memory, owner->capacity, 0, owner->capacity};
}

}  // namespace skerry
