#pragma once

// Hot path. The hash by which NICs choose a queue, with a key that we give to the NIC and to this: so it is known which
// queue a packet comes by before there is one. Linear and by a key that is no secret to the wire, so it chooses cores
// and is never the hash of a table.
//
// Four bits of the input choose one of 16 words, 24 loads for the addresses and ports of IPv4, 72 for those of IPv6.
// Rejected: bytes (half the loads, but 12 KiB of tables for IPv4 alone, a third of a core's first cache).
//
// Source: Microsoft, "RSS Hashing Functions" and "Verifying the RSS Hash Calculation".

#include "../tcp/tuple.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::stack {

/// How a key is drawn.
///
/// random:    each bit by itself. Strangers cannot choose the queue of their connections.
/// symmetric: 16 bits, repeated: both directions of a flow have one hash, as addresses are swapped by 32 bits and ports
///            by 16. No other keys do that, but for one bit. The 16 bits are drawn too, with an odd number of ones:
///            then each value of the hash has as many flows as any other. Rejected: 0x6d5a, which everybody knows.
///
/// What symmetric costs: the hash sees no more of a flow than the sum, without carries, of its addresses' halves and
/// its ports. Flows that have that in common meet on one core whatever the key is, and who chooses its own address and
/// port can make such. Of 2^15 keys one is found by trying.
///
/// Source: Woo and Park, "Scalable TCP Session Monitoring with Symmetric Receive-side Scaling", 2012.
enum class RssKey : std::uint8_t { random, symmetric };

class Toeplitz {
public:
    static constexpr std::size_t key_bytes = 40;
    using Key = std::array<std::uint8_t, key_bytes>;

    /// A key that the seed gives.
    [[nodiscard]] static Key key_of(std::uint64_t seed, RssKey kind = RssKey::random) noexcept;

    explicit Toeplitz(const Key& key) noexcept;

    [[nodiscard]] const Key& key() const noexcept { return key_; }

    /// Of a packet that comes from the tuple's remote end: source address, destination address, source port,
    /// destination port.
    [[nodiscard]] std::uint32_t hash(const tcp::Tuple& tuple) const noexcept {
        return word(tuple.remote.bits, 0) ^ word(tuple.local.bits, 8) ^
               word(std::uint32_t{tuple.remote_port} << 16U | tuple.local_port, 16);
    }
    /// The same of IPv6.
    [[nodiscard]] std::uint32_t hash(const wire::Ipv6Addr& source, const wire::Ipv6Addr& destination,
                                     std::uint16_t source_port, std::uint16_t destination_port) const noexcept {
        return hash(source, destination) ^ word(std::uint32_t{source_port} << 16U | destination_port, 64);
    }
    /// Of packets whose ports are not looked at.
    [[nodiscard]] std::uint32_t hash(const wire::Ipv6Addr& source, const wire::Ipv6Addr& destination) const noexcept {
        return half(source.high, 0) ^ half(source.low, 16) ^ half(destination.high, 32) ^ half(destination.low, 48);
    }
    [[nodiscard]] std::uint32_t hash(wire::Ipv4Addr source, wire::Ipv4Addr destination) const noexcept {
        return word(source.bits, 0) ^ word(destination.bits, 8);
    }

private:
    static constexpr std::size_t nibbles = 72;  // of two IPv6 addresses and the ports

    [[nodiscard]] std::uint32_t word(std::uint32_t bits, std::size_t from) const noexcept {
        std::uint32_t hash = 0;
        for (std::size_t i = 0; i < 8; ++i) hash ^= table_[from + i][bits >> (28U - 4U * i) & 0xfU];
        return hash;
    }
    [[nodiscard]] std::uint32_t half(std::uint64_t bits, std::size_t from) const noexcept {
        return word(static_cast<std::uint32_t>(bits >> 32U), from) ^ word(static_cast<std::uint32_t>(bits), from + 8);
    }

    Key key_;
    std::array<std::array<std::uint32_t, 16>, nibbles> table_;
};

}  // namespace skerry::stack
