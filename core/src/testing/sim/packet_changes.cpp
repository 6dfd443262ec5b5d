#include "packet_changes.hpp"

#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/ipv6_extensions.hpp>

#include <algorithm>

namespace skerry::testing {

using namespace stack::wire;
using stack::Drop;

namespace {

using Bytes = std::span<const std::byte>;

/// What a frame of this type carries; empty: it is none.
Bytes carried(Bytes frame, std::uint16_t type) noexcept {
    EthernetHeader ethernet;
    if (parse(frame, ethernet) != Drop::none || ethernet.ether_type != type) return {};
    return frame.subspan(ethernet.header_bytes);
}

/// The IP packet of a frame; empty when there is none of that version.
Bytes packet_of(Bytes frame, Ipv4Header& header) noexcept {
    const Bytes packet = carried(frame, ether_type::ipv4);
    return parse(packet, header) == Drop::none ? packet.first(header.total_bytes) : Bytes{};
}
Bytes packet_of(Bytes frame, Ipv6Header& header) noexcept {
    const Bytes packet = carried(frame, ether_type::ipv6);
    return parse(packet, header) == Drop::none ? packet.first(header.total_bytes()) : Bytes{};
}

bool is_icmp_error(Bytes packet, const Ipv4Header& header) noexcept {
    if (header.protocol != ip_protocol::icmp || packet.size() <= header.header_bytes) return false;
    const std::uint8_t type = load_8(packet.data() + header.header_bytes);
    return type != static_cast<std::uint8_t>(IcmpType::echo) && type != static_cast<std::uint8_t>(IcmpType::echo_reply);
}

// Redirects are none, and nobody is told of them either: RFC 4443 section 2.4 (e.2).
bool is_icmpv6_error(Bytes packet, const Ipv6Header& header) noexcept {
    Ipv6Chain chain;
    if (parse(packet, chain, header) != Drop::none || chain.protocol != ip_protocol::icmpv6) return false;
    if (chain.is_later_fragment() || packet.size() <= chain.payload_at) return false;
    Icmpv6Header message;
    message.type = static_cast<Icmpv6Type>(load_8(packet.data() + chain.payload_at));
    return message.is_error() || message.type == Icmpv6Type::redirect;
}

/// A frame back to the sender of `frame`, empty behind its Ethernet header.
std::vector<std::byte> frame_back(Bytes frame, std::uint16_t type, std::size_t packet_bytes) {
    std::vector<std::byte> made(ethernet_bytes + packet_bytes);
    EthernetHeader ethernet;
    ethernet.destination = load_mac(frame.data() + 6);
    ethernet.source = load_mac(frame.data());
    ethernet.ether_type = type;
    write(ethernet, made.data());
    return made;
}

std::vector<std::byte> answer(Bytes frame, Bytes packet, const Ipv4Header& asked, std::uint16_t mtu) {
    if (!asked.dont_fragment || is_icmp_error(packet, asked)) return {};
    const std::size_t quoted = std::min(packet.size(), icmp_quote_bytes_max);
    std::vector<std::byte> made = frame_back(frame, ether_type::ipv4, ipv4_bytes + icmp_bytes + quoted);

    Ipv4Header ip;
    ip.total_bytes = static_cast<std::uint16_t>(made.size() - ethernet_bytes);
    ip.protocol = ip_protocol::icmp;
    ip.source = asked.destination;
    ip.destination = asked.source;
    write(ip, made.data() + ethernet_bytes);

    IcmpHeader icmp;
    icmp.type = IcmpType::unreachable;
    icmp.code = icmp_code::fragmentation_needed;
    icmp.next_hop_mtu = mtu;
    const auto message = std::span(made).subspan(ethernet_bytes + ipv4_bytes);
    write(icmp, message.data());
    std::copy_n(packet.begin(), quoted, message.begin() + icmp_bytes);
    seal_icmp(message);
    return made;
}

std::vector<std::byte> answer(Bytes frame, Bytes packet, const Ipv6Header& asked, std::uint16_t mtu) {
    // That has somebody who sent it, too: from :: nothing goes but to groups.
    if (asked.destination.is_multicast() || is_icmpv6_error(packet, asked)) return {};
    const std::size_t quoted = std::min(packet.size(), icmpv6_quote_bytes_max);
    std::vector<std::byte> made = frame_back(frame, ether_type::ipv6, ipv6_bytes + icmpv6_bytes + quoted);

    Ipv6Header ip;
    ip.payload_bytes = static_cast<std::uint16_t>(icmpv6_bytes + quoted);
    ip.next_header = ip_protocol::icmpv6;
    ip.source = asked.destination;
    ip.destination = asked.source;
    write(ip, made.data() + ethernet_bytes);

    Icmpv6Header icmp;
    icmp.type = Icmpv6Type::packet_too_big;
    icmp.mtu = std::max<std::uint32_t>(mtu, ipv6_mtu_min);
    const auto message = std::span(made).subspan(ethernet_bytes + ipv6_bytes);
    write(icmp, message.data());
    std::copy_n(packet.begin(), quoted, message.begin() + icmpv6_bytes);
    seal_icmpv6(message, ip.source, ip.destination);
    return made;
}

constexpr std::uint8_t experienced = 3;

/// By what IPv4 calls the type of service.
bool takes_mark(std::uint8_t traffic_class) noexcept {
    const unsigned ecn = traffic_class & 3U;
    return ecn != 0 && ecn != experienced;
}

}  // namespace

std::vector<std::byte> too_big_answer(std::span<const std::byte> frame, std::uint16_t mtu) {
    Ipv4Header ip4;
    if (const Bytes packet = packet_of(frame, ip4); !packet.empty()) return answer(frame, packet, ip4, mtu);
    Ipv6Header ip6;
    if (const Bytes packet = packet_of(frame, ip6); !packet.empty()) return answer(frame, packet, ip6, mtu);
    return {};
}

bool mark_congestion(std::span<std::byte> frame) noexcept {
    Ipv4Header ip4;
    if (const Bytes packet = packet_of(frame, ip4); !packet.empty() && takes_mark(ip4.tos)) {
        std::byte* const at = frame.data() + (packet.data() - frame.data());
        at[1] |= std::byte{experienced};
        store_checksum(at + 10, 0);
        store_checksum(at + 10, fold(sum({at, ip4.header_bytes})));
        return true;
    }
    Ipv6Header ip6;
    if (const Bytes packet = packet_of(frame, ip6); !packet.empty() && takes_mark(ip6.traffic_class)) {
        std::byte* const at = frame.data() + (packet.data() - frame.data());
        at[1] |= std::byte{experienced << 4U};  // the class lies across the first two bytes
        return true;
    }
    return false;
}

bool is_in_a_sum(std::span<const std::byte> frame, std::size_t at) noexcept {
    const std::uint16_t type = load_be16(frame.data() + 12);
    return type == ether_type::ipv4 || (type == ether_type::ipv6 && at >= ethernet_bytes + ipv6_bytes);
}

}  // namespace skerry::testing
