// Neighbour discovery: the first byte chooses how the message travelled. What is accepted is written, read again and
// written again: both are the same bytes. What no rule of RFC 4861 lets pass never comes out.

#include <skerry/stack/wire/ndp.hpp>

#include "fuzz.hpp"

#include <vector>

using namespace skerry;
using namespace skerry::stack::wire;

namespace {

Ipv6Header travelled(std::uint8_t how) {
    const auto us = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    const Ipv6Addr sources[] = {Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 2),
                                Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2), Ipv6Addr{},
                                Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 3)};
    const Ipv6Addr destinations[] = {us, us.solicited_node(), Ipv6Addr::all_nodes(), Ipv6Addr::all_routers()};
    Ipv6Header ip;
    ip.source = sources[how & 3U];
    ip.destination = destinations[how >> 2U & 3U];
    ip.hop_limit = (how & 16U) != 0 ? 64 : ndp_hop_limit;
    return ip;
}

void check_rules(const NdpMessage& message, const Ipv6Header& ip) {
    fuzz::require(ip.hop_limit == 255, "from this link");
    fuzz::require(!message.source_link.is_multicast() && !message.target_link.is_multicast(), "no group is learnt");
    fuzz::require(!message.has_source_link || !ip.source.is_unspecified(), "nobody has no hardware address");
    fuzz::require(!message.target.is_multicast() && !message.destination.is_multicast(), "no group is a target");
    fuzz::require(!message.solicited || !ip.destination.is_multicast(), "nobody solicits for a group");
    fuzz::require(message.router.prefixes <= ndp_prefixes_max && message.router.servers <= ndp_servers_max, "limits");
    for (std::size_t i = 0; i < message.router.prefixes; ++i)
        fuzz::require(message.router.prefix[i].prefix_bits <= 128, "a prefix has at most 128 bits");
    const bool is_routers = message.type == Icmpv6Type::router_advertisement || message.type == Icmpv6Type::redirect;
    fuzz::require(!is_routers || ip.source.is_link_local(), "routers are link-local");
}

std::vector<std::byte> written(const NdpMessage& message, const Ipv6Header& ip) {
    std::vector<std::byte> bytes(ndp_bytes(message));
    fuzz::require(write(message, bytes.data()) == bytes.size(), "as long as it says");
    seal_icmpv6(bytes, ip.source, ip.destination);
    return bytes;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto in = fuzz::bytes_of(data + 1, size - 1);
    const Ipv6Header ip = travelled(data[0]);
    Ipv6Chain chain;
    chain.has_fragment = (data[0] & 32U) != 0;
    NdpMessage message;
    static_cast<void>(parse(in, message, ip, chain));
    if (parse(in, message, ip, chain, FrameChecksum::good) != stack::Drop::none) return 0;
    fuzz::require(!chain.has_fragment, "no fragment");
    check_rules(message, ip);
    const auto once = written(message, ip);
    NdpMessage again;
    fuzz::require(parse(once, again, ip, chain) == stack::Drop::none, "what is written is read");
    fuzz::require(written(again, ip) == once, "written as read");
    return 0;
}
