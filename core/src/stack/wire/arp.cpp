#include <skerry/stack/wire/arp.hpp>
#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/ethernet.hpp>

namespace skerry::stack::wire {

namespace {
constexpr std::uint16_t hardware_ethernet = 1;
constexpr std::uint16_t address_lengths = mac_bytes << 8U | 4U;
}  // namespace

Drop parse(std::span<const std::byte> in, ArpPacket& out) noexcept {
    if (in.size() < arp_bytes) return Drop::arp_short;
    const std::byte* at = in.data();
    if (load_be16(at) != hardware_ethernet || load_be16(at + 2) != ether_type::ipv4 ||
        load_be16(at + 4) != address_lengths)
        return Drop::arp_bad;
    out.operation = static_cast<ArpOperation>(load_be16(at + 6));
    if (out.operation != ArpOperation::request && out.operation != ArpOperation::reply) return Drop::arp_operation;
    out.sender_mac = load_mac(at + 8);
    out.sender_ip = load_ipv4(at + 14);
    out.target_mac = load_mac(at + 18);
    out.target_ip = load_ipv4(at + 24);
    if (out.sender_mac.is_multicast()) return Drop::arp_sender_mac;
    if (out.sender_ip.is_never_a_source() && !out.sender_ip.is_unspecified()) return Drop::arp_sender_ip;
    return Drop::none;
}

void write(const ArpPacket& packet, std::byte* out) noexcept {
    store_be16(out, hardware_ethernet);
    store_be16(out + 2, ether_type::ipv4);
    store_be16(out + 4, address_lengths);
    store_be16(out + 6, static_cast<std::uint16_t>(packet.operation));
    store_mac(out + 8, packet.sender_mac);
    store_ipv4(out + 14, packet.sender_ip);
    store_mac(out + 18, packet.target_mac);
    store_ipv4(out + 24, packet.target_ip);
}

}  // namespace skerry::stack::wire
