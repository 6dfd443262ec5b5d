#include "live_packet.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace skerry::pkt {
namespace {

constexpr std::size_t tcp_header = 20;
constexpr std::size_t udp_header = 8;
constexpr std::size_t icmp_header = 8;
constexpr std::size_t ipv4_header = 20;
constexpr std::size_t ipv6_header = 40;
constexpr std::size_t quoted_bytes = 8;

using Bytes = std::vector<std::byte>;

void put8(Bytes& out, std::uint32_t value) { out.push_back(static_cast<std::byte>(value & 0xffU)); }
void put16(Bytes& out, std::uint32_t value) {
    put8(out, value >> 8U);
    put8(out, value);
}
void put32(Bytes& out, std::uint32_t value) {
    put16(out, value >> 16U);
    put16(out, value);
}
void put(Bytes& out, std::span<const std::byte> bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void put(Bytes& out, const net::IpAddr& address) {
    for (const std::uint8_t octet : address.octets()) put8(out, octet);
}

std::uint8_t get8(std::span<const std::byte> in, std::size_t at) { return std::to_integer<std::uint8_t>(in[at]); }
std::uint16_t get16(std::span<const std::byte> in, std::size_t at) {
    return static_cast<std::uint16_t>(get8(in, at) << 8U | get8(in, at + 1));
}
std::uint32_t get32(std::span<const std::byte> in, std::size_t at) {
    return std::uint32_t{get16(in, at)} << 16U | get16(in, at + 2);
}

std::uint16_t checksum(std::span<const std::byte> bytes) {
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) sum += std::uint32_t{get8(bytes, at)} << (at % 2 == 0 ? 8U : 0U);
    while (sum > 0xffffU) sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

Bytes pseudo_header(const LivePacket& packet, std::size_t length) {
    Bytes out;
    put(out, packet.source);
    put(out, packet.destination);
    put32(out, static_cast<std::uint32_t>(length));
    put32(out, packet.protocol);
    return out;
}

bool has_pseudo_header(const LivePacket& packet) { return packet.protocol != protocol::icmp; }

void set16(Bytes& bytes, std::size_t at, std::uint16_t value) {
    bytes[at] = static_cast<std::byte>(value >> 8U);
    bytes[at + 1] = static_cast<std::byte>(value & 0xffU);
}

bool is_known(const LivePacket& packet) { return packet.is_tcp() || packet.is_udp() || packet.is_icmp(); }

std::uint16_t transport_checksum(const LivePacket& packet, std::span<const std::byte> transport) {
    Bytes all = has_pseudo_header(packet) ? pseudo_header(packet, transport.size()) : Bytes();
    put(all, transport);
    return checksum(all);
}

Bytes tcp_of(const LivePacket& packet) {
    Bytes out;
    put16(out, packet.source_port);
    put16(out, packet.destination_port);
    put32(out, packet.seq);
    put32(out, packet.ack);
    const std::size_t words = (tcp_header + options_bytes(packet.options)) / 4;
    put16(out, static_cast<std::uint32_t>(words << 12U) | packet.flags);
    put16(out, packet.window);
    put16(out, 0);
    put16(out, packet.urgent);
    for (const LiveOption& option : packet.options) {
        put8(out, option.kind);
        if (option.kind == tcp_kind::end || option.kind == tcp_kind::nop) continue;
        put8(out, static_cast<std::uint32_t>(option.data.size() + 2));
        for (const std::uint8_t octet : option.data) put8(out, octet);
    }
    put(out, packet.payload);
    set16(out, 16, packet.sum.value_or(transport_checksum(packet, out)));
    return out;
}

Bytes udp_of(const LivePacket& packet) {
    Bytes out;
    put16(out, packet.source_port);
    put16(out, packet.destination_port);
    put16(out, static_cast<std::uint32_t>(udp_header + packet.payload.size()));
    put16(out, 0);
    put(out, packet.payload);
    const std::uint16_t sum = transport_checksum(packet, out);
    set16(out, 6, packet.sum.value_or(sum == 0 ? 0xffff : sum));
    return out;
}

Bytes icmp_of(const LivePacket& packet) {
    Bytes out;
    put8(out, packet.icmp_type);
    put8(out, packet.icmp_code);
    put16(out, 0);
    put32(out, packet.icmp_rest);
    put(out, packet.payload);
    set16(out, 2, packet.sum.value_or(transport_checksum(packet, out)));
    return out;
}

/// `next` is the protocol, or what the first extension header is.
Bytes ip_of(const LivePacket& packet, std::uint8_t next, std::size_t transport_bytes) {
    Bytes out;
    if (packet.source.is_v6()) {
        put32(out, 6U << 28U | std::uint32_t{packet.tos} << 20U | (packet.flow_label & 0xf'ffffU));
        put16(out, static_cast<std::uint32_t>(transport_bytes));
        put8(out, next);
        put8(out, packet.ttl);
        put(out, packet.source);
        put(out, packet.destination);
        return out;
    }
    put8(out, 0x45);
    put8(out, packet.tos);
    put16(out, static_cast<std::uint32_t>(ipv4_header + transport_bytes));
    put32(out, 0);  // no identification, no fragment
    put8(out, packet.ttl);
    put8(out, next);
    put16(out, 0);
    put(out, packet.source);
    put(out, packet.destination);
    set16(out, 10, checksum(out));
    return out;
}

// --- reading

using Read = Result<LivePacket, std::string>;

Unexpected<std::string> wrong(std::string what) { return Unexpected(std::move(what)); }

net::IpAddr address_v4(std::span<const std::byte> in, std::size_t at) { return net::IpAddr::v4(get32(in, at)); }
net::IpAddr address_v6(std::span<const std::byte> in, std::size_t at) {
    std::array<std::uint8_t, 16> octets{};
    for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = get8(in, at + i);
    return net::IpAddr::v6(octets);
}

Result<std::vector<LiveOption>, std::string> read_options(std::span<const std::byte> in) {
    std::vector<LiveOption> options;
    while (!in.empty()) {
        LiveOption option{get8(in, 0), {}};
        std::size_t length = 1;
        if (option.kind != tcp_kind::end && option.kind != tcp_kind::nop) {
            if (in.size() < 2) return wrong("a TCP option is cut off");
            length = get8(in, 1);
            if (length < 2 || length > in.size()) return wrong("a TCP option of " + std::to_string(length) + " bytes");
            for (std::size_t at = 2; at < length; ++at) option.data.push_back(get8(in, at));
        }
        options.push_back(std::move(option));
        in = in.subspan(length);
    }
    return options;
}

Read read_tcp(LivePacket packet, std::span<const std::byte> in) {
    if (in.size() < tcp_header) return wrong("a TCP header is cut off");
    const std::size_t header = std::size_t{get8(in, 12)} / 16 * 4;
    if (header < tcp_header || header > in.size()) return wrong("a TCP header of " + std::to_string(header) + " bytes");
    packet.source_port = get16(in, 0);
    packet.destination_port = get16(in, 2);
    packet.seq = get32(in, 4);
    packet.ack = get32(in, 8);
    packet.flags = get16(in, 12) & 0x1ffU;
    if ((get16(in, 12) & 0xe00U) != 0) return wrong("reserved bits of TCP are set");
    packet.window = get16(in, 14);
    packet.urgent = get16(in, 18);
    auto options = read_options(in.subspan(tcp_header, header - tcp_header));
    if (!options) return wrong(options.error());
    packet.options = *std::move(options);
    packet.payload.assign(in.begin() + static_cast<std::ptrdiff_t>(header), in.end());
    return packet;
}

Read read_udp(LivePacket packet, std::span<const std::byte> in) {
    if (in.size() < udp_header || get16(in, 4) != in.size()) return wrong("a UDP header of another length");
    packet.source_port = get16(in, 0);
    packet.destination_port = get16(in, 2);
    packet.payload.assign(in.begin() + udp_header, in.end());
    return packet;
}

Read read_icmp(LivePacket packet, std::span<const std::byte> in) {
    if (in.size() < icmp_header) return wrong("an ICMP header is cut off");
    packet.icmp_type = get8(in, 0);
    packet.icmp_code = get8(in, 1);
    packet.icmp_rest = get32(in, 4);
    packet.payload.assign(in.begin() + icmp_header, in.end());
    return packet;
}

Read read_transport(LivePacket packet, std::span<const std::byte> in) {
    if (!is_known(packet)) return wrong("IP protocol " + std::to_string(packet.protocol));
    // RFC 8200 section 8.1: IPv6 has no checksum that would say whose a datagram is, so UDP must have one.
    const bool has_none = packet.is_udp() && in.size() >= udp_header && get16(in, 6) == 0;
    if (has_none && packet.source.is_v6()) return wrong("a datagram of IPv6 without a checksum");
    if (!has_none && transport_checksum(packet, in) != 0) return wrong("a wrong checksum behind the IP header");
    if (packet.is_tcp()) return read_tcp(std::move(packet), in);
    return packet.is_udp() ? read_udp(std::move(packet), in) : read_icmp(std::move(packet), in);
}

Read read_v4(std::span<const std::byte> in) {
    if (in.size() < ipv4_header) return wrong("an IPv4 header is cut off");
    const std::size_t header = std::size_t{get8(in, 0)} % 16 * 4;
    if (header < ipv4_header || header > in.size() || get16(in, 2) != in.size())
        return wrong("an IPv4 length is wrong");
    if (checksum(in.first(header)) != 0) return wrong("a wrong checksum of the IPv4 header");
    if ((get16(in, 6) & 0x3fffU) != 0) return wrong("a fragment");
    LivePacket packet;
    packet.source = address_v4(in, 12);
    packet.destination = address_v4(in, 16);
    packet.tos = get8(in, 1);
    packet.ttl = get8(in, 8);
    packet.protocol = get8(in, 9);
    return read_transport(std::move(packet), in.subspan(header));
}

Read read_v6(std::span<const std::byte> in) {
    if (in.size() < ipv6_header || in.size() != ipv6_header + get16(in, 4)) return wrong("an IPv6 length is wrong");
    LivePacket packet;
    packet.source = address_v6(in, 8);
    packet.destination = address_v6(in, 24);
    packet.tos = static_cast<std::uint8_t>(get32(in, 0) >> 20U);
    packet.flow_label = get32(in, 0) & 0xf'ffffU;
    packet.ttl = get8(in, 7);
    auto read = read_extensions(get8(in, 6), in.subspan(ipv6_header));
    if (!read) return wrong(read.error());
    packet.protocol = read->next;
    packet.extensions = std::move(read->headers);
    if (!read->is_part) return read_transport(std::move(packet), read->rest);
    packet.is_fragment = true;
    packet.payload.assign(read->rest.begin(), read->rest.end());
    return packet;
}

// --- for people

std::uint32_t number(const std::vector<std::uint8_t>& data, std::size_t at, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + bytes && i < data.size(); ++i) value = value << 8U | data[i];
    return value;
}

std::string describe(const LiveOption& option) {
    const auto value = [&](std::size_t at, std::size_t bytes) {
        return std::to_string(number(option.data, at, bytes));
    };
    switch (option.kind) {
        case tcp_kind::end: return "eol";
        case tcp_kind::nop: return "nop";
        case tcp_kind::mss: return "mss " + value(0, 2);
        case tcp_kind::window_scale: return "wscale " + value(0, 1);
        case tcp_kind::sack_permitted: return "sackOK";
        case tcp_kind::timestamps: return "TS val " + value(0, 4) + " ecr " + value(4, 4);
        case tcp_kind::sack: break;
        default: return "kind " + std::to_string(option.kind);
    }
    std::string text = "sack";
    for (std::size_t at = 0; at < option.data.size(); at += 8) text += " " + value(at, 4) + ":" + value(at + 4, 4);
    return text;
}

std::string describe_tcp(const LivePacket& packet) {
    constexpr std::array<std::pair<std::uint16_t, char>, 9> letters{{{tcp_bit::syn, 'S'},
                                                                     {tcp_bit::fin, 'F'},
                                                                     {tcp_bit::rst, 'R'},
                                                                     {tcp_bit::psh, 'P'},
                                                                     {tcp_bit::ae, 'A'},
                                                                     {tcp_bit::cwr, 'W'},
                                                                     {tcp_bit::ece, 'E'},
                                                                     {tcp_bit::urg, 'U'},
                                                                     {tcp_bit::ack, '.'}}};
    std::string text;
    for (const auto& [bit, letter] : letters)
        if (packet.has(bit)) text += letter;
    if (text.empty()) text = "-";
    const std::size_t bytes = packet.payload.size();
    text += " " + std::to_string(packet.seq) + ":" + std::to_string(packet.seq + static_cast<std::uint32_t>(bytes)) +
            "(" + std::to_string(bytes) + ")";
    if (packet.has(tcp_bit::ack)) text += " ack " + std::to_string(packet.ack);
    text += " win " + std::to_string(packet.window);
    if (packet.urgent != 0) text += " urg " + std::to_string(packet.urgent);
    if (packet.options.empty()) return text;
    std::string list;
    for (const LiveOption& option : packet.options) list += (list.empty() ? "" : ",") + describe(option);
    return text + " <" + list + ">";
}

}  // namespace

std::size_t options_bytes(const std::vector<LiveOption>& options) {
    std::size_t bytes = 0;
    for (const LiveOption& option : options)
        bytes += option.kind == tcp_kind::end || option.kind == tcp_kind::nop ? 1 : 2 + option.data.size();
    return bytes;
}

std::vector<std::byte> transport_bytes(const LivePacket& packet) {
    if (packet.is_tcp()) return tcp_of(packet);
    if (packet.is_udp()) return udp_of(packet);
    return packet.is_icmp() ? icmp_of(packet) : packet.payload;
}

std::vector<std::byte> to_bytes(const LivePacket& packet) {
    const WrittenExtensions behind = write_extensions(packet.extensions, packet.protocol, transport_bytes(packet));
    Bytes all = ip_of(packet, behind.first, behind.bytes.size());
    put(all, behind.bytes);
    return all;
}

std::vector<std::byte> to_quote(const LivePacket& packet) {
    const Bytes transport = transport_bytes(packet);
    Bytes all = ip_of(packet, packet.protocol, transport.size());
    put(all, std::span(transport).first(std::min(transport.size(), quoted_bytes)));
    return all;
}

Result<LivePacket, std::string> read_packet(std::span<const std::byte> bytes) {
    if (bytes.empty()) return wrong("an empty packet");
    const unsigned version = get8(bytes, 0) >> 4U;
    if (version == 4) return read_v4(bytes);
    if (version == 6) return read_v6(bytes);
    return wrong("IP version " + std::to_string(version));
}

std::string describe(const LivePacket& packet) {
    if (packet.is_fragment) {
        const LiveExtension& part = packet.extensions.back();
        return "fragment (" + std::to_string(part.begin) + ":" + std::to_string(part.end) + ")" +
               (part.has_more ? "" : ", the last");
    }
    if (packet.is_tcp()) return describe_tcp(packet);
    if (packet.is_udp()) return "udp (" + std::to_string(packet.payload.size()) + ")";
    return "icmp type_" + std::to_string(packet.icmp_type) + " code_" + std::to_string(packet.icmp_code) + " [raw (" +
           std::to_string(icmp_header + packet.payload.size()) + ")]";
}

}  // namespace skerry::pkt
