#pragma once

// A host whose IPv6 addresses are what routers say, and what routers say.

#include "support/ipv6_host.hpp"

#include <skerry/stack/autoconf.hpp>
#include <skerry/stack/interface_id.hpp>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace skerry::tests {

inline constexpr stack::wire::Ipv6Addr network = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0);
inline constexpr stack::wire::Ipv6Addr other_network = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0);
inline constexpr stack::wire::Ipv6Addr router_b = stack::wire::Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 0xfb);
inline constexpr stack::wire::MacAddr router_mac{{2, 0, 0, 0, 0, 0xfe}};

inline stack::StackConfig autoconf_config() {
    stack::StackConfig config = host_config();
    config.autoconf6 = true;
    config.reports_own_groups = true;
    return config;
}

/// A prefix of 64 bits for addresses, on the link.
inline stack::wire::NdpPrefix prefix_of(const stack::wire::Ipv6Addr& prefix = network, std::uint32_t valid_s = 86'400,
                                        std::uint32_t preferred_s = 14'400) {
    stack::wire::NdpPrefix said;
    said.prefix = prefix;
    said.on_link = said.autonomous = true;
    said.valid_s = valid_s;
    said.preferred_s = preferred_s;
    return said;
}
/// What a router says of itself and of these prefixes.
inline stack::wire::NdpRouter router_with(std::initializer_list<stack::wire::NdpPrefix> prefixes,
                                          std::uint16_t lifetime_s = 1800) {
    stack::wire::NdpRouter router;
    router.lifetime_s = lifetime_s;
    for (const auto& each : prefixes) router.prefix[router.prefixes++] = each;
    return router;
}
inline Bytes router_says(const stack::wire::NdpRouter& router, const stack::wire::Ipv6Addr& from = gateway6,
                         const stack::wire::Ipv6Addr& to = stack::wire::Ipv6Addr::all_nodes()) {
    stack::wire::NdpMessage message;
    message.type = stack::wire::Icmpv6Type::router_advertisement;
    message.router = router;
    return ndp(message, {from, to, stack::wire::ndp_hop_limit, host_mac});
}

/// The messages of neighbour discovery of one type among frames.
inline std::vector<Bytes> of_type(const std::vector<Bytes>& frames, stack::wire::Icmpv6Type type) {
    std::vector<Bytes> found;
    for (const Bytes& frame : frames) {
        if (!is_ipv6(frame) || sent6_in(frame).ip.next_header != stack::wire::ip_protocol::icmpv6) continue;
        if (ndp_in(frame).type == type) found.push_back(frame);
    }
    return found;
}

struct AutoconfHost : StackHost {
    explicit AutoconfHost(const stack::StackConfig& config = autoconf_config()) : StackHost(config) {}

    /// Time goes by in small steps, and what leaves is kept.
    std::vector<Bytes> run(std::chrono::nanoseconds time) {
        std::vector<Bytes> all;
        const time::Instant end = now + time;
        while (now < end) {
            pass(std::min<std::chrono::nanoseconds>(std::chrono::milliseconds{50}, end - now));
            for (Bytes& frame : taken()) all.push_back(std::move(frame));
        }
        return all;
    }
    /// Until our link-local address is known to be ours, and routers are asked.
    void settle_link() { (void)run(std::chrono::milliseconds{2100}); }
    void hear(const stack::wire::NdpRouter& router, const stack::wire::Ipv6Addr& from = gateway6) {
        give(router_says(router, from));
    }
    /// A router says so, and it is found out that the address is ours.
    void get(const stack::wire::NdpRouter& router, const stack::wire::Ipv6Addr& from = gateway6) {
        hear(router, from);
        (void)run(std::chrono::milliseconds{2100});
    }
    [[nodiscard]] const stack::Ipv6Facts& facts() const { return stack.ipv6(); }
    [[nodiscard]] const stack::OwnAddress& address(std::size_t place = 0) const { return facts().addresses[place]; }
    [[nodiscard]] std::size_t usable() const {
        return static_cast<std::size_t>(std::count_if(facts().addresses.begin(), facts().addresses.end(),
                                                      [](const auto& each) { return each.is_usable(); }));
    }
    [[nodiscard]] stack::wire::Ipv6Addr expected(const stack::wire::Ipv6Addr& prefix = network,
                                                 std::uint8_t attempt = 0) const {
        return stable_address(stack.config().interface_key(), prefix, host_mac, attempt);
    }
};

}  // namespace skerry::tests
