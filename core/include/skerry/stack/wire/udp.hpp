#pragma once

// UDP's header. Hot path.

#include "byte_order.hpp"
#include "checksum.hpp"
#include "../drop.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack::wire {

inline constexpr std::size_t udp_bytes = 8;

struct UdpHeader {
    std::uint16_t source_port = 0;  ///< 0: the sender wants no answer.
    std::uint16_t destination_port = 0;
    std::uint16_t bytes = udp_bytes;  ///< Header and payload.
    bool has_checksum = true;         ///< The field is not zero. IPv4 allows that, IPv6 does not.

    [[nodiscard]] constexpr std::uint16_t payload_bytes() const noexcept {
        return static_cast<std::uint16_t>(bytes - udp_bytes);
    }
};

/// Reads the header at the front of `in`, the payload of an IP datagram without the frame's padding.
///
/// What lies behind `bytes` belongs to nobody and is left out of the checksum too.
///
/// Shape:    when the datagram goes on in further segments, `rest` says how many bytes they have.
/// Errors:   udp_short, udp_length, udp_port.
/// Source:   RFC 768.
[[nodiscard]] inline Drop parse(std::span<const std::byte> in, UdpHeader& out, std::size_t rest = 0) noexcept {
    if (in.size() < udp_bytes) [[unlikely]]
        return Drop::udp_short;
    out.source_port = load_be16(in.data());
    out.destination_port = load_be16(in.data() + 2);
    out.bytes = load_be16(in.data() + 4);
    out.has_checksum = load_checksum(in.data() + 6) != 0;
    if (out.bytes < udp_bytes || out.bytes > in.size() + rest) [[unlikely]]
        return Drop::udp_length;
    if (out.destination_port == 0) [[unlikely]]
        return Drop::udp_port;
    return Drop::none;
}

/// Writes udp_bytes bytes; the checksum's field becomes 0, which means none. Returns the sum of what it wrote: reading
/// that back while it is fresh would wait for each of the stores.
inline std::uint64_t write(const UdpHeader& header, std::byte* out) noexcept {
    const std::uint32_t ports = swap_be32(std::uint32_t{header.source_port} << 16U | header.destination_port);
    const std::uint32_t bytes = swap_be32(std::uint32_t{header.bytes} << 16U);
    store_words(out, ports, bytes);
    return std::uint64_t{ports} + bytes;
}

/// Whether the checksum of a datagram holds, or there is none. `datagram` is the `bytes` bytes from the header on,
/// `pseudo` the sum of its pseudo header; for several segments fold their PieceSum instead.
[[nodiscard]] inline bool udp_checksum_holds(std::span<const std::byte> datagram, std::uint64_t pseudo) noexcept {
    return load_checksum(datagram.data() + 6) == 0 || fold(sum(datagram, pseudo)) == 0;
}

/// What goes into the field for this sum of pseudo header, header and payload: 0 would mean none, so it travels as
/// its other form, 0xffff.
[[nodiscard]] constexpr std::uint16_t udp_checksum(std::uint64_t sum) noexcept {
    const std::uint16_t folded = fold(sum);
    return folded == 0 ? std::uint16_t{0xffff} : folded;
}

/// Leaves the checksum of a datagram that write() began to the port.
inline void seal_udp_unfinished(std::span<std::byte> datagram, std::uint64_t pseudo) noexcept {
    store_unfinished(datagram.data() + 6, pseudo);
}

/// Puts the checksum into a datagram that write() began.
inline void seal_udp(std::span<std::byte> datagram, std::uint64_t pseudo) noexcept {
    store_checksum(datagram.data() + 6, 0);
    store_checksum(datagram.data() + 6, udp_checksum(sum(datagram, pseudo)));
}

}  // namespace skerry::stack::wire
