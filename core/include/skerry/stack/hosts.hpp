#pragma once

// Hosts by number. All of the stack above the network layer names a host by 32 bits, a wire::Ipv4Addr: an IPv4 address
// or, in 240.0.0.0/4, which no packet on a wire may carry (RFC 1112 section 4), the number of an IPv6 address that is
// kept here. So a connection's tuple is 12 bytes and one hash whatever the family, IPv4's hot path does not know of the
// other, and a thousand connections to one host keep its address once.
//
//   ::, and our own   for good: one of ours that ends leaves its number to the next one that gets its place
//   held              by flows, neighbours and connected sockets, counted
//   passing           in one of eight places that the next ones overwrite: of packets that begin nothing. What they
//                     make the stack send has left by then
//
// Rejected: tuples of 36 bytes. They would be compared, hashed and kept by IPv4 too, and a TIME-WAIT entry would no
// longer be a cache line.

#include "ipv6_facts.hpp"
#include "siphash.hpp"
#include "tcp/flow_table.hpp"
#include "wire/addresses.hpp"
#include "wire/checksum.hpp"

#include "../base/socket_addr.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace skerry::stack {

/// Whether this is the number of an IPv6 host and no IPv4 address.
[[nodiscard]] constexpr bool is_host_number(wire::Ipv4Addr host) noexcept {
    return host.bits - 0xf000'0000U < 0x0fff'ffffU;  // 255.255.255.255 is none
}

/// Threads: one core.
class Hosts {
public:
    /// ::, any of our IPv6 addresses.
    static constexpr wire::Ipv4Addr any_v6{0xf000'0008U};
    /// Of a datagram that waits to be read: its source is written in front of it.
    static constexpr wire::Ipv4Addr in_frame{0xf000'0009U};
    /// Of a socket whose address was ours and is not any more: nothing comes there, nothing leaves from there.
    static constexpr wire::Ipv4Addr nobody{0xf000'000aU};
    /// Our link-local address, and our others by their places in Ipv6Facts: own_v6 is the first of those.
    static constexpr wire::Ipv4Addr own_link_local{0xf000'000bU};
    static constexpr wire::Ipv4Addr own_v6{0xf000'000cU};
    [[nodiscard]] static constexpr wire::Ipv4Addr own_v6_at(std::size_t place) noexcept {
        return {own_v6.bits + static_cast<std::uint32_t>(place)};
    }

    /// `address` and `link_local` are ours; ::, when there is no IPv6.
    Hosts(std::uint64_t seed, const wire::Ipv6Addr& address, const wire::Ipv6Addr& link_local);
    Hosts(const Hosts&) = delete;
    Hosts& operator=(const Hosts&) = delete;

    /// Whether we have IPv6, with an address or without one yet.
    [[nodiscard]] bool has_v6() const noexcept { return has_v6_; }
    [[nodiscard]] static constexpr bool is_own_v6(wire::Ipv4Addr host) noexcept {
        return host.bits - nobody.bits <= Ipv6Facts::addresses_max + 1;
    }
    /// What the number of an address of ours stands for from now on; ::, nothing.
    void set_own(wire::Ipv4Addr own, const wire::Ipv6Addr& address) noexcept;

    /// Whether we have this address now.
    [[nodiscard]] bool is_own(const wire::Ipv6Addr& address) const noexcept {
        return find_own(address) < own_end_ && !address.is_unspecified();
    }

    /// The number of an address. It is good for as long as somebody holds it, or until eight others passed.
    [[nodiscard]] wire::Ipv4Addr name(const wire::Ipv6Addr& address) noexcept;
    /// The number under which it is ours or held.
    [[nodiscard]] std::optional<wire::Ipv4Addr> find(const wire::Ipv6Addr& address) const noexcept;
    /// The number of an address of either family; an IPv4-mapped one is IPv4. Empty for what no packet can go to or
    /// come from: IPv6 when we have none, 240.0.0.0/4.
    [[nodiscard]] std::optional<wire::Ipv4Addr> name(const net::IpAddr& ip) noexcept;

    /// The number that what `host` names has by now, if somebody holds it since it passed.
    [[nodiscard]] wire::Ipv4Addr current(wire::Ipv4Addr host) const noexcept {
        return is_host_number(host) && index_of(host) < passing ? find(address(host)).value_or(host) : host;
    }

    /// Keeps what `host` names until release(), and returns the number that it has from now on; an IPv4 address is
    /// itself. Empty when there is no memory.
    [[nodiscard]] std::optional<wire::Ipv4Addr> hold(wire::Ipv4Addr host) noexcept {
        if (!is_host_number(host)) [[likely]]
            return host;
        return hold_v6(host);
    }
    void release(wire::Ipv4Addr host) noexcept {
        if (is_host_number(host)) [[unlikely]]
            release_v6(host);
    }

    /// What a number stands for.
    [[nodiscard]] const wire::Ipv6Addr& address(wire::Ipv4Addr number) const noexcept {
        const std::uint32_t index = index_of(number);
        return index < first_.size() ? first_[index] : held_[index - first_.size()].address;
    }
    /// The same of either family.
    [[nodiscard]] net::IpAddr ip(wire::Ipv4Addr host) const noexcept;

    [[nodiscard]] bool is_multicast(wire::Ipv4Addr host) const noexcept {
        return is_host_number(host) ? address(host).is_multicast() : host.is_multicast();
    }

    /// See wire::pseudo_header().
    [[nodiscard]] std::uint64_t pseudo_header(wire::Ipv4Addr source, wire::Ipv4Addr destination, std::uint8_t protocol,
                                              std::uint32_t bytes) const noexcept {
        if (is_host_number(source)) [[unlikely]]
            return wire::pseudo_header(address(source), address(destination), protocol, bytes);
        return wire::pseudo_header(source, destination, protocol, bytes);
    }

    /// 64 bits that name a host on every core of ours: an IPv4 address, or a keyed hash of an IPv6 one.
    [[nodiscard]] std::uint64_t identity(wire::Ipv4Addr host) const noexcept {
        return is_host_number(host) ? hash(address(host)) : host.bits;
    }
    [[nodiscard]] std::uint64_t identity(const wire::Ipv6Addr& address) const noexcept { return hash(address); }

    /// 32 bits that are the same whenever the address is, whatever its number: a keyed hash of an IPv6 address.
    [[nodiscard]] std::uint32_t lasting(wire::Ipv4Addr host) const noexcept {
        return is_host_number(host) ? static_cast<std::uint32_t>(hash(address(host))) : host.bits;
    }

    /// Addresses that are held.
    [[nodiscard]] std::size_t size() const noexcept { return by_address_.size(); }

private:
    struct Entry {
        wire::Ipv6Addr address;
        std::uint32_t holders = 0;
        std::uint32_t next_free = 0;  // of an entry without holders: the index of another and 1
    };
    static constexpr std::size_t passing = 8;

    [[nodiscard]] static constexpr std::uint32_t index_of(wire::Ipv4Addr number) noexcept {
        return number.bits & 0x0fff'ffffU;
    }
    [[nodiscard]] static constexpr wire::Ipv4Addr number_of(std::size_t index) noexcept {
        return {0xf000'0000U | static_cast<std::uint32_t>(index)};
    }
    /// The index of one of ours; own_end_, when it is none.
    [[nodiscard]] std::uint32_t find_own(const wire::Ipv6Addr& address) const noexcept {
        std::uint32_t at = index_of(own_link_local);
        while (at < own_end_ && first_[at] != address) ++at;
        return at;
    }
    [[nodiscard]] std::uint64_t hash(const wire::Ipv6Addr& address) const noexcept;
    [[nodiscard]] std::optional<wire::Ipv4Addr> hold_v6(wire::Ipv4Addr host) noexcept;
    void release_v6(wire::Ipv4Addr host) noexcept;
    [[nodiscard]] Entry* free_entry(std::uint32_t& at) noexcept;

    SipKey key_;
    static constexpr std::size_t kept_for_good = 4 + Ipv6Facts::addresses_max;

    std::array<wire::Ipv6Addr, passing + kept_for_good> first_{};  // those that pass, then ::, two of none, and ours
    std::uint32_t own_end_;  // of first_: behind the last address that we have
    bool has_v6_ = false;
    std::size_t next_passing_ = 0;
    std::deque<Entry> held_;
    std::uint32_t free_ = 0;  // of held_: the index and 1
    tcp::FlowTable by_address_;
};

/// Whether a socket's address is any of ours: 0.0.0.0 or ::.
[[nodiscard]] constexpr bool is_any(wire::Ipv4Addr local) noexcept {
    return local.is_unspecified() || local == Hosts::any_v6;
}

/// Whether a socket at `local` hears what comes to `address`: :: hears IPv4 too, unless it is `v6_only`. RFC 3493
/// sections 3.7 and 5.3.
[[nodiscard]] constexpr bool covers(wire::Ipv4Addr local, bool v6_only, wire::Ipv4Addr address) noexcept {
    if (local == address) return true;
    if (local.is_unspecified()) return !is_host_number(address);
    return local == Hosts::any_v6 && (is_host_number(address) || !v6_only);
}

/// Whether two sockets would hear the same.
[[nodiscard]] constexpr bool overlap(wire::Ipv4Addr a, bool a_v6_only, wire::Ipv4Addr b, bool b_v6_only) noexcept {
    return covers(a, a_v6_only, b) || covers(b, b_v6_only, a);
}

}  // namespace skerry::stack
