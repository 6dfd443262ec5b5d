#pragma once

// IGMP as an IGMPv2 host speaks it. Queries of versions 1 and 3 are recognized, because a host must answer them in
// the version that the router understands; other hosts' version 3 reports are of no interest to it.

#include "addresses.hpp"
#include "checksum.hpp"
#include "../drop.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

enum class IgmpType : std::uint8_t { query = 0x11, report_v1 = 0x12, report_v2 = 0x16, leave = 0x17 };

inline constexpr std::size_t igmp_bytes = 8;
inline constexpr std::size_t igmp_v3_query_bytes = 12;

/// Where general queries and leaves go.
inline constexpr Ipv4Addr igmp_all_systems = Ipv4Addr::of(224, 0, 0, 1);
inline constexpr Ipv4Addr igmp_all_routers = Ipv4Addr::of(224, 0, 0, 2);

struct IgmpMessage {
    IgmpType type = IgmpType::query;
    std::uint8_t query_version = 0;          ///< 1, 2 or 3 of a query; else 0.
    std::uint16_t max_response_tenths = 0;   ///< Of a query, tenths of a second; 100 of version 1. Else 0.
    Ipv4Addr group;                          ///< 0.0.0.0 in a general query.
};

/// Reads a message, the payload of an IP datagram without the frame's padding.
///
/// Errors:   igmp_short, igmp_length, igmp_checksum, igmp_type, igmp_group.
/// Source:   RFC 2236 section 2; RFC 3376 sections 4.1 and 7.1 for telling queries apart.
[[nodiscard]] Drop parse(std::span<const std::byte> in, IgmpMessage& out,
                         FrameChecksum known = FrameChecksum::unknown) noexcept;

/// Writes igmp_bytes bytes, the checksum included. It travels with TTL 1 and a router alert.
///
/// Shape:    a query is written as version 1 or 2, by query_version; max_response_tenths is at most 255.
void write(const IgmpMessage& message, std::byte* out) noexcept;

}  // namespace skerry::stack::wire
