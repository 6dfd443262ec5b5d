#pragma once

// AF_INET or AF_INET6 of a socket: which addresses it takes, and how it shows them. A socket of AF_INET6 that is not
// IPV6_V6ONLY speaks IPv4 too, in mapped addresses (RFC 3493 section 3.7).

#include <skerry/base/socket_addr.hpp>
#include <skerry/stack/hosts.hpp>

#include <sys/socket.h>

#include <optional>

namespace skerry::pkt {

struct Family {
    bool is_v6 = false;
    bool v6_only = false;  ///< IPV6_V6ONLY

    [[nodiscard]] int domain() const noexcept { return is_v6 ? AF_INET6 : AF_INET; }
    [[nodiscard]] stack::wire::Ipv4Addr any() const noexcept {
        return is_v6 ? stack::Hosts::any_v6 : stack::wire::Ipv4Addr{};
    }
    /// Whether an address given to a call is of this family.
    [[nodiscard]] bool takes(const net::IpAddr& ip) const noexcept { return ip.is_v6() == is_v6; }
    /// Whether it has anything to do with such an address, which it takes.
    [[nodiscard]] bool speaks(const net::IpAddr& ip) const noexcept { return !(v6_only && ip.is_v4_mapped()); }
    /// What the stack calls it; empty when the machine cannot: it has no IPv6, or the address is reserved.
    [[nodiscard]] std::optional<stack::wire::Ipv4Addr> name(stack::Hosts& hosts, const net::IpAddr& ip) const noexcept {
        return ip.is_unspecified() ? std::optional(any()) : hosts.name(ip);
    }
    [[nodiscard]] net::IpAddr shown(const net::IpAddr& ip) const noexcept {
        if (!is_v6) return ip;
        return ip == net::IpAddr::v4_any() ? net::IpAddr::v6_any() : ip.mapped();
    }
};

}  // namespace skerry::pkt
