#pragma once

// Hot path. Checksums of what comes out of a virtual cable. A kernel leaves a packet's checksum to the card that sends
// it; a cable has none, and between two kernels a mark beside the packet says so. AF_XDP shows the packet without the
// mark: its field holds what a card would go on from, the sum of the pseudo header. Every packet of a neighbouring
// container or of the host is like that, so that they are told by that value and taken for sound, as the kernel takes
// them: they were copied in memory and crossed no wire.
//
// A finished checksum has this value by chance once in 65,536 packets, and then hides a damage as often as a checksum
// does anyway. Rejected: to ask for `ethtool -K` at the other end, which a container does not have in its hands.
//
// Source: Linux, Documentation/networking/checksum-offloads.rst, "TX checksum offload".

#include <skerry/backend/frame_checksum.hpp>
#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>

#include <cstddef>
#include <span>

namespace skerry::kernel_io::frame {

/// `good` for a whole TCP segment or UDP datagram behind an IPv4 header without options that holds its own checksum,
/// when the transport's is unfinished; else unknown.
[[nodiscard]] inline backend::FrameChecksum checksum_of_cable(std::span<const std::byte> frame) noexcept {
    namespace wire = stack::wire;
    using backend::FrameChecksum;
    constexpr std::size_t least = wire::ethernet_bytes + wire::ipv4_bytes + 8;
    if (frame.size() < least || wire::load_be16(frame.data() + 12) != wire::ether_type::ipv4)
        return FrameChecksum::unknown;
    const std::byte* const ip = frame.data() + wire::ethernet_bytes;
    const std::byte* const transport = ip + wire::ipv4_bytes;
    const std::uint8_t protocol = wire::load_8(ip + 9);
    const std::size_t field_at = protocol == wire::ip_protocol::tcp ? 16 : 6;
    if (protocol != wire::ip_protocol::tcp && protocol != wire::ip_protocol::udp) return FrameChecksum::unknown;
    const std::size_t bytes = wire::load_be16(ip + 2);
    const bool is_usual = wire::load_8(ip) == 0x45 && (wire::load_be16(ip + 6) & 0x3fffU) == 0 &&
                          bytes >= wire::ipv4_bytes + field_at + 2 && bytes <= frame.size() - wire::ethernet_bytes;
    if (!is_usual) return FrameChecksum::unknown;
    const std::uint64_t pseudo = wire::pseudo_header(wire::load_ipv4(ip + 12), wire::load_ipv4(ip + 16), protocol,
                                                     static_cast<std::uint32_t>(bytes - wire::ipv4_bytes));
    const auto unfinished = static_cast<std::uint16_t>(~wire::fold(pseudo));
    const bool is_sound =
        wire::load_checksum(transport + field_at) == unfinished && wire::fold(wire::sum_of_20(ip)) == 0;
    return is_sound ? FrameChecksum::good : FrameChecksum::unknown;
}

}  // namespace skerry::kernel_io::frame
