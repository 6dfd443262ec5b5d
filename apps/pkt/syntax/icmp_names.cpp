// The numbers behind the names of ICMP types and codes.

#include "characters.hpp"
#include "icmp.hpp"

#include <array>
#include <span>

namespace skerry::pkt::syntax {
namespace {

struct Name {
    std::string_view text;
    std::uint8_t number;
};
struct CodeName {
    std::string_view type;
    std::string_view text;
    std::uint8_t number;
};

constexpr std::array<Name, 11> types_v4{{{"echo_reply", 0},
                                         {"unreachable", 3},
                                         {"source_quench", 4},
                                         {"redirect", 5},
                                         {"echo_request", 8},
                                         {"time_exceeded", 11},
                                         {"parameter_problem", 12},
                                         {"timestamp_request", 13},
                                         {"timestamp_reply", 14},
                                         {"address_mask_request", 17},
                                         {"address_mask_reply", 18}}};
constexpr std::array<Name, 11> types_v6{{{"unreachable", 1},
                                         {"packet_too_big", 2},
                                         {"time_exceeded", 3},
                                         {"parameter_problem", 4},
                                         {"echo_request", 128},
                                         {"echo_reply", 129},
                                         {"router_solicitation", 133},
                                         {"router_advertisement", 134},
                                         {"neighbor_solicitation", 135},
                                         {"neighbor_advertisement", 136},
                                         {"redirect", 137}}};

constexpr std::array<CodeName, 22> codes_v4{{{"unreachable", "net_unreachable", 0},
                                             {"unreachable", "host_unreachable", 1},
                                             {"unreachable", "protocol_unreachable", 2},
                                             {"unreachable", "port_unreachable", 3},
                                             {"unreachable", "frag_needed", 4},
                                             {"unreachable", "source_route_failed", 5},
                                             {"unreachable", "net_unknown", 6},
                                             {"unreachable", "host_unknown", 7},
                                             {"unreachable", "source_host_isolated", 8},
                                             {"unreachable", "net_prohibited", 9},
                                             {"unreachable", "host_prohibited", 10},
                                             {"unreachable", "net_unreachable_for_tos", 11},
                                             {"unreachable", "host_unreachable_for_tos", 12},
                                             {"unreachable", "packet_filtered", 13},
                                             {"unreachable", "precedence_violation", 14},
                                             {"unreachable", "precedence_cutoff", 15},
                                             {"redirect", "net_redirect", 0},
                                             {"redirect", "host_redirect", 1},
                                             {"redirect", "net_redirect_for_tos", 2},
                                             {"redirect", "host_redirect_for_tos", 3},
                                             {"time_exceeded", "ttl_exceeded_in_transit", 0},
                                             {"time_exceeded", "frag_reass_exceeded", 1}}};
// Some have two names: one after RFC 4443, and one that other interpreters know.
constexpr std::array<CodeName, 16> codes_v6{{{"unreachable", "no_route", 0},
                                             {"unreachable", "admin_prohibited", 1},
                                             {"unreachable", "beyond_scope", 2},
                                             {"unreachable", "address_unreachable", 3},
                                             {"unreachable", "port_unreachable", 4},
                                             {"unreachable", "source_policy_failed", 5},
                                             {"unreachable", "reject_route", 6},
                                             {"unreachable", "net_unreachable", 0},
                                             {"unreachable", "not_neighbour", 2},
                                             {"time_exceeded", "hop_limit_exceeded", 0},
                                             {"time_exceeded", "frag_reass_exceeded", 1},
                                             {"time_exceeded", "exceeded_hop_limit", 0},
                                             {"time_exceeded", "exceeded_frag_time", 1},
                                             {"parameter_problem", "header_field", 0},
                                             {"parameter_problem", "unknown_next_header", 1},
                                             {"parameter_problem", "unknown_option", 2}}};

/// `code_12` with the prefix `code_`.
std::optional<std::uint8_t> numbered(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return std::nullopt;
    const std::string_view digits = text.substr(prefix.size());
    if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
    unsigned number = 0;
    for (const char c : digits) {
        if (!is_digit(c)) return std::nullopt;
        number = number * 10 + static_cast<unsigned>(c - '0');
    }
    if (number > 255) return std::nullopt;
    return static_cast<std::uint8_t>(number);
}

}  // namespace

std::optional<std::uint8_t> icmp_type_number(net::IpFamily family, std::string_view type) {
    const std::span<const Name> names = family == net::IpFamily::v4 ? std::span<const Name>(types_v4) : types_v6;
    for (const Name& name : names)
        if (name.text == type) return name.number;
    return numbered(type, "type_");
}

std::optional<std::uint8_t> icmp_code_number(net::IpFamily family, std::string_view type, std::string_view code) {
    if (code.empty()) return std::uint8_t{0};
    const std::span<const CodeName> names =
        family == net::IpFamily::v4 ? std::span<const CodeName>(codes_v4) : codes_v6;
    for (const CodeName& name : names)
        if (name.type == type && name.text == code) return name.number;
    return numbered(code, "code_");
}

}  // namespace skerry::pkt::syntax
