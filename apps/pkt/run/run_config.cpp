#include "run_config.hpp"

#include "stop.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <string>

namespace skerry::pkt {
namespace {

using syntax::Option;

[[noreturn]] void refuse(const Option& option) {
    skip(option.at, "--" + option.name + (option.value ? "=" + *option.value : std::string()));
}

const std::string& value_of(const Option& option) {
    if (!option.value) refuse(option);
    return *option.value;
}

template <class Number>
Number number_of(const Option& option, Number least, Number most) {
    const std::string& text = value_of(option);
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) refuse(option);
    return number;
}

std::uint16_t port_of(const Option& option) { return number_of<std::uint16_t>(option, 1, 65'535); }

/// An address, and the prefix behind it if there is one.
net::IpAddr address_of(const Option& option) {
    const std::string& text = value_of(option);
    const auto address = net::IpAddr::parse(std::string_view(text).substr(0, text.find('/')));
    if (!address) refuse(option);
    return *address;
}

std::uint8_t prefix_of(const Option& option) {
    const net::IpAddr mask = address_of(option);
    if (!mask.is_v4() || std::countl_one(mask.v4_bits()) != std::popcount(mask.v4_bits())) refuse(option);
    return static_cast<std::uint8_t>(std::popcount(mask.v4_bits()));
}

void set_family(const Option& option, RunConfig& config) {
    const std::string& text = value_of(option);
    if (text != "ipv4" && text != "ipv4-mapped-ipv6" && text != "ipv6") refuse(option);
    config.is_mapped = text == "ipv4-mapped-ipv6";
    if (text != "ipv6") return;
    using Groups = std::array<std::uint16_t, 8>;
    config.local = net::IpAddr::v6(Groups{0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1});
    config.remote = net::IpAddr::v6(Groups{0x2001, 0xdb8, 0, 0, 0, 0, 0, 1});
    config.gateway = net::IpAddr::v6(Groups{0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 2});
    config.prefix_bits = 48;
}

/// What says how other interpreters do their work, and nothing of the machine.
bool means_nothing(const std::string& name) {
    constexpr std::string_view names[] = {"code_command", "code_format", "send_omit_free", "debug",
                                          "verbose",      "speed",       "is_anyip",       "tcp_ts_ecr_scaled"};
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

void apply(const Option& option, RunConfig& config) {
    const std::string& name = option.name;
    if (name == "ip_version") return set_family(option, config);
    if (name == "local_ip") return void(config.local = address_of(option));
    if (name == "remote_ip") return void(config.remote = address_of(option));
    if (name == "gateway_ip") return void(config.gateway = address_of(option));
    if (name == "netmask_ip") return void(config.prefix_bits = prefix_of(option));
    if (name == "bind_port") return void(config.bind_port = port_of(option));
    if (name == "connect_port") return void(config.connect_port = port_of(option));
    if (name == "mtu") return void(config.mtu = number_of<std::uint16_t>(option, 68, 65'535));
    if (name == "tolerance_usecs") {
        config.tolerance_us = number_of<std::int64_t>(option, 0, 1'000'000'000);
        return;
    }
    if (name == "tolerance_percent") return void(config.tolerance_percent = number_of<double>(option, 0, 100));
    if (name == "tcp_ts_tick_usecs") {
        config.stamp_tick_us = number_of<std::int64_t>(option, 0, 1'000'000'000);
        return;
    }
    if (name == "strict_segments") return void(config.has_strict_segments = true);
    if (!means_nothing(name)) refuse(option);
}

}  // namespace

net::IpAddr RunConfig::in_family_of_sockets(const net::IpAddr& address) const {
    if (!is_mapped || address.is_v6()) return address;
    const auto octets = address.octets();
    std::array<std::uint8_t, 16> mapped{};
    mapped[10] = mapped[11] = 0xff;
    std::copy(octets.begin(), octets.end(), mapped.begin() + 12);
    return net::IpAddr::v6(mapped);
}

int RunConfig::socket_domain() const { return is_mapped || local.is_v6() ? AF_INET6 : AF_INET; }

RunConfig read_run_config(const syntax::Script& script, Profile profile) {
    RunConfig config;
    config.profile = profile;
    // Scripts for FreeBSD say their tolerance in time alone.
    if (profile == Profile::freebsd) config.tolerance_percent = 0;
    // The family first: what it sets are defaults.
    for (const Option& option : script.options)
        if (option.name == "ip_version") apply(option, config);
    for (const Option& option : script.options)
        if (option.name != "ip_version") apply(option, config);
    return config;
}

}  // namespace skerry::pkt
