#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/ipv4.hpp>

namespace skerry::stack::wire {

namespace {

constexpr std::size_t quoted_payload_bytes = 8;  // all that RFC 792 promises

// The greatest code that the type has.
[[nodiscard]] std::uint8_t code_max(IcmpType type) noexcept {
    switch (type) {
        case IcmpType::unreachable: return 15;  // RFC 1812 section 5.2.7.1
        case IcmpType::redirect: return 3;
        case IcmpType::time_exceeded: return 1;
        case IcmpType::parameter_problem: return 2;
        case IcmpType::echo:
        case IcmpType::echo_reply: break;
    }
    return 255;  // an echo's code is nobody's business; RFC 1122 says to ignore what one does not know
}

[[nodiscard]] bool is_known(IcmpType type) noexcept {
    switch (type) {
        case IcmpType::echo_reply:
        case IcmpType::unreachable:
        case IcmpType::redirect:
        case IcmpType::echo:
        case IcmpType::time_exceeded:
        case IcmpType::parameter_problem: return true;
    }
    return false;
}

// The quoted header is not checked as one that came would be: routers quote it after they changed TTL and checksum,
// and its total length is that of what they dropped.
[[nodiscard]] Drop parse_quote(std::span<const std::byte> in, IcmpQuote& out) noexcept {
    out = IcmpQuote{};
    if (in.size() < ipv4_bytes + quoted_payload_bytes) return Drop::icmp_quote_short;
    const std::byte* at = in.data();
    const std::uint8_t first = load_8(at);
    const std::size_t header_bytes = (first & 0xfU) * std::size_t{4};
    if (first >> 4U != 4 || header_bytes < ipv4_bytes) return Drop::icmp_quote;
    if (in.size() < header_bytes + quoted_payload_bytes) return Drop::icmp_quote_short;
    out.total_bytes = load_be16(at + 2);
    out.id = load_be16(at + 4);
    out.protocol = load_8(at + 9);
    out.source = load_ipv4(at + 12);
    out.destination = load_ipv4(at + 16);
    // We sent to no reserved address, and inside the stack those are numbers of IPv6 hosts.
    if (out.total_bytes < header_bytes || (load_be16(at + 6) & 0x1fffU) != 0 || out.destination.is_reserved())
        return Drop::icmp_quote;
    const std::byte* transport = at + header_bytes;
    if (out.protocol == ip_protocol::tcp || out.protocol == ip_protocol::udp) {
        out.source_port = load_be16(transport);
        out.destination_port = load_be16(transport + 2);
    }
    if (out.protocol == ip_protocol::tcp) out.seq = load_be32(transport + 4);
    if (out.protocol == ip_protocol::icmp && load_8(transport) == static_cast<std::uint8_t>(IcmpType::echo)) {
        out.identifier = load_be16(transport + 4);
        out.sequence = load_be16(transport + 6);
    }
    return Drop::none;
}

[[nodiscard]] bool needs_mtu(const IcmpHeader& header) noexcept {
    return header.type == IcmpType::unreachable && header.code == icmp_code::fragmentation_needed;
}

}  // namespace

Drop parse(std::span<const std::byte> in, IcmpHeader& out, FrameChecksum known) noexcept {
    if (in.size() < icmp_bytes) return Drop::icmp_short;
    if (known == FrameChecksum::bad || (known != FrameChecksum::good && fold(sum(in)) != 0)) return Drop::icmp_checksum;
    out = IcmpHeader{};
    out.type = static_cast<IcmpType>(load_8(in.data()));
    out.code = load_8(in.data() + 1);
    if (!is_known(out.type)) return Drop::icmp_type;
    if (out.code > code_max(out.type)) return Drop::icmp_code;
    if (out.is_echo()) {
        out.identifier = load_be16(in.data() + 4);
        out.sequence = load_be16(in.data() + 6);
        return Drop::none;
    }
    if (needs_mtu(out)) out.next_hop_mtu = load_be16(in.data() + 6);
    if (out.type == IcmpType::redirect) out.gateway = load_ipv4(in.data() + 4);
    return parse_quote(in.subspan(icmp_bytes), out.quote);
}

void write(const IcmpHeader& header, std::byte* out) noexcept {
    store_8(out, static_cast<std::uint8_t>(header.type));
    store_8(out + 1, header.code);
    store_checksum(out + 2, 0);
    if (header.type == IcmpType::redirect) return store_ipv4(out + 4, header.gateway);
    store_be16(out + 4, header.is_echo() ? header.identifier : std::uint16_t{0});
    store_be16(out + 6, header.is_echo()    ? header.sequence
                        : needs_mtu(header) ? header.next_hop_mtu
                                            : std::uint16_t{0});
}

void seal_icmp(std::span<std::byte> message) noexcept {
    store_checksum(message.data() + 2, 0);
    store_checksum(message.data() + 2, fold(sum(message)));
}

}  // namespace skerry::stack::wire
