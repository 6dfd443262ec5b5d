#pragma once

// What a script's options say: `--ip_version=ipv4`, `--tolerance_usecs=10000`.

#include "../host/profile.hpp"
#include "../syntax/script.hpp"

#include <skerry/base/socket_addr.hpp>

#include <cstdint>

namespace skerry::pkt {

/// The addresses and ports are those that the language has when a script says nothing.
struct RunConfig {
    Profile profile = Profile::linux_like;
    /// Whether sockets are of AF_INET6, and the packets of IPv4.
    bool is_mapped = false;
    net::IpAddr local = net::IpAddr::v4(192, 168, 0, 2);
    net::IpAddr remote = net::IpAddr::v4(192, 0, 2, 1);
    net::IpAddr gateway = net::IpAddr::v4(192, 168, 0, 1);
    std::uint8_t prefix_bits = 16;
    std::uint16_t bind_port = 8080;
    std::uint16_t connect_port = 8080;
    std::uint16_t mtu = 1500;
    std::int64_t tolerance_us = 4000;
    /// Of the time since the event before; the larger one of both counts.
    double tolerance_percent = 12.5;
    std::int64_t stamp_tick_us = 0;
    /// Whether a segment may not be sent as several, as a card with TSO would.
    bool has_strict_segments = false;

    /// Of an address that a program of the script's family names.
    [[nodiscard]] net::IpAddr in_family_of_sockets(const net::IpAddr& address) const;
    [[nodiscard]] int socket_domain() const;
};

/// Stops:  with a skip: an option that is not known, or a value that is not.
[[nodiscard]] RunConfig read_run_config(const syntax::Script& script, Profile profile);

}  // namespace skerry::pkt
