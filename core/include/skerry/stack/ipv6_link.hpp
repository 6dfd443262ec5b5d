#pragma once

// A core's view of IPv6 on its link: which addresses are ours, what a packet of ours comes from, by which router it
// goes.
//
// Source: RFC 6724 section 5 for the source; RFC 4861 section 6.3.6 for the router.

#include "config.hpp"
#include "hosts.hpp"
#include "ipv6_facts.hpp"

#include "../time/instant.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace skerry::stack {

/// What a configuration says. Where addresses are looked for first, they are tentative.
[[nodiscard]] Ipv6Facts facts_of(const StackConfig& config) noexcept;

/// Threads: one core.
class Ipv6Link {
public:
    Ipv6Link(const StackConfig& config, Hosts& hosts) noexcept
        : hosts_(hosts), port_mtu_(config.mtu), routes_(config.routes6) {
        set(facts_of(config));
    }
    Ipv6Link(const Ipv6Link&) = delete;
    Ipv6Link& operator=(const Ipv6Link&) = delete;

    [[nodiscard]] const Ipv6Facts& facts() const noexcept { return facts_; }
    /// From now on they are these, for Hosts too.
    void set(const Ipv6Facts& facts) noexcept;

    /// Whether this number, of an address of ours, stands for one that we have now.
    [[nodiscard]] bool is_usable(wire::Ipv4Addr own) const noexcept { return !hosts_.address(own).is_unspecified(); }
    [[nodiscard]] bool has_any() const noexcept { return has_any_; }
    /// Whether it is the solicited-node group of an address of ours, tentative or not.
    [[nodiscard]] bool is_group_of_questions(const wire::Ipv6Addr& group) const noexcept;
    /// Whether we look for another station with this address.
    [[nodiscard]] bool is_tentative(const wire::Ipv6Addr& address) const noexcept;

    [[nodiscard]] bool is_on_link(const wire::Ipv6Addr& address) const noexcept;
    /// Whether first_hop() names one.
    [[nodiscard]] bool has_way(const wire::Ipv6Addr& address) const noexcept {
        return facts_.routers != 0 || routes_.find(address) != nullptr;
    }
    /// Of what goes to an address that is_on_link() does not know: the router of the longest route, the address itself
    /// when that route has none, else router(); ::, there is no way.
    [[nodiscard]] wire::Ipv6Addr first_hop(const wire::Ipv6Addr& address, time::Instant now) const noexcept;
    [[nodiscard]] bool is_router(const wire::Ipv6Addr& address) const noexcept;
    /// The best of those that answer; when none does they take turns. There is one.
    [[nodiscard]] const wire::Ipv6Addr& router(time::Instant now) const noexcept;
    /// A neighbour does not answer. If it is a router others are taken, for a minute.
    void avoid(const wire::Ipv6Addr& neighbour, time::Instant now) noexcept;

    /// What goes there comes from this address of ours; any_v6, when we have none.
    [[nodiscard]] wire::Ipv4Addr source_for(const wire::Ipv6Addr& destination) const noexcept;

    /// How long a packet the port takes. What DHCP says of that is IPv4's.
    [[nodiscard]] std::uint16_t port_mtu() const noexcept { return port_mtu_; }
    /// How long an IPv6 packet of the link may be.
    [[nodiscard]] std::uint16_t mtu() const noexcept {
        return facts_.mtu != 0 && facts_.mtu < port_mtu_ ? facts_.mtu : port_mtu_;
    }

    static constexpr auto avoided_for = std::chrono::seconds{60};  // as Linux's router_probe_interval

private:
    Hosts& hosts_;
    std::uint16_t port_mtu_;
    Ipv6Routes routes_;
    Ipv6Facts facts_;
    bool has_any_ = false;
    std::array<time::Instant, Ipv6Facts::routers_max> avoided_until_{};
};

/// Which of two addresses of ours is the better source for `destination`.
///
/// Source: RFC 6724 section 5: rules 1, 2, 3, 6 (of its policy table: unique local addresses) and 8. We have one
///         interface, and neither home nor temporary addresses.
[[nodiscard]] bool is_better_source(const OwnAddress& a, const OwnAddress& b,
                                    const wire::Ipv6Addr& destination) noexcept;

}  // namespace skerry::stack
