#pragma once

// What an ICMP error says about a packet of ours, of either family in ICMP's terms.

#include "path_mtus.hpp"
#include "wire/addresses.hpp"
#include "wire/icmp.hpp"

#include <cstdint>

namespace skerry::stack {

struct IcmpError {
    wire::IcmpType type = wire::IcmpType::unreachable;
    std::uint8_t code = 0;
    std::uint8_t protocol = 0;
    wire::Ipv4Addr remote;  ///< where the packet went
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 0;
    std::uint32_t seq = 0;  ///< TCP's
    wire::Ipv4Addr local;  ///< where it came from
    TooLong too_long;  ///< with fragmentation_needed

    [[nodiscard]] bool is_too_long() const noexcept {
        return type == wire::IcmpType::unreachable && code == wire::icmp_code::fragmentation_needed;
    }
};

}  // namespace skerry::stack
