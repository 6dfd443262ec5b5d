#pragma once

// Hot path. From a transport's segment to a packet on its way: route, IP header, neighbour. Hosts are named as
// hosts.hpp says; what goes to an IPv6 host is made by ipv6_output.hpp.

#include "config.hpp"
#include "drop.hpp"
#include "hosts.hpp"
#include "ip_marks.hpp"
#include "ipv6_output.hpp"
#include "link.hpp"
#include "neighbours.hpp"
#include "path_mtus.hpp"
#include "piece_ids.hpp"
#include "redirects.hpp"
#include "way.hpp"
#include "wire/ipv4.hpp"

#include "../base/assert.hpp"

#include <cstdint>

namespace skerry::stack {

/// Threads: one core.
class IpOutput {
public:
    IpOutput(const StackConfig& config, Hosts& hosts, const Ipv6Link& ipv6_link, Link& link, Neighbours& neighbours,
             DropCounters& drops) noexcept
        : config_(config),
          hosts_(hosts),
          link_(link),
          neighbours_(neighbours),
          path_mtus_(config, hosts, drops),
          redirects_(hosts, config.seed),
          v6_(hosts, ipv6_link, link, neighbours, path_mtus_, redirects_, looped_),
          piece_ids_(config.seed, config.seat) {}

    [[nodiscard]] Hosts& hosts() noexcept { return hosts_; }
    [[nodiscard]] const Hosts& hosts() const noexcept { return hosts_; }

    /// Whether a packet to `destination` could leave, and if not why: ipv4_no_route or ipv6_no_route, ipv4_too_big or
    /// ipv6_too_big when `bytes` of a segment exceed the MTU.
    [[nodiscard]] Drop check(wire::Ipv4Addr destination, std::size_t bytes) const noexcept {
        if (destination.bits == way_.destination && fits(bytes)) [[likely]]
            return Drop::none;
        return check_slow(destination, bytes);
    }
    /// Whether a segment of so many bytes is a packet that all the way() takes.
    [[nodiscard]] bool fits(std::size_t bytes) const noexcept { return bytes + wire::ipv4_bytes <= way_.mtu; }

    /// How long a packet to a host may be.
    [[nodiscard]] std::uint16_t path_mtu(wire::Ipv4Addr host) const noexcept { return path_mtus_.of(host); }
    /// An IPv6 packet of our link.
    void set_link_mtu_v6(std::uint16_t mtu) noexcept { path_mtus_.set_link_mtu_v6(mtu); }
    /// A router says that it is less. False when nothing changes by that.
    bool lower_path_mtu(wire::Ipv4Addr host, const TooLong& said, time::Instant now) noexcept {
        if (!path_mtus_.lower(host, said, now)) return false;
        forget_way();
        return true;
    }

    /// `from`, a router, says that what goes to `host` should go by `next_hop`, or straight there when that is the
    /// host.
    ///
    /// Errors: redirect_refused; redirects_full.
    [[nodiscard]] Drop redirect(wire::Ipv4Addr host, wire::Ipv4Addr from, wire::Ipv4Addr next_hop,
                                time::Instant now) noexcept;
    /// The first hop to `host` does not answer.
    void forget_redirect(wire::Ipv4Addr host) noexcept;
    /// Our address, the routes or the MTU are others than they were.
    void forget_ways() noexcept;
    /// Hosts that go by another router than the route says.
    [[nodiscard]] std::size_t redirected() const noexcept { return redirects_.size(); }

    /// Which of our addresses what goes there comes from, unless somebody has chosen.
    [[nodiscard]] wire::Ipv4Addr source_for(wire::Ipv4Addr destination) const noexcept {
        return is_host_number(destination) ? v6_.source_for(destination) : config_.source_for(destination);
    }
    /// Whether it is an address of ours that may be used now.
    [[nodiscard]] bool is_own(wire::Ipv4Addr address) const noexcept {
        return Hosts::is_own_v6(address) ? v6_.is_usable(address) : config_.is_own(address);
    }
    /// The sum of what goes before a transport's checksum.
    [[nodiscard]] std::uint64_t pseudo_header(wire::Ipv4Addr source, wire::Ipv4Addr destination, std::uint8_t protocol,
                                              std::uint32_t bytes) const noexcept {
        return hosts_.pseudo_header(source, destination, protocol, bytes);
    }

    /// Sends the segment in `packet` from `source`, an address of ours and of the destination's family. check() has
    /// answered none. Takes the packet over.
    void send(Frame& packet, wire::Ipv4Addr source, wire::Ipv4Addr destination, std::uint8_t protocol,
              time::Instant now) noexcept {
        if (!is_ready(source, destination, now)) [[unlikely]]
            return send_slow(packet, source, destination, protocol, now);
        const std::uint32_t bytes = packet.length;
        way_.write(packet.prepend(Way::bytes), protocol, bytes);
        link_.queue(packet);
    }

    /// Whether a segment from `source`, an address of ours, to `destination` may leave by way() now, through the link.
    /// Else send() does more than that.
    [[nodiscard]] bool is_ready(wire::Ipv4Addr source, wire::Ipv4Addr destination, time::Instant now) const noexcept {
        const bool leads_there =
            destination.bits == from_any_to_ || (destination.bits == way_.destination && source == way_.source);
        return leads_there && now.as_nanos() <= neighbours_.sure_until();
    }
    /// The same of any source: never where there are several.
    [[nodiscard]] bool is_ready(wire::Ipv4Addr destination, time::Instant now) const noexcept {
        return destination.bits == from_any_to_ && now.as_nanos() <= neighbours_.sure_until();
    }
    [[nodiscard]] bool has_several_sources() const noexcept { return !config_.more_addresses.empty(); }
    [[nodiscard]] const Way& way() const noexcept { return way_; }
    /// Sends by way() a segment of `segment_bytes` bytes, which begins `header_bytes` in front of the frame's data.
    /// Takes the packet over.
    void send_ready(Frame& packet, std::uint8_t protocol, std::uint32_t header_bytes,
                    std::uint32_t segment_bytes) noexcept {
        const auto in_front = static_cast<std::uint32_t>(header_bytes + Way::bytes);
        SKERRY_DEBUG_ASSERT(in_front <= packet.headroom, "no room in front");
        std::byte* const at = packet.data - in_front;
        way_.write(at, protocol, segment_bytes);
        packet.data = at;
        packet.headroom = static_cast<std::uint16_t>(packet.headroom - in_front);
        packet.length = static_cast<std::uint16_t>(Way::bytes + segment_bytes);
        link_.queue(packet);
    }

    /// As send(), marked otherwise than usual.
    void send_marked(Frame& packet, wire::Ipv4Addr source, wire::Ipv4Addr destination, std::uint8_t protocol,
                     IpMarks marks, time::Instant now) noexcept;

    /// As send_marked(), of a segment that is longer than the way takes, with its checksum: in as many packets as it
    /// needs. Whoever gets them needs all of them. Takes `whole` over.
    void send_in_pieces(Frame& whole, wire::Ipv4Addr source, wire::Ipv4Addr destination, std::uint8_t protocol,
                        IpMarks marks, time::Instant now) noexcept;
    /// The longest segment that can go in pieces.
    [[nodiscard]] static constexpr std::size_t longest_in_pieces(wire::Ipv4Addr destination) noexcept {
        return is_host_number(destination) ? wire::ipv6_payload_bytes_max
                                           : wire::ipv4_datagram_bytes_max - wire::ipv4_bytes;
    }

    /// Brings a segment of what goes to a group back to ourselves, who are in it. `source` is ours.
    void loop(Frame& packet, wire::Ipv4Addr source, wire::Ipv4Addr destination, std::uint8_t protocol,
              IpMarks marks) noexcept;

    /// As send(), with TTL 1 and the option that makes routers look at the packet (RFC 2113).
    void send_with_router_alert(Frame& packet, wire::Ipv4Addr destination, std::uint8_t protocol,
                                time::Instant now) noexcept;

    /// `remote` has answered what we sent it: the way there works in both directions.
    void confirm(wire::Ipv4Addr remote, time::Instant now) noexcept {
        if (is_host_number(remote)) [[unlikely]]
            return v6_.confirm(remote, now);
        if (!config_.is_own(remote)) neighbours_.confirm(next_hop(remote), now);
    }

    /// Packets to ourselves, IP header in front, for the next input().
    [[nodiscard]] FrameQueue& looped() noexcept { return looped_; }

private:
    [[nodiscard]] Drop check_slow(wire::Ipv4Addr destination, std::size_t bytes) const noexcept;
    void send_slow(Frame& packet, wire::Ipv4Addr source, wire::Ipv4Addr destination, std::uint8_t protocol,
                   time::Instant now) noexcept;
    [[nodiscard]] static wire::Ipv4Header header_for(wire::Ipv4Addr source, wire::Ipv4Addr destination,
                                                     std::uint8_t protocol, IpMarks marks) noexcept;
    void write_header(Frame& packet, wire::Ipv4Header& header) noexcept;
    void finish(Frame& packet, wire::Ipv4Header& header, time::Instant now) noexcept;
    void leave(Frame& packet, wire::Ipv4Addr source, wire::Ipv4Addr destination, time::Instant now) noexcept;
    void send_to_host(Frame& packet, wire::Ipv4Addr source, wire::Ipv4Addr destination, time::Instant now) noexcept;
    void forget_way() noexcept { from_any_to_ = way_.destination = Way::nowhere; }
    [[nodiscard]] wire::Ipv4Addr next_hop(wire::Ipv4Addr destination) const noexcept {
        return redirects_.next_hop(destination, config_.next_hop(destination));
    }

    const StackConfig& config_;
    Hosts& hosts_;
    Link& link_;
    Neighbours& neighbours_;
    FrameQueue looped_;
    PathMtus path_mtus_;
    Redirects redirects_;
    Ipv6Output v6_;
    // The way's destination where we have one address, so that whoever sends asks for no source; else nowhere.
    std::uint64_t from_any_to_ = Way::nowhere;
    Way way_;  // to the host, of those that are not ourselves, to which something was sent last
    PieceIds piece_ids_;
};

}  // namespace skerry::stack
