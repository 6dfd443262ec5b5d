#include "route_options.hpp"

#include "option_text.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::stack {

using backend::SetupError;

namespace {

constexpr std::string_view route_form =
    "write a network and its router, 198.51.100.0/24:198.18.0.1, or 10.0.0.0/8 alone "
    "for hosts that are on the link";

/// The parts of one route.
struct RouteText {
    std::string_view whole;
    std::string_view network;
    std::string_view prefix;
    std::string_view router;  ///< empty: none
    bool has_router = false;

    explicit RouteText(std::string_view text) : whole(text) {
        const std::size_t slash = text.find('/');
        network = text.substr(0, slash);
        if (slash == std::string_view::npos) return;
        prefix = text.substr(slash + 1);
        const std::size_t colon = prefix.find(':');
        has_router = colon != std::string_view::npos;
        if (!has_router) return;
        router = prefix.substr(colon + 1);
        prefix = prefix.substr(0, colon);
    }
};

SetupError too_many(const RouteText& text, std::string_view family) {
    return wrong("--route", text.whole,
                 "one more than the " + std::to_string(Ipv4Routes::routes_max) + " routes of " + std::string(family) +
                     " that there may be; put networks together");
}

SetupError not_a_network(const RouteText& text, const std::string& network) {
    return wrong("--route", text.whole,
                 "bits behind the prefix are set; the network is " + network + "/" + std::string(text.prefix));
}

Result<void, SetupError> add_v4(const RouteText& text, const backend::Options& options, StackConfig& config) {
    const auto network = parse_v4(text.network);
    const auto prefix = parse_prefix(text.prefix, 0, 32);
    const auto router = text.has_router ? parse_v4(text.router) : std::optional(wire::Ipv4Addr{});
    if (!network || !prefix || !router) return Unexpected(wrong("--route", text.whole, route_form));
    if (config.uses_dhcp)
        return Unexpected(wrong("--route", text.whole, "of no use with --ip=dhcp, whose server tells the routes"));
    if (config.address.is_unspecified())
        return Unexpected(wrong("--route", text.whole, "there is no IPv4 without --ip"));
    const Ipv4Route route{{network->bits & mask_of(*prefix)}, *prefix, *router};
    if (route.network != *network) return Unexpected(not_a_network(text, to_string(route.network.ip())));
    if (network->is_multicast() || network->is_loopback())
        return Unexpected(wrong("--route", text.whole, "not a network of hosts elsewhere"));
    const bool is_other = config.is_on_link(*router) && !config.is_own(*router) && !config.is_broadcast(*router);
    if (text.has_router && !is_other)
        return Unexpected(wrong("--route", text.whole, "the router is not another host of " + networks_of(options)));
    if (!config.routes.add(route)) return Unexpected(too_many(text, "IPv4"));
    return {};
}

Result<void, SetupError> add_v6(const RouteText& text, StackConfig& config) {
    const auto network = parse_v6(text.network);
    const auto prefix = parse_prefix(text.prefix, 0, 128);
    const auto router = text.has_router ? parse_v6(text.router) : std::optional(wire::Ipv6Addr{});
    if (!network || !prefix || !router) return Unexpected(wrong("--route", text.whole, route_form));
    if (config.ipv6_count() == 0 && !config.autoconf6)
        return Unexpected(wrong("--route", text.whole, "there is no IPv6 without --ip6"));
    if (network->masked(*prefix) != *network)
        return Unexpected(not_a_network(text, to_string(network->masked(*prefix).ip())));
    if (network->is_multicast() || network->is_loopback() || network->is_link_local())
        return Unexpected(wrong("--route", text.whole, "not a network of hosts elsewhere"));
    // Prefixes of the link are looked at first, and often there is nothing else to look at.
    for (std::size_t place = 0; place < config.ipv6_count(); ++place)
        if (const OwnIpv6 own = config.ipv6_at(place); *prefix >= own.prefix_bits && own.is_near(*network))
            return Unexpected(wrong("--route", text.whole,
                                    "all of the network " + to_string(own.address.ip()) + "/" +
                                        std::to_string(own.prefix_bits) + " is on the link"));
    const bool is_near = router->is_link_local() || config.is_near6(*router);
    if (text.has_router && (!is_near || config.is_own6(*router)))
        return Unexpected(wrong("--route", text.whole,
                                config.autoconf6 ? "with --ip6=auto a router has a link-local address"
                                                 : "the router is not another host of the network of --ip6"));
    if (!config.routes6.add({*network, *prefix, *router})) return Unexpected(too_many(text, "IPv6"));
    return {};
}

}  // namespace

Result<void, SetupError> apply_routes(const backend::Options& options, StackConfig& config) {
    std::string_view rest = options.routes;
    while (!rest.empty()) {
        const RouteText text(next_part(rest, ','));
        const bool is_v6 = text.network.find(':') != std::string_view::npos;
        if (auto added = is_v6 ? add_v6(text, config) : add_v4(text, options, config); !added) return added;
    }
    return {};
}

}  // namespace skerry::stack
