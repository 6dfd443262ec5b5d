#pragma once

// Memory in pages of 2 MiB. Where objects are many and touched in random order, each would miss in the TLB too: its
// translation is looked for in two levels of tables, in a guest in two by two of them, which takes longer than the miss
// in the cache.

#include <cstddef>

namespace skerry {

inline constexpr std::size_t huge_page_bytes = std::size_t{2} << 20U;

/// Fresh memory, all zero, at a multiple of huge_page_bytes. Its pages are small until want_huge_pages() was asked.
///
/// Shape:    `bytes` is a multiple of huge_page_bytes.
/// Errors:   null, when there is no memory.
/// Lifetime: until unmap_aligned() of all of it.
/// Threads:  any.
[[nodiscard]] std::byte* map_aligned(std::size_t bytes) noexcept;

/// Asks the kernel for huge pages. What it answers does not matter: small ones are slower, and that is all.
void want_huge_pages(std::byte* memory, std::size_t bytes) noexcept;

void unmap_aligned(std::byte* memory, std::size_t bytes) noexcept;

/// What map_aligned() has given to this process and was not unmapped.
///
/// Threads: any.
[[nodiscard]] std::size_t aligned_bytes() noexcept;

}  // namespace skerry
