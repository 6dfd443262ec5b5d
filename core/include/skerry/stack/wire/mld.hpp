#pragma once

// MLD: which groups a host is in, told to the routers of the link. Version 2 with its lists of sources is spoken;
// queries, reports and dones of version 1 are read and written, because a host must answer a router of version 1 in its
// version, and a report of another host's tells such a one that its own is not needed.
//
// All of it stays on the link, and what did not come from there is refused: hop limit 1, a router alert, a link-local
// sender. Floating-point codes are read as what they stand for and written as the greatest code that is not more.

#include "addresses.hpp"
#include "byte_order.hpp"
#include "checksum.hpp"
#include "icmpv6.hpp"
#include "ipv6.hpp"
#include "ipv6_extensions.hpp"
#include "../drop.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

/// What all of it travels with, behind write_router_alert().
inline constexpr std::uint8_t mld_hop_limit = 1;
inline constexpr std::size_t mld_v1_bytes = 24;
inline constexpr std::size_t mld_v2_query_bytes = 28;  // before the sources
inline constexpr std::size_t mld_v2_report_bytes = 8;  // before the records
inline constexpr std::size_t mld_record_bytes = 20;  // before the sources

/// Addresses that lie in a message.
/// Lifetime: the message's.
struct MldSources {
    std::span<const std::byte> bytes;  ///< As they travel, 16 each.

    [[nodiscard]] std::size_t size() const noexcept { return bytes.size() / ipv6_addr_bytes; }
    /// `index` is less than size().
    [[nodiscard]] Ipv6Addr operator[](std::size_t index) const noexcept {
        return load_ipv6(bytes.data() + index * ipv6_addr_bytes);
    }
};

/// RFC 3810 section 5.2.12. Others are to be passed over.
enum class MldRecordType : std::uint8_t {
    is_include = 1,
    is_exclude = 2,
    to_include = 3,
    to_exclude = 4,
    allow_new = 5,
    block_old = 6,
};

/// What a report of version 2 says of a group.
struct MldRecord {
    MldRecordType type = MldRecordType::is_exclude;  ///< As it came, perhaps none of the six.
    Ipv6Addr group;
    MldSources sources;
};

/// The records of a report, one after the other.
/// Lifetime: the message's.
class MldRecords {
public:
    MldRecords() noexcept = default;
    /// `bytes` holds as many sound records as it says; parse() has looked.
    MldRecords(std::span<const std::byte> bytes, std::uint16_t count) noexcept : rest_(bytes), left_(count) {}

    [[nodiscard]] std::uint16_t left() const noexcept { return left_; }
    /// The next one; false at the end.
    [[nodiscard]] bool next(MldRecord& out) noexcept;

private:
    std::span<const std::byte> rest_;
    std::uint16_t left_ = 0;
};

struct MldMessage {
    Icmpv6Type type = Icmpv6Type::listener_query;
    std::uint8_t query_version = 0;  ///< 1 or 2 of a query; else 0.
    std::uint32_t max_response_ms = 0;  ///< Of a query; else 0.
    Ipv6Addr group;  ///< :: in a general query, and in a report of version 2.
    bool suppress = false;  ///< Of a query of version 2: other routers' timers stay as they are.
    std::uint8_t robustness = 0;  ///< Of a query of version 2, 0 to 7; 0: more than the field holds.
    std::uint32_t query_interval_s = 0;  ///< Of a query of version 2.
    MldSources sources;  ///< Of a query of version 2.
    MldRecords records;  ///< Of a report of version 2.
};

/// Reads a message, what follows the IPv6 header `ip` and the extension headers `chain`, without the frame's padding.
///
/// Shape:    `in` is the whole message in one piece; see icmpv6.hpp for `known`.
/// Errors:   mld_short, icmpv6_checksum, icmpv6_type, mld_hop_limit, mld_router_alert, mld_source, mld_length,
///           mld_group.
/// Lifetime: sources and records are views of `in`.
/// Source:   RFC 3810 sections 5.1, 5.2, 6.2 and 8.1; RFC 2710 section 3; RFC 3590 for reports from ::.
[[nodiscard]] Drop parse(std::span<const std::byte> in, MldMessage& out, const Ipv6Header& ip, const Ipv6Chain& chain,
                         FrameChecksum known = FrameChecksum::unknown) noexcept;

/// Writes a query of either version, a report of version 1 or a done; the checksum's field becomes 0, to be put in by
/// seal_icmpv6(). Returns the number of bytes: mld_v1_bytes, or mld_v2_query_bytes and the sources.
///
/// Shape:    at most 65'535 ms of a query of version 1, and 65'535 sources.
std::size_t write(const MldMessage& message, std::byte* out) noexcept;

/// Writes a report of version 2 record by record; the checksum's field becomes 0.
///
/// Lifetime: `out` outlives it.
class MldReportWriter {
public:
    /// `out` has room for mld_v2_report_bytes; what a message may have is the link's MTU less 48 bytes.
    explicit MldReportWriter(std::span<std::byte> out) noexcept;

    /// False when there is no room for it: it belongs into the next report.
    [[nodiscard]] bool add(MldRecordType type, const Ipv6Addr& group, std::span<const Ipv6Addr> sources = {}) noexcept;
    /// How many sources a record that is added now may have; 0 also when there is no room for a record at all.
    [[nodiscard]] std::size_t sources_fit() const noexcept;
    [[nodiscard]] std::uint16_t records() const noexcept { return records_; }
    /// The report so far.
    [[nodiscard]] std::span<std::byte> message() const noexcept { return out_.first(bytes_); }

private:
    std::span<std::byte> out_;
    std::size_t bytes_ = mld_v2_report_bytes;
    std::uint16_t records_ = 0;
};

}  // namespace skerry::stack::wire
