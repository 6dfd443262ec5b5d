#pragma once

// ICMPv6: answers echoes, tells senders what could not be delivered, and reads what others tell us. What is about
// neighbours is ndp.hpp's.
//
// An error of another host is told on as icmp_error.hpp has it, so that TCP and UDP judge both families alike. Ours are
// limited as ICMP's are.

#include "icmp_error.hpp"
#include "ip_output.hpp"
#include "packet.hpp"
#include "random.hpp"
#include "rate_limit.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv6_extensions.hpp"

#include <cstdint>
#include <optional>

namespace skerry::stack {

/// Threads: one core.
class Icmpv6 {
public:
    Icmpv6(const StackConfig& config, Link& link, IpOutput& output, DropCounters& drops) noexcept
        : link_(link),
          output_(output),
          drops_(drops),
          errors_(config.icmp_per_second),
          random_(config.drawn_seed(), SecretUse::icmp_numbers) {}

    /// A message that is neither about neighbours nor about groups. Takes the packet over, unless it is an error about
    /// a packet of ours, which is returned.
    std::optional<IcmpError> input(Packet& packet) noexcept;

    /// Tells the sender of `packet` that nobody listens on its port. The packet stays the caller's.
    void send_port_unreachable(const Packet& packet) noexcept;
    /// The same about a next header that nobody here speaks, which the field at `next_at` names.
    void send_unknown_header(const Packet& packet, std::uint32_t next_at) noexcept;
    /// Tells the sender of a packet what its extension headers have wrong, if it may be told. `packet` is the whole,
    /// from its IPv6 header on.
    void send_problem(std::span<const std::byte> packet, const wire::Ipv6Header& ip, const wire::Ipv6Problem& problem,
                      time::Instant now) noexcept;
    /// See Icmp.
    void send_reassembly_timeout(std::span<const std::byte> first_piece, time::Instant now) noexcept;

private:
    void answer_echo(Packet& packet) noexcept;
    [[nodiscard]] std::optional<IcmpError> error_in(const wire::Icmpv6Header& header) noexcept;
    void send(wire::Icmpv6Header header, std::span<const std::byte> about, wire::Ipv4Addr source, wire::Ipv4Addr to,
              time::Instant now) noexcept;

    Link& link_;
    IpOutput& output_;
    DropCounters& drops_;
    RateLimit errors_;
    Random random_;
};

}  // namespace skerry::stack
