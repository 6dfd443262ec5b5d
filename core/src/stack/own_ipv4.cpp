#include <skerry/stack/own_ipv4.hpp>

#include <skerry/stack/config.hpp>

#include <algorithm>

namespace skerry::stack {

using wire::Ipv4Addr;

std::size_t MoreIpv4::place_of(Ipv4Addr address) const noexcept {
    std::size_t place = 0;
    while (place < count_ && own_[place].address != address) ++place;
    return place;
}

bool MoreIpv4::is_broadcast(Ipv4Addr host) const noexcept {
    const auto is_it = [host](const OwnIpv4& own) { return own.is_broadcast(host); };
    return std::any_of(all().begin(), all().end(), is_it);
}

const OwnIpv4* MoreIpv4::near(Ipv4Addr host) const noexcept {
    const OwnIpv4* best = nullptr;
    for (const OwnIpv4& own : all())
        if (own.is_near(host) && (best == nullptr || own.prefix_bits > best->prefix_bits)) best = &own;
    return best;
}

OwnIpv4 StackConfig::ipv4_at(std::size_t place) const noexcept {
    return place == 0 ? OwnIpv4{address, prefix_bits} : more_addresses.all()[place - 1];
}

// As Linux: what goes to ourselves comes from there, and else the address is that of the first hop's network.
Ipv4Addr StackConfig::source_of_several(Ipv4Addr host) const noexcept {
    if (is_own(host)) return host;
    if (host.is_multicast() || host.is_broadcast()) return address;
    return nearest_of_several(next_hop(host));
}

Ipv4Addr StackConfig::nearest_of_several(Ipv4Addr host) const noexcept {
    const OwnIpv4* const near = more_addresses.near(host);
    if (near == nullptr || (is_near_first(host) && prefix_bits >= near->prefix_bits)) return address;
    return near->address;
}

std::uint8_t StackConfig::near_bits(Ipv4Addr host) const noexcept {
    const OwnIpv4* const near = more_addresses.near(host);
    const std::uint8_t of_first = is_near_first(host) ? prefix_bits : 0;
    return near == nullptr ? of_first : std::max(of_first, near->prefix_bits);
}

}  // namespace skerry::stack
