#pragma once

// What a packet's header says of its way, of either family.

#include <cstdint>

namespace skerry::stack {

/// The two low bits of a type of service or traffic class. Source: RFC 3168 section 5.
namespace wire::ecn {
inline constexpr std::uint8_t mask = 3;
inline constexpr std::uint8_t not_ect = 0;
inline constexpr std::uint8_t ect0 = 2;  ///< can be marked instead of being dropped
inline constexpr std::uint8_t experienced = 3;  ///< met congestion
}  // namespace wire::ecn

struct IpMarks {
    std::uint8_t ttl = 64;  ///< or the hop limit
    std::uint8_t traffic_class = 0;
    friend constexpr bool operator==(const IpMarks&, const IpMarks&) noexcept = default;
};

}  // namespace skerry::stack
