#include <skerry/base/huge_pages.hpp>

#include <sys/mman.h>

#include <atomic>
#include <cstdint>

namespace skerry {

namespace {

// Nobody waits for the value, so it orders nothing.
constinit std::atomic<std::size_t> mapped_bytes{0};

}  // namespace

std::byte* map_aligned(std::size_t bytes) noexcept {
    if (bytes > SIZE_MAX - huge_page_bytes) return nullptr;
    const std::size_t room = bytes + huge_page_bytes;
    void* const memory = ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    const std::uintptr_t aligned = (begin + huge_page_bytes - 1) & ~(huge_page_bytes - 1);
    if (aligned != begin) ::munmap(memory, aligned - begin);
    if (const std::size_t behind = begin + room - (aligned + bytes); behind != 0)
        ::munmap(reinterpret_cast<void*>(aligned + bytes), behind);
    mapped_bytes.fetch_add(bytes, std::memory_order_relaxed);
    return reinterpret_cast<std::byte*>(aligned);
}

void want_huge_pages(std::byte* memory, std::size_t bytes) noexcept { (void)::madvise(memory, bytes, MADV_HUGEPAGE); }

void unmap_aligned(std::byte* memory, std::size_t bytes) noexcept {
    mapped_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    ::munmap(memory, bytes);
}

std::size_t aligned_bytes() noexcept { return mapped_bytes.load(std::memory_order_relaxed); }

}  // namespace skerry
