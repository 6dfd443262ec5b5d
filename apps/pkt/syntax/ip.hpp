#pragma once

// What a packet says of IP: the marks that stand right after its direction, and headers around the innermost one.
//
//     < [ect0] . 1:1(0) ack 1                     > (ttl 64) . 1:1(0) ack 1         > [tos 0x10] ...
//     < [sum 0] udp (10)                              a checksum that is wrong, or, of UDP over IPv4, none
//     < ipv4 192.0.2.1 > 192.0.2.2: gre: . 1:1(0) ack 1
//     < ipv6 2001:db8::1 > 2001:db8::2: mpls (label 3, tc 0, [S], ttl 9): . 1:1(0) ack 1

#include "cursor.hpp"

#include <skerry/base/socket_addr.hpp>

#include <optional>
#include <variant>
#include <vector>

namespace skerry::pkt::syntax {

/// The two bits of RFC 3168.
enum class Ecn : std::uint8_t {
    not_ect,
    ect1,
    ect0,
    ce,
    ect_any,  ///< `ect01`: either of ect0 and ect1
};

/// What is not there is not said: a default where the packet is sent, anything where it is expected.
struct IpFields {
    std::optional<Ecn> ecn;
    std::optional<std::uint8_t> ttl;  ///< `ttl` or, of IPv6, `hlim`
    std::optional<std::uint8_t> tos;  ///< `tos` or, of IPv6, `tc`; all eight bits
    std::optional<std::uint8_t> dscp;
    std::optional<std::uint32_t> flow_label;
    std::optional<std::uint16_t> sum;  ///< the checksum behind the IP header, where it is not to be the right one
};

struct IpHeader {
    Position at;
    net::IpAddr source;
    net::IpAddr destination;  ///< of the family of the source
    IpFields fields;
};

/// Each number is one that the script gives; without `flags` they follow from what is there.
struct GreHeader {
    Position at;
    std::optional<std::uint16_t> flags;
    std::optional<std::uint16_t> checksum;
    std::optional<std::uint16_t> offset;
    std::optional<std::uint32_t> key;
    std::optional<std::uint32_t> sequence;
};

struct MplsLabel {
    std::uint32_t label = 0;         ///< 20 bits
    std::uint8_t traffic_class = 0;  ///< 3 bits
    bool is_last = false;            ///< `[S]`, the bottom of the stack
    std::uint8_t ttl = 0;
};

struct MplsHeader {
    Position at;
    std::vector<MplsLabel> labels;  ///< at least one
};

using OuterHeader = std::variant<IpHeader, GreHeader, MplsHeader>;

/// Marks in brackets and parentheses, if any stand here.
[[nodiscard]] IpFields read_ip_fields(Cursor& in);

/// Headers with their colons, if any stand here, the outermost first. The innermost IP header is one of them where the
/// script writes it.
[[nodiscard]] std::vector<OuterHeader> read_outer_headers(Cursor& in);

}  // namespace skerry::pkt::syntax
