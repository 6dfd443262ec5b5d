#pragma once

#include <cstddef>

namespace skerry {

/// The unit in which cores pass memory to each other. A constant and not
/// std::hardware_destructive_interference_size, whose value may change with a compiler flag and with it
/// the layout of every type that uses it.
inline constexpr std::size_t cache_line_bytes = 64;

/// Two lines: the adjacent-line prefetcher of x86 fetches pairs, so ends of a ring that two cores write
/// stand this far apart.
inline constexpr std::size_t no_sharing_bytes = 128;

}  // namespace skerry
