#pragma once

// What follows an IP header: the numbers of IPv4's protocol field and of IPv6's next header fields, which are the same.

#include <cstdint>

namespace skerry::stack::wire::ip_protocol {

inline constexpr std::uint8_t hop_by_hop = 0;
inline constexpr std::uint8_t icmp = 1;
inline constexpr std::uint8_t igmp = 2;
inline constexpr std::uint8_t tcp = 6;
inline constexpr std::uint8_t udp = 17;
inline constexpr std::uint8_t routing = 43;
inline constexpr std::uint8_t fragment = 44;
inline constexpr std::uint8_t icmpv6 = 58;
inline constexpr std::uint8_t none = 59;
inline constexpr std::uint8_t destination_options = 60;

}  // namespace skerry::stack::wire::ip_protocol
