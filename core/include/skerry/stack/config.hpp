#pragma once

// What a stack is told before it runs. Every limit has a counter, which is a reason in drop.hpp. What IPv4 is told may
// change later (Stack::take_network); the stack's own copy says what holds.

#include "ipv4_network.hpp"
#include "long_frame.hpp"
#include "own_ipv4.hpp"
#include "own_ipv6.hpp"
#include "random.hpp"
#include "routes.hpp"
#include "siphash.hpp"
#include "steering/core_steering.hpp"
#include "tcp/limits.hpp"
#include "wire/addresses.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace skerry::stack {

/// ARP and neighbour discovery: how long things are believed, and how many there may be. The times are those of RFC
/// 4861 section 10.
struct NeighbourLimits {
    std::size_t entries_max = 4096;      ///< half of them unanswered; who was used longest ago goes for a new one
    std::size_t waiting_per_entry = 8;  ///< packets for one whose hardware address is asked for; the oldest is dropped
    std::size_t waiting_max = 512;  ///< packets for all of them; one for who has been silent longest is dropped
    unsigned requests_max = 3;  ///< before a neighbour is given up
    std::chrono::nanoseconds retransmit = std::chrono::seconds{1};
    std::chrono::nanoseconds reachable = std::chrono::seconds{30};
    std::chrono::nanoseconds delay_first_probe = std::chrono::seconds{5};
    std::chrono::nanoseconds lock = std::chrono::seconds{1};  ///< a fresh answer is not overwritten by an unasked one
    constexpr NeighbourLimits() noexcept {}
};

/// Datagrams that come in pieces.
struct ReassemblyLimits {
    std::size_t datagrams_max = 1024;
    std::size_t bytes_max = std::size_t{4} << 20U;  ///< of memory that pieces hold
    std::size_t pieces_max = 64;  ///< of one datagram
    std::size_t heap_bytes_max = long_frames_bytes_max;  ///< in long frames, of all cores: beyond, none is put together
    std::chrono::nanoseconds timeout = std::chrono::seconds{30};
    std::chrono::nanoseconds timeout6 = std::chrono::seconds{60};  ///< of IPv6: RFC 8200 section 4.5
    constexpr ReassemblyLimits() noexcept {}
};

/// 4095 is reserved: IEEE 802.1Q clause 9.6.
inline constexpr std::uint16_t vlan_max = 4094;

struct StackConfig {
    wire::MacAddr mac;
    std::uint16_t mtu = 1500;  ///< of an IP packet; a VLAN's tag comes on top
    std::uint16_t vlan = 0;  ///< the VLAN that we are in, at most vlan_max; 0: none
    bool checksums_sent = false;  ///< the port finishes the transport checksums of what is sent

    wire::Ipv4Addr address;  ///< ours, of several the first; 0.0.0.0: there is no IPv4
    std::uint8_t prefix_bits = 24;
    wire::Ipv4Addr gateway;  ///< 0.0.0.0: none
    bool claims_address = false;  ///< the link is told by ARP that it is ours, and told again when another says so
    bool uses_dhcp = false;  ///< a server gives `address` and what belongs to it, and there is none before
    bool loops_own_address = true;  ///< what is sent to an address of ours stays inside; else it leaves by the port
    MoreIpv4 more_addresses;  ///< ours too; none where `address` is none, or a server's

    wire::Ipv6Addr address6;  ///< ours; ::, there is no IPv6, or as `autoconf6` says
    std::uint8_t prefix6_bits = 64;
    MoreIpv6 more_addresses6;  ///< ours too; none where `address6` is none
    wire::Ipv6Addr gateway6;  ///< ::, none
    wire::Ipv6Addr link_local6;  ///< made of `mac` when it is :: and there is IPv6. RFC 4291 appendix A
    bool checks_address6 = false;  ///< before they are used it is found out whether other stations have our addresses
    /// The addresses and routers of IPv6 are what routers say, and the link-local address is a stable one (RFC 7217).
    bool autoconf6 = false;
    SipKey interface_secret;  ///< of those addresses, where they shall be the same in the next run; zeros: of `seed`

    /// Whether routers may name a better first hop. Linux has it on; here it is off, because anybody on the link can
    /// write a redirect, and a host with one router has nothing to learn by it.
    bool accept_redirects = false;

    NeighbourLimits neighbours;
    ReassemblyLimits reassembly;
    TcpLimits tcp;
    std::uint32_t icmp_per_second = 1000;  ///< errors, about; handed to other cores, too. Echoes are not limited
    std::size_t udp_queue_packets = 1024;  ///< datagrams that one socket keeps unread
    std::size_t groups_max = 1024;  ///< multicast groups of each family that this host is in at once
    std::size_t group_sources_max = 64;  ///< sources that it is in one of them for; at most 64
    bool reports_own_groups = false;  ///< routers and switches hear of the solicited-node groups of our addresses too
    std::size_t backlog_max = 4096;  ///< packets that the port has not taken yet
    std::size_t pool_frames = 4096;  ///< of the port; the stack sets it, and cuts the limits above to their share of it
    std::size_t assured_frames = 4;  ///< what a socket may keep of each direction when the pool is short: on the heap
    std::uint64_t seed = 0;  ///< of port numbers and of the jitter of limits; the same for all cores of an address

    CoreSeat seat;  ///< among the cores that share the address
    CoreSteering* steering = nullptr;  ///< the stack's own, set by it: null when there is one core

    Ipv4Routes routes;  ///< beside the one by `gateway`
    Ipv6Routes routes6;  ///< beside those by routers; what is in a prefix of the link needs none, and uses none

    /// Of numbers that each core draws for itself.
    [[nodiscard]] constexpr std::uint64_t drawn_seed() const noexcept {
        return seed + seat.core * 0x9e37'79b9'7f4a'7c15U;
    }

    /// Whether we speak IPv4, be it only to a server that gives an address.
    [[nodiscard]] constexpr bool has_v4() const noexcept { return uses_dhcp || !address.is_unspecified(); }
    /// Whether anything of IPv6 shows only while the stack runs.
    [[nodiscard]] constexpr bool finds_out_ipv6() const noexcept {
        return autoconf6 || (checks_address6 && !address6.is_unspecified());
    }
    /// How many IPv6 addresses the configuration names.
    [[nodiscard]] constexpr std::size_t ipv6_count() const noexcept {
        return address6.is_unspecified() ? 0 : 1 + more_addresses6.size();
    }
    /// `place` counts from 0, `address6`, on.
    [[nodiscard]] OwnIpv6 ipv6_at(std::size_t place) const noexcept {
        return place == 0 ? OwnIpv6{address6, prefix6_bits} : more_addresses6.all()[place - 1];
    }
    /// Whether it names this one, and whether a host is in a network of theirs.
    [[nodiscard]] bool is_own6(const wire::Ipv6Addr& other) const noexcept {
        return (other == address6 && !other.is_unspecified()) || more_addresses6.has(other);
    }
    [[nodiscard]] bool is_near6(const wire::Ipv6Addr& host) const noexcept {
        return ipv6_count() != 0 && (host.is_within(address6, prefix6_bits) || more_addresses6.is_near(host));
    }
    /// What our own IPv6 addresses are made of.
    [[nodiscard]] constexpr SipKey interface_key() const noexcept {
        const bool is_given = (interface_secret.first | interface_secret.second) != 0;
        return is_given ? interface_secret : SipKey::of(seed, static_cast<std::uint64_t>(SecretUse::interface_ids));
    }

    /// How many IPv4 addresses there may be; the first is counted whether it is there now or not.
    [[nodiscard]] constexpr std::size_t ipv4_count() const noexcept { return 1 + more_addresses.size(); }
    /// `place` counts from 0, `address`, on.
    [[nodiscard]] OwnIpv4 ipv4_at(std::size_t place) const noexcept;
    /// Which of them it is; ipv4_count(), none.
    [[nodiscard]] std::size_t place_of(wire::Ipv4Addr own) const noexcept {
        return own == address ? 0 : 1 + more_addresses.place_of(own);
    }
    /// Whether it is an IPv4 address of ours.
    [[nodiscard]] constexpr bool is_own(wire::Ipv4Addr other) const noexcept {
        if (other == address) return !other.is_unspecified();
        return !more_addresses.empty() && more_addresses.has(other);
    }
    /// Which of them what goes there comes from: the one in whose network the host is, or its first hop; else the
    /// first.
    [[nodiscard]] constexpr wire::Ipv4Addr source_for(wire::Ipv4Addr host) const noexcept {
        return more_addresses.empty() ? address : source_of_several(host);
    }
    /// Which of them asks for a host of the link: the one in whose network it is, else the first. Where packets to it
    /// go is another question: a route may cover a router that stands beside us.
    [[nodiscard]] constexpr wire::Ipv4Addr asker_for(wire::Ipv4Addr host) const noexcept {
        return more_addresses.empty() ? address : nearest_of_several(host);
    }

    [[nodiscard]] constexpr std::uint32_t mask() const noexcept { return mask_of(prefix_bits); }
    /// Whether a host is in a network of ours.
    [[nodiscard]] constexpr bool is_on_link(wire::Ipv4Addr other) const noexcept {
        return is_near_first(other) || (!more_addresses.empty() && more_addresses.near(other) != nullptr);
    }
    /// How many bits the network of ours has in which a host is; of several the most; 0: it is in none.
    [[nodiscard]] std::uint8_t near_bits(wire::Ipv4Addr host) const noexcept;
    /// The first hop of what goes to a host; 0.0.0.0: there is no way.
    [[nodiscard]] constexpr wire::Ipv4Addr next_hop(wire::Ipv4Addr host) const noexcept {
        const bool is_near = is_on_link(host);
        if (routes.empty()) [[likely]]
            return is_near ? host : gateway;
        const Ipv4Route* const route = routes.find(host);
        if (is_near && (route == nullptr || route->prefix_bits <= near_bits(host))) return host;
        if (route == nullptr) return gateway;
        return route->router.is_unspecified() ? host : route->router;
    }
    /// 255.255.255.255, or all ones behind the prefix of a network of ours.
    [[nodiscard]] constexpr bool is_broadcast(wire::Ipv4Addr other) const noexcept {
        return other.is_broadcast() || (prefix_bits < 31 && is_near_first(other) && (other.bits | mask()) == ~0U) ||
               (!more_addresses.empty() && more_addresses.is_broadcast(other));
    }

private:
    [[nodiscard]] constexpr bool is_near_first(wire::Ipv4Addr other) const noexcept {
        return address.bits != 0 && ((other.bits ^ address.bits) & mask()) == 0 && !other.is_reserved();
    }
    [[nodiscard]] wire::Ipv4Addr source_of_several(wire::Ipv4Addr host) const noexcept;
    [[nodiscard]] wire::Ipv4Addr nearest_of_several(wire::Ipv4Addr host) const noexcept;
};

}  // namespace skerry::stack
