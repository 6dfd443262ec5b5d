#pragma once

// From a transport's segment to an IPv6 packet on its way: which of our addresses it comes from, route, header,
// neighbour. What exceeds the MTU is refused: whoever may send it in pieces asks IpOutput::send_in_pieces().
//
// Source: RFC 8200; RFC 4861 section 5.2 for the next hop.

#include "config.hpp"
#include "drop.hpp"
#include "hosts.hpp"
#include "ip_marks.hpp"
#include "ipv6_link.hpp"
#include "link.hpp"
#include "neighbours.hpp"
#include "path_mtus.hpp"
#include "redirects.hpp"
#include "wire/ipv6.hpp"

#include <cstdint>

namespace skerry::stack {

/// Threads: one core.
class Ipv6Output {
public:
    /// What is for ourselves is put into `looped`.
    Ipv6Output(Hosts& hosts, const Ipv6Link& ipv6_link, Link& link, Neighbours& neighbours, PathMtus& path_mtus,
               Redirects& redirects, FrameQueue& looped) noexcept
        : hosts_(hosts),
          ipv6_link_(ipv6_link),
          link_(link),
          neighbours_(neighbours),
          path_mtus_(path_mtus),
          redirects_(redirects),
          looped_(looped) {}

    /// Whether a packet to `destination`, the number of a host, could leave, and if not why: ipv6_no_route, or
    /// ipv6_too_big when `bytes` of a segment exceed the MTU.
    [[nodiscard]] Drop check(wire::Ipv4Addr destination, std::size_t bytes) const noexcept;

    /// Which of ours what goes there comes from.
    [[nodiscard]] wire::Ipv4Addr source_for(wire::Ipv4Addr destination) const noexcept {
        return Hosts::is_own_v6(destination) ? destination : ipv6_link_.source_for(hosts_.address(destination));
    }
    [[nodiscard]] bool is_usable(wire::Ipv4Addr own) const noexcept { return ipv6_link_.is_usable(own); }

    /// Sends the segment in `packet`. Takes it over. What goes to a group stays on the link, unless `marks` say more.
    /// From an address that is no longer ours nothing is sent: RFC 4862 section 5.5.4.
    void send(Frame& packet, wire::Ipv4Addr source, wire::Ipv4Addr destination, std::uint8_t protocol, IpMarks marks,
              time::Instant now) noexcept;

    /// Brings it back to ourselves, who are in the group that it goes to. Takes it over.
    void loop(Frame& packet, wire::Ipv4Addr source, wire::Ipv4Addr destination, std::uint8_t protocol,
              IpMarks marks) noexcept;

    /// The host behind `remote` has answered what we sent.
    void confirm(wire::Ipv4Addr remote, time::Instant now) noexcept;

    /// Whether what goes to `host` goes by `router`, which is not the host itself.
    [[nodiscard]] bool is_first_hop(wire::Ipv4Addr host, wire::Ipv4Addr router, time::Instant now) noexcept {
        const wire::Ipv6Addr& address = hosts_.address(router);
        return address == hosts_.address(next_hop(host, now)) && address != hosts_.address(host);
    }

private:
    void write_header(Frame& packet, wire::Ipv4Addr source, wire::Ipv4Addr destination, std::uint8_t protocol,
                      IpMarks marks) noexcept;
    /// The number of the next hop; any_v6, when there is none.
    [[nodiscard]] wire::Ipv4Addr next_hop(wire::Ipv4Addr destination, time::Instant now) noexcept;

    Hosts& hosts_;
    const Ipv6Link& ipv6_link_;
    Link& link_;
    Neighbours& neighbours_;
    PathMtus& path_mtus_;
    Redirects& redirects_;
    FrameQueue& looped_;
};

}  // namespace skerry::stack
