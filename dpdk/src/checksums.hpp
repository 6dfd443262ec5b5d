#pragma once

// Hot path. Checksums as DPDK's flags speak of them, both ways.

#include <skerry/backend/frame.hpp>
#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>

#include <rte_config.h>

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::dpdk {

/// Whether the IP header of a frame without VLAN tag holds its checksum; that of IPv6 has none. For devices that look
/// at the transport's only, as virtio.
[[nodiscard]] inline bool ip_header_holds(std::span<const std::byte> frame) noexcept {
    namespace wire = stack::wire;
    if (frame.size() < wire::ethernet_bytes + wire::ipv4_bytes) return false;
    const std::uint16_t type = wire::load_be16(frame.data() + wire::ethernet_bytes - 2);
    if (type == wire::ether_type::ipv6) return true;
    if (type != wire::ether_type::ipv4) return false;
    const auto packet = frame.subspan(wire::ethernet_bytes);
    const std::size_t header_bytes = (wire::load_8(packet.data()) & 0xfU) * std::size_t{4};
    if (header_bytes < wire::ipv4_bytes || header_bytes > packet.size()) return false;
    return wire::fold(wire::sum(packet.first(header_bytes))) == 0;
}

/// What the device says of a received frame. One flag says bad, or both must say good.
///
/// DPDK's "none" of the transport means that the field holds no checksum but the data are sound: another virtual
/// machine, or the kernel of the same one, sent it.
[[nodiscard]] inline backend::FrameChecksum checksum_of(const rte_mbuf& mbuf) noexcept {
    using backend::FrameChecksum;
    const std::uint64_t ip = mbuf.ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
    const std::uint64_t transport = mbuf.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    if (ip == RTE_MBUF_F_RX_IP_CKSUM_BAD || transport == RTE_MBUF_F_RX_L4_CKSUM_BAD) [[unlikely]]
        return FrameChecksum::bad;
    if (transport != RTE_MBUF_F_RX_L4_CKSUM_GOOD && transport != RTE_MBUF_F_RX_L4_CKSUM_NONE)
        return FrameChecksum::unknown;
    if (ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD || ip == RTE_MBUF_F_RX_IP_CKSUM_NONE) return FrameChecksum::good;
    const std::span bytes(rte_pktmbuf_mtod(&mbuf, const std::byte*), mbuf.data_len);
    return ip_header_holds(bytes) ? FrameChecksum::good : FrameChecksum::unknown;
}

/// Tells the device to finish the transport's checksum of a frame with frame_flag::sum_missing, which has no extension
/// headers. The IPv4 header has its own already: 20 bytes cost less than the descriptor that would ask for it, and
/// virtio cannot.
inline void ask_for_checksum(rte_mbuf& mbuf) noexcept {
    namespace wire = stack::wire;
    const auto* const ip = rte_pktmbuf_mtod(&mbuf, const std::byte*) + wire::ethernet_bytes;
    const bool is_v6 = wire::load_8(ip) >> 4U == 6;
    const std::uint8_t protocol = wire::load_8(ip + (is_v6 ? wire::ipv6_next_header_at : 9U));
    mbuf.ol_flags |= (is_v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
                     (protocol == wire::ip_protocol::tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
    mbuf.l2_len = wire::ethernet_bytes;
    mbuf.l3_len = is_v6 ? wire::ipv6_bytes : wire::ipv4_bytes;
}

}  // namespace skerry::dpdk
