#pragma once

// The IPv6 header: 40 bytes, no checksum, no options. Hot path: everything is inlined.
//
// What follows it, extension headers or the transport, is ipv6_extensions.hpp's. Addresses that no packet on a wire may
// have are refused here, because no layer above asks again. Not here: whether the destination is ours, whether the
// source is (LAND), the hop limit, whether it came as a group's frame.

#include "addresses.hpp"
#include "byte_order.hpp"
#include "ip_protocol.hpp"
#include "../drop.hpp"
#include "../../base/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

inline constexpr std::size_t ipv6_bytes = 40;
/// What every link carries. RFC 8200 section 5.
inline constexpr std::size_t ipv6_mtu_min = 1280;
inline constexpr std::uint32_t ipv6_payload_bytes_max = 65'535;

// Where a parameter problem points.
inline constexpr std::uint16_t ipv6_payload_length_at = 4;
inline constexpr std::uint16_t ipv6_next_header_at = 6;

struct Ipv6Header {
    std::uint8_t traffic_class = 0;  ///< DSCP and ECN.
    std::uint32_t flow_label = 0;  ///< 20 bits.
    std::uint16_t payload_bytes = 0;  ///< Extension headers included; what follows in the frame is padding.
    std::uint8_t next_header = ip_protocol::none;
    std::uint8_t hop_limit = 64;
    Ipv6Addr source;
    Ipv6Addr destination;

    [[nodiscard]] constexpr std::uint32_t total_bytes() const noexcept {
        return static_cast<std::uint32_t>(ipv6_bytes) + payload_bytes;
    }
};

namespace detail {
// A host without an address asks whether one is taken, asks for routers and reports its groups; nothing else may come
// from ::. The report has its router alert first, so what is behind that is looked at with the extension headers.
[[nodiscard]] constexpr bool may_come_from_nobody(const Ipv6Header& header) noexcept {
    return header.destination.is_multicast() &&
           (header.next_header == ip_protocol::icmpv6 || header.next_header == ip_protocol::hop_by_hop);
}
}  // namespace detail

/// Reads the header at the front of `in`, which is what follows the Ethernet header, padding and all.
///
/// Shape:    `in` holds the whole header. When the packet goes on in further segments, `rest` says how many bytes they
///           have. A source of :: passes with ICMPv6 or a hop-by-hop header to a group. A jumbogram (RFC 2675) reads as
///           a packet without payload: no port here carries one.
/// Errors:   ipv6_short, ipv6_version, ipv6_payload_length, ipv6_source, ipv6_destination.
/// Source:   RFC 8200 section 3; RFC 4291 sections 2.5.2, 2.5.3 and 2.7.
[[nodiscard]] inline Drop parse(std::span<const std::byte> in, Ipv6Header& out, std::size_t rest = 0) noexcept {
    if (in.size() < ipv6_bytes) [[unlikely]]
        return Drop::ipv6_short;
    const std::byte* at = in.data();
    const std::uint32_t first = load_be32(at);
    if (first >> 28U != 6) [[unlikely]]
        return Drop::ipv6_version;
    out.traffic_class = static_cast<std::uint8_t>(first >> 20U);
    out.flow_label = first & 0xf'ffffU;
    out.payload_bytes = load_be16(at + ipv6_payload_length_at);
    out.next_header = load_8(at + ipv6_next_header_at);
    out.hop_limit = load_8(at + 7);
    out.source = load_ipv6(at + 8);
    out.destination = load_ipv6(at + 24);
    if (out.payload_bytes > in.size() + rest - ipv6_bytes) [[unlikely]]
        return Drop::ipv6_payload_length;
    if (out.source.is_never_a_host()) [[unlikely]]
        return Drop::ipv6_source;
    if (out.source.is_unspecified() && !detail::may_come_from_nobody(out)) [[unlikely]]
        return Drop::ipv6_source;
    if (out.destination.is_never_a_destination()) [[unlikely]]
        return Drop::ipv6_destination;
    return Drop::none;
}

/// Writes ipv6_bytes bytes.
inline void write(const Ipv6Header& header, std::byte* out) noexcept {
    SKERRY_DEBUG_ASSERT(header.flow_label <= 0xf'ffffU, "a flow label has 20 bits");
    store_be32(out, 0x6000'0000U | std::uint32_t{header.traffic_class} << 20U | header.flow_label);
    store_be32(out + 4,
               std::uint32_t{header.payload_bytes} << 16U | std::uint32_t{header.next_header} << 8U | header.hop_limit);
    store_ipv6(out + 8, header.source);
    store_ipv6(out + 24, header.destination);
}

}  // namespace skerry::stack::wire
