#include <skerry/stack/options.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace skerry::stack {

using backend::SetupError;

namespace {

std::optional<wire::Ipv4Addr> parse_v4(std::string_view text) {
    const auto ip = net::IpAddr::parse(text);
    if (!ip || !ip->is_v4()) return {};
    return wire::Ipv4Addr::of(*ip);
}

std::optional<wire::Ipv6Addr> parse_v6(std::string_view text) {
    const auto ip = net::IpAddr::parse(text);
    if (!ip || !ip->is_v6()) return {};
    return wire::Ipv6Addr::of(*ip);
}

std::optional<std::uint8_t> parse_prefix(std::string_view text, unsigned most) {
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (error != std::errc() || end != text.data() + text.size() || bits < 1 || bits > most) return {};
    return static_cast<std::uint8_t>(bits);
}

SetupError wrong(std::string_view option, std::string_view value, std::string_view why) {
    std::string text = std::string(option);
    if (!value.empty()) text += "=" + std::string(value);
    return SetupError{text + ": " + std::string(why)};
}

Result<void, SetupError> apply_v6(const backend::Options& options, StackConfig& config) {
    const std::string_view text = options.ip6;
    const std::size_t slash = text.find('/');
    const auto address = parse_v6(text.substr(0, slash));
    const auto prefix = slash == std::string_view::npos ? std::nullopt : parse_prefix(text.substr(slash + 1), 128);
    if (!address || !prefix)
        return Unexpected(wrong("--ip6", text, "write an IPv6 address and the bits of its network: 2001:db8::2/64"));
    if (address->is_never_a_host() || address->is_unspecified() || address->is_link_local())
        return Unexpected(wrong("--ip6", text, "not an address that a host has beside its link-local one"));
    config.address6 = *address;
    config.prefix6_bits = *prefix;
    config.reports_own_groups = true;
    return {};
}

// A router's link-local address is on every link; of IPv4 there is one network.
Result<void, SetupError> apply_gateway(std::string_view text, const backend::Options& options, StackConfig& config) {
    if (const auto gateway = parse_v6(text)) {
        const bool is_near = gateway->is_link_local() || gateway->is_within(config.address6, config.prefix6_bits);
        if (config.address6.is_unspecified() || !is_near || *gateway == config.address6)
            return Unexpected(wrong("--gateway", text, "not another host of the network of --ip6"));
        config.gateway6 = *gateway;
        return {};
    }
    const auto gateway = parse_v4(text);
    if (!gateway) return Unexpected(wrong("--gateway", text, "write an IPv4 address, an IPv6 one, or A,B"));
    if (!config.is_on_link(*gateway) || *gateway == config.address)
        return Unexpected(wrong("--gateway", text, "not another host of the network " + options.ip));
    config.gateway = *gateway;
    return {};
}

Result<void, SetupError> apply_gateways(const backend::Options& options, StackConfig& config) {
    std::string_view rest = options.gateway;
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        if (auto applied = apply_gateway(rest.substr(0, comma), options, config); !applied) return applied;
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return {};
}

// The server says who the router is, too.
Result<void, SetupError> apply_dhcp(const backend::Options& options, StackConfig& config) {
    config.uses_dhcp = true;
    config.claims_address = true;
    std::string_view rest = options.gateway;
    while (!rest.empty()) {
        const std::string_view each = rest.substr(0, rest.find(','));
        if (parse_v4(each)) return Unexpected(wrong("--gateway", each, "of no use with --ip=dhcp, which tells it"));
        rest.remove_prefix(std::min(each.size() + 1, rest.size()));
    }
    return {};
}

Result<void, SetupError> apply_v4(const backend::Options& options, StackConfig& config) {
    if (options.ip.empty())
        return Unexpected(wrong("--ip", "", "this backend has no address yet; write --ip=198.18.0.2/24 or --ip=dhcp"));
    if (options.ip == ip_by_dhcp) return apply_dhcp(options, config);
    const std::string_view text = options.ip;
    const std::size_t slash = text.find('/');
    const auto address = parse_v4(text.substr(0, slash));
    const auto prefix = slash == std::string_view::npos ? std::nullopt : parse_prefix(text.substr(slash + 1), 32);
    if (!address || !prefix)
        return Unexpected(
            wrong("--ip", text, "write an IPv4 address and the bits of its network, 198.18.0.2/24, or dhcp"));
    config.address = *address;
    config.claims_address = true;
    config.prefix_bits = *prefix;
    if (config.address.is_never_a_source() || config.is_broadcast(config.address))
        return Unexpected(wrong("--ip", text, "not an address that a host can have"));
    return {};
}

}  // namespace

// random_device gives 32 bits, which a stranger could try out.
std::uint64_t fresh_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32U | device();
}

Result<void, SetupError> apply(const backend::Options& options, StackConfig& config) {
    if (auto applied = apply_v4(options, config); !applied) return applied;
    if (!options.ip6.empty())
        if (auto applied = apply_v6(options, config); !applied) return applied;
    if (options.vlan > vlan_max)
        return Unexpected(wrong("--vlan", std::to_string(options.vlan), "write the number of a VLAN, 1 to 4094"));
    config.vlan = options.vlan;
    return apply_gateways(options, config);
}

}  // namespace skerry::stack
