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
    [[nodiscard]] Drop check(wire::Ipv4Addr destination, std::size_t bytes) const noexcept {
        if (destination.bits == plain_ && bytes + wire::ipv4_bytes <= config_.mtu) [[likely]]
            return Drop::none;
        return check_slow(destination, bytes);
    }

    /// Sends the segment in `packet` from our address. check() has answered none. Takes the packet over.
    void send(Frame& packet, wire::Ipv4Addr destination, std::uint8_t protocol, time::Instant now,
              std::uint8_t ttl = ttl_default) noexcept {
        wire::Ipv4Header header;
        header.ttl = ttl;
        header.protocol = protocol;
        header.destination = destination;
        if (destination.bits != plain_) [[unlikely]]
            return send_slow(packet, header, now);
        write_header(packet, header);
        neighbours_.send(packet, plain_hop_, now);
    }

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
    [[nodiscard]] Drop check_slow(wire::Ipv4Addr destination, std::size_t bytes) const noexcept;
    void send_slow(Frame& packet, wire::Ipv4Header& header, time::Instant now) noexcept;
    void write_header(Frame& packet, wire::Ipv4Header& header) noexcept {
        header.total_bytes = static_cast<std::uint16_t>(packet.length + header.header_bytes);
        header.dont_fragment = true;  // so the identification may be anything: RFC 6864 section 4.1
        header.source = config_.address;
        wire::write(header, packet.prepend(header.header_bytes));
    }
    void finish(Frame& packet, wire::Ipv4Header& header, time::Instant now) noexcept;
    [[nodiscard]] wire::Ipv4Addr next_hop(wire::Ipv4Addr destination) const noexcept {
        return config_.is_on_link(destination) ? destination : config_.gateway;
    }

    const StackConfig& config_;
    Link& link_;
    Neighbours& neighbours_;
    FrameQueue looped_;
    // The host, of those that are not ourselves, to which something was sent last, and where that went.
    static constexpr std::uint64_t nobody = std::uint64_t{1} << 32U;
    std::uint64_t plain_ = nobody;
    wire::Ipv4Addr plain_hop_;
};

}  // namespace skerry::stack
