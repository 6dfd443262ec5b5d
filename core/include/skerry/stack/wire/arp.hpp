#pragma once

// ARP for IPv4 over Ethernet. Whether an answer was asked for, and whether it may change an entry, is the neighbour
// table's business; here only what can never be right is refused.

#include "addresses.hpp"
#include "../drop.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

enum class ArpOperation : std::uint16_t { request = 1, reply = 2 };

inline constexpr std::size_t arp_bytes = 28;

struct ArpPacket {
    ArpOperation operation = ArpOperation::request;
    MacAddr sender_mac;
    Ipv4Addr sender_ip;  ///< 0.0.0.0 in a probe (RFC 5227), which teaches nothing.
    MacAddr target_mac;
    Ipv4Addr target_ip;
};

/// Reads what follows the Ethernet header; padding behind it is ignored.
///
/// Errors:   arp_short, arp_bad, arp_operation, arp_sender_mac, arp_sender_ip.
/// Source:   RFC 826; RFC 1812 section 3.3.2 for the sender's hardware address.
[[nodiscard]] Drop parse(std::span<const std::byte> in, ArpPacket& out) noexcept;

/// Writes arp_bytes bytes.
void write(const ArpPacket& packet, std::byte* out) noexcept;

}  // namespace skerry::stack::wire
