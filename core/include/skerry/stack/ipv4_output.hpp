#pragma once

// Hot path. From a transport's segment to a packet on its way: route, IPv4 header, neighbour.

#include "config.hpp"
#include "drop.hpp"
#include "link.hpp"
#include "neighbours.hpp"
#include "wire/ipv4.hpp"

#include <cstdint>

namespace skerry::stack {

/// Threads: one core.
class Ipv4Output {
public:
    Ipv4Output(const StackConfig& config, Link& link, Neighbours& neighbours) noexcept
        : config_(config), link_(link), neighbours_(neighbours) {}

    /// Whether a packet to `destination` could leave, and if not why: ipv4_no_route, or ipv4_too_big when `bytes` of a
    /// segment exceed the MTU.
    [[nodiscard]] Drop check(wire::Ipv4Addr destination, std::size_t bytes) const noexcept;

    /// Sends the segment in `packet` from our address. check() has answered none. Takes the packet over.
    void send(Frame& packet, wire::Ipv4Addr destination, std::uint8_t protocol, time::Instant now,
              std::uint8_t ttl = ttl_default) noexcept;

    /// Brings a segment of what goes to a group back to ourselves, who are in it.
    void loop(Frame& packet, wire::Ipv4Addr destination, std::uint8_t protocol) noexcept;

    /// As send(), with TTL 1 and the option that makes routers look at the packet (RFC 2113).
    void send_with_router_alert(Frame& packet, wire::Ipv4Addr destination, std::uint8_t protocol,
                                time::Instant now) noexcept;

    /// `remote` has answered what we sent it: the way there works in both directions.
    void confirm(wire::Ipv4Addr remote, time::Instant now) noexcept {
        if (remote != config_.address) neighbours_.confirm(next_hop(remote), now);
    }

    /// Packets to ourselves, IPv4 header in front, for the next input().
    [[nodiscard]] FrameQueue& looped() noexcept { return looped_; }

    static constexpr std::uint8_t ttl_default = 64;

private:
    void write_header(Frame& packet, wire::Ipv4Header& header) noexcept;
    void finish(Frame& packet, wire::Ipv4Header& header, time::Instant now) noexcept;
    [[nodiscard]] wire::Ipv4Addr next_hop(wire::Ipv4Addr destination) const noexcept {
        return config_.is_on_link(destination) ? destination : config_.gateway;
    }

    const StackConfig& config_;
    Link& link_;
    Neighbours& neighbours_;
    FrameQueue looped_;
};

}  // namespace skerry::stack
