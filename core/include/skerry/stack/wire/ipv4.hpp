#pragma once

// The IPv4 header. Hot path: without options, 20 bytes, everything is inlined.
//
// Options are walked only to see that they are sound and hold no source route; no other is acted upon. Sources that
// no host may have are refused here, because no layer above asks again. Not here: whether the destination is ours,
// whether the source is (LAND), the subnet's broadcast address, the TTL, reassembly.

#include "addresses.hpp"
#include "byte_order.hpp"
#include "checksum.hpp"
#include "ip_protocol.hpp"
#include "../drop.hpp"
#include "../../base/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

inline constexpr std::size_t ipv4_bytes = 20;
inline constexpr std::size_t ipv4_bytes_max = 60;
inline constexpr std::size_t router_alert_bytes = 4;
inline constexpr std::uint32_t ipv4_datagram_bytes_max = 65'535;

struct Ipv4Header {
    std::uint16_t header_bytes = ipv4_bytes;  ///< 20 to 60, a multiple of 4; the payload begins there.
    std::uint8_t tos = 0;                    ///< DSCP and ECN.
    std::uint16_t total_bytes = 0;           ///< Header and payload; what follows in the frame is padding.
    std::uint16_t id = 0;
    std::uint16_t fragment_offset_bytes = 0;  ///< A multiple of 8.
    bool dont_fragment = false;
    bool more_fragments = false;
    bool router_alert = false;  ///< RFC 2113; write() then makes a header of 24 bytes.
    std::uint8_t ttl = 64;
    std::uint8_t protocol = 0;
    Ipv4Addr source;
    Ipv4Addr destination;

    [[nodiscard]] constexpr bool is_fragment() const noexcept { return more_fragments || fragment_offset_bytes != 0; }
    [[nodiscard]] constexpr std::uint16_t payload_bytes() const noexcept {
        return static_cast<std::uint16_t>(total_bytes - header_bytes);
    }
};

namespace detail {
/// Walks the options; `options` is what lies between byte 20 and header_bytes.
[[nodiscard]] Drop parse_ipv4_options(std::span<const std::byte> options, Ipv4Header& out) noexcept;

[[nodiscard]] inline Drop parse_fragment(std::uint16_t field, Ipv4Header& out) noexcept {
    out.dont_fragment = (field & 0x4000U) != 0;
    out.more_fragments = (field & 0x2000U) != 0;
    out.fragment_offset_bytes = static_cast<std::uint16_t>((field & 0x1fffU) * 8U);
    if (!out.is_fragment()) [[likely]]
        return Drop::none;
    // RFC 791: all but the last are cut at multiples of 8. One without payload only fills a table.
    if (out.payload_bytes() == 0 || (out.more_fragments && out.payload_bytes() % 8U != 0))
        return Drop::ipv4_fragment_length;
    // The datagram that it belongs to has a header too, which may be as long as this one's.
    if (std::uint32_t{out.fragment_offset_bytes} + out.total_bytes > ipv4_datagram_bytes_max)
        return Drop::ipv4_fragment_end;
    return Drop::none;
}
}  // namespace detail

/// Reads the header at the front of `in`, which is what follows the Ethernet header, padding and all.
///
/// Shape:    `in` holds the whole header. When the datagram goes on in further segments, `rest` says how many bytes
///           they have. A source of 0.0.0.0 passes for IGMP, as snooping switches ask (RFC 4541 section 2.1.1).
/// Errors:   ipv4_short, ipv4_version, ipv4_header_length, ipv4_total_length, ipv4_checksum, ipv4_options,
///           ipv4_source_route, ipv4_source, ipv4_fragment_length, ipv4_fragment_end.
/// Source:   RFC 791 section 3.1; RFC 1122 section 3.2.1.
[[nodiscard]] inline Drop parse(std::span<const std::byte> in, Ipv4Header& out,
                                FrameChecksum known = FrameChecksum::unknown, std::size_t rest = 0) noexcept {
    if (in.size() < ipv4_bytes) [[unlikely]]
        return Drop::ipv4_short;
    const std::byte* at = in.data();
    const std::uint8_t first = load_8(at);
    if (first >> 4U != 4) [[unlikely]]
        return Drop::ipv4_version;
    out.header_bytes = static_cast<std::uint16_t>((first & 0xfU) * 4U);
    if (out.header_bytes < ipv4_bytes || out.header_bytes > in.size()) [[unlikely]]
        return Drop::ipv4_header_length;
    out.tos = load_8(at + 1);
    out.total_bytes = load_be16(at + 2);
    if (out.total_bytes < out.header_bytes || out.total_bytes > in.size() + rest) [[unlikely]]
        return Drop::ipv4_total_length;
    if (known != FrameChecksum::good) {
        const std::uint64_t all = out.header_bytes == ipv4_bytes ? sum_of_20(at) : sum(in.first(out.header_bytes));
        if (known == FrameChecksum::bad || fold(all) != 0) [[unlikely]]
            return Drop::ipv4_checksum;
    }
    out.id = load_be16(at + 4);
    out.router_alert = false;
    out.ttl = load_8(at + 8);
    out.protocol = load_8(at + 9);
    out.source = load_ipv4(at + 12);
    out.destination = load_ipv4(at + 16);
    if (out.source.is_never_a_source() && !(out.source.is_unspecified() && out.protocol == ip_protocol::igmp))
        [[unlikely]]
        return Drop::ipv4_source;
    if (const Drop drop = detail::parse_fragment(load_be16(at + 6), out); drop != Drop::none) [[unlikely]]
        return drop;
    if (out.header_bytes != ipv4_bytes) [[unlikely]]
        return detail::parse_ipv4_options(in.subspan(ipv4_bytes, out.header_bytes - ipv4_bytes), out);
    return Drop::none;
}

/// Writes 20 bytes, or 24 with `router_alert`, the checksum included.
///
/// Shape:    header_bytes is that size, total_bytes at least as much. Other options are never sent.
inline void write(const Ipv4Header& header, std::byte* out) noexcept {
    SKERRY_DEBUG_ASSERT(header.header_bytes == ipv4_bytes + (header.router_alert ? router_alert_bytes : 0),
                        "an IPv4 header of this length is never written");
    SKERRY_DEBUG_ASSERT(header.total_bytes >= header.header_bytes, "the datagram is shorter than its header");
    SKERRY_DEBUG_ASSERT(header.fragment_offset_bytes % 8U == 0, "fragments begin at multiples of 8");
    // The sum is made of what is written and not of what was: reading a word whose parts have just been stored waits
    // for all of them.
    const std::uint32_t first = swap_be32(0x4000'0000U | std::uint32_t{header.header_bytes} / 4U << 24U |
                                          std::uint32_t{header.tos} << 16U | header.total_bytes);
    const std::uint32_t second = swap_be32(std::uint32_t{header.id} << 16U | (header.dont_fragment ? 0x4000U : 0U) |
                                           (header.more_fragments ? 0x2000U : 0U) | header.fragment_offset_bytes / 8U);
    const std::uint32_t third = swap_be32(std::uint32_t{header.ttl} << 24U | std::uint32_t{header.protocol} << 16U);
    const std::uint32_t source = swap_be32(header.source.bits);
    const std::uint32_t destination = swap_be32(header.destination.bits);
    std::uint64_t all = std::uint64_t{first} + second + third + source + destination;
    if (header.router_alert) [[unlikely]] {
        store_be32(out + 20, 0x9404'0000U);
        all += swap_be32(0x9404'0000U);
    }
    store_words(out, first, second);
    store_words(out + 8, third, source);
    store_word(out + 16, destination);
    store_checksum(out + 10, fold(all));
}

}  // namespace skerry::stack::wire
