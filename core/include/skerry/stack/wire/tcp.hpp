#pragma once

// TCP's header without its options, which are tcp_options.hpp's. Hot path.
//
// Which flags go together is asked by the state machine, which knows the state: a null segment or SYN with FIN is
// sound here. The urgent pointer is handed on as it came and means nothing until it is checked against the segment.

#include "byte_order.hpp"
#include "checksum.hpp"
#include "../drop.hpp"
#include "../../base/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

namespace tcp_flag {
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t psh = 0x08;
inline constexpr std::uint8_t ack = 0x10;
inline constexpr std::uint8_t urg = 0x20;
inline constexpr std::uint8_t ece = 0x40;
inline constexpr std::uint8_t cwr = 0x80;
}  // namespace tcp_flag

inline constexpr std::size_t tcp_bytes = 20;
inline constexpr std::size_t tcp_bytes_max = 60;

struct TcpHeader {
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::uint8_t header_bytes = tcp_bytes;  ///< 20 to 60, a multiple of 4; the payload begins there.
    std::uint8_t flags = 0;                 ///< Of tcp_flag.
    std::uint16_t window = 0;               ///< As it travels: not scaled.
    std::uint16_t urgent = 0;

    [[nodiscard]] constexpr bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
};

/// Reads the header at the front of a segment. The options are in.subspan(20, header_bytes - 20).
///
/// Shape:    `in` holds the whole header, options included; the payload may go on elsewhere.
/// Errors:   tcp_short, tcp_header_length, tcp_port (0 on either side: no answer could come back).
/// Source:   RFC 9293 section 3.1. The four reserved bits are ignored, as it demands.
[[nodiscard]] inline Drop parse(std::span<const std::byte> in, TcpHeader& out) noexcept {
    if (in.size() < tcp_bytes) [[unlikely]]
        return Drop::tcp_short;
    const std::byte* at = in.data();
    out.source_port = load_be16(at);
    out.destination_port = load_be16(at + 2);
    out.seq = load_be32(at + 4);
    out.ack = load_be32(at + 8);
    out.header_bytes = static_cast<std::uint8_t>((load_8(at + 12) >> 4U) * 4U);
    out.flags = load_8(at + 13);
    out.window = load_be16(at + 14);
    out.urgent = load_be16(at + 18);
    if (out.header_bytes < tcp_bytes || out.header_bytes > in.size()) [[unlikely]]
        return Drop::tcp_header_length;
    if (out.source_port == 0 || out.destination_port == 0) [[unlikely]]
        return Drop::tcp_port;
    return Drop::none;
}

/// Writes tcp_bytes bytes; the checksum's field becomes 0. Options of header_bytes - 20 bytes are the caller's to
/// write behind it.
///
/// Returns the sum of what it wrote: reading that back while it is fresh would wait for each of the stores.
inline std::uint64_t write(const TcpHeader& header, std::byte* out) noexcept {
    SKERRY_DEBUG_ASSERT(header.header_bytes >= tcp_bytes && header.header_bytes <= tcp_bytes_max, "no such TCP header");
    SKERRY_DEBUG_ASSERT(header.header_bytes % 4U == 0, "a TCP header is a number of 32-bit words");
    const std::uint32_t ports = swap_be32(std::uint32_t{header.source_port} << 16U | header.destination_port);
    const std::uint32_t seq = swap_be32(header.seq);
    const std::uint32_t ack = swap_be32(header.ack);
    const std::uint32_t rest =
        swap_be32(std::uint32_t{header.header_bytes} << 26U | std::uint32_t{header.flags} << 16U | header.window);
    const std::uint32_t urgent = swap_be32(header.urgent);
    store_words(out, ports, seq);
    store_words(out + 8, ack, rest);
    store_word(out + 16, urgent);
    return std::uint64_t{ports} + seq + ack + rest + urgent;
}

/// Whether the checksum of a segment holds. `pseudo` is the sum of its pseudo header; for several pieces fold their
/// PieceSum instead.
[[nodiscard]] inline bool tcp_checksum_holds(std::span<const std::byte> segment, std::uint64_t pseudo) noexcept {
    return fold(sum(segment, pseudo)) == 0;
}

/// Leaves the checksum of a segment that write() began to the port.
inline void seal_tcp_unfinished(std::span<std::byte> segment, std::uint64_t pseudo) noexcept {
    store_unfinished(segment.data() + 16, pseudo);
}

/// Puts the checksum into a segment that write() began.
inline void seal_tcp(std::span<std::byte> segment, std::uint64_t pseudo) noexcept {
    store_checksum(segment.data() + 16, 0);
    store_checksum(segment.data() + 16, fold(sum(segment, pseudo)));
}

}  // namespace skerry::stack::wire
