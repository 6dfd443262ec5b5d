#pragma once

// ICMP: echo, redirects, and the errors with what they quote. Cold: an error's quote says which flow it is about, and
// is all that lets an attacker's error be told from a router's, so it is read with the same care as a packet.

#include "addresses.hpp"
#include "checksum.hpp"
#include "../drop.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

enum class IcmpType : std::uint8_t {
    echo_reply = 0,
    unreachable = 3,
    redirect = 5,
    echo = 8,
    time_exceeded = 11,
    parameter_problem = 12,
};

namespace icmp_code {
inline constexpr std::uint8_t net_unreachable = 0;
inline constexpr std::uint8_t host_unreachable = 1;
inline constexpr std::uint8_t protocol_unreachable = 2;
inline constexpr std::uint8_t port_unreachable = 3;
inline constexpr std::uint8_t fragmentation_needed = 4;
inline constexpr std::uint8_t ttl_exceeded = 0;
inline constexpr std::uint8_t reassembly_timeout = 1;
}  // namespace icmp_code

inline constexpr std::size_t icmp_bytes = 8;
/// An error is at most 576 bytes with its IP header. RFC 1812 section 4.3.2.3.
inline constexpr std::size_t icmp_quote_bytes_max = 576 - 20 - icmp_bytes;

/// The beginning of a datagram of ours, as an error quotes it.
struct IcmpQuote {
    Ipv4Addr source;  ///< Ours.
    Ipv4Addr destination;
    std::uint16_t total_bytes = 0;  ///< Of the whole datagram, most of which is not quoted.
    std::uint16_t id = 0;
    std::uint8_t protocol = 0;
    std::uint16_t source_port = 0;  ///< UDP and TCP; else 0.
    std::uint16_t destination_port = 0;
    std::uint32_t seq = 0;          ///< TCP; else 0.
    std::uint16_t identifier = 0;   ///< Of an echo of ours; else 0.
    std::uint16_t sequence = 0;
};

struct IcmpHeader {
    IcmpType type = IcmpType::echo;
    std::uint8_t code = 0;
    std::uint16_t identifier = 0;  ///< Of an echo; else 0.
    std::uint16_t sequence = 0;
    std::uint16_t next_hop_mtu = 0;  ///< With fragmentation_needed; 0 from a router older than RFC 1191.
    Ipv4Addr gateway;  ///< Of a redirect: the better first hop.
    IcmpQuote quote;   ///< Of an error or redirect.

    [[nodiscard]] constexpr bool is_echo() const noexcept {
        return type == IcmpType::echo || type == IcmpType::echo_reply;
    }
};

/// Reads a message, the payload of an IP datagram without the frame's padding. An echo's data is in.subspan(8).
///
/// Shape:    `in` is the whole message in one piece. Of several pieces pass the first, which must hold all that is
///           read, with FrameChecksum::good, after PieceSum said so.
/// Errors:   icmp_short, icmp_checksum, icmp_type, icmp_code, icmp_quote_short, icmp_quote.
/// Source:   RFC 792; RFC 1191 section 4 for the MTU; RFC 6633: source quench is ignored.
[[nodiscard]] Drop parse(std::span<const std::byte> in, IcmpHeader& out,
                         FrameChecksum known = FrameChecksum::unknown) noexcept;

/// Writes icmp_bytes bytes; the checksum's field becomes 0. `quote` is not written: an error copies the datagram.
void write(const IcmpHeader& header, std::byte* out) noexcept;

/// Puts the checksum into a message that write() began.
void seal_icmp(std::span<std::byte> message) noexcept;

}  // namespace skerry::stack::wire
