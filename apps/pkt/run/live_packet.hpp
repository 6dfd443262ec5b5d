#pragma once

// An IP packet in parts, and as bytes. It is written and read without the stack's own code: what judges the stack
// should not share its mistakes. Everything can be written, also what no stack should accept.

#include "live_extensions.hpp"

#include <skerry/base/result.hpp>
#include <skerry/base/socket_addr.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace skerry::pkt {

namespace protocol {
inline constexpr std::uint8_t icmp = 1;
inline constexpr std::uint8_t tcp = 6;
inline constexpr std::uint8_t udp = 17;
inline constexpr std::uint8_t icmp_v6 = 58;
}  // namespace protocol

/// Of a TCP header, AE with them.
namespace tcp_bit {
inline constexpr std::uint16_t fin = 0x001;
inline constexpr std::uint16_t syn = 0x002;
inline constexpr std::uint16_t rst = 0x004;
inline constexpr std::uint16_t psh = 0x008;
inline constexpr std::uint16_t ack = 0x010;
inline constexpr std::uint16_t urg = 0x020;
inline constexpr std::uint16_t ece = 0x040;
inline constexpr std::uint16_t cwr = 0x080;
inline constexpr std::uint16_t ae = 0x100;
}  // namespace tcp_bit

namespace tcp_kind {
inline constexpr std::uint8_t end = 0;
inline constexpr std::uint8_t nop = 1;
inline constexpr std::uint8_t mss = 2;
inline constexpr std::uint8_t window_scale = 3;
inline constexpr std::uint8_t sack_permitted = 4;
inline constexpr std::uint8_t sack = 5;
inline constexpr std::uint8_t timestamps = 8;
inline constexpr std::uint8_t md5 = 19;
inline constexpr std::uint8_t fast_open = 34;
inline constexpr std::uint8_t acc_ecn_0 = 172;
inline constexpr std::uint8_t acc_ecn_1 = 174;
inline constexpr std::uint8_t experiment = 254;
}  // namespace tcp_kind

/// An option as it travels; end and nop have no data, the end is an option like others and may come again.
struct LiveOption {
    std::uint8_t kind = 0;
    std::vector<std::uint8_t> data;
    friend bool operator==(const LiveOption&, const LiveOption&) = default;
};

struct LivePacket {
    // IP; both addresses are of one family
    net::IpAddr source;
    net::IpAddr destination;
    std::uint8_t tos = 0;
    std::uint8_t ttl = 255;
    std::uint32_t flow_label = 0;
    std::uint8_t protocol = protocol::tcp;
    std::vector<LiveExtension> extensions;  ///< of IPv6
    /// Of what was read: a fragment, whose payload is a part of what the protocol has; no other field of that is known.
    bool is_fragment = false;
    std::optional<std::uint16_t> sum;  ///< written as the protocol's checksum instead of the right one
    // TCP and UDP
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    // TCP
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::uint16_t flags = 0;
    std::uint16_t window = 0;
    std::uint16_t urgent = 0;
    std::vector<LiveOption> options;
    // ICMP
    std::uint8_t icmp_type = 0;
    std::uint8_t icmp_code = 0;
    std::uint32_t icmp_rest = 0;  ///< the second word
    std::vector<std::byte> payload;  ///< of a protocol that is none of these: all of it

    [[nodiscard]] bool is_tcp() const { return protocol == protocol::tcp; }
    [[nodiscard]] bool is_udp() const { return protocol == protocol::udp; }
    [[nodiscard]] bool is_icmp() const { return protocol == protocol::icmp || protocol == protocol::icmp_v6; }
    [[nodiscard]] bool has(std::uint16_t bit) const { return (flags & bit) != 0; }
};

/// How many bytes the options take.
[[nodiscard]] std::size_t options_bytes(const std::vector<LiveOption>& options);

/// Checksums included.
///
/// Shape:  options of at most 40 bytes, a multiple of 4; a packet of at most 65'535.
[[nodiscard]] std::vector<std::byte> to_bytes(const LivePacket& packet);

/// What stands behind the IP header and its extensions.
[[nodiscard]] std::vector<std::byte> transport_bytes(const LivePacket& packet);

/// Only what is needed to quote a packet in an ICMP error: its IP header and the first 8 bytes behind it.
[[nodiscard]] std::vector<std::byte> to_quote(const LivePacket& packet);

/// Errors:   what is wrong with the bytes, in a few words; a wrong checksum too.
[[nodiscard]] Result<LivePacket, std::string> read_packet(std::span<const std::byte> bytes);

/// For people, as a script would write it: `S. 0:0(0) ack 1 win 65535 <mss 1460>`.
[[nodiscard]] std::string describe(const LivePacket& packet);

}  // namespace skerry::pkt
