#pragma once

// DHCP's messages: what BOOTP had, a cookie, and options. Of a server's message all that a client acts upon is read,
// with every length and value judged; a client's message is written.
//
// Options may go on in the fields `file` and `sname`, where option 52 says so, and one that is longer than 255 bytes is
// cut (RFC 3396): the parts of a code are one, in the order options, file, sname. So a known option that comes twice
// has the length of both, which for most is a wrong one.

#include "addresses.hpp"
#include "../drop.hpp"
#include "../ipv4_network.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace skerry::stack::wire {

inline constexpr std::uint16_t dhcp_server_port = 67;
inline constexpr std::uint16_t dhcp_client_port = 68;

/// In front of the options: the fixed fields and the cookie.
inline constexpr std::size_t dhcp_fixed_bytes = 240;
/// What write() fills: relays drop what is shorter than BOOTP's messages. RFC 1542 section 2.1.
inline constexpr std::size_t dhcp_request_bytes = 300;

/// Option 53. RFC 2132 section 9.6.
enum class DhcpType : std::uint8_t { discover = 1, offer, request, decline, ack, nak, release, inform };

/// Option 51, and its like: for ever.
inline constexpr std::uint32_t dhcp_infinite = 0xffff'ffffU;

/// A server's message.
struct DhcpReply {
    DhcpType type = DhcpType::offer;
    std::uint32_t xid = 0;
    MacAddr client;  ///< whom it is for
    Ipv4Addr yours;  ///< the address
    std::optional<Ipv4Addr> server;  ///< option 54
    std::optional<std::uint8_t> prefix_bits;  ///< of option 1
    std::optional<Ipv4Addr> broadcast;  ///< option 28
    std::optional<std::uint32_t> lease_s;  ///< option 51
    std::optional<std::uint32_t> renewal_s;  ///< option 58
    std::optional<std::uint32_t> rebinding_s;  ///< option 59
    std::uint16_t mtu = 0;  ///< option 26; 0: not said
    Ipv4Addr router;  ///< the first of option 3; 0.0.0.0: none
    std::array<Ipv4Addr, 3> name_servers{};  ///< the first of option 6; 0.0.0.0 behind the last
    bool has_routes = false;  ///< option 121 was there: then the routers do not count (RFC 3442)
    Ipv4Routes routes;
    std::size_t routes_left_out = 0;  ///< beyond Ipv4Routes::routes_max
};

/// Reads the payload of a datagram to the client's port.
///
/// Errors:   dhcp_short; dhcp_operation: no BOOTREPLY; dhcp_hardware: not of Ethernet; dhcp_cookie;
///           dhcp_option_length: an option past the end of its field; dhcp_option_size: a known one of a length that it
///           cannot have; dhcp_option_value: a mask with holes, an MTU below 68, a route of more than 32 bits, an
///           overload of no such fields; dhcp_type: none, or one that no server sends.
/// Source:   RFC 2131 sections 2 and 4.1; RFC 2132; RFC 3396 section 7; RFC 3442.
[[nodiscard]] Drop parse(std::span<const std::byte> in, DhcpReply& out) noexcept;

/// Whether a message's fixed part is that of a server's answer to this client.
[[nodiscard]] bool is_dhcp_reply_to(std::span<const std::byte> in, const MacAddr& client) noexcept;

/// A client's message.
struct DhcpRequest {
    DhcpType type = DhcpType::discover;
    std::uint32_t xid = 0;
    std::uint16_t secs = 0;
    bool wants_broadcast = false;
    MacAddr client;
    Ipv4Addr own;  ///< `ciaddr`: the address that it has
    Ipv4Addr requested;  ///< option 50; 0.0.0.0: left out
    Ipv4Addr server;  ///< option 54; 0.0.0.0: left out
    std::uint16_t longest = 576;  ///< option 57: the longest message that it takes, with its IP header
};

/// Writes dhcp_request_bytes bytes. What it wants to be told, and how long a message may be, is in those that ask.
///
/// Source:   RFC 2131 table 5; the client identifier is RFC 2132 section 9.14's: 1 and the Ethernet address.
void write(const DhcpRequest& request, std::byte* out) noexcept;

}  // namespace skerry::stack::wire
