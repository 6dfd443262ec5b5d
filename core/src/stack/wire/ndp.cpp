#include <skerry/stack/wire/ndp.hpp>
#include <skerry/stack/wire/byte_order.hpp>

#include <skerry/base/assert.hpp>

namespace skerry::stack::wire {

namespace {

namespace option {
constexpr std::uint8_t source_link = 1;
constexpr std::uint8_t target_link = 2;
constexpr std::uint8_t prefix = 3;
constexpr std::uint8_t mtu = 5;
constexpr std::uint8_t nonce = 14;
constexpr std::uint8_t servers = 25;
}  // namespace option

// With their two bytes of type and length.
constexpr std::size_t link_option_bytes = 8;
constexpr std::size_t prefix_option_bytes = 32;
constexpr std::size_t mtu_option_bytes = 8;
constexpr std::size_t nonce_option_bytes = 8;
constexpr std::size_t servers_option_bytes = 8;  // before the first address

// The message without options; 0 for a type that is not of this protocol.
[[nodiscard]] std::size_t fixed_bytes(Icmpv6Type type) noexcept {
    switch (type) {
        case Icmpv6Type::router_solicitation: return 8;
        case Icmpv6Type::router_advertisement: return 16;
        case Icmpv6Type::neighbour_solicitation:
        case Icmpv6Type::neighbour_advertisement: return 24;
        case Icmpv6Type::redirect: return 40;
        default: return 0;
    }
}

[[nodiscard]] bool takes_source_link(Icmpv6Type type) noexcept {
    return type == Icmpv6Type::router_solicitation || type == Icmpv6Type::router_advertisement ||
           type == Icmpv6Type::neighbour_solicitation;
}

[[nodiscard]] bool takes_target_link(Icmpv6Type type) noexcept {
    return type == Icmpv6Type::neighbour_advertisement || type == Icmpv6Type::redirect;
}

[[nodiscard]] bool is_host(const Ipv6Addr& address) noexcept {
    return !address.is_never_a_host() && !address.is_unspecified();
}

// The body between the ICMPv6 header and the options.

[[nodiscard]] Drop parse_router(const std::byte* at, const Ipv6Header& ip, NdpRouter& out) noexcept {
    const std::uint8_t flags = load_8(at + 5);
    const std::uint8_t preference = flags >> 3U & 3U;
    out.hop_limit = load_8(at + 4);
    out.managed = (flags & 0x80U) != 0;
    out.other = (flags & 0x40U) != 0;
    out.preference = static_cast<std::int8_t>(preference == 1 ? 1 : preference == 3 ? -1 : 0);
    out.lifetime_s = load_be16(at + 6);
    out.reachable_ms = load_be32(at + 8);
    out.retransmit_ms = load_be32(at + 12);
    return ip.source.is_link_local() ? Drop::none : Drop::ndp_source;
}

[[nodiscard]] Drop parse_solicitation(const std::byte* at, const Ipv6Header& ip, NdpMessage& out) noexcept {
    out.target = load_ipv6(at + 8);
    if (!is_host(out.target)) return Drop::ndp_target;
    if (ip.source.is_unspecified() && !ip.destination.is_solicited_node()) return Drop::ndp_destination;
    return Drop::none;
}

[[nodiscard]] Drop parse_advertisement(const std::byte* at, const Ipv6Header& ip, NdpMessage& out) noexcept {
    const std::uint8_t flags = load_8(at + 4);
    out.from_router = (flags & 0x80U) != 0;
    out.solicited = (flags & 0x40U) != 0;
    out.overrides = (flags & 0x20U) != 0;
    out.target = load_ipv6(at + 8);
    if (!is_host(out.target)) return Drop::ndp_target;
    return out.solicited && ip.destination.is_multicast() ? Drop::ndp_solicited : Drop::none;
}

[[nodiscard]] Drop parse_redirect(const std::byte* at, const Ipv6Header& ip, NdpMessage& out) noexcept {
    out.target = load_ipv6(at + 8);
    out.destination = load_ipv6(at + 24);
    if (!ip.source.is_link_local()) return Drop::ndp_source;
    if (!is_host(out.destination)) return Drop::ndp_redirect_destination;
    // A router by the address that it is known by on the link, or the destination as a neighbour.
    if (!out.target.is_link_local() && out.target != out.destination) return Drop::ndp_redirect_target;
    return Drop::none;
}

[[nodiscard]] Drop parse_body(const std::byte* at, const Ipv6Header& ip, NdpMessage& out) noexcept {
    switch (out.type) {
        case Icmpv6Type::router_advertisement: return parse_router(at, ip, out.router);
        case Icmpv6Type::neighbour_solicitation: return parse_solicitation(at, ip, out);
        case Icmpv6Type::neighbour_advertisement: return parse_advertisement(at, ip, out);
        case Icmpv6Type::redirect: return parse_redirect(at, ip, out);
        default: return Drop::none;  // a router solicitation has none
    }
}

// The options; `one` is an option with its type and length.

[[nodiscard]] Drop parse_link(std::span<const std::byte> one, MacAddr& out) noexcept {
    if (one.size() != link_option_bytes) return Drop::ndp_option_size;
    out = load_mac(one.data() + 2);
    return out.is_multicast() ? Drop::ndp_link_address : Drop::none;
}

[[nodiscard]] Drop parse_prefix(std::span<const std::byte> one, NdpRouter& out) noexcept {
    if (one.size() != prefix_option_bytes) return Drop::ndp_option_size;
    NdpPrefix prefix;
    prefix.prefix_bits = load_8(one.data() + 2);
    if (prefix.prefix_bits > 128) return Drop::ndp_prefix;
    if (out.prefixes == ndp_prefixes_max) return Drop::none;
    const std::uint8_t flags = load_8(one.data() + 3);
    prefix.on_link = (flags & 0x80U) != 0;
    prefix.autonomous = (flags & 0x40U) != 0;
    prefix.valid_s = load_be32(one.data() + 4);
    prefix.preferred_s = load_be32(one.data() + 8);
    prefix.prefix = load_ipv6(one.data() + 16).masked(prefix.prefix_bits);  // the rest is to be ignored: section 4.6.2
    out.prefix[out.prefixes++] = prefix;
    return Drop::none;
}

[[nodiscard]] Drop parse_mtu(std::span<const std::byte> one, NdpRouter& out) noexcept {
    if (one.size() != mtu_option_bytes) return Drop::ndp_option_size;
    out.has_mtu = true;
    out.mtu = load_be32(one.data() + 4);
    return Drop::none;
}

// RFC 8106 section 5.3.1: of a length that holds no addresses, or not whole ones, the option is left out.
void parse_servers(std::span<const std::byte> one, NdpRouter& out) noexcept {
    const std::size_t addresses = one.size() - servers_option_bytes;
    if (addresses == 0 || addresses % ipv6_addr_bytes != 0) return;
    const std::uint32_t lifetime_s = load_be32(one.data() + 4);
    for (std::size_t at = servers_option_bytes; at < one.size() && out.servers < ndp_servers_max; at += ipv6_addr_bytes)
        out.server[out.servers++] = {load_ipv6(one.data() + at), lifetime_s};
}

[[nodiscard]] Drop parse_option(std::span<const std::byte> one, NdpMessage& out) noexcept {
    const std::uint8_t type = load_8(one.data());
    if (type == option::source_link && takes_source_link(out.type)) {
        out.has_source_link = true;
        return parse_link(one, out.source_link);
    }
    if (type == option::target_link && takes_target_link(out.type)) {
        out.has_target_link = true;
        return parse_link(one, out.target_link);
    }
    if (type == option::nonce && out.type == Icmpv6Type::neighbour_solicitation && one.size() == nonce_option_bytes) {
        out.has_nonce = true;
        out.nonce = std::uint64_t{load_be16(one.data() + 2)} << 32U | load_be32(one.data() + 4);
    }
    if (out.type != Icmpv6Type::router_advertisement) return Drop::none;
    if (type == option::prefix) return parse_prefix(one, out.router);
    if (type == option::mtu) return parse_mtu(one, out.router);
    if (type == option::servers) parse_servers(one, out.router);
    return Drop::none;
}

[[nodiscard]] Drop parse_options(std::span<const std::byte> in, NdpMessage& out) noexcept {
    while (!in.empty()) {
        if (in.size() < 2) return Drop::ndp_option_length;
        const std::size_t bytes = load_8(in.data() + 1) * std::size_t{8};
        if (bytes == 0 || bytes > in.size()) return Drop::ndp_option_length;
        if (const Drop drop = parse_option(in.first(bytes), out); drop != Drop::none) return drop;
        in = in.subspan(bytes);
    }
    return Drop::none;
}

// Writing. Each returns where it ended.

[[nodiscard]] std::byte* write_head(std::uint8_t type, std::size_t bytes, std::byte* out) noexcept {
    store_8(out, type);
    store_8(out + 1, static_cast<std::uint8_t>(bytes / 8));
    return out + bytes;
}

[[nodiscard]] std::byte* write_link(std::uint8_t type, const MacAddr& address, std::byte* out) noexcept {
    store_mac(out + 2, address);
    return write_head(type, link_option_bytes, out);
}

[[nodiscard]] std::byte* write_nonce(std::uint64_t nonce, std::byte* out) noexcept {
    store_be16(out + 2, static_cast<std::uint16_t>(nonce >> 32U));
    store_be32(out + 4, static_cast<std::uint32_t>(nonce));
    return write_head(option::nonce, nonce_option_bytes, out);
}

[[nodiscard]] std::byte* write_prefix(const NdpPrefix& prefix, std::byte* out) noexcept {
    store_8(out + 2, prefix.prefix_bits);
    store_8(out + 3, static_cast<std::uint8_t>((prefix.on_link ? 0x80U : 0U) | (prefix.autonomous ? 0x40U : 0U)));
    store_be32(out + 4, prefix.valid_s);
    store_be32(out + 8, prefix.preferred_s);
    store_be32(out + 12, 0);
    store_ipv6(out + 16, prefix.prefix.masked(prefix.prefix_bits));
    return write_head(option::prefix, prefix_option_bytes, out);
}

[[nodiscard]] std::byte* write_server(const NdpServer& server, std::byte* out) noexcept {
    store_be16(out + 2, 0);
    store_be32(out + 4, server.lifetime_s);
    store_ipv6(out + 8, server.address);
    return write_head(option::servers, servers_option_bytes + ipv6_addr_bytes, out);
}

[[nodiscard]] std::byte* write_mtu(std::uint32_t mtu, std::byte* out) noexcept {
    store_be16(out + 2, 0);
    store_be32(out + 4, mtu);
    return write_head(option::mtu, mtu_option_bytes, out);
}

void write_router(const NdpRouter& router, std::byte* out) noexcept {
    const unsigned preference = router.preference > 0 ? 1U : router.preference < 0 ? 3U : 0U;
    store_8(out + 4, router.hop_limit);
    store_8(out + 5,
            static_cast<std::uint8_t>((router.managed ? 0x80U : 0U) | (router.other ? 0x40U : 0U) | preference << 3U));
    store_be16(out + 6, router.lifetime_s);
    store_be32(out + 8, router.reachable_ms);
    store_be32(out + 12, router.retransmit_ms);
}

[[nodiscard]] std::byte* write_router_options(const NdpRouter& router, std::byte* out) noexcept {
    if (router.has_mtu) out = write_mtu(router.mtu, out);
    for (std::size_t i = 0; i < router.prefixes; ++i) out = write_prefix(router.prefix[i], out);
    for (std::size_t i = 0; i < router.servers; ++i) out = write_server(router.server[i], out);
    return out;
}

}  // namespace

Drop parse(std::span<const std::byte> in, NdpMessage& out, const Ipv6Header& ip, const Ipv6Chain& chain,
           FrameChecksum known) noexcept {
    if (in.size() < icmpv6_bytes) return Drop::ndp_short;
    if (known == FrameChecksum::bad ||
        (known != FrameChecksum::good && !icmpv6_checksum_holds(in, ip.source, ip.destination)))
        return Drop::icmpv6_checksum;
    out = NdpMessage{};
    out.type = static_cast<Icmpv6Type>(load_8(in.data()));
    const std::size_t fixed = fixed_bytes(out.type);
    if (fixed == 0) return Drop::icmpv6_type;
    if (ip.hop_limit != ndp_hop_limit) return Drop::ndp_hop_limit;
    if (chain.has_fragment) return Drop::ndp_fragment;
    if (load_8(in.data() + 1) != 0) return Drop::ndp_code;
    if (in.size() < fixed) return Drop::ndp_short;
    if (const Drop drop = parse_body(in.data(), ip, out); drop != Drop::none) return drop;
    if (const Drop drop = parse_options(in.subspan(fixed), out); drop != Drop::none) return drop;
    return ip.source.is_unspecified() && out.has_source_link ? Drop::ndp_source_link : Drop::none;
}

std::size_t ndp_bytes(const NdpMessage& message) noexcept {
    std::size_t bytes = fixed_bytes(message.type);
    if (message.has_source_link || message.has_target_link) bytes += link_option_bytes;
    if (message.has_nonce) bytes += nonce_option_bytes;
    if (message.type != Icmpv6Type::router_advertisement) return bytes;
    return bytes + (message.router.has_mtu ? mtu_option_bytes : 0) + message.router.prefixes * prefix_option_bytes +
           message.router.servers * (servers_option_bytes + ipv6_addr_bytes);
}

std::size_t write(const NdpMessage& message, std::byte* out) noexcept {
    const std::size_t fixed = fixed_bytes(message.type);
    SKERRY_DEBUG_ASSERT(fixed != 0, "no message of neighbour discovery");
    SKERRY_DEBUG_ASSERT(!message.has_source_link || takes_source_link(message.type), "an option of other messages");
    SKERRY_DEBUG_ASSERT(!message.has_target_link || takes_target_link(message.type), "an option of other messages");
    std::byte* const start = out;
    store_8(out, static_cast<std::uint8_t>(message.type));
    store_8(out + 1, 0);
    store_checksum(out + 2, 0);
    store_be32(out + 4, 0);
    if (message.type == Icmpv6Type::neighbour_advertisement)
        store_8(out + 4,
                static_cast<std::uint8_t>((message.from_router ? 0x80U : 0U) | (message.solicited ? 0x40U : 0U) |
                                          (message.overrides ? 0x20U : 0U)));
    if (message.type == Icmpv6Type::router_advertisement)
        write_router(message.router, out);
    else if (fixed > icmpv6_bytes)
        store_ipv6(out + 8, message.target);
    if (message.type == Icmpv6Type::redirect) store_ipv6(out + 24, message.destination);
    out += fixed;
    if (message.has_source_link) out = write_link(option::source_link, message.source_link, out);
    if (message.has_target_link) out = write_link(option::target_link, message.target_link, out);
    if (message.has_nonce) out = write_nonce(message.nonce, out);
    if (message.type == Icmpv6Type::router_advertisement) out = write_router_options(message.router, out);
    return static_cast<std::size_t>(out - start);
}

}  // namespace skerry::stack::wire
