#pragma once

// The four numbers that name a connection, and what is derived from them with a secret.

#include "../../time/instant.hpp"
#include "../random.hpp"
#include "../siphash.hpp"
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

/// A stack's secrets.
class Secrets {
public:
    explicit constexpr Secrets(std::uint64_t seed) noexcept
        : table_(key_for(seed, SecretUse::flow_table)),
          isn_(key_for(seed, SecretUse::isn)),
          timestamps_(key_for(seed, SecretUse::timestamps)) {}

    /// For the table of connections.
    [[nodiscard]] constexpr std::uint64_t hash(const Tuple& tuple) const noexcept { return keyed(table_, tuple); }

    /// A connection's first sequence number: the same addresses go on from where an older connection was, others say
    /// nothing about it.
    ///
    /// Source: RFC 6528 section 3, with its clock of 250 kHz.
    [[nodiscard]] constexpr std::uint32_t isn(const Tuple& tuple, time::Instant now) const noexcept {
        return static_cast<std::uint32_t>(isn_hash(tuple)) + static_cast<std::uint32_t>(now.as_nanos() / 4000);
    }
    /// What the addresses add to that clock, in the low half.
    [[nodiscard]] constexpr std::uint64_t isn_hash(const Tuple& tuple) const noexcept { return keyed(isn_, tuple); }

    /// What a connection adds to the clock of its timestamps. RFC 7323 section 5.4.
    [[nodiscard]] constexpr std::uint32_t timestamp_offset(const Tuple& tuple) const noexcept {
        return static_cast<std::uint32_t>(keyed(timestamps_, tuple));
    }

private:
    static constexpr std::uint64_t keyed(const SipKey& key, const Tuple& tuple) noexcept {
        return siphash_12(key, tuple.local.bits | std::uint64_t{tuple.remote.bits} << 32U,
                          tuple.local_port | std::uint32_t{tuple.remote_port} << 16U);
    }

    SipKey table_;
    SipKey isn_;
    SipKey timestamps_;
};

}  // namespace skerry::stack::tcp
