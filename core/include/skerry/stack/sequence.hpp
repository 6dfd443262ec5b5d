#pragma once

// 32-bit sequence numbers, which wrap: before and after are asked of the distance, never of the numbers.

#include <cstdint>

namespace skerry::stack {

/// How far `to` is past `from`; negative when it lies before it.
///
/// Sequence numbers mean something to each other only while they are less than 2^31 apart. At exactly 2^31 each is
/// before the other, which RFC 1982 leaves undefined; windows are at most 2^30, so nothing valid is that far away.
/// Source:   RFC 9293 section 3.4, RFC 1982 section 3.2.
[[nodiscard]] constexpr std::int32_t seq_distance(std::uint32_t from, std::uint32_t to) noexcept {
    return static_cast<std::int32_t>(to - from);
}

[[nodiscard]] constexpr bool seq_before(std::uint32_t a, std::uint32_t b) noexcept { return seq_distance(b, a) < 0; }
[[nodiscard]] constexpr bool seq_at_or_before(std::uint32_t a, std::uint32_t b) noexcept {
    return seq_distance(b, a) <= 0;
}
[[nodiscard]] constexpr bool seq_after(std::uint32_t a, std::uint32_t b) noexcept { return seq_distance(b, a) > 0; }
[[nodiscard]] constexpr bool seq_at_or_after(std::uint32_t a, std::uint32_t b) noexcept {
    return seq_distance(b, a) >= 0;
}

/// Whether `at` lies in [first, first + bytes). Holds for any `bytes`, also past 2^31.
[[nodiscard]] constexpr bool seq_within(std::uint32_t at, std::uint32_t first, std::uint32_t bytes) noexcept {
    return at - first < bytes;
}

/// The later of two, the earlier of two.
[[nodiscard]] constexpr std::uint32_t seq_max(std::uint32_t a, std::uint32_t b) noexcept {
    return seq_before(a, b) ? b : a;
}
[[nodiscard]] constexpr std::uint32_t seq_min(std::uint32_t a, std::uint32_t b) noexcept {
    return seq_before(b, a) ? b : a;
}

}  // namespace skerry::stack
