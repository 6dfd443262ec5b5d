#include "packet_changes.hpp"

#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/ipv4.hpp>

#include <algorithm>

namespace skerry::testing {

using namespace stack::wire;
using stack::Drop;

namespace {

/// The IPv4 packet of a frame; empty when there is none.
std::span<const std::byte> packet_of(std::span<const std::byte> frame, Ipv4Header& header) noexcept {
    EthernetHeader ethernet;
    if (parse(frame, ethernet) != Drop::none || ethernet.ether_type != ether_type::ipv4) return {};
    const auto packet = frame.subspan(ethernet.header_bytes);
    if (parse(packet, header) != Drop::none) return {};
    return packet.first(header.total_bytes);
}

bool is_icmp_error(std::span<const std::byte> packet, const Ipv4Header& header) noexcept {
    if (header.protocol != ip_protocol::icmp || packet.size() <= header.header_bytes) return false;
    const std::uint8_t type = load_8(packet.data() + header.header_bytes);
    return type != static_cast<std::uint8_t>(IcmpType::echo) && type != static_cast<std::uint8_t>(IcmpType::echo_reply);
}

}  // namespace

std::vector<std::byte> too_big_answer(std::span<const std::byte> frame, std::uint16_t mtu) {
    Ipv4Header asked;
    const auto packet = packet_of(frame, asked);
    if (packet.empty() || !asked.dont_fragment || is_icmp_error(packet, asked)) return {};
    const std::size_t quoted = std::min(packet.size(), icmp_quote_bytes_max);
    std::vector<std::byte> made(ethernet_bytes + ipv4_bytes + icmp_bytes + quoted);

    EthernetHeader ethernet;
    ethernet.destination = load_mac(frame.data() + 6);
    ethernet.source = load_mac(frame.data());
    ethernet.ether_type = ether_type::ipv4;
    write(ethernet, made.data());

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

bool mark_congestion(std::span<std::byte> frame) noexcept {
    constexpr std::uint8_t experienced = 3;
    Ipv4Header header;
    const auto packet = packet_of(frame, header);
    if (packet.empty() || (header.tos & 3U) == 0 || (header.tos & 3U) == experienced) return false;
    std::byte* const at = frame.data() + (packet.data() - frame.data());
    at[1] |= std::byte{experienced};
    store_checksum(at + 10, 0);
    store_checksum(at + 10, fold(sum({at, header.header_bytes})));
    return true;
}

}  // namespace skerry::testing
