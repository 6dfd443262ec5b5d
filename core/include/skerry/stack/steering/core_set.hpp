#pragma once

// Some of a runtime's cores, as bits of a word that one atomic operation reads or changes.

#include <bit>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// Cores that may share an address: a bit each, and one bit is left for other uses.
inline constexpr std::size_t cores_max = 63;

using CoreSet = std::uint64_t;

[[nodiscard]] constexpr CoreSet core_bit(std::uint16_t core) noexcept { return CoreSet{1} << core; }
[[nodiscard]] constexpr bool has_core(CoreSet set, std::uint16_t core) noexcept { return (set & core_bit(core)) != 0; }
[[nodiscard]] constexpr CoreSet first_cores(std::size_t count) noexcept { return (CoreSet{1} << count) - 1; }

/// The lowest of a set that is not empty.
[[nodiscard]] constexpr std::uint16_t first_of(CoreSet set) noexcept {
    return static_cast<std::uint16_t>(std::countr_zero(set));
}
/// The lowest one that is not below `least`, or else the lowest, of a set that is not empty.
[[nodiscard]] constexpr std::uint16_t next_of(CoreSet set, std::uint16_t least) noexcept {
    const CoreSet later = set & ~first_cores(least);
    return first_of(later != 0 ? later : set);
}
/// The one with `index` lower ones; there are more than `index`.
[[nodiscard]] constexpr std::uint16_t nth_of(CoreSet set, std::size_t index) noexcept {
    for (; index > 0; --index) set &= set - 1;
    return first_of(set);
}

}  // namespace skerry::stack
