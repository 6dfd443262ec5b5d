#pragma once

// Neighbour discovery (NDP): who has which hardware address, which routers there are, what they say of the link, and a
// router's word that another way is shorter. Cold.
//
// Nobody here proves who he is, so the rules of RFC 4861 are all that keeps strangers out, and each has its own reason
// for dropping: hop limit 255 means that no router forwarded it, sources and targets have to be what they can be.
// Whether an answer was asked for, whether a router is one, and what may change an entry is for the tables to say.
//
// Options that are unknown, or that do not belong to the message, are skipped. A known one of another length than its
// own makes the message refused, as with TCP's: no neighbour sends one. The exception is RDNSS, of which RFC 8106
// section 5.3.1 has only the option left out; a router's other words count. What exceeds the arrays below is left out.

#include "addresses.hpp"
#include "checksum.hpp"
#include "icmpv6.hpp"
#include "ipv6.hpp"
#include "ipv6_extensions.hpp"
#include "../drop.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

/// What all of it travels with. RFC 4861 section 3.1: with less it came from another link.
inline constexpr std::uint8_t ndp_hop_limit = 255;
inline constexpr std::size_t ndp_prefixes_max = 8;
inline constexpr std::size_t ndp_servers_max = 4;
/// A lifetime that does not end.
inline constexpr std::uint32_t ndp_infinite_s = 0xffff'ffffU;
/// The bits of a nonce. RFC 7527 section 4.1: six bytes on Ethernet.
inline constexpr std::uint64_t ndp_nonce_mask = 0xffff'ffff'ffffU;

/// What a router says of a prefix.
struct NdpPrefix {
    Ipv6Addr prefix;  ///< The bits behind prefix_bits are 0.
    std::uint8_t prefix_bits = 64;  ///< 0 to 128.
    bool on_link = false;
    bool autonomous = false;  ///< For addresses of our own making (SLAAC).
    std::uint32_t valid_s = 0;      ///< Or ndp_infinite_s.
    std::uint32_t preferred_s = 0;  ///< As it came: perhaps more than valid_s, which RFC 4862 section 5.5.3 forbids.

    friend constexpr bool operator==(const NdpPrefix&, const NdpPrefix&) noexcept = default;
};

/// A server of names.
struct NdpServer {
    Ipv6Addr address;
    std::uint32_t lifetime_s = 0;  ///< 0: no longer one. Or ndp_infinite_s.

    friend constexpr bool operator==(const NdpServer&, const NdpServer&) noexcept = default;
};

/// What a router says of itself and the link.
struct NdpRouter {
    std::uint8_t hop_limit = 0;  ///< For what we send; 0: it does not say.
    bool managed = false;        ///< Addresses by DHCPv6.
    bool other = false;          ///< Other things by DHCPv6.
    std::int8_t preference = 0;  ///< -1, 0 or 1. RFC 4191 section 2.2; the reserved value reads as 0.
    std::uint16_t lifetime_s = 0;     ///< As a default router; 0: it is none.
    std::uint32_t reachable_ms = 0;   ///< 0: it does not say.
    std::uint32_t retransmit_ms = 0;  ///< 0: it does not say.
    bool has_mtu = false;
    std::uint32_t mtu = 0;  ///< As it came; only what lies between 1280 and the link's own counts.
    std::uint8_t prefixes = 0;  ///< How many of `prefix` count.
    std::uint8_t servers = 0;   ///< How many of `server` count.
    std::array<NdpPrefix, ndp_prefixes_max> prefix;
    std::array<NdpServer, ndp_servers_max> server;
};

struct NdpMessage {
    Icmpv6Type type = Icmpv6Type::neighbour_solicitation;
    Ipv6Addr target;  ///< Of a neighbour message: who is meant. Of a redirect: the better first hop.
    Ipv6Addr destination;      ///< Of a redirect: for what.
    bool from_router = false;  ///< The three flags of a neighbour advertisement.
    bool solicited = false;
    bool overrides = false;
    bool has_source_link = false;  ///< Of solicitations and router advertisements.
    bool has_target_link = false;  ///< Of neighbour advertisements and redirects.
    bool has_nonce = false;  ///< Of a solicitation that asks whether an address is free: RFC 7527.
    std::uint64_t nonce = 0;
    MacAddr source_link;
    MacAddr target_link;
    NdpRouter router;  ///< Of a router advertisement.
};

/// Reads a message, what follows the IPv6 header `ip` and the extension headers `chain`, without the frame's padding.
///
/// Shape:    `in` is the whole message in one piece; see icmpv6.hpp for `known`.
/// Errors:   ndp_short, icmpv6_checksum, icmpv6_type, ndp_hop_limit, ndp_code, ndp_fragment, ndp_source,
///           ndp_destination, ndp_target, ndp_solicited, ndp_redirect_target, ndp_redirect_destination,
///           ndp_option_length, ndp_option_size, ndp_source_link, ndp_link_address, ndp_prefix.
/// Source:   RFC 4861 sections 4, 6.1, 7.1 and 8.1; RFC 8106 for RDNSS; RFC 3971 section 5.3.2 for the nonce, of which
///           other lengths than ours are left out; RFC 6980 section 5 for fragments.
[[nodiscard]] Drop parse(std::span<const std::byte> in, NdpMessage& out, const Ipv6Header& ip, const Ipv6Chain& chain,
                         FrameChecksum known = FrameChecksum::unknown) noexcept;

/// How many bytes write() writes.
[[nodiscard]] std::size_t ndp_bytes(const NdpMessage& message) noexcept;

/// Writes a message with the options that it has, each server in one of its own; the checksum's field becomes 0, to be
/// put in by seal_icmpv6(). It travels with ndp_hop_limit. A redirect quotes nothing.
///
/// Shape:    has_source_link, has_target_link as the type has them. Returns ndp_bytes(message).
std::size_t write(const NdpMessage& message, std::byte* out) noexcept;

}  // namespace skerry::stack::wire
