#include "reach.hpp"

#include <algorithm>
#include <span>

namespace skerry::stack {

using wire::Ipv4Addr;
using wire::Ipv6Addr;

namespace {

bool has_v6(const Ipv6Facts& facts, const Ipv6Addr& own) noexcept {
    const auto is_it = [&own](const OwnAddress& each) {
        return each.state != AddressState::none && each.address == own;
    };
    return is_it(facts.link_local) || std::any_of(facts.addresses.begin(), facts.addresses.end(), is_it);
}

int reach_of(const StackConfig& config, Ipv4Addr host) noexcept {
    if (config.address.is_unspecified()) return reach_none;
    if (config.is_own(host)) return reach_own;
    int reach = config.gateway.is_unspecified() ? reach_none : reach_by_gateway;
    if (config.is_on_link(host)) reach = config.near_bits(host) + 1;
    if (const Ipv4Route* const route = config.routes.find(host); route != nullptr)
        reach = std::max(reach, route->prefix_bits + 1);
    return reach;
}

int reach_of(const Stack& stack, const Ipv6Addr& host) noexcept {
    if (!speaks(stack, net::IpFamily::v6)) return reach_none;
    const Ipv6Facts& facts = stack.ipv6();
    if (has_v6(facts, host)) return reach_own;
    int reach = facts.routers == 0 ? reach_none : reach_by_gateway;
    if (host.is_link_local()) reach = 64 + 1;
    for (const OnLinkPrefix& each : std::span(facts.on_link).first(facts.prefixes))
        if (host.is_within(each.prefix, each.bits)) reach = std::max(reach, each.bits + 1);
    if (const Ipv6Route* const route = stack.config().routes6.find(host); route != nullptr)
        reach = std::max(reach, route->prefix_bits + 1);
    return reach;
}

}  // namespace

int reach_of(const Stack& stack, const net::IpAddr& host) noexcept {
    return host.is_v4() ? reach_of(stack.config(), Ipv4Addr::of(host)) : reach_of(stack, Ipv6Addr::of(host));
}

bool has_address(const Stack& stack, const net::IpAddr& own) noexcept {
    if (own.is_v6()) return has_v6(stack.ipv6(), Ipv6Addr::of(own));
    const StackConfig& config = stack.config();
    const Ipv4Addr address = Ipv4Addr::of(own);
    return config.is_own(address) || (config.is_on_link(address) && config.is_broadcast(address));
}

bool speaks(const Stack& stack, net::IpFamily family) noexcept {
    if (family == net::IpFamily::v4) return stack.config().has_v4();
    const Ipv6Facts& facts = stack.ipv6();
    const auto is_there = [](const OwnAddress& each) { return each.state != AddressState::none; };
    return is_there(facts.link_local) || std::any_of(facts.addresses.begin(), facts.addresses.end(), is_there);
}

}  // namespace skerry::stack
