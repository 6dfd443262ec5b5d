#include <skerry/stack/options.hpp>
#include <skerry/stack/tcp/limit_options.hpp>

#include "option_text.hpp"
#include "route_options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace skerry::stack {

using backend::SetupError;

namespace {

// Of this machine, and known to nobody outside: so an address that is made of it is the same in the next run, as long
// as the card is. Source: RFC 7217 section 5, secret_key; machine-id(5), which wants it hashed.
SipKey machine_secret() {
    std::ifstream file("/etc/machine-id");
    std::string text;
    SipKey key;
    if (!(file >> text) || text.size() != 32) return key;
    const auto half = [&text](std::size_t at, std::uint64_t& out) {
        return std::from_chars(text.data() + at, text.data() + at + 16, out, 16).ptr == text.data() + at + 16;
    };
    SipKey id;
    if (!half(0, id.first) || !half(16, id.second)) return key;
    key.first = siphash_12(id, static_cast<std::uint64_t>(SecretUse::interface_ids), 1);
    key.second = siphash_12(id, static_cast<std::uint64_t>(SecretUse::interface_ids), 2);
    return key;
}

constexpr std::string_view ip6_form = "write an IPv6 address and the bits of its network, 2001:db8::2/64, or auto";

// The first goes where a port with one address has it.
Result<void, SetupError> add_v6(std::string_view text, StackConfig& config) {
    if (text == ip6_auto)
        return Unexpected(wrong("--ip6", text, "of no use beside other addresses; routers say which there are"));
    const std::size_t slash = text.find('/');
    const auto address = parse_v6(text.substr(0, slash));
    const auto prefix = slash == std::string_view::npos ? std::nullopt : parse_prefix(text.substr(slash + 1), 1, 128);
    if (!address || !prefix) return Unexpected(wrong("--ip6", text, ip6_form));
    if (address->is_never_a_host() || address->is_unspecified() || address->is_link_local())
        return Unexpected(wrong("--ip6", text, "not an address that a host has beside its link-local one"));
    if (config.is_own6(*address)) return Unexpected(wrong("--ip6", text, "named twice; a port has an address once"));
    if (config.address6.is_unspecified()) {
        config.address6 = *address;
        config.prefix6_bits = *prefix;
    } else if (!config.more_addresses6.add({*address, *prefix})) {
        return Unexpected(wrong("--ip6", text,
                                "one more than the " + std::to_string(ipv6_addresses_max) +
                                    " IPv6 addresses that a port may have; leave some out"));
    }
    return {};
}

Result<void, SetupError> apply_v6(const backend::Options& options, StackConfig& config) {
    config.reports_own_groups = true;
    config.interface_secret = machine_secret();
    config.address6 = {};
    config.more_addresses6 = {};
    if (options.ip6 == ip6_auto) {
        config.autoconf6 = true;
        return {};
    }
    config.checks_address6 = true;
    if (options.ip6.ends_with(',')) return Unexpected(wrong("--ip6", options.ip6, ip6_form));
    std::string_view rest = options.ip6;
    while (!rest.empty())
        if (auto added = add_v6(next_part(rest, ','), config); !added) return added;
    return {};
}

// A router's link-local address is on every link; one of IPv4 is in a network of ours.
Result<void, SetupError> apply_gateway(std::string_view text, const backend::Options& options, StackConfig& config) {
    if (const auto gateway = parse_v6(text)) {
        const bool is_near = gateway->is_link_local() || config.is_near6(*gateway);
        const bool has_v6 = config.autoconf6 || config.ipv6_count() != 0;
        if (!has_v6 || !is_near || config.is_own6(*gateway))
            return Unexpected(wrong("--gateway", text,
                                    config.autoconf6 ? "with --ip6=auto a router has a link-local address"
                                                     : "not another host of the network of --ip6"));
        config.gateway6 = *gateway;
        return {};
    }
    const auto gateway = parse_v4(text);
    if (!gateway) return Unexpected(wrong("--gateway", text, "write an IPv4 address, an IPv6 one, or A,B"));
    if (!config.is_on_link(*gateway) || config.is_own(*gateway) || config.is_broadcast(*gateway))
        return Unexpected(wrong(
            "--gateway", text,
            options.ip.empty() ? "there is no IPv4 without --ip" : "not another host of " + networks_of(options)));
    config.gateway = *gateway;
    return {};
}

Result<void, SetupError> apply_gateways(const backend::Options& options, StackConfig& config) {
    std::string_view rest = options.gateway;
    while (!rest.empty())
        if (auto applied = apply_gateway(next_part(rest, ','), options, config); !applied) return applied;
    return {};
}

// The server says who the router is, too.
Result<void, SetupError> apply_dhcp(const backend::Options& options, StackConfig& config) {
    config.uses_dhcp = true;
    config.claims_address = true;
    std::string_view rest = options.gateway;
    while (!rest.empty())
        if (const std::string_view each = next_part(rest, ','); parse_v4(each))
            return Unexpected(wrong("--gateway", each, "of no use with --ip=dhcp, which tells it"));
    return {};
}

constexpr std::string_view ip_form = "write an IPv4 address and the bits of its network, 198.18.0.2/24, or dhcp";

// The first goes where a port with one address has it.
Result<void, SetupError> add_v4(std::string_view text, StackConfig& config) {
    if (text == ip_by_dhcp)
        return Unexpected(
            wrong("--ip", text, "of no use beside other addresses; a server gives one, so write it alone"));
    const std::size_t slash = text.find('/');
    const auto address = parse_v4(text.substr(0, slash));
    const auto prefix = slash == std::string_view::npos ? std::nullopt : parse_prefix(text.substr(slash + 1), 1, 32);
    if (!address || !prefix) return Unexpected(wrong("--ip", text, ip_form));
    if (address->is_never_a_source()) return Unexpected(wrong("--ip", text, "not an address that a host can have"));
    if (config.is_own(*address)) return Unexpected(wrong("--ip", text, "named twice; a port has an address once"));
    if (config.address.is_unspecified()) {
        config.address = *address;
        config.prefix_bits = *prefix;
    } else if (!config.more_addresses.add({*address, *prefix})) {
        return Unexpected(wrong("--ip", text,
                                "one more than the " + std::to_string(ipv4_addresses_max) +
                                    " IPv4 addresses that a port may have; leave some out"));
    }
    return {};
}

Result<void, SetupError> apply_v4(const backend::Options& options, StackConfig& config) {
    if (options.ip == ip_by_dhcp) return apply_dhcp(options, config);
    config.claims_address = true;
    config.address = {};
    config.more_addresses = {};
    if (options.ip.ends_with(',')) return Unexpected(wrong("--ip", options.ip, ip_form));
    std::string_view rest = options.ip;
    while (!rest.empty())
        if (auto added = add_v4(next_part(rest, ','), config); !added) return added;
    for (std::size_t place = 0; place < config.ipv4_count(); ++place)
        if (const OwnIpv4 own = config.ipv4_at(place); config.is_broadcast(own.address))
            return Unexpected(wrong("--ip", to_string(own.address.ip()) + "/" + std::to_string(own.prefix_bits),
                                    "not an address that a host can have"));
    return {};
}

}  // namespace

// random_device gives 32 bits, which a stranger could try out.
std::uint64_t fresh_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32U | device();
}

bool has_address(const backend::Options& options) noexcept { return !options.ip.empty() || !options.ip6.empty(); }

namespace {

std::string text_of_lent(const StackConfig& config) {
    const std::string text =
        "IPv4 address " + to_string(config.address.ip()) + "/" + std::to_string(config.prefix_bits) + " by DHCP";
    return text + (config.gateway.is_unspecified() ? ", no router" : ", router " + to_string(config.gateway.ip()));
}

/// `at(place)` is an address of ours, of `count`.
template <class At>
std::string text_of_several(std::string_view family, std::size_t count, At at) {
    std::string text = std::string(family) + " addresses ";
    for (std::size_t place = 0; place < count; ++place) {
        const auto own = at(place);
        text += (place == 0 ? "" : ", ") + to_string(own.address.ip()) + "/" + std::to_string(own.prefix_bits);
    }
    return text;
}

std::string text_of_given(const Ipv6Facts& facts) {
    std::string text;
    for (const OwnAddress& each : facts.addresses)
        if (each.is_usable())
            text += (text.empty() ? "" : ", ") + to_string(each.address.ip()) + "/" + std::to_string(each.prefix_bits);
    text = text.empty() ? "no router has given an IPv6 address yet, " + to_string(facts.link_local.address.ip())
                        : "IPv6 address " + text;
    return text + (facts.routers == 0 ? ", no router" : ", router " + to_string(facts.router[0].ip()));
}

}  // namespace

std::string text_of(const StackConfig& config, const Ipv6Facts& facts) {
    std::string text = config.uses_dhcp && !config.address.is_unspecified() ? text_of_lent(config) : std::string();
    if (!config.more_addresses.empty())
        text = text_of_several("IPv4", config.ipv4_count(), [&](std::size_t place) { return config.ipv4_at(place); });
    std::string of_v6 = config.autoconf6 ? text_of_given(facts) : std::string();
    if (!config.more_addresses6.empty())
        of_v6 = text_of_several("IPv6", config.ipv6_count(), [&](std::size_t place) { return config.ipv6_at(place); });
    return text + (text.empty() || of_v6.empty() ? "" : ", ") + of_v6;
}

std::optional<SetupError> trouble_of(const StackConfig& config, const Ipv6Facts& facts) {
    const auto named = std::span(facts.addresses).first(config.ipv6_count());
    const bool lacks_one =
        !facts.link_local.is_usable() ||
        !std::all_of(named.begin(), named.end(), [](const OwnAddress& own) { return own.is_usable(); });
    if (!config.finds_out_ipv6() || !lacks_one) return {};
    if (facts.duplicate.is_unspecified())
        return SetupError{"--ip6: it was not found out in time whether another station has our address"};
    return wrong("--ip6", to_string(facts.duplicate.ip()),
                 "another station on the link has this address; choose another one");
}

Result<void, SetupError> apply(const backend::Options& options, StackConfig& config) {
    if (!has_address(options))
        return Unexpected(
            wrong("--ip", "",
                  "this backend has no address yet; write --ip=198.18.0.2/24, --ip=dhcp or --ip6=2001:db8::2/64"));
    if (!options.ip.empty())
        if (auto applied = apply_v4(options, config); !applied) return applied;
    if (!options.ip6.empty())
        if (auto applied = apply_v6(options, config); !applied) return applied;
    if (options.vlan > vlan_max)
        return Unexpected(wrong("--vlan", std::to_string(options.vlan), "write the number of a VLAN, 1 to 4094"));
    config.vlan = options.vlan;
    if (auto applied = apply_gateways(options, config); !applied) return applied;
    if (auto applied = apply_routes(options, config); !applied) return applied;
    if (auto applied = apply_tcp_options(options.tcp, config.tcp); !applied)
        return Unexpected(SetupError{"--tcp=" + applied.error()});
    return {};
}

}  // namespace skerry::stack
