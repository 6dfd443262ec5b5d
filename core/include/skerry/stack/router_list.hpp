#pragma once

// What routers say of themselves and of the link: who routes, which prefixes are on the link, an MTU, a hop limit, how
// long neighbours are believed. Each for as long as it was said for. Nobody proves that he is a router, so what no link
// has is not taken, and there is a limit to how many are remembered: those that came first stay.
//
// Source: RFC 4861 section 6.3.4; RFC 4191 section 3.2 for which router comes first.

#include "config.hpp"
#include "drop.hpp"
#include "ipv6_link.hpp"
#include "random.hpp"
#include "wire/ndp.hpp"

#include "../time/instant.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// When something said now for so many seconds ends; ndp_infinite_s: never.
[[nodiscard]] constexpr time::Instant end_of(std::uint32_t lifetime_s, time::Instant now) noexcept {
    return lifetime_s == wire::ndp_infinite_s ? time::Instant::max() : now + std::chrono::seconds{lifetime_s};
}

/// Whether it can be the prefix of a network: no group, not the link's own, not what holds ::, ::1 and mapped
/// addresses.
[[nodiscard]] constexpr bool is_of_network(const wire::NdpPrefix& prefix) noexcept {
    return prefix.prefix_bits != 0 && !prefix.prefix.is_multicast() && !prefix.prefix.is_link_local() &&
           prefix.prefix.high != 0;
}

/// Threads: one core.
class RouterList {
public:
    /// `port_mtu`: no router's MTU is longer.
    RouterList(const StackConfig& config, std::uint16_t port_mtu, Random& random, DropCounters& drops) noexcept;

    /// What `router` says.
    void take(const wire::Ipv6Addr& router, const wire::NdpRouter& said, time::Instant now) noexcept;
    /// It says that it is a router no longer: RFC 4861 section 7.2.5.
    void remove(const wire::Ipv6Addr& router) noexcept;
    void expire(time::Instant now) noexcept;
    /// When something ends next.
    [[nodiscard]] time::Instant next_end() const noexcept;
    /// Puts what is known into `facts`.
    void tell(Ipv6Facts& facts) const noexcept;

    /// RFC 4861 section 6.2.1, MaxRtr..., and what else no link has.
    static constexpr std::uint32_t reachable_ms_max = 3'600'000;
    static constexpr std::uint32_t retransmit_ms_min = 100;
    static constexpr std::uint32_t retransmit_ms_max = 60'000;
    /// A smaller hop limit would cut us off from what is further away: CVE-2015-2922.
    static constexpr std::uint8_t hop_limit_min = 32;
    static constexpr auto reachable_again = std::chrono::hours{2};  // RFC 4861 section 6.3.4: every few hours

private:
    struct Router {
        wire::Ipv6Addr address;
        time::Instant until;
        int preference = 0;
    };
    struct Prefix {
        OnLinkPrefix prefix;
        time::Instant until;
    };

    void take_router(const wire::Ipv6Addr& router, const wire::NdpRouter& said, time::Instant now) noexcept;
    void take_prefix(const wire::NdpPrefix& said, time::Instant now) noexcept;
    void take_parameters(const wire::NdpRouter& said, time::Instant now) noexcept;
    void draw_reachable(time::Instant now) noexcept;

    std::uint16_t port_mtu_;
    Random& random_;
    DropCounters& drops_;
    std::array<Router, Ipv6Facts::routers_max> router_;  // the best first
    std::size_t routers_ = 0;
    std::array<Prefix, Ipv6Facts::prefixes_max> prefix_;
    std::size_t prefixes_ = 0;
    std::uint8_t hop_limit_ = Ipv6Facts{}.hop_limit;
    std::uint16_t mtu_ = 0;
    std::uint32_t base_reachable_ms_ = 0;  // 0: as configured
    time::Instant draw_again_ = time::Instant::max();
    std::chrono::nanoseconds reachable_;
    std::chrono::nanoseconds retransmit_;
};

}  // namespace skerry::stack
