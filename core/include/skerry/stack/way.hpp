#pragma once

// Hot path. The way to a host, ready to be written in front of what is sent there: the headers of Ethernet and IPv4 as
// they travel, and the sums of what stays the same in them. A packet is one copy and three fields.
//
// Rejected: an image of all headers in each connection, TCP's too. It would spare a segment six instructions more, and
// cost each of many connections two cache lines that nobody has fetched.

#include "ip_marks.hpp"
#include "wire/checksum.hpp"
#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace skerry::stack {

struct Way {
    static constexpr std::size_t bytes = wire::ethernet_bytes + wire::ipv4_bytes;
    static constexpr std::uint64_t nowhere = std::uint64_t{1} << 32U;  ///< what no address is

    std::uint64_t destination = nowhere;  ///< the host's address
    wire::Ipv4Addr source;                ///< ours
    std::uint32_t header_sum = 0;         ///< of the IPv4 header, less length and protocol
    std::uint32_t address_sum = 0;        ///< of the pseudo header's addresses
    std::uint32_t mtu = 0;                ///< how long a packet there may be
    std::array<std::byte, bytes> image{};

    /// Makes the image, of packets that are not cut: so their identification may be anything (RFC 6864 section 4.1).
    void prepare(const wire::EthernetImage& ethernet) noexcept;

    /// Writes `bytes` bytes in front of a transport's segment of so many.
    void write(std::byte* at, std::uint8_t protocol, std::uint32_t segment_bytes) const noexcept {
        // Not in one: of 34 bytes g++ makes a `rep movsb`, which takes longer than all the rest.
        constexpr std::size_t most = 32;
        std::memcpy(at, image.data(), most);
        std::memcpy(at + most, image.data() + most, bytes - most);
        std::byte* const ip = at + wire::ethernet_bytes;
        const std::uint16_t total = wire::swap_be16(static_cast<std::uint16_t>(wire::ipv4_bytes + segment_bytes));
        std::memcpy(ip + 2, &total, sizeof total);
        wire::store_8(ip + 9, protocol);
        wire::store_checksum(ip + 10, wire::fold(std::uint64_t{header_sum} + total + wire::swap_be16(protocol)));
    }
    /// The same, marked otherwise than usual.
    void write_marked(std::byte* at, std::uint8_t protocol, std::uint32_t segment_bytes, IpMarks marks) const noexcept {
        write(at, protocol, segment_bytes);
        std::byte* const ip = at + wire::ethernet_bytes;
        wire::store_8(ip + 1, marks.traffic_class);
        wire::store_8(ip + 8, marks.ttl);
        wire::store_be16(ip + 10, 0);
        wire::store_checksum(ip + 10, wire::fold(wire::sum_of_20(ip)));
    }
    /// The sum of the pseudo header of such a segment.
    [[nodiscard]] std::uint64_t pseudo_header(std::uint8_t protocol, std::uint32_t segment_bytes) const noexcept {
        return std::uint64_t{address_sum} + wire::swap_be32(protocol) + wire::swap_be32(segment_bytes);
    }
};
}  // namespace skerry::stack
