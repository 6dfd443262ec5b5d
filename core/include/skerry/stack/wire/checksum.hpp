#pragma once

// The Internet checksum: the ones' complement of the ones'-complement sum of 16-bit words. Hot path.
//
// Byte order. Sums are made of the words as the CPU loads them, never swapped: a ones'-complement sum of swapped words
// is the swapped sum (RFC 1071 section 2 (B)). So sums and what fold() returns are in *memory order*: the two bytes
// of the value, copied by memcpy (store_checksum), are the two bytes of the field on the wire, on either kind of CPU.
// Printing such a value or comparing it with the number in a dump needs swap_be16(). Adding a number that was swapped
// by hand to such a sum is the one mistake to make here; pseudo_header() already has the right order.
//
// Size. A sum returned here is less than 2^34. So sums may be added with plain +, thousands of millions of them,
// before one is folded, and none loses a carry.

#include "addresses.hpp"
#include "byte_order.hpp"

#include "../../backend/frame_checksum.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace skerry::stack::wire {

using backend::FrameChecksum;

/// The unfolded sum of a piece that begins at an even offset, added to `start`, which may be any 64-bit number.
///
/// An odd last byte counts as if a zero followed; what comes after an odd piece needs sum_odd() or PieceSum.
/// Cost:     one call; a chain of add and adc for each 32 bytes, independent of the others.
[[nodiscard]] std::uint64_t sum(std::span<const std::byte> bytes, std::uint64_t start = 0) noexcept;

/// sum(from, start), of bytes that are copied to `to` on the way: both look at each once.
[[nodiscard]] std::uint64_t copy_and_sum(std::byte* to, std::span<const std::byte> from,
                                         std::uint64_t start = 0) noexcept;

/// The folded and complemented sum: the field's two bytes in memory order; see the top. 0 for bytes that already
/// contain a checksum that holds.
[[nodiscard]] constexpr std::uint16_t fold(std::uint64_t sum) noexcept {
    sum += std::rotl(sum, 32);  // the carry out of the low half lands in the high one: end-around
    auto half = static_cast<std::uint32_t>(sum >> 32U);
    half += std::rotl(half, 16);
    return static_cast<std::uint16_t>(~half >> 16U);
}

/// The unfolded sum of a piece that begins at an odd offset, added to `start`.
[[nodiscard]] inline std::uint64_t sum_odd(std::span<const std::byte> bytes, std::uint64_t start = 0) noexcept {
    const auto aligned = static_cast<std::uint16_t>(~fold(sum(bytes)));
    const std::uint64_t swapped = __builtin_bswap16(aligned);
    return (start & 0xffff'ffffU) + (start >> 32U) + swapped;
}

/// The sum of what is given piece by piece, each of any length.
class PieceSum {
public:
    explicit PieceSum(std::uint64_t start = 0) noexcept : sum_(start) {}

    void add(std::span<const std::byte> piece) noexcept {
        sum_ = odd_ ? sum_odd(piece, sum_) : sum(piece, sum_);
        odd_ ^= piece.size() % 2 != 0;
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return sum_; }
    [[nodiscard]] std::uint16_t folded() const noexcept { return fold(sum_); }

private:
    std::uint64_t sum_;
    bool odd_ = false;
};

/// The sum of the pseudo header that UDP and TCP put before their own; `bytes` is their header and payload.
///
/// Source:   RFC 768, RFC 9293 section 3.1.
[[nodiscard]] constexpr std::uint64_t pseudo_header(Ipv4Addr source, Ipv4Addr destination, std::uint8_t protocol,
                                                    std::uint32_t bytes) noexcept {
    return std::uint64_t{swap_be32(source.bits)} + swap_be32(destination.bits) + swap_be32(protocol) + swap_be32(bytes);
}

/// The same for IPv6, where ICMPv6 has one too. `protocol` is the upper layer's, whatever header stands before it, and
/// `bytes` counts from its own header on: extension headers are left out.
///
/// Source:   RFC 8200 section 8.1.
[[nodiscard]] constexpr std::uint64_t pseudo_header(const Ipv6Addr& source, const Ipv6Addr& destination,
                                                    std::uint8_t protocol, std::uint32_t bytes) noexcept {
    std::uint64_t all = std::uint64_t{swap_be32(protocol)} + swap_be32(bytes);
    for (const std::uint64_t half : {source.high, source.low, destination.high, destination.low}) {
        const std::uint64_t word = swap_be64(half);
        all += (word & 0xffff'ffffU) + (word >> 32U);
    }
    return all;
}

/// `checksum` after a 16-bit word that it covers became `after`, which was `before`.
///
/// Shape:    all three in the same order, whichever it is. The word lies at an even offset.
/// Source:   RFC 1624 section 3, equation 3; the shorter ones of RFC 1071 and 1141 give 0x0000 for 0xffff.
[[nodiscard]] constexpr std::uint16_t update16(std::uint16_t checksum, std::uint16_t before,
                                               std::uint16_t after) noexcept {
    std::uint32_t sum = (~std::uint32_t{checksum} & 0xffffU) + (~std::uint32_t{before} & 0xffffU) + after;
    sum = (sum & 0xffffU) + (sum >> 16U);
    sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

/// Writes and reads a field in memory order.
inline void store_checksum(std::byte* field, std::uint16_t checksum) noexcept {
    std::memcpy(field, &checksum, sizeof checksum);
}
[[nodiscard]] inline std::uint16_t load_checksum(const std::byte* field) noexcept {
    std::uint16_t checksum;
    std::memcpy(&checksum, field, sizeof checksum);
    return checksum;
}

/// Puts into `field` what a port that finishes checksums has to find there: the sum of the pseudo header, folded and
/// not complemented. It adds header and payload, the field included, and complements.
inline void store_unfinished(std::byte* field, std::uint64_t pseudo) noexcept {
    store_checksum(field, static_cast<std::uint16_t>(~fold(pseudo)));
}

/// sum() of exactly 20 bytes, inlined: an IPv4 header without options.
[[nodiscard]] inline std::uint64_t sum_of_20(const std::byte* at) noexcept {
    std::uint64_t words[2];
    std::uint32_t last;
    std::memcpy(words, at, sizeof words);
    std::memcpy(&last, at + sizeof words, sizeof last);
    return (words[0] & 0xffff'ffffU) + (words[0] >> 32U) + (words[1] & 0xffff'ffffU) + (words[1] >> 32U) + last;
}

}  // namespace skerry::stack::wire
