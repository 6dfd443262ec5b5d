#include "own_chatter.hpp"

#include <netinet/in.h>

#include <cstdint>

namespace skerry::pkt::kernel {

namespace {

constexpr std::size_t ipv4_bytes = 20;
constexpr std::size_t ipv6_bytes = 40;
constexpr std::size_t fragment_bytes = 8;  // RFC 8200 section 4.5

std::uint8_t octet(std::span<const std::byte> packet, std::size_t at) noexcept {
    return std::to_integer<std::uint8_t>(packet[at]);
}

bool is_talk_v4(std::span<const std::byte> packet) noexcept {
    if (packet.size() < ipv4_bytes) return false;
    const std::uint8_t protocol = octet(packet, 9);
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_ICMP;
}

/// Groups are types 130 to 132 and 143 (RFC 2710, 3810), neighbours and routers 133 to 137 (RFC 4861).
bool is_housekeeping(std::uint8_t icmp_type) noexcept {
    return (icmp_type >= 130 && icmp_type <= 137) || icmp_type == 143;
}

// Reports of groups have a hop-by-hop header in front, which nothing else has that a kernel sends.
bool is_talk_v6(std::span<const std::byte> packet) noexcept {
    if (packet.size() < ipv6_bytes) return false;
    std::uint8_t protocol = octet(packet, 6);
    std::size_t header = ipv6_bytes;
    bool is_beginning = true;
    if (protocol == IPPROTO_FRAGMENT && packet.size() >= ipv6_bytes + fragment_bytes) {
        protocol = octet(packet, ipv6_bytes);
        is_beginning = octet(packet, ipv6_bytes + 2) == 0 && (octet(packet, ipv6_bytes + 3) & 0xf8U) == 0;
        header += fragment_bytes;
    }
    if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) return true;
    if (protocol != IPPROTO_ICMPV6) return false;
    return !is_beginning || (packet.size() > header && !is_housekeeping(octet(packet, header)));
}

}  // namespace

bool is_of_scripts(std::span<const std::byte> packet, net::IpFamily family) noexcept {
    if (packet.empty()) return false;
    const unsigned version = octet(packet, 0) >> 4U;
    if (version == 4) return family == net::IpFamily::v4 && is_talk_v4(packet);
    return version == 6 && family == net::IpFamily::v6 && is_talk_v6(packet);
}

}  // namespace skerry::pkt::kernel
