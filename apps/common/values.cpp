#include "values.hpp"

#include <skerry/base/duration_text.hpp>
#include <skerry/stack/own_ipv4.hpp>
#include <skerry/stack/own_ipv6.hpp>
#include <skerry/stack/tcp/limit_options.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <net/if.h>
#include <optional>
#include <utility>
#include <vector>

namespace skerry::apps {

namespace {

template <class Number>
std::optional<Number> whole_number(std::string_view text) noexcept {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool is_ip(int family, std::string_view text) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return inet_pton(family, std::string(text).c_str(), address.data()) == 1;
}

// An IPv6 address may name its zone: fe80::1%eth0.
bool is_ipv6_with_zone(std::string_view text) {
    const std::size_t percent = text.find('%');
    const bool zone_is_fine = percent == std::string_view::npos || percent + 1 < text.size();
    return zone_is_fine && is_ip(AF_INET6, text.substr(0, percent));
}

// Every interface has a network fe80::/10, so the address alone leads nowhere.
bool lacks_zone(std::string_view text) {
    in6_addr address{};
    return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1 && IN6_IS_ADDR_LINKLOCAL(&address);
}

// Digits and points only is meant as an address; anything else that a name server could know is a name.
bool is_host(std::string_view text) {
    if (text.empty()) return false;
    if (text.find_first_not_of("0123456789.") == std::string_view::npos) return is_ip(AF_INET, text);
    constexpr std::string_view in_names = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    return text.find_first_not_of(in_names) == std::string_view::npos && text.front() != '-' && text.front() != '.';
}

bool is_interface_name(std::string_view text) {
    return !text.empty() && text.size() < IF_NAMESIZE && text.find_first_of("/ \t:") == std::string_view::npos;
}

// NET/LEN, or NET/LEN:ROUTER.
bool is_route(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return false;
    const std::string_view network = text.substr(0, slash);
    const int family = network.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
    const std::size_t colon = std::min(text.find(':', slash), text.size());
    const std::optional<int> prefix = whole_number<int>(text.substr(slash + 1, colon - slash - 1));
    if (!is_ip(family, network) || !prefix || *prefix < 0 || *prefix > (family == AF_INET ? 32 : 128)) return false;
    return colon == text.size() || is_ip(family, text.substr(colon + 1));
}

// Whether it holds for each part of a text.
template <class Test>
bool is_each_part(std::string_view text, char separator, Test test) {
    for (std::size_t end = text.find(separator); end != std::string_view::npos; end = text.find(separator)) {
        if (!test(text.substr(0, end))) return false;
        text.remove_prefix(end + 1);
    }
    return test(text);
}

// IF, or IF,SWITCH, or several of these with plus signs.
bool are_interfaces(std::string_view text) {
    return is_each_part(text, '+',
                        [](std::string_view each) { return is_interface_name(each.substr(0, each.find(','))); });
}

Parsed<std::string> parse_interface(std::string_view text, int family, int prefix_max, std::string_view example) {
    const ValueError wrong{"not an address with a prefix length; accepted: for example " + std::string(example)};
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos || !is_ip(family, text.substr(0, slash))) return wrong;
    const std::optional<int> prefix = whole_number<int>(text.substr(slash + 1));
    if (!prefix) return wrong;
    if (*prefix < 0 || *prefix > prefix_max)
        return ValueError{"no such prefix length; accepted: /0 to /" + std::to_string(prefix_max)};
    return std::string(text);
}

// What is said of several ports has a part for each, with plus signs between them. One of several may be empty.
template <class Parse>
Parsed<std::string> parse_each_port(std::string_view text, Parse parse) {
    std::optional<ValueError> wrong;
    const bool has_several = text.find('+') != std::string_view::npos;
    const auto is_right = [&](std::string_view part) {
        if (has_several && part.empty()) return true;
        const Parsed<std::string> parsed = parse(part);
        if (!parsed) wrong = parsed.error();
        return parsed.has_value();
    };
    if (!is_each_part(text, '+', is_right)) return *wrong;
    return std::string(text);
}

/// What --ip and --ip6 take.
struct AddressForm {
    int family;
    int prefix_max;
    std::string_view example;
    std::string_view found_out;  // stands for all addresses
    std::string_view who_gives;
    std::size_t most;
};
constexpr AddressForm ipv4_form{AF_INET,
                                32,
                                "198.18.0.2/24, several with commas, or dhcp",
                                "dhcp",
                                "a server gives one",
                                stack::ipv4_addresses_max};
constexpr AddressForm ipv6_form{AF_INET6,
                                128,
                                "2001:db8::2/64, several with commas, or auto",
                                "auto",
                                "routers say which",
                                stack::ipv6_addresses_max};

/// The address of `ADDR/LEN`, by its number: IPv6 has several ways to write one.
std::string number_of(std::string_view text) {
    const auto ip = net::IpAddr::parse(text.substr(0, text.find('/')));
    return ip ? net::to_string(*ip) : std::string(text);
}

// One, or several with commas, each once.
Parsed<std::string> parse_addresses_of_port(std::string_view text, const AddressForm& form) {
    std::optional<ValueError> wrong;
    std::vector<std::string> seen;
    const auto is_right = [&](std::string_view each) {
        if (each == form.found_out) {
            wrong =
                ValueError{std::string(each) + " is of no use beside other addresses: " + std::string(form.who_gives) +
                           "; write it alone"};
            return false;
        }
        if (auto parsed = parse_interface(each, form.family, form.prefix_max, form.example); !parsed)
            wrong = parsed.error();
        const std::string address = number_of(each);
        if (!wrong && std::find(seen.begin(), seen.end(), address) != seen.end())
            wrong = ValueError{address + " is named twice; write each address once"};
        seen.push_back(address);
        return !wrong;
    };
    if (text == form.found_out) return std::string(text);
    if (!is_each_part(text, ',', is_right)) return *wrong;
    if (seen.size() > form.most)
        return ValueError{std::to_string(seen.size()) + " addresses; accepted: at most " + std::to_string(form.most) +
                          " a port"};
    return std::string(text);
}

Parsed<std::string> parse_gateways_of_port(std::string_view text) {
    const auto is_address = [](std::string_view each) { return is_ip(AF_INET, each) || is_ip(AF_INET6, each); };
    const std::size_t comma = text.find(',');
    const bool is_pair =
        comma != std::string_view::npos && is_address(text.substr(0, comma)) && is_address(text.substr(comma + 1));
    if (is_address(text) || is_pair) return std::string(text);
    return ValueError{"not an address; accepted: for example 198.18.0.1 or 2001:db8::1, or both with a comma"};
}

Parsed<std::string> parse_routes_of_port(std::string_view text) {
    if (is_each_part(text, ',', is_route)) return std::string(text);
    return ValueError{
        "not a network and its router; accepted: for example 198.51.100.0/24:198.18.0.1, or 10.0.0.0/8 for hosts on "
        "the link"};
}

}  // namespace

bool is_kernel_driver(std::string_view name) noexcept { return name == "io_uring" || name == "epoll"; }

Parsed<std::string> parse_backend(std::string_view text) {
    constexpr std::string_view accepted = "accepted: auto, dpdk, io_uring, epoll, tap:IF, xdp:IF";
    if (text == "auto" || text == "dpdk" || is_kernel_driver(text)) return std::string(text);
    for (const std::string_view name : {"tap", "xdp"}) {
        if (text == name) return ValueError{"the interface is missing; write " + std::string(name) + ":IF"};
        if (!text.starts_with(name) || text.substr(name.size(), 1) != ":") continue;
        if (are_interfaces(text.substr(name.size() + 1))) return std::string(text);
        return ValueError{"not an interface name; accepted: " + std::string(name) +
                          ":IF with 1 to 15 characters, none of them a blank, a slash or a colon"};
    }
    return ValueError{"no such backend; " + std::string(accepted)};
}

Parsed<std::optional<topology::CpuSet>> parse_cores(std::string_view text) {
    if (text == "auto") return std::optional<topology::CpuSet>{};
    const auto set = topology::CpuSet::parse(text);
    if (!set) return ValueError{set.error().message + ", or auto"};
    return std::optional(*set);
}

Parsed<runtime::IdlePolicy> parse_idle(std::string_view text) {
    using enum runtime::IdlePolicy;
    for (const runtime::IdlePolicy idle : {spin, adaptive, sleep})
        if (text == runtime::to_string(idle)) return idle;
    return ValueError{"no such idle policy; accepted: spin, adaptive, sleep"};
}

Parsed<runtime::Flavour> parse_flavour(std::string_view text) {
    using enum runtime::Flavour;
    for (const runtime::Flavour flavour : {current_thread, per_core})
        if (text == runtime::to_string(flavour)) return flavour;
    return ValueError{"no such flavour; accepted: current_thread, per_core"};
}

std::optional<std::uint64_t> parse_whole_number(std::string_view text, std::uint64_t max) noexcept {
    const auto value = whole_number<std::uint64_t>(text);
    return value && *value <= max ? value : std::nullopt;
}

Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    const auto parsed = skerry::parse_duration(text);
    if (parsed) return *parsed;
    if (parsed.error() == DurationFault::length) return ValueError{"too long; accepted: up to ten years, 315360000s"};
    return ValueError{"not a duration; accepted: a whole number and ns, us, ms, s or min, for example 100ms or 5s"};
}

Parsed<std::uint16_t> parse_vlan(std::string_view text) {
    constexpr std::uint16_t most = 4094;  // 4095 is reserved
    const auto number = parse_whole_number(text, most);
    if (!number || *number == 0) return ValueError{"not the number of a VLAN; accepted: 1 to 4094"};
    return static_cast<std::uint16_t>(*number);
}

Parsed<std::uint64_t> parse_byte_count(std::string_view text) {
    constexpr std::string_view units = "KMG";
    const std::size_t unit = text.empty() ? std::string_view::npos : units.find(text.back());
    const unsigned shift = unit == std::string_view::npos ? 0 : 10 * (static_cast<unsigned>(unit) + 1);
    const auto digits = shift == 0 ? text : text.substr(0, text.size() - 1);
    const auto count = parse_whole_number(digits, std::numeric_limits<std::uint64_t>::max() >> shift);
    if (!count || *count == 0) return ValueError{"not a number of bytes; accepted: for example 4096, 64K, 16M or 2G"};
    return *count << shift;
}

Parsed<ListenAddress> parse_listen(std::string_view text) {
    const std::string accepted = "; accepted: ADDR:PORT, for example 127.0.0.1:7001 or [::1]:7001";
    const std::size_t colon = text.rfind(':');
    const bool bracketed = text.starts_with('[');
    // With brackets the port's colon follows the closing one, or it is a colon of the address.
    if (colon == std::string_view::npos || (bracketed && (colon == 0 || text[colon - 1] != ']')))
        return ValueError{"the port is missing" + accepted};
    std::string_view host = text.substr(0, colon);
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty()) return ValueError{"the address is missing" + accepted + "; 0.0.0.0 and [::] are every address"};
    if (!bracketed && host.find(':') != std::string_view::npos)
        return ValueError{"an IPv6 address stands in brackets" + accepted};
    if (bracketed ? !is_ipv6_with_zone(host) : !is_host(host))
        return ValueError{"\"" + std::string(host) + "\" is neither an address nor a name" + accepted};
    if (bracketed && lacks_zone(host))
        return ValueError{"a link-local address needs its interface; accepted: for example [" + std::string(host) +
                          "%eth0]:7001"};
    const std::optional<std::uint16_t> port = whole_number<std::uint16_t>(text.substr(colon + 1));
    if (!port) return ValueError{"\"" + std::string(text.substr(colon + 1)) + "\" is not a port; accepted: 0 to 65535"};
    return ListenAddress{std::string(text), std::string(host), *port};
}

Parsed<std::string> parse_ipv4_interface(std::string_view text) {
    return parse_each_port(text, [](std::string_view part) { return parse_addresses_of_port(part, ipv4_form); });
}

Parsed<std::string> parse_ipv6_interface(std::string_view text) {
    return parse_each_port(text, [](std::string_view part) { return parse_addresses_of_port(part, ipv6_form); });
}

Parsed<std::string> parse_gateway(std::string_view text) { return parse_each_port(text, parse_gateways_of_port); }

Parsed<std::string> parse_tcp_options(std::string_view text) {
    stack::TcpLimits limits;
    if (auto applied = stack::apply_tcp_options(text, limits); !applied) return ValueError{applied.error()};
    return std::string(text);
}

Parsed<std::string> parse_routes(std::string_view text) { return parse_each_port(text, parse_routes_of_port); }

}  // namespace skerry::apps
