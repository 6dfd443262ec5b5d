#include <skerry/base/io_buf.hpp>

#include <cstdlib>
#include <cstring>
#include <new>

namespace skerry {

namespace {

// One malloc a buffer: the owner in front, the memory behind it. 64 bytes keep the data on the alignment that
// malloc gave to the block.
constexpr std::size_t heap_owner_bytes = 64;
static_assert(sizeof(BufferOwner) <= heap_owner_bytes);

void release_heap(BufferOwner* owner) noexcept { std::free(owner); }

}  // namespace

IoBuf IoBuf::allocate(std::size_t size, std::size_t headroom) noexcept {
    SKERRY_ASSERT(size <= capacity_max && headroom <= capacity_max - size, "a buffer ends before 4 GiB");
    const std::size_t capacity = headroom + size;
    void* const block = std::malloc(heap_owner_bytes + capacity);
    if (block == nullptr) return {};
    auto* const owner = ::new (block) BufferOwner;
    owner->release = release_heap;
    owner->capacity = static_cast<std::uint32_t>(capacity);
    return {*owner, static_cast<std::byte*>(block) + heap_owner_bytes, static_cast<std::uint32_t>(capacity),
            static_cast<std::uint32_t>(headroom), static_cast<std::uint32_t>(size)};
}

IoBuf IoBuf::copy_of(std::span<const std::byte> bytes) noexcept {
    IoBuf copy = allocate(bytes.size());
    if (copy && !bytes.empty()) std::memcpy(copy.writable().data(), bytes.data(), bytes.size());
    return copy;
}

IoBuf IoBuf::clone() const noexcept {
    SKERRY_ASSERT(!is_device_memory(), "device memory is cloned by its device");
    if (owner_ == nullptr) return {};
    return copy_of(bytes());
}

}  // namespace skerry
