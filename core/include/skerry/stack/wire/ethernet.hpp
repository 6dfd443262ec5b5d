#pragma once

// Ethernet II with at most one 802.1Q tag. Hot path.
//
// Refused, each with its own reason: a second tag or a provider's (we are a host, not a bridge, and a tag that nobody
// looks at is a way past a filter), and IEEE 802.3 frames, whose type field is a length (LLC: spanning tree and the
// like, nothing that a host answers).

#include "addresses.hpp"
#include "byte_order.hpp"
#include "../drop.hpp"
#include "../../base/assert.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

namespace ether_type {
inline constexpr std::uint16_t ipv4 = 0x0800;
inline constexpr std::uint16_t arp = 0x0806;
inline constexpr std::uint16_t vlan = 0x8100;
inline constexpr std::uint16_t ipv6 = 0x86dd;
inline constexpr std::uint16_t vlan_provider = 0x88a8;
inline constexpr std::uint16_t vlan_old = 0x9100;  // what switches used before 802.1ad
inline constexpr std::uint16_t least = 0x0600;     // below it the field is a length
}  // namespace ether_type

inline constexpr std::size_t ethernet_bytes = 14;
inline constexpr std::size_t vlan_tag_bytes = 4;
inline constexpr std::uint16_t vid_mask = 0xfff;  // of what follows the tag's type

struct EthernetHeader {
    MacAddr destination;
    MacAddr source;
    std::uint16_t ether_type = 0;  ///< Of the payload, behind the tag.
    std::uint16_t vid = 0;         ///< 0 without a tag, and with a priority tag.
    std::uint8_t pcp = 0;          ///< Priority, 0 to 7.
    bool tagged = false;
    std::uint8_t header_bytes = ethernet_bytes;  ///< 14 or 18; the payload begins there.
};

namespace detail {
/// The part of parse() behind the type field of a tag or a length.
[[nodiscard]] Drop parse_vlan_tag(std::span<const std::byte> in, EthernetHeader& out) noexcept;
}  // namespace detail

/// Reads the header at the front of a frame.
///
/// Errors:   ethernet_short, ethernet_length, ethernet_double_tag, ethernet_vid, ethernet_source.
/// Source:   IEEE 802.3 clause 3.2.6, 802.1Q clause 9.
[[nodiscard]] inline Drop parse(std::span<const std::byte> in, EthernetHeader& out) noexcept {
    if (in.size() < ethernet_bytes) [[unlikely]]
        return Drop::ethernet_short;
    out.destination = load_mac(in.data());
    out.source = load_mac(in.data() + 6);
    out.ether_type = load_be16(in.data() + 12);
    out.vid = 0;
    out.pcp = 0;
    out.tagged = false;
    out.header_bytes = ethernet_bytes;
    if (out.source.is_multicast()) [[unlikely]]
        return Drop::ethernet_source;
    if (out.ether_type == ether_type::ipv4) [[likely]]
        return Drop::none;
    return detail::parse_vlan_tag(in, out);
}

/// An untagged header as it travels, for those who send the same one again and again.
struct EthernetImage {
    std::array<std::byte, ethernet_bytes> bytes{};
};

/// Writes header_bytes bytes: 14, or 18 when `tagged`.
inline void write(const EthernetHeader& header, std::byte* out) noexcept {
    SKERRY_DEBUG_ASSERT(header.header_bytes == ethernet_bytes + (header.tagged ? vlan_tag_bytes : 0),
                        "header_bytes and tagged contradict each other");
    store_mac(out, header.destination);
    store_mac(out + 6, header.source);
    if (header.tagged) {
        store_be16(out + 12, ether_type::vlan);
        store_be16(out + 14, static_cast<std::uint16_t>(header.pcp << 13U | (header.vid & 0xfffU)));
        out += vlan_tag_bytes;
    }
    store_be16(out + 12, header.ether_type);
}

}  // namespace skerry::stack::wire
