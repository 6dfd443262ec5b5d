#pragma once

// What an ICMP error says about a packet of ours, and what that means to whoever sent it. The errors are Linux's, of
// each family, so that a program hears the same on every backend.
//
// Source: RFC 1122 section 3.2.2.1, RFC 4443 section 3; the numbers are those of icmp_err_convert in Linux's
// net/ipv4/icmp.c and of icmpv6_err_convert in net/ipv6/icmp.c.

#include "path_mtus.hpp"
#include "wire/addresses.hpp"
#include "wire/icmp.hpp"
#include "wire/icmpv6.hpp"

#include <cstdint>
#include <optional>

namespace skerry::stack {

struct IcmpMeaning {
    std::uint8_t os_error = 0;  ///< which error it was, for Error::from_os()
    bool is_hard = false;  ///< it will not pass: a connected datagram socket is told
    bool ends_connect = false;  ///< of the SYN that it is about
    bool is_too_long = false;  ///< the way takes less
};

/// Empty for what says nothing of a packet's fate.
[[nodiscard]] std::optional<IcmpMeaning> meaning_of(wire::IcmpType type, std::uint8_t code) noexcept;
[[nodiscard]] std::optional<IcmpMeaning> meaning_of(wire::Icmpv6Type type, std::uint8_t code) noexcept;

struct IcmpError {
    IcmpMeaning meaning;
    std::uint8_t protocol = 0;
    wire::Ipv4Addr remote;  ///< where the packet went
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 0;
    std::uint32_t seq = 0;  ///< TCP's
    wire::Ipv4Addr local;  ///< where it came from
    TooLong too_long;  ///< with is_too_long
};

}  // namespace skerry::stack
