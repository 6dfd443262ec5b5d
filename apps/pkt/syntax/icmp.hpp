#pragma once

// ICMP messages, with the packet that they are about in brackets before or after.
//
//     icmp unreachable frag_needed mtu 1300 [1:1461(1460)]
//     [0:0(0)/udp(9899 > 1)] icmp packet_too_big mtu 1300
//     icmp echo_request id 7 seq 1
//     icmp echo_request id 7 seq 1 [raw (21)]     21 octets in all, the message's own header with them
//     icmpv6 parameter_problem unknown_next_header ptr 6
//
// A type or code has its name here or is `type_3`, `code_1`. The same names are for both families, where both have
// such a message: which one is meant follows from the addresses that the script runs with.

#include "cursor.hpp"
#include "segments.hpp"

#include <skerry/base/socket_addr.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace skerry::pkt::syntax {

/// The part of a TCP segment that an error quotes.
struct QuotedTcp {
    Position at;
    SequenceRange sequence;
    std::optional<Ports> udp_encapsulation;
};

/// Not a packet: the message has so many octets, those of its own header with them.
struct RawLength {
    Position at;
    std::uint16_t bytes = 0;
};

struct IcmpMessage {
    Position at;
    std::string type;
    std::string code;  ///< empty without one: 0
    std::optional<std::uint32_t> mtu;
    std::optional<std::uint32_t> pointer;  ///< of a parameter problem
    std::optional<std::uint16_t> id;
    std::optional<std::uint16_t> sequence;
    std::variant<std::monostate, QuotedTcp, UdpDatagram, RawLength> quoted;
};

/// The number of a type, if the family has it.
/// Source:   RFC 792, RFC 950; RFC 4443, RFC 4861.
[[nodiscard]] std::optional<std::uint8_t> icmp_type_number(net::IpFamily family, std::string_view type);
/// The number of a code of that type; 0 of an empty one.
/// Source:   RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1; RFC 4443.
[[nodiscard]] std::optional<std::uint8_t> icmp_code_number(net::IpFamily family, std::string_view type,
                                                           std::string_view code);

/// Whether an ICMP message stands here: its name, or the brackets of what it quotes.
[[nodiscard]] bool sees_icmp(Cursor& in);
[[nodiscard]] IcmpMessage read_icmp(Cursor& in);

}  // namespace skerry::pkt::syntax
