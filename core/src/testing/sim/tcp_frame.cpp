#include "tcp_frame.hpp"

#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ip_protocol.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>

namespace skerry::testing {

using namespace stack::wire;
using stack::Drop;

namespace {

/// What follows the IP header; empty where that is no TCP.
std::span<const std::byte> segment_of_ipv4(std::span<const std::byte> packet, TcpFrame& out) noexcept {
    Ipv4Header ip;
    if (parse(packet, ip) != Drop::none || ip.protocol != ip_protocol::tcp || ip.is_fragment()) return {};
    out.source = Ipv6Addr::mapped(ip.source);
    out.destination = Ipv6Addr::mapped(ip.destination);
    return packet.subspan(ip.header_bytes, ip.payload_bytes());
}
std::span<const std::byte> segment_of_ipv6(std::span<const std::byte> packet, TcpFrame& out) noexcept {
    Ipv6Header ip;
    if (parse(packet, ip) != Drop::none || ip.next_header != ip_protocol::tcp) return {};
    out.source = ip.source;
    out.destination = ip.destination;
    return packet.subspan(ipv6_bytes, ip.payload_bytes);
}

}  // namespace

bool TcpFrame::read(std::span<const std::byte> frame) noexcept {
    EthernetHeader ethernet;
    if (parse(frame, ethernet) != Drop::none) return false;
    const auto packet = frame.subspan(ethernet.header_bytes);
    std::span<const std::byte> segment;
    if (ethernet.ether_type == ether_type::ipv4) segment = segment_of_ipv4(packet, *this);
    if (ethernet.ether_type == ether_type::ipv6) segment = segment_of_ipv6(packet, *this);
    if (parse(segment, tcp) != Drop::none) return false;
    ip_at = ethernet.header_bytes;
    tcp_at = static_cast<std::size_t>(segment.data() - frame.data());
    headers = frame.first(tcp_at + tcp.header_bytes);
    payload = segment.subspan(tcp.header_bytes);
    return true;
}

std::uint64_t TcpFrame::pseudo_header(std::uint32_t segment_bytes) const noexcept {
    if (is_ipv6()) return stack::wire::pseudo_header(source, destination, ip_protocol::tcp, segment_bytes);
    return stack::wire::pseudo_header(source.v4(), destination.v4(), ip_protocol::tcp, segment_bytes);
}

}  // namespace skerry::testing
