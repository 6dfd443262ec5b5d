#pragma once

// Numbers for ports and jitter: nobody who sees some of them foretells the next, and the same seed gives the same ones.

#include "siphash.hpp"

#include <cstdint>

namespace skerry::stack {

/// What a secret is made for: each has a key of its own.
enum class SecretUse : std::uint8_t {
    flow_table = 1,
    isn,
    timestamps,
    tcp_numbers,
    icmp_numbers,
    igmp_numbers,
    udp_numbers,
    rss_key,
    flow_owners,
    steering_numbers,
    reassembly,
    hosts,
    pieces,
    neighbours,
    path_mtus,
    redirects,
    syn_cookies,
    dhcp_numbers,
    arp_numbers,
    interface_ids,
    autoconf_numbers
};

[[nodiscard]] constexpr SipKey key_for(std::uint64_t seed, SecretUse use) noexcept {
    return SipKey::of(seed, static_cast<std::uint64_t>(use));
}

/// Cost: about 10 ns a number.
class Random {
public:
    constexpr Random(std::uint64_t seed, SecretUse use) noexcept : key_(key_for(seed, use)) {}

    [[nodiscard]] constexpr std::uint32_t next() noexcept {
        return static_cast<std::uint32_t>(siphash_12(key_, counter_++, 0));
    }

private:
    SipKey key_;
    std::uint64_t counter_ = 0;
};

}  // namespace skerry::stack
