#pragma once

// Numbers as they travel: big endian, at any address. Each is one load or store and a swap (movbe where there is one).

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace skerry::stack::wire {

/// Turns host order into network order and back.
[[nodiscard]] constexpr std::uint16_t swap_be16(std::uint16_t value) noexcept {
    if constexpr (std::endian::native == std::endian::little) return __builtin_bswap16(value);
    return value;
}
[[nodiscard]] constexpr std::uint32_t swap_be32(std::uint32_t value) noexcept {
    if constexpr (std::endian::native == std::endian::little) return __builtin_bswap32(value);
    return value;
}
[[nodiscard]] constexpr std::uint64_t swap_be64(std::uint64_t value) noexcept {
    if constexpr (std::endian::native == std::endian::little) return __builtin_bswap64(value);
    return value;
}

[[nodiscard]] inline std::uint8_t load_8(const std::byte* at) noexcept { return static_cast<std::uint8_t>(*at); }

[[nodiscard]] inline std::uint16_t load_be16(const std::byte* at) noexcept {
    std::uint16_t value;
    std::memcpy(&value, at, sizeof value);
    return swap_be16(value);
}
[[nodiscard]] inline std::uint32_t load_be32(const std::byte* at) noexcept {
    std::uint32_t value;
    std::memcpy(&value, at, sizeof value);
    return swap_be32(value);
}
[[nodiscard]] inline std::uint64_t load_be64(const std::byte* at) noexcept {
    std::uint64_t value;
    std::memcpy(&value, at, sizeof value);
    return swap_be64(value);
}

/// Words that are in memory order already.
inline void store_word(std::byte* at, std::uint32_t word) noexcept { std::memcpy(at, &word, sizeof word); }
inline void store_words(std::byte* at, std::uint32_t first, std::uint32_t second) noexcept {
    store_word(at, first);
    store_word(at + sizeof first, second);
}

inline void store_8(std::byte* at, std::uint8_t value) noexcept { *at = std::byte{value}; }

inline void store_be16(std::byte* at, std::uint16_t value) noexcept {
    value = swap_be16(value);
    std::memcpy(at, &value, sizeof value);
}
inline void store_be32(std::byte* at, std::uint32_t value) noexcept {
    value = swap_be32(value);
    std::memcpy(at, &value, sizeof value);
}
inline void store_be64(std::byte* at, std::uint64_t value) noexcept {
    value = swap_be64(value);
    std::memcpy(at, &value, sizeof value);
}

}  // namespace skerry::stack::wire
