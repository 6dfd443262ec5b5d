#pragma once

// Hot path. Checksums of what comes out of a virtual cable. A kernel leaves a packet's checksum to the card that sends
// it; a cable has none, and between two kernels a mark beside the packet says so. AF_XDP and DPDK show the packet
// without the mark: its field holds what a card would go on from, the sum of the pseudo header. Every packet of a
// neighbouring container or of the host is like that, so that they are told by that value and taken for sound, as the
// kernel takes them: they were copied in memory and crossed no wire.
//
// A finished checksum has this value by chance once in 65,536 packets, and then hides a damage as often as a checksum
// does anyway. Rejected: to ask for `ethtool -K` at the other end, which a container does not have in its hands.
//
// Source: Linux, Documentation/networking/checksum-offloads.rst, "TX checksum offload".

#include "wire/checksum.hpp"
#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "../backend/frame_checksum.hpp"

#include <cstddef>
#include <span>

namespace skerry::stack {

namespace cable {

/// Whether a TCP or UDP header of `bytes` has an unfinished checksum; `pseudo` is the sum of what it is to be.
[[nodiscard]] inline bool is_unfinished(const std::byte* transport, std::uint8_t protocol, std::size_t bytes,
                                        std::uint64_t pseudo) noexcept {
    const std::size_t field_at = protocol == wire::ip_protocol::tcp ? 16 : 6;
    return bytes >= field_at + 2 &&
           wire::load_checksum(transport + field_at) == static_cast<std::uint16_t>(~wire::fold(pseudo));
}
[[nodiscard]] inline bool is_known(std::uint8_t protocol) noexcept {
    return protocol == wire::ip_protocol::tcp || protocol == wire::ip_protocol::udp;
}

/// Of `packet_bytes` behind Ethernet's header, at least those of IPv4 and 8 more.
[[nodiscard]] inline bool is_unfinished_ipv4(const std::byte* ip, std::size_t packet_bytes) noexcept {
    const std::uint8_t protocol = wire::load_8(ip + 9);
    const std::size_t bytes = wire::load_be16(ip + 2);
    const bool is_usual = wire::load_8(ip) == 0x45 && (wire::load_be16(ip + 6) & 0x3fffU) == 0 && is_known(protocol) &&
                          bytes >= wire::ipv4_bytes && bytes <= packet_bytes;
    if (!is_usual) return false;
    const std::size_t behind = bytes - wire::ipv4_bytes;
    const std::uint64_t pseudo = wire::pseudo_header(wire::load_ipv4(ip + 12), wire::load_ipv4(ip + 16), protocol,
                                                     static_cast<std::uint32_t>(behind));
    return is_unfinished(ip + wire::ipv4_bytes, protocol, behind, pseudo) && wire::fold(wire::sum_of_20(ip)) == 0;
}

/// The same of IPv6.
[[nodiscard]] inline bool is_unfinished_ipv6(const std::byte* ip, std::size_t packet_bytes) noexcept {
    const std::uint8_t protocol = wire::load_8(ip + wire::ipv6_next_header_at);
    const std::size_t behind = wire::load_be16(ip + wire::ipv6_payload_length_at);
    if (wire::load_8(ip) >> 4U != 6 || !is_known(protocol) || behind > packet_bytes - wire::ipv6_bytes) return false;
    const std::uint64_t pseudo = wire::pseudo_header(wire::load_ipv6(ip + 8), wire::load_ipv6(ip + 24), protocol,
                                                     static_cast<std::uint32_t>(behind));
    return is_unfinished(ip + wire::ipv6_bytes, protocol, behind, pseudo);
}

}  // namespace cable

/// `good` for a whole TCP segment or UDP datagram when its checksum is unfinished; else unknown. An IPv4 header in
/// front has to be without options and to hold its own checksum, one of IPv6 without others behind it; in front of them
/// there may be one tag.
[[nodiscard]] inline backend::FrameChecksum checksum_of_cable(std::span<const std::byte> frame) noexcept {
    using backend::FrameChecksum;
    constexpr std::size_t ports_and_more = 8;
    if (frame.size() < wire::ethernet_bytes + wire::ipv4_bytes + ports_and_more) return FrameChecksum::unknown;
    std::size_t header_bytes = wire::ethernet_bytes;
    std::uint16_t type = wire::load_be16(frame.data() + 12);
    if (type == wire::ether_type::vlan) [[unlikely]] {
        type = wire::load_be16(frame.data() + 16);
        header_bytes += wire::vlan_tag_bytes;
    }
    const std::byte* const ip = frame.data() + header_bytes;
    const std::size_t bytes = frame.size() - header_bytes;
    const bool is_sound = (type == wire::ether_type::ipv4 && bytes >= wire::ipv4_bytes + ports_and_more &&
                           cable::is_unfinished_ipv4(ip, bytes)) ||
                          (type == wire::ether_type::ipv6 && bytes >= wire::ipv6_bytes + ports_and_more &&
                           cable::is_unfinished_ipv6(ip, bytes));
    return is_sound ? FrameChecksum::good : FrameChecksum::unknown;
}

}  // namespace skerry::stack
