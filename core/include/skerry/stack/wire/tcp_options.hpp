#pragma once

// TCP's options: MSS, window scale, SACK, timestamps. Hot path for has_only_timestamps(), which nearly every segment of
// a connection is; parse() is for the rest.
//
// Whether an option may stand in this segment is the state machine's question: SACK-permitted outside a SYN is read
// and means nothing. A known option of a wrong length is refused rather than skipped: no peer sends one, and skipping
// would let the two ends disagree about what was agreed.

#include "byte_order.hpp"
#include "../drop.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

inline constexpr std::size_t tcp_options_bytes_max = 40;
inline constexpr std::size_t tcp_timestamps_bytes = 12;  // NOP NOP and the option
inline constexpr std::size_t sack_blocks_max = 4;
inline constexpr std::uint8_t window_scale_max = 14;

/// [left, right) was received.
struct SackBlock {
    std::uint32_t left = 0;
    std::uint32_t right = 0;

    friend constexpr bool operator==(const SackBlock&, const SackBlock&) noexcept = default;
};

struct TcpTimestamps {
    std::uint32_t value = 0;  ///< TSval, the sender's clock.
    std::uint32_t echo = 0;  ///< TSecr, what it saw of ours.

    friend constexpr bool operator==(const TcpTimestamps&, const TcpTimestamps&) noexcept = default;
};

struct TcpOptions {
    bool has_mss = false;
    bool has_window_scale = false;
    bool sack_permitted = false;
    bool has_timestamps = false;
    std::uint8_t window_scale = 0;  ///< At most 14; a greater one is read as 14 (RFC 7323 section 2.3).
    std::uint8_t sack_blocks = 0;  ///< How many of `sack` count.
    std::uint16_t mss = 0;  ///< As it came, 0 and 65'535 included.
    TcpTimestamps timestamps;
    std::array<SackBlock, sack_blocks_max> sack;  ///< As they came: unordered, perhaps reversed.
};

/// Reads the options of a header, from byte 20 to its end. Of an option that comes twice the last one counts.
///
/// Errors:   tcp_option_length, tcp_option_size.
/// Source:   RFC 9293 section 3.1, RFC 7323 sections 2.2 and 3.2, RFC 2018 sections 2 and 3.
[[nodiscard]] Drop parse(std::span<const std::byte> in, TcpOptions& out) noexcept;

/// Whether these options are NOP NOP and timestamps, as every stack lays them out in a segment of a connection.
[[nodiscard]] inline bool has_only_timestamps(std::span<const std::byte> options) noexcept {
    return options.size() == tcp_timestamps_bytes && load_be32(options.data()) == 0x0101'080aU;
}

/// The timestamps of options that has_only_timestamps().
[[nodiscard]] inline TcpTimestamps load_only_timestamps(std::span<const std::byte> options) noexcept {
    return {load_be32(options.data() + 4), load_be32(options.data() + 8)};
}

/// Writes NOP NOP and timestamps, 12 bytes. Returns their sum, as write() of a header does.
inline std::uint64_t store_only_timestamps(const TcpTimestamps& timestamps, std::byte* out) noexcept {
    const std::uint32_t kind = swap_be32(0x0101'080aU);
    const std::uint32_t value = swap_be32(timestamps.value);
    const std::uint32_t echo = swap_be32(timestamps.echo);
    store_words(out, kind, value);
    store_word(out + 8, echo);
    return std::uint64_t{kind} + value + echo;
}

/// How many SACK blocks fit beside timestamps, or without them.
[[nodiscard]] constexpr std::size_t sack_blocks_fit(bool with_timestamps) noexcept { return with_timestamps ? 3 : 4; }

/// How many bytes write_data_options() writes.
[[nodiscard]] constexpr std::size_t data_options_bytes(bool with_timestamps, std::size_t sack_blocks) noexcept {
    return (with_timestamps ? tcp_timestamps_bytes : 0) + (sack_blocks != 0 ? 4 + 8 * sack_blocks : 0);
}

/// In which order a SYN has its options. No standard says; peers do not mind, but whoever compares segments does.
enum class SynLayout : std::uint8_t {
    /// MSS, SACK-permitted, timestamps, window scale. Each is filled up to a multiple of 4 by NOPs in front, and
    /// SACK-permitted is what fills up the timestamps.
    linux_like,
    /// MSS, window scale, SACK-permitted, timestamps. NOPs stand only in front of what has its place, the scale (odd)
    /// and the timestamps (2 behind a multiple of 4); zeros, which end the options, fill up the end.
    freebsd,
};

/// Writes what a SYN carries, be it an answer or not: MSS, SACK-permitted, timestamps, window scale, those that
/// `options` has. Returns the number of bytes, a multiple of 4 and at most 20.
///
/// Source:   RFC 9293 section 3.1 for the filling; the layouts are Linux's (tcp_options_write) and FreeBSD's
///           (tcp_addoptions).
std::size_t write_syn_options(const TcpOptions& options, std::byte* out,
                              SynLayout layout = SynLayout::linux_like) noexcept;

/// Writes what other segments carry: timestamps, then SACK blocks, each behind NOP NOP. Returns data_options_bytes().
///
/// Shape:    at most sack_blocks_fit() blocks.
std::size_t write_data_options(const TcpOptions& options, std::byte* out) noexcept;

}  // namespace skerry::stack::wire
