#pragma once

// The four numbers that name a connection, and what is derived from them with a secret.

#include "siphash.hpp"

#include "../../time/instant.hpp"
#include "../wire/addresses.hpp"

#include <cstdint>

namespace skerry::stack::tcp {

struct Tuple {
    wire::Ipv4Addr local;
    wire::Ipv4Addr remote;
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 0;

    friend constexpr bool operator==(const Tuple&, const Tuple&) noexcept = default;
};
static_assert(sizeof(Tuple) == 12);

/// A stack's secrets: one key for each use, so that what one shows to the world says nothing about another.
class Secrets {
public:
    explicit constexpr Secrets(std::uint64_t seed) noexcept
        : table_(make(seed, 1)), isn_(make(seed, 2)), timestamps_(make(seed, 3)), random_(seed * 2 + 1) {}

    /// For the table of connections.
    [[nodiscard]] constexpr std::uint64_t hash(const Tuple& tuple) const noexcept { return keyed(table_, tuple); }

    /// A connection's first sequence number: the same addresses go on from where an older connection was, others say
    /// nothing about it.
    ///
    /// Source: RFC 6528 section 3, with its clock of 250 kHz.
    [[nodiscard]] constexpr std::uint32_t isn(const Tuple& tuple, time::Instant now) const noexcept {
        return static_cast<std::uint32_t>(keyed(isn_, tuple)) + static_cast<std::uint32_t>(now.as_nanos() / 4000);
    }

    /// What a connection adds to the clock of its timestamps. RFC 7323 section 5.4.
    [[nodiscard]] constexpr std::uint32_t timestamp_offset(const Tuple& tuple) const noexcept {
        return static_cast<std::uint32_t>(keyed(timestamps_, tuple));
    }

    /// The next number that nobody foretells easily: ports and jitter, no secrets.
    [[nodiscard]] constexpr std::uint32_t random() noexcept {
        random_ = random_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
        return static_cast<std::uint32_t>(random_ >> 33U);
    }

private:
    static constexpr std::uint64_t mix(std::uint64_t x) noexcept {  // splitmix64
        x += 0x9e3779b97f4a7c15U;
        x = (x ^ x >> 30U) * 0xbf58476d1ce4e5b9U;
        x = (x ^ x >> 27U) * 0x94d049bb133111ebU;
        return x ^ x >> 31U;
    }
    static constexpr SipKey make(std::uint64_t seed, std::uint64_t use) noexcept {
        return {mix(seed ^ mix(2 * use)), mix(seed ^ mix(2 * use + 1))};
    }
    static constexpr std::uint64_t keyed(const SipKey& key, const Tuple& tuple) noexcept {
        return siphash_12(key, tuple.local.bits | std::uint64_t{tuple.remote.bits} << 32U,
                          tuple.local_port | std::uint32_t{tuple.remote_port} << 16U);
    }

    SipKey table_;
    SipKey isn_;
    SipKey timestamps_;
    std::uint64_t random_;
};

}  // namespace skerry::stack::tcp
