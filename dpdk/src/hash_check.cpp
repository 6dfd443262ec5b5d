#include "hash_check.hpp"

#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/tcp.hpp>

namespace skerry::dpdk {

namespace {

namespace wire = stack::wire;
using Bytes = std::span<const std::byte>;

bool is_segment(Bytes transport, wire::TcpHeader& tcp) noexcept {
    return wire::parse(transport, tcp) == stack::Drop::none;
}

std::optional<std::uint32_t> hash_of_v4(Bytes packet, const stack::Toeplitz& toeplitz) noexcept {
    wire::Ipv4Header ip;
    wire::TcpHeader tcp;
    if (wire::parse(packet, ip) != stack::Drop::none || ip.protocol != wire::ip_protocol::tcp || ip.is_fragment())
        return {};
    if (!is_segment(packet.subspan(ip.header_bytes), tcp)) return {};
    return toeplitz.hash({ip.destination, ip.source, tcp.destination_port, tcp.source_port});
}

std::optional<std::uint32_t> hash_of_v6(Bytes packet, const stack::Toeplitz& toeplitz) noexcept {
    wire::Ipv6Header ip;
    wire::TcpHeader tcp;
    if (wire::parse(packet, ip) != stack::Drop::none || ip.next_header != wire::ip_protocol::tcp) return {};
    if (!is_segment(packet.subspan(wire::ipv6_bytes), tcp)) return {};
    return toeplitz.hash(ip.source, ip.destination, tcp.source_port, tcp.destination_port);
}

}  // namespace

std::optional<std::uint16_t> HashCheck::queue_of(Bytes frame, const stack::Steering& steering) noexcept {
    wire::EthernetHeader ethernet;
    if (wire::parse(frame, ethernet) != stack::Drop::none) return {};
    const bool is_v6 = ethernet.ether_type == wire::ether_type::ipv6;
    std::uint8_t& left = is_v6 ? v6_ : v4_;
    if (left == 0 || (!is_v6 && ethernet.ether_type != wire::ether_type::ipv4)) return {};
    const Bytes packet = frame.subspan(ethernet.header_bytes);
    const auto hash = is_v6 ? hash_of_v6(packet, steering.toeplitz()) : hash_of_v4(packet, steering.toeplitz());
    if (!hash) return {};
    --left;
    return steering.queue_of(*hash);
}

}  // namespace skerry::dpdk
