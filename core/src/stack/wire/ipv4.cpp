#include <skerry/stack/wire/ipv4.hpp>

namespace skerry::stack::wire::detail {

namespace {
constexpr std::uint8_t end_of_options = 0;
constexpr std::uint8_t no_operation = 1;
constexpr std::uint8_t loose_source_route = 131;
constexpr std::uint8_t strict_source_route = 137;
constexpr std::uint8_t router_alert = 148;
}  // namespace

Drop parse_ipv4_options(std::span<const std::byte> options, Ipv4Header& out) noexcept {
    while (!options.empty()) {
        const std::uint8_t kind = load_8(options.data());
        if (kind == end_of_options) return Drop::none;
        if (kind == no_operation) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2) return Drop::ipv4_options;
        const std::uint8_t bytes = load_8(options.data() + 1);
        if (bytes < 2 || bytes > options.size()) return Drop::ipv4_options;
        if (kind == loose_source_route || kind == strict_source_route) return Drop::ipv4_source_route;
        if (kind == router_alert) out.router_alert = true;
        options = options.subspan(bytes);
    }
    return Drop::none;
}

}  // namespace skerry::stack::wire::detail
