#pragma once

// Identifications of datagrams that leave in pieces. Whoever gets the pieces goes by source, destination, protocol and
// this number, and of two datagrams with one number makes a third: so none comes again while pieces of it may be under
// way, whichever core sends. RFC 6864 section 4.3; RFC 8200 section 4.5.
//
//   hash(destination) + step * counter of the destination + core
//
// Each destination begins elsewhere, and its numbers go on with what goes there. There are 256 counters, and a second
// hash chooses the one, so a host learns how much goes to the few that share its counter and nothing of all others.
// RFC 7739 section 5.3.
//
// The cores of an address have the same hashes and each its own counters, so each takes every step-th number. The step
// is a power of two, because no other divides 2^16: with three cores a step of three would, behind the wrap, bring one
// of them to the numbers of another. What it costs is IPv4's: a number of 16 bits comes again after 65'536 / step
// datagrams of a core, 32'768 with two cores and 1'024 with 63. Rejected: counters that all cores share, whose cache
// lines all would write.
//
// RFC 6864 section 4.3 would have a sender wait that uses its numbers up within the lifetime of a datagram, two
// minutes. Like Linux we do not: whoever sends so much in pieces by IPv4 needs a checksum in any case.

#include "random.hpp"
#include "siphash.hpp"
#include "steering/core_steering.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// Threads: one core.
class PieceIds {
public:
    /// `seed` is the same for all cores of an address.
    PieceIds(std::uint64_t seed, const CoreSeat& seat) noexcept
        : key_(key_for(seed, SecretUse::pieces)), step_(step_of(seat)), core_(seat.core) {}

    /// The number of the next datagram to `host`, as Hosts::lasting() names it. IPv4 takes the lower 16 bits.
    [[nodiscard]] std::uint32_t next(std::uint32_t host) noexcept {
        const std::uint64_t hash = siphash_12(key_, host, 0);
        // Two hashes in one: what half of it shows to the world says nothing about the other half.
        std::uint32_t& counter = counters_[(hash >> 32U) % counters_.size()];
        return static_cast<std::uint32_t>(hash) + step_ * counter++ + core_;
    }

private:
    [[nodiscard]] static std::uint32_t step_of(const CoreSeat& seat) noexcept {
        return seat.steering == nullptr ? 1U : std::bit_ceil(std::uint32_t{seat.steering->options().cores});
    }

    SipKey key_;
    std::uint32_t step_;
    std::uint32_t core_;
    std::array<std::uint32_t, 256> counters_{};
};

}  // namespace skerry::stack
