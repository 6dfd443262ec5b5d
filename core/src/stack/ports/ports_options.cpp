#include <skerry/stack/ports/ports_options.hpp>

#include "../option_text.hpp"

#include <skerry/stack/ports/ports_sockets.hpp>

namespace skerry::stack {

using backend::SetupError;

namespace {

struct PortOption {
    std::string_view name;
    std::string backend::Options::* text;
};
constexpr PortOption port_options[] = {{"--ip", &backend::Options::ip},
                                       {"--ip6", &backend::Options::ip6},
                                       {"--gateway", &backend::Options::gateway},
                                       {"--route", &backend::Options::routes}};

SetupError wrong_count(const PortOption& option, std::string_view text, std::size_t parts, std::size_t ports) {
    const auto counted = [](std::size_t count, const char* what) {
        return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
    };
    return wrong(option.name, text,
                 counted(parts, "part") + " for " + counted(ports, "port") +
                     "; write one for each port with + between them, and nothing in it where a port has none");
}

}  // namespace

std::vector<std::string_view> parts_of_ports(std::string_view text) {
    std::vector<std::string_view> parts{text.substr(0, text.find('+'))};
    while (parts.back().data() + parts.back().size() != text.data() + text.size()) {
        const auto rest =
            text.substr(static_cast<std::size_t>(parts.back().data() - text.data()) + parts.back().size() + 1);
        parts.push_back(rest.substr(0, rest.find('+')));
    }
    return parts;
}

Result<std::vector<backend::Options>, SetupError> options_of_ports(const backend::Options& options, std::size_t ports) {
    if (ports > PortsSockets::ports_max)
        return Unexpected(SetupError{std::to_string(ports) + " ports are named; one stack has " +
                                     std::to_string(PortsSockets::ports_max) + " at most"});
    std::vector<backend::Options> each(ports, options);
    for (const PortOption& option : port_options) {
        const std::string& text = options.*option.text;
        if (text.empty()) continue;
        const auto parts = parts_of_ports(text);
        if (parts.size() != ports) return Unexpected(wrong_count(option, text, parts.size(), ports));
        for (std::size_t at = 0; at < ports; ++at) each[at].*option.text = parts[at];
    }
    return each;
}

std::optional<SetupError> trouble_of_ports(std::span<const StackConfig> ports) {
    for (std::size_t at = 1; at < ports.size(); ++at)
        for (const StackConfig& before : ports.first(at)) {
            const StackConfig& config = ports[at];
            for (std::size_t place = 0; place < config.ipv4_count(); ++place)
                if (const wire::Ipv4Addr own = config.ipv4_at(place).address; before.is_own(own))
                    return wrong("--ip", to_string(own.ip()), "two ports cannot have one address");
            for (std::size_t place = 0; place < config.ipv6_count(); ++place)
                if (const wire::Ipv6Addr own = config.ipv6_at(place).address; before.is_own6(own))
                    return wrong("--ip6", to_string(own.ip()), "two ports cannot have one address");
        }
    return {};
}

}  // namespace skerry::stack
