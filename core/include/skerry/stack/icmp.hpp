#pragma once

// ICMP: answers echoes, tells senders what could not be delivered, and reads what others tell us.
//
// Errors are limited to about 1,000 a second (RFC 1812 section 4.3.2.8), by rate_limit.hpp.

#include "icmp_error.hpp"
#include "icmpv6.hpp"
#include "ip_output.hpp"
#include "packet.hpp"
#include "random.hpp"
#include "rate_limit.hpp"
#include "wire/icmp.hpp"

#include <cstdint>
#include <optional>

namespace skerry::stack {

/// Threads: one core.
class Icmp {
public:
    Icmp(const StackConfig& config, Link& link, IpOutput& output, DropCounters& drops) noexcept
        : config_(config),
          link_(link),
          output_(output),
          v6_(config, link, output, drops),
          drops_(drops),
          errors_(config.icmp_per_second),
          random_(config.drawn_seed(), SecretUse::icmp_numbers) {}

    /// Takes the packet over, unless it is an error about a packet of ours, which is returned.
    std::optional<IcmpError> input(Packet& packet) noexcept;

    /// The same of IPv6.
    [[nodiscard]] Icmpv6& v6() noexcept { return v6_; }

    /// Tells the sender of `packet`, of either family, that nobody listens on its port. The packet stays the caller's.
    void send_port_unreachable(const Packet& packet) noexcept;
    /// The same about its protocol.
    void send_protocol_unreachable(const Packet& packet) noexcept;

    /// That the rest of a datagram did not come in time; `first_piece` begins with its IP header, of either family.
    void send_reassembly_timeout(std::span<const std::byte> first_piece, time::Instant now) noexcept;

private:
    void answer_echo(Packet& packet) noexcept;
    [[nodiscard]] Drop take_redirect(const Packet& packet, const wire::IcmpHeader& header) noexcept;
    [[nodiscard]] std::optional<IcmpError> error_in(const wire::IcmpHeader& header) noexcept;
    void send_unreachable(const Packet& packet, std::uint8_t code) noexcept;
    void send_error(wire::IcmpType type, std::uint8_t code, std::span<const std::byte> about,
                    const wire::Ipv4Header& ip, time::Instant now) noexcept;

    const StackConfig& config_;
    Link& link_;
    IpOutput& output_;
    Icmpv6 v6_;
    DropCounters& drops_;
    RateLimit errors_;
    Random random_;
};

}  // namespace skerry::stack
