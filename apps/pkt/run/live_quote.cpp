#include "live_quote.hpp"

#include "live_extensions.hpp"
#include "live_packet.hpp"

#include <algorithm>
#include <array>

namespace skerry::pkt {
namespace {

constexpr std::size_t ipv4_header = 20;
constexpr std::size_t ipv6_header = 40;
constexpr std::size_t icmp_header = 8;
constexpr std::size_t transport_least = 8;
constexpr std::size_t least_mtu = 1'280;  // RFC 8200 section 5

std::uint32_t number(std::span<const std::byte> in, std::size_t at, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + bytes; ++i) value = value << 8U | std::to_integer<std::uint32_t>(in[i]);
    return value;
}

net::IpAddr address_v6(std::span<const std::byte> in, std::size_t at) {
    std::array<std::uint8_t, 16> octets{};
    for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = std::to_integer<std::uint8_t>(in[at + i]);
    return net::IpAddr::v6(octets);
}

Result<LiveQuote, std::string> with_transport(LiveQuote quote, std::span<const std::byte> in) {
    if (in.size() < transport_least) return Unexpected(std::string("less than 8 octets behind the headers"));
    if (quote.protocol == protocol::tcp) quote.seq = number(in, 4, 4);
    if (quote.protocol == protocol::udp) quote.udp_payload = number(in, 4, 2) - 8;
    return quote;
}

Result<LiveQuote, std::string> read_v4(std::span<const std::byte> in) {
    const std::size_t header = in.size() < ipv4_header ? 0 : std::size_t{number(in, 0, 1)} % 16 * 4;
    if (header < ipv4_header || header > in.size()) return Unexpected(std::string("its IPv4 header is cut off"));
    LiveQuote quote;
    quote.source = net::IpAddr::v4(number(in, 12, 4));
    quote.destination = net::IpAddr::v4(number(in, 16, 4));
    quote.protocol = static_cast<std::uint8_t>(number(in, 9, 1));
    quote.packet_bytes = number(in, 2, 2);
    return with_transport(quote, in.subspan(header));
}

Result<LiveQuote, std::string> read_v6(std::span<const std::byte> in) {
    if (in.size() < ipv6_header) return Unexpected(std::string("its IPv6 header is cut off"));
    const auto extensions = read_extensions(static_cast<std::uint8_t>(number(in, 6, 1)), in.subspan(ipv6_header));
    if (!extensions) return Unexpected(extensions.error());
    LiveQuote quote;
    quote.source = address_v6(in, 8);
    quote.destination = address_v6(in, 24);
    quote.protocol = extensions->next;
    quote.packet_bytes = ipv6_header + number(in, 4, 2);
    return with_transport(quote, extensions->rest);
}

}  // namespace

Result<LiveQuote, std::string> read_quote(std::span<const std::byte> bytes) {
    const unsigned version = bytes.empty() ? 0 : number(bytes, 0, 1) >> 4U;
    if (version == 4) return read_v4(bytes);
    if (version == 6) return read_v6(bytes);
    return Unexpected(std::string("no IP header"));
}

std::size_t quotable_v6(std::size_t packet_bytes) {
    return std::min(packet_bytes, least_mtu - ipv6_header - icmp_header);
}

}  // namespace skerry::pkt
