#pragma once

// Buffers whose memory begins where a device wants it.

#include "io_buf.hpp"

#include <cstddef>

namespace skerry {

/// `size` bytes of the heap, not initialized, whose first lies at a multiple of `alignment`: for files that are opened
/// with O_DIRECT, whose memory the device reads and writes. There is no headroom.
///
/// Shape:    `alignment` is a power of two, at most 64 KiB; for files a page of 4 KiB serves every device.
/// Errors:   an IoBuf that is false, when the heap refuses.
/// Cost:     up to `alignment` bytes more.
[[nodiscard]] IoBuf allocate_aligned(std::size_t size, std::size_t alignment) noexcept;

}  // namespace skerry
