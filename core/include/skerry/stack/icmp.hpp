#pragma once

// ICMP: answers echoes, tells senders what could not be delivered, and reads what others tell us.
//
// Errors are limited to about 1,000 a second; the limit moves at random, because a fixed one tells a stranger who makes
// us send them how many others made us send (RFC 1812 section 4.3.2.8; "SAD DNS", CVE-2020-25705).

#include "ipv4_output.hpp"
#include "packet.hpp"
#include "wire/icmp.hpp"

#include <cstdint>
#include <optional>

namespace skerry::stack {

/// What an ICMP error says about a packet of ours.
struct IcmpError {
    wire::IcmpType type = wire::IcmpType::unreachable;
    std::uint8_t code = 0;
    std::uint8_t protocol = 0;
    wire::Ipv4Addr remote;  ///< where the packet went
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 0;
    std::uint32_t seq = 0;  ///< TCP's
};

/// Threads: one core.
class Icmp {
public:
    Icmp(const StackConfig& config, Link& link, Ipv4Output& output, DropCounters& drops) noexcept
        : config_(config), link_(link), output_(output), drops_(drops), random_(config.seed | 1U) {}

    /// Takes the packet over. An error about a packet of ours is returned.
    std::optional<IcmpError> input(Packet& packet) noexcept;

    /// Tells the sender of `packet` that nobody listens on its port. The packet stays the caller's.
    void send_port_unreachable(const Packet& packet) noexcept;
    /// The same about its protocol.
    void send_protocol_unreachable(const Packet& packet) noexcept;

private:
    void answer_echo(Packet& packet) noexcept;
    [[nodiscard]] std::optional<IcmpError> error_in(const wire::IcmpHeader& header) noexcept;
    void send_unreachable(const Packet& packet, std::uint8_t code) noexcept;
    [[nodiscard]] bool may_send(time::Instant now) noexcept;

    const StackConfig& config_;
    Link& link_;
    Ipv4Output& output_;
    DropCounters& drops_;
    std::uint64_t random_;
    std::uint32_t tokens_ = 0;
    time::Instant refilled_;
};

}  // namespace skerry::stack
