#pragma once

// The beginning of a packet that an ICMP error quotes: it is cut off somewhere, so no checksum can be right.

#include <skerry/base/result.hpp>
#include <skerry/base/socket_addr.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace skerry::pkt {

struct LiveQuote {
    net::IpAddr source;
    net::IpAddr destination;
    std::uint8_t protocol = 0;      ///< behind extension headers
    std::size_t packet_bytes = 0;   ///< of the packet before it was cut
    std::uint32_t seq = 0;          ///< of TCP
    std::uint32_t udp_payload = 0;  ///< of UDP, as its header says
};

/// Errors: what is wrong with it: no IP header, or less than 8 octets behind the headers.
[[nodiscard]] Result<LiveQuote, std::string> read_quote(std::span<const std::byte> bytes);

/// How many octets of a packet an error of IPv6 must quote: as many as fit into the least MTU.
/// Source: RFC 4443 section 2.4 (c).
[[nodiscard]] std::size_t quotable_v6(std::size_t packet_bytes);

}  // namespace skerry::pkt
