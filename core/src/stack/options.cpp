#include <skerry/stack/options.hpp>

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

std::optional<std::uint8_t> parse_prefix(std::string_view text) {
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (error != std::errc() || end != text.data() + text.size() || bits < 1 || bits > 32) return {};
    return static_cast<std::uint8_t>(bits);
}

SetupError wrong(std::string_view option, std::string_view value, std::string_view why) {
    std::string text = std::string(option);
    if (!value.empty()) text += "=" + std::string(value);
    return SetupError{text + ": " + std::string(why)};
}

}  // namespace

// random_device gives 32 bits, which a stranger could try out.
std::uint64_t fresh_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32U | device();
}

Result<void, SetupError> apply(const backend::Options& options, StackConfig& config) {
    if (options.ip.empty())
        return Unexpected(wrong("--ip", "", "this backend has no address yet; write --ip=198.18.0.2/24"));
    const std::string_view text = options.ip;
    const std::size_t slash = text.find('/');
    const auto address = parse_v4(text.substr(0, slash));
    const auto prefix = slash == std::string_view::npos ? std::nullopt : parse_prefix(text.substr(slash + 1));
    if (!address || !prefix)
        return Unexpected(wrong("--ip", text, "write an IPv4 address and the bits of its network: 198.18.0.2/24"));
    config.address = *address;
    config.prefix_bits = *prefix;
    if (config.address.is_never_a_source() || config.is_broadcast(config.address))
        return Unexpected(wrong("--ip", text, "not an address that a host can have"));
    if (options.gateway.empty()) return {};
    const auto gateway = parse_v4(options.gateway);
    if (!gateway) return Unexpected(wrong("--gateway", options.gateway, "write an IPv4 address"));
    if (!config.is_on_link(*gateway) || *gateway == config.address)
        return Unexpected(wrong("--gateway", options.gateway, "not another host of the network " + options.ip));
    config.gateway = *gateway;
    return {};
}

}  // namespace skerry::stack
