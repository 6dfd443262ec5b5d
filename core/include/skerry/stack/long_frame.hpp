#pragma once

// A frame of its own on the heap, for a packet that is longer than a port's frames (one that was put together from
// pieces, or one to ourselves), and for the little that each socket is assured of when the port's frames are short.
// Rare, so it costs an allocation.

#include "frame_queue.hpp"

#include <cstddef>

namespace skerry::stack {

/// The longest packet's bytes behind its headers.
inline constexpr std::size_t long_frame_bytes_max = 65'535;

/// What strangers may make this process keep of them by default, in datagrams that were put together and in packets
/// that crossed to another core as copies: no pool bounds these, and each of many sockets may be one that nobody reads.
inline constexpr std::size_t long_frames_bytes_max = std::size_t{256} << 20U;

/// The memory of all long frames of this process.
///
/// Threads: any.
[[nodiscard]] std::size_t bytes_in_long_frames() noexcept;

/// A frame with the usual headroom and `bytes` of data, not initialized; null when there is no memory.
[[nodiscard]] Frame* make_long_frame(std::size_t bytes) noexcept;

/// The same with a copy of what `frame` holds, and of when and where it came.
[[nodiscard]] Frame* copy_to_heap(const Frame& frame) noexcept;

}  // namespace skerry::stack
