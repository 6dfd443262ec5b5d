#pragma once

// Reading what a user wrote of addresses, and saying what is wrong with it.

#include <skerry/backend/backend.hpp>
#include <skerry/stack/wire/addresses.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace skerry::stack {

[[nodiscard]] inline std::optional<wire::Ipv4Addr> parse_v4(std::string_view text) {
    const auto ip = net::IpAddr::parse(text);
    if (!ip || !ip->is_v4()) return {};
    return wire::Ipv4Addr::of(*ip);
}

[[nodiscard]] inline std::optional<wire::Ipv6Addr> parse_v6(std::string_view text) {
    const auto ip = net::IpAddr::parse(text);
    if (!ip || !ip->is_v6()) return {};
    return wire::Ipv6Addr::of(*ip);
}

[[nodiscard]] inline std::optional<std::uint8_t> parse_prefix(std::string_view text, unsigned least, unsigned most) {
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (error != std::errc() || end != text.data() + text.size() || bits < least || bits > most) return {};
    return static_cast<std::uint8_t>(bits);
}

[[nodiscard]] inline backend::SetupError wrong(std::string_view option, std::string_view value, std::string_view why) {
    std::string text = std::string(option);
    if (!value.empty()) text += "=" + std::string(value);
    return backend::SetupError{text + ": " + std::string(why)};
}

/// The IPv4 networks that a user named.
[[nodiscard]] inline std::string networks_of(const backend::Options& options) {
    return (options.ip.find(',') == std::string::npos ? "the network " : "the networks ") + options.ip;
}

/// What stands before the next `separator`, which is taken off `rest` with it.
[[nodiscard]] inline std::string_view next_part(std::string_view& rest, char separator) {
    const std::string_view part = rest.substr(0, rest.find(separator));
    rest.remove_prefix(part.size() < rest.size() ? part.size() + 1 : rest.size());
    return part;
}

}  // namespace skerry::stack
