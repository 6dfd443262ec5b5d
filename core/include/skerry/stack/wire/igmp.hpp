#pragma once

// IGMP as a host speaks it: queries of all three versions are read, because a host must answer each in the version that
// the router understands, and reports of version 3 are written. Those of other hosts are of no interest to it.

#include "addresses.hpp"
#include "byte_order.hpp"
#include "checksum.hpp"
#include "../drop.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

enum class IgmpType : std::uint8_t { query = 0x11, report_v1 = 0x12, report_v2 = 0x16, leave = 0x17, report_v3 = 0x22 };

inline constexpr std::size_t igmp_bytes = 8;
inline constexpr std::size_t igmp_v3_query_bytes = 12;  // before the sources
inline constexpr std::size_t igmp_v3_report_bytes = 8;  // before the records
inline constexpr std::size_t igmp_record_bytes = 8;  // before the sources

/// Where general queries and leaves go.
inline constexpr Ipv4Addr igmp_all_systems = Ipv4Addr::of(224, 0, 0, 1);
inline constexpr Ipv4Addr igmp_all_routers = Ipv4Addr::of(224, 0, 0, 2);
/// Where reports of version 3 go. RFC 3376 section 4.2.14.
inline constexpr Ipv4Addr igmp_v3_routers = Ipv4Addr::of(224, 0, 0, 22);

/// Addresses that lie in a message.
/// Lifetime: the message's.
struct IgmpSources {
    std::span<const std::byte> bytes;  ///< As they travel, 4 each.

    [[nodiscard]] std::size_t size() const noexcept { return bytes.size() / 4; }
    /// `index` is less than size().
    [[nodiscard]] Ipv4Addr operator[](std::size_t index) const noexcept { return load_ipv4(bytes.data() + index * 4); }
};

struct IgmpMessage {
    IgmpType type = IgmpType::query;
    std::uint8_t query_version = 0;  ///< 1, 2 or 3 of a query; else 0.
    std::uint16_t max_response_tenths = 0;  ///< Of a query, tenths of a second; 100 of version 1. Else 0.
    Ipv4Addr group;  ///< 0.0.0.0 in a general query.
    std::uint8_t robustness = 0;  ///< Of a query of version 3, 0 to 7; 0: more than the field holds.
    std::uint16_t query_interval_s = 0;  ///< Of a query of version 3.
    IgmpSources sources;  ///< Of a query of version 3.
};

/// Reads a message, the payload of an IP datagram without the frame's padding.
///
/// Errors:   igmp_short, igmp_length, igmp_checksum, igmp_type, igmp_group.
/// Lifetime: the sources are a view of `in`.
/// Source:   RFC 2236 section 2; RFC 3376 sections 4.1 and 7.1 for telling queries apart.
[[nodiscard]] Drop parse(std::span<const std::byte> in, IgmpMessage& out,
                         FrameChecksum known = FrameChecksum::unknown) noexcept;

/// Writes igmp_bytes bytes, the checksum included. It travels with TTL 1 and a router alert.
///
/// Shape:    a query is written as version 1 or 2, by query_version; max_response_tenths is at most 255.
void write(const IgmpMessage& message, std::byte* out) noexcept;

/// Writes a report of version 3 record by record; seal() ends it.
///
/// Lifetime: `out` outlives it.
class IgmpReportWriter {
public:
    IgmpReportWriter() noexcept = default;
    /// `out` has room for igmp_v3_report_bytes; what a message may have is the link's MTU less 24 bytes.
    explicit IgmpReportWriter(std::span<std::byte> out) noexcept;

    /// `type` is that of RFC 3376 section 4.2.12. False when there is no room for it: it belongs into the next report.
    [[nodiscard]] bool add(std::uint8_t type, Ipv4Addr group, std::span<const Ipv4Addr> sources) noexcept;
    [[nodiscard]] std::uint16_t records() const noexcept { return records_; }
    /// Puts the checksum in and returns the number of bytes.
    [[nodiscard]] std::size_t seal() noexcept;

private:
    std::span<std::byte> out_;
    std::size_t bytes_ = igmp_v3_report_bytes;
    std::uint16_t records_ = 0;
};

}  // namespace skerry::stack::wire
