#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/ipv6_extensions.hpp>

#include <skerry/base/assert.hpp>

namespace skerry::stack::wire {

namespace {

constexpr std::size_t quoted_payload_bytes = 8;  // ports and sequence number, or an echo's identifier

// Of those that are no errors.
[[nodiscard]] bool is_known(Icmpv6Type type) noexcept {
    switch (type) {
        case Icmpv6Type::echo:
        case Icmpv6Type::echo_reply:
        case Icmpv6Type::listener_query:
        case Icmpv6Type::listener_report_v1:
        case Icmpv6Type::listener_done:
        case Icmpv6Type::router_solicitation:
        case Icmpv6Type::router_advertisement:
        case Icmpv6Type::neighbour_solicitation:
        case Icmpv6Type::neighbour_advertisement:
        case Icmpv6Type::redirect:
        case Icmpv6Type::listener_report_v2: return true;
        default: return false;
    }
}

// The greatest code that the error has.
[[nodiscard]] std::uint8_t code_max(Icmpv6Type type) noexcept {
    switch (type) {
        case Icmpv6Type::unreachable: return 8;         // RFC 8883 section 4
        case Icmpv6Type::time_exceeded: return 1;       // RFC 4443 section 3.3
        case Icmpv6Type::parameter_problem: return 10;  // RFC 8883 section 3
        default: return 255;  // RFC 4443 section 3.2: a receiver ignores packet too big's; others judge their own
    }
}

// Walks over the extension headers of what is quoted. They are ours as they left, so nothing in them is judged; but the
// walk has the limits of one over a packet.
[[nodiscard]] Drop skip_extensions(std::span<const std::byte> in, std::size_t& at, Icmpv6Quote& out) noexcept {
    for (std::size_t count = 0; count <= ipv6_extensions_max; ++count) {
        if (!is_ipv6_extension(out.protocol)) return Drop::none;
        const std::size_t bytes = ipv6_extension_bytes(in, at, out.protocol);
        if (bytes == 0) return Drop::icmpv6_quote_short;
        if (out.protocol == ip_protocol::fragment) {
            // A later fragment has no ports: whose it was cannot be told.
            if (out.has_fragment || (load_be16(in.data() + at + 2) & 0xfff8U) != 0) return Drop::icmpv6_quote;
            out.has_fragment = true;
            out.fragment_id = load_be32(in.data() + at + 4);
        }
        out.protocol = load_8(in.data() + at);
        at += bytes;
        if (at - ipv6_bytes > ipv6_extension_bytes_max) return Drop::icmpv6_quote;
    }
    return Drop::icmpv6_quote;
}

// The quoted header is not checked as one that came would be: routers quote it after they changed the hop limit, and
// its payload length is that of what they dropped.
[[nodiscard]] Drop parse_quote(std::span<const std::byte> in, Icmpv6Quote& out) noexcept {
    if (in.size() < ipv6_bytes + quoted_payload_bytes) return Drop::icmpv6_quote_short;
    const std::byte* at = in.data();
    if (load_8(at) >> 4U != 6) return Drop::icmpv6_quote;
    out.payload_bytes = load_be16(at + ipv6_payload_length_at);
    out.protocol = load_8(at + ipv6_next_header_at);
    out.source = load_ipv6(at + 8);
    out.destination = load_ipv6(at + 24);
    std::size_t transport_at = ipv6_bytes;
    if (const Drop drop = skip_extensions(in, transport_at, out); drop != Drop::none) return drop;
    if (out.payload_bytes < transport_at - ipv6_bytes) return Drop::icmpv6_quote;
    if (in.size() - transport_at < quoted_payload_bytes) return Drop::icmpv6_quote_short;
    const std::byte* transport = at + transport_at;
    if (out.protocol == ip_protocol::tcp || out.protocol == ip_protocol::udp) {
        out.source_port = load_be16(transport);
        out.destination_port = load_be16(transport + 2);
    }
    if (out.protocol == ip_protocol::tcp) out.seq = load_be32(transport + 4);
    if (out.protocol == ip_protocol::icmpv6 && load_8(transport) == static_cast<std::uint8_t>(Icmpv6Type::echo)) {
        out.identifier = load_be16(transport + 4);
        out.sequence = load_be16(transport + 6);
    }
    return Drop::none;
}

}  // namespace

Drop parse(std::span<const std::byte> in, Icmpv6Header& out, const Ipv6Addr& source, const Ipv6Addr& destination,
           FrameChecksum known) noexcept {
    if (in.size() < icmpv6_bytes) return Drop::icmpv6_short;
    if (known == FrameChecksum::bad ||
        (known != FrameChecksum::good && !icmpv6_checksum_holds(in, source, destination)))
        return Drop::icmpv6_checksum;
    out = Icmpv6Header{};
    out.type = static_cast<Icmpv6Type>(load_8(in.data()));
    out.code = load_8(in.data() + 1);
    if (!out.is_error() && !is_known(out.type)) return Drop::icmpv6_type;
    if (out.code > code_max(out.type)) return Drop::icmpv6_code;
    if (out.is_echo()) {
        out.identifier = load_be16(in.data() + 4);
        out.sequence = load_be16(in.data() + 6);
    }
    if (!out.is_error()) return Drop::none;
    if (out.type == Icmpv6Type::packet_too_big) out.mtu = load_be32(in.data() + 4);
    if (out.type == Icmpv6Type::parameter_problem) out.pointer = load_be32(in.data() + 4);
    // Every link carries 1280 bytes: whoever says less wants small packets of us.
    if (out.type == Icmpv6Type::packet_too_big && out.mtu < ipv6_mtu_min) return Drop::icmpv6_mtu;
    return parse_quote(in.subspan(icmpv6_bytes), out.quote);
}

void write(const Icmpv6Header& header, std::byte* out) noexcept {
    SKERRY_DEBUG_ASSERT(header.is_echo() || header.is_error(), "this message is written by ndp.hpp or mld.hpp");
    store_8(out, static_cast<std::uint8_t>(header.type));
    store_8(out + 1, header.code);
    store_checksum(out + 2, 0);
    std::uint32_t word = 0;
    if (header.is_echo()) word = std::uint32_t{header.identifier} << 16U | header.sequence;
    if (header.type == Icmpv6Type::packet_too_big) word = header.mtu;
    if (header.type == Icmpv6Type::parameter_problem) word = header.pointer;
    store_be32(out + 4, word);
}

void seal_icmpv6(std::span<std::byte> message, const Ipv6Addr& source, const Ipv6Addr& destination) noexcept {
    const auto bytes = static_cast<std::uint32_t>(message.size());
    store_checksum(message.data() + 2, 0);
    store_checksum(message.data() + 2,
                   fold(sum(message, pseudo_header(source, destination, ip_protocol::icmpv6, bytes))));
}

}  // namespace skerry::stack::wire
