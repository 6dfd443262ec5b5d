#pragma once

// What a packet's header says of its way, of either family.

#include <cstdint>

namespace skerry::stack {

struct IpMarks {
    std::uint8_t ttl = 64;  ///< or the hop limit
    std::uint8_t traffic_class = 0;
    friend constexpr bool operator==(const IpMarks&, const IpMarks&) noexcept = default;
};

}  // namespace skerry::stack
