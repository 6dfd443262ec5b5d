#pragma once

// What stands between the IPv6 header and the transport's: hop-by-hop and destination options, routing and fragment
// headers. Hot path only where there is none; a packet that has any is one in thousands.
//
// The walk has limits on headers, bytes, options and padding, so that a packet costs the same whatever it holds: RFC
// 8504 section 5.3 leaves them to the host. What exceeds one is dropped without a word: an answer would be worth more
// to whoever probes than to anybody who is in good faith. Of the options only the router alert means something here;
// the others are judged by their two high bits. No routing header is ever followed: one that has reached its end is
// passed over, any other is refused, and of type 0 the one that RFC 5095 took away is counted apart.
//
// AH, ESP and what else is unknown ends the walk as if it were a transport; whether somebody speaks it is the stack's
// question, and `next_at` is where the parameter problem then points.
//
// Fragments are not put together here. Of a later fragment nothing is known but where its data lie. A first one is
// walked to its end, because RFC 7112 wants all headers in it: what can be looked at is looked at before it is kept. An
// atomic fragment (RFC 6946), whole with a fragment header, is a packet like any other and must not meet other
// fragments of its number.

#include "addresses.hpp"
#include "byte_order.hpp"
#include "ip_protocol.hpp"
#include "ipv6.hpp"
#include "../drop.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

inline constexpr std::size_t ipv6_extensions_max = 8;
inline constexpr std::size_t ipv6_extension_bytes_max = 512;  // of all of them
inline constexpr std::size_t ipv6_options_max = 8;  // of a header, padding not counted
inline constexpr std::size_t ipv6_padding_bytes_max = 7;  // in a row; more is never needed to align anything

inline constexpr std::size_t ipv6_fragment_bytes = 8;
inline constexpr std::size_t ipv6_router_alert_bytes = 8;

/// A fragment header; `at` is its offset from the IPv6 header's first byte.
struct Ipv6Fragment {
    std::uint16_t at = 0;
    std::uint16_t next_at = 0;  ///< Of the field that names this header; of a whole packet it names next_header.
    std::uint8_t next_header = ip_protocol::none;  ///< Of the first fragment; that of later ones means nothing.
    bool more = false;
    std::uint16_t offset_bytes = 0;  ///< A multiple of 8.
    std::uint32_t id = 0;

    /// Whole all the same: not to be kept for others. RFC 6946.
    [[nodiscard]] constexpr bool is_atomic() const noexcept { return !more && offset_bytes == 0; }
    [[nodiscard]] constexpr std::uint16_t data_at() const noexcept {
        return static_cast<std::uint16_t>(at + ipv6_fragment_bytes);
    }
};

/// What a refused packet's sender may be told: an ICMPv6 parameter problem, under the stack's limits.
struct Ipv6Problem {
    bool told = false;  ///< Otherwise nothing is sent.
    bool of_groups = false;  ///< Also when the packet was for a group. RFC 4443 section 2.4 (e.3).
    std::uint8_t code = 0;  ///< Of icmpv6_code.
    std::uint16_t pointer = 0;  ///< Offset from the IPv6 header's first byte.
};

/// Where the walk came to. Offsets count from the IPv6 header's first byte.
struct Ipv6Chain {
    std::uint8_t protocol = ip_protocol::none;  ///< The upper layer's; `none`: there is nothing more.
    bool router_alert = false;
    bool has_fragment = false;  ///< Atomic ones too.
    std::uint16_t next_at = 0;  ///< Of the field that says `protocol`.
    std::uint16_t payload_at = 0;  ///< Of the upper layer's header, or of the data of a later fragment.
    std::uint16_t router_alert_value = 0;
    Ipv6Fragment fragment;
    Ipv6Problem problem;  ///< When it was refused.

    /// Whether others have to come before there is a packet.
    [[nodiscard]] constexpr bool is_fragment() const noexcept { return has_fragment && !fragment.is_atomic(); }
    /// A fragment whose data begin in the middle: nothing is known of its transport.
    [[nodiscard]] constexpr bool is_later_fragment() const noexcept {
        return has_fragment && fragment.offset_bytes != 0;
    }
};

namespace detail {
[[nodiscard]] Drop parse_ipv6_chain(std::span<const std::byte> in, const Ipv6Header& ip, Ipv6Chain& out) noexcept;
}  // namespace detail

/// Walks from the IPv6 header to the upper layer's.
///
/// Shape:    `in` begins with the header that `ip` was read from and holds all extension headers; the payload may go on
///           elsewhere. Padding is ignored.
/// Errors:   ipv6_extension_short, ipv6_extension_order, ipv6_extension_count, ipv6_extension_bytes, ipv6_option,
///           ipv6_option_length, ipv6_option_padding, ipv6_option_count, ipv6_source_route, ipv6_routing,
///           ipv6_fragment_again, ipv6_fragment_length, ipv6_fragment_end, ipv6_fragment_chain; ipv6_source, when what
///           comes from :: turns out not to be ICMPv6. out.problem says what the sender may be told.
/// Source:   RFC 8200 section 4; RFC 2711, 5095, 6946, 7112.
[[nodiscard]] inline Drop parse(std::span<const std::byte> in, Ipv6Chain& out, const Ipv6Header& ip) noexcept {
    out = Ipv6Chain{};
    out.protocol = ip.next_header;
    out.next_at = ipv6_next_header_at;
    out.payload_at = ipv6_bytes;
    if (ip.next_header == ip_protocol::tcp || ip.next_header == ip_protocol::udp) [[likely]]
        return Drop::none;
    return detail::parse_ipv6_chain(in, ip, out);
}

/// Whether a next header field of this value names a header that is walked over. AH and ESP are none of them.
[[nodiscard]] constexpr bool is_ipv6_extension(std::uint8_t kind) noexcept {
    return kind == ip_protocol::hop_by_hop || kind == ip_protocol::routing || kind == ip_protocol::fragment ||
           kind == ip_protocol::destination_options;
}

/// The length of the extension header at `at`, which is one of `kind`; 0 when it is not all there.
[[nodiscard]] inline std::size_t ipv6_extension_bytes(std::span<const std::byte> in, std::size_t at,
                                                      std::uint8_t kind) noexcept {
    if (at > in.size() || in.size() - at < 8) return 0;
    if (kind == ip_protocol::fragment) return ipv6_fragment_bytes;
    const std::size_t bytes = (load_8(in.data() + at + 1) + std::size_t{1}) * 8;
    return bytes <= in.size() - at ? bytes : 0;
}

/// Writes a fragment header, ipv6_fragment_bytes bytes. `at` and `next_at` are not written.
void write(const Ipv6Fragment& fragment, std::byte* out) noexcept;

/// Writes a hop-by-hop header that holds a router alert for MLD, ipv6_router_alert_bytes bytes. RFC 2711 section 2.1.
void write_router_alert(std::uint8_t next_header, std::byte* out) noexcept;

}  // namespace skerry::stack::wire
