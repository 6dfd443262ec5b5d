#pragma once

// ICMPv6: echo, and the errors with what they quote. Cold: an error's quote says which flow it is about, and is all
// that lets an attacker's error be told from a router's, so it is read with the same care as a packet.
//
// Neighbour discovery and multicast listener discovery travel in ICMPv6 too: here their types are recognized and the
// checksum is looked at, ndp.hpp and mld.hpp read them.

#include "addresses.hpp"
#include "checksum.hpp"
#include "ip_protocol.hpp"
#include "ipv6.hpp"
#include "../drop.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

enum class Icmpv6Type : std::uint8_t {
    unreachable = 1,
    packet_too_big = 2,
    time_exceeded = 3,
    parameter_problem = 4,
    echo = 128,
    echo_reply = 129,
    listener_query = 130,
    listener_report_v1 = 131,
    listener_done = 132,
    router_solicitation = 133,
    router_advertisement = 134,
    neighbour_solicitation = 135,
    neighbour_advertisement = 136,
    redirect = 137,
    listener_report_v2 = 143,
};

namespace icmpv6_code {
// of unreachable
inline constexpr std::uint8_t no_route = 0;
inline constexpr std::uint8_t prohibited = 1;
inline constexpr std::uint8_t beyond_scope = 2;
inline constexpr std::uint8_t address_unreachable = 3;
inline constexpr std::uint8_t port_unreachable = 4;
// of time_exceeded
inline constexpr std::uint8_t hop_limit_exceeded = 0;
inline constexpr std::uint8_t reassembly_timeout = 1;
// of parameter_problem
inline constexpr std::uint8_t header_field = 0;
inline constexpr std::uint8_t next_header = 1;
inline constexpr std::uint8_t option = 2;
inline constexpr std::uint8_t first_fragment_chain = 3;  // RFC 7112 section 5
}  // namespace icmpv6_code

inline constexpr std::size_t icmpv6_bytes = 8;
/// An error quotes as much as fits into what every link carries. RFC 4443 section 2.4 (c).
inline constexpr std::size_t icmpv6_quote_bytes_max = ipv6_mtu_min - ipv6_bytes - icmpv6_bytes;

/// The beginning of a packet of ours, as an error quotes it.
struct Icmpv6Quote {
    Ipv6Addr source;  ///< Ours.
    Ipv6Addr destination;
    std::uint16_t payload_bytes = 0;  ///< Of the whole packet, most of which may not be quoted.
    std::uint8_t protocol = 0;        ///< Behind the extension headers.
    bool has_fragment = false;        ///< It was a first or atomic fragment, of the number `fragment_id`.
    std::uint32_t fragment_id = 0;
    std::uint16_t source_port = 0;  ///< UDP and TCP; else 0.
    std::uint16_t destination_port = 0;
    std::uint32_t seq = 0;         ///< TCP; else 0.
    std::uint16_t identifier = 0;  ///< Of an echo of ours; else 0.
    std::uint16_t sequence = 0;
};

struct Icmpv6Header {
    Icmpv6Type type = Icmpv6Type::echo;  ///< Of an error any number below 128.
    std::uint8_t code = 0;
    std::uint16_t identifier = 0;  ///< Of an echo; else 0.
    std::uint16_t sequence = 0;
    std::uint32_t mtu = 0;      ///< Of packet_too_big, at least 1280; else 0.
    std::uint32_t pointer = 0;  ///< Of parameter_problem: offset into the quoted packet, or past its end; else 0.
    Icmpv6Quote quote;          ///< Of an error.

    [[nodiscard]] constexpr bool is_echo() const noexcept {
        return type == Icmpv6Type::echo || type == Icmpv6Type::echo_reply;
    }
    /// RFC 4443 section 2.1: the high bit of the type tells.
    [[nodiscard]] constexpr bool is_error() const noexcept { return static_cast<std::uint8_t>(type) < 128; }
    /// To be read by ndp.hpp.
    [[nodiscard]] constexpr bool is_ndp() const noexcept {
        return type >= Icmpv6Type::router_solicitation && type <= Icmpv6Type::redirect;
    }
    /// To be read by mld.hpp.
    [[nodiscard]] constexpr bool is_mld() const noexcept {
        return (type >= Icmpv6Type::listener_query && type <= Icmpv6Type::listener_done) ||
               type == Icmpv6Type::listener_report_v2;
    }
};

/// Whether the checksum of a message holds, which is there always: IPv6 has none of its own.
[[nodiscard]] inline bool icmpv6_checksum_holds(std::span<const std::byte> message, const Ipv6Addr& source,
                                                const Ipv6Addr& destination) noexcept {
    const auto bytes = static_cast<std::uint32_t>(message.size());
    return fold(sum(message, pseudo_header(source, destination, ip_protocol::icmpv6, bytes))) == 0;
}

/// Reads a message, what follows the IPv6 header and its extensions, without the frame's padding. An echo's data is
/// in.subspan(8).
///
/// Shape:    `in` is the whole message in one piece, from `source` to `destination`. Of several pieces pass the first,
///           which must hold all that is read, with FrameChecksum::good, after PieceSum said so. An error of a type
///           that is none of the enumerators is read like the others: RFC 4443 section 2.4 (a) has it handed on to
///           whose packet it is about. Other types are refused when they are unknown, as (b) says.
/// Errors:   icmpv6_short, icmpv6_checksum, icmpv6_type, icmpv6_code, icmpv6_mtu, icmpv6_quote_short, icmpv6_quote.
/// Source:   RFC 4443; RFC 8201 section 4 for the least MTU.
[[nodiscard]] Drop parse(std::span<const std::byte> in, Icmpv6Header& out, const Ipv6Addr& source,
                         const Ipv6Addr& destination, FrameChecksum known = FrameChecksum::unknown) noexcept;

/// Writes icmpv6_bytes bytes of an echo or error; the checksum's field becomes 0. `quote` is not written: an error
/// copies the packet.
void write(const Icmpv6Header& header, std::byte* out) noexcept;

/// Puts the checksum into a message of any type.
void seal_icmpv6(std::span<std::byte> message, const Ipv6Addr& source, const Ipv6Addr& destination) noexcept;

}  // namespace skerry::stack::wire
