#include "file_buffers.hpp"

#include <skerry/base/aligned_buf.hpp>

namespace skerry::kernel_io::uring {

namespace {

constexpr std::uint32_t pool_bytes = std::uint32_t{4} << 20U;  // at most, each; taken as it is needed

BufferPoolOptions pool_of(std::size_t pages, std::uint16_t home) noexcept {
    BufferPoolOptions options;
    options.payload_bytes = static_cast<std::uint32_t>(pages * FileBuffers::page_bytes);
    options.headroom_bytes = 0;
    options.buffers_max = pool_bytes / options.payload_bytes;
    options.alignment_bytes = FileBuffers::page_bytes;
    options.home = home;
    return options;
}

}  // namespace

FileBuffers::FileBuffers(std::uint16_t home)
    : pools_{BufferPool(pool_of(1, home)), BufferPool(pool_of(4, home)), BufferPool(pool_of(16, home))} {}

BufferPool* FileBuffers::pool_for(std::size_t size) noexcept {
    if (size <= page_bytes) [[likely]]
        return &pools_[0];
    if (size <= 4 * page_bytes) return &pools_[1];
    return size <= pooled_bytes_max ? &pools_[2] : nullptr;
}

IoBuf FileBuffers::allocate(std::size_t size) noexcept {
    BufferPool* const pool = pool_for(size);
    if (pool == nullptr || !pool->make_free()) [[unlikely]]
        return allocate_aligned(size, page_bytes);
    IoBuf buffer = pool->take_free();
    buffer.set_size(size);
    return buffer;
}

std::uint64_t FileBuffers::out() const noexcept {
    std::uint64_t out = 0;
    for (const BufferPool& pool : pools_) out += pool.stats().live;
    return out;
}

}  // namespace skerry::kernel_io::uring
