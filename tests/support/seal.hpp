#pragma once

// Makes the checksums of a spoiled frame right again, so that what is wrong with it is only what was meant.

#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/ipv6_extensions.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace skerry::tests {

/// The transport's of an IPv6 packet that is whole and whose headers can be walked.
inline void seal_ipv6(std::span<std::byte> packet) {
    namespace wire = stack::wire;
    wire::Ipv6Header ip;
    wire::Ipv6Chain chain;
    if (wire::parse(packet, ip) != stack::Drop::none || wire::parse(packet, chain, ip) != stack::Drop::none) return;
    if (chain.is_fragment()) return;
    const auto rest = packet.first(ip.total_bytes()).subspan(chain.payload_at);
    const auto pseudo = [&](std::size_t bytes) {
        return wire::pseudo_header(ip.source, ip.destination, chain.protocol, static_cast<std::uint32_t>(bytes));
    };
    if (chain.protocol == wire::ip_protocol::tcp && rest.size() >= wire::tcp_bytes)
        wire::seal_tcp(rest, pseudo(rest.size()));
    if (chain.protocol == wire::ip_protocol::udp && rest.size() >= wire::udp_bytes) {
        const std::size_t bytes = std::clamp<std::size_t>(wire::load_be16(rest.data() + 4), 8, rest.size());
        wire::seal_udp(rest.first(bytes), pseudo(bytes));
    }
    if (chain.protocol == wire::ip_protocol::icmpv6 && rest.size() >= 4)
        wire::seal_icmpv6(rest, ip.source, ip.destination);
}

/// IP's and the transport's, as far as the frame's own lengths allow.
inline void seal(std::span<std::byte> frame) {
    namespace wire = stack::wire;
    const auto packet = frame.subspan(std::min(frame.size(), wire::ethernet_bytes));
    if (packet.size() >= wire::ipv6_bytes && wire::load_be16(frame.data() + 12) == wire::ether_type::ipv6)
        return seal_ipv6(packet);
    if (packet.size() < wire::ipv4_bytes || wire::load_be16(frame.data() + 12) != wire::ether_type::ipv4) return;
    const std::size_t header_bytes = (wire::load_8(packet.data()) & 0xfU) * std::size_t{4};
    const std::size_t total = wire::load_be16(packet.data() + 2);
    if (header_bytes < wire::ipv4_bytes || header_bytes > packet.size()) return;
    wire::store_checksum(packet.data() + 10, 0);
    wire::store_checksum(packet.data() + 10, wire::fold(wire::sum(packet.first(header_bytes))));
    if (total < header_bytes || total > packet.size()) return;
    const auto rest = packet.subspan(header_bytes, total - header_bytes);
    const std::uint8_t protocol = wire::load_8(packet.data() + 9);
    const std::uint64_t pseudo =
        wire::pseudo_header(wire::load_ipv4(packet.data() + 12), wire::load_ipv4(packet.data() + 16), protocol,
                            static_cast<std::uint32_t>(rest.size()));
    if (protocol == wire::ip_protocol::tcp && rest.size() >= wire::tcp_bytes) wire::seal_tcp(rest, pseudo);
    if (protocol == wire::ip_protocol::udp && rest.size() >= wire::udp_bytes) {
        // Of what its own length covers.
        const std::size_t bytes = std::clamp<std::size_t>(wire::load_be16(rest.data() + 4), 8, rest.size());
        wire::seal_udp(rest.first(bytes),
                       wire::pseudo_header(wire::load_ipv4(packet.data() + 12), wire::load_ipv4(packet.data() + 16),
                                           protocol, static_cast<std::uint32_t>(bytes)));
    }
    if ((protocol == wire::ip_protocol::icmp || protocol == wire::ip_protocol::igmp) && rest.size() >= 4)
        wire::seal_icmp(rest);
}

}  // namespace skerry::tests
