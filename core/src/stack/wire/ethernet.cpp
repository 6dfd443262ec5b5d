#include <skerry/stack/wire/ethernet.hpp>

namespace skerry::stack::wire::detail {

Drop parse_vlan_tag(std::span<const std::byte> in, EthernetHeader& out) noexcept {
    if (out.ether_type < ether_type::least) return Drop::ethernet_length;
    if (out.ether_type == ether_type::vlan_provider || out.ether_type == ether_type::vlan_old)
        return Drop::ethernet_double_tag;
    if (out.ether_type != ether_type::vlan) return Drop::none;
    if (in.size() < ethernet_bytes + vlan_tag_bytes) return Drop::ethernet_short;
    const std::uint16_t tag = load_be16(in.data() + 14);
    out.tagged = true;
    out.vid = tag & 0xfffU;
    out.pcp = static_cast<std::uint8_t>(tag >> 13U);
    out.ether_type = load_be16(in.data() + 16);
    out.header_bytes = ethernet_bytes + vlan_tag_bytes;
    if (out.vid == 0xfffU) return Drop::ethernet_vid;
    if (out.ether_type < ether_type::least) return Drop::ethernet_length;
    const bool again = out.ether_type == ether_type::vlan || out.ether_type == ether_type::vlan_provider ||
                       out.ether_type == ether_type::vlan_old;
    return again ? Drop::ethernet_double_tag : Drop::none;
}

}  // namespace skerry::stack::wire::detail
