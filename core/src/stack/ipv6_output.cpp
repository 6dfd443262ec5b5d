#include <skerry/stack/ipv6_output.hpp>

namespace skerry::stack {

using wire::Ipv4Addr;
using wire::Ipv6Addr;
using wire::MacAddr;

namespace {

constexpr std::size_t frame_bytes_max = 65'535;

}  // namespace

Drop Ipv6Output::check(Ipv4Addr destination, std::size_t bytes) const noexcept {
    if (!ipv6_link_.has_any()) return Drop::ipv6_no_route;
    const bool stays = Hosts::is_own_v6(destination);
    if (bytes + wire::ipv6_bytes > (stays ? frame_bytes_max : path_mtus_.of(destination))) return Drop::ipv6_too_big;
    const Ipv6Addr& address = hosts_.address(destination);
    if (stays) return is_usable(destination) ? Drop::none : Drop::ipv6_no_route;
    if (address.is_never_a_destination()) return Drop::ipv6_no_route;
    if (address.is_multicast() || ipv6_link_.is_on_link(address)) return Drop::none;
    return ipv6_link_.has_way(address) ? Drop::none : Drop::ipv6_no_route;
}

Ipv4Addr Ipv6Output::next_hop(Ipv4Addr destination, time::Instant now) noexcept {
    const Ipv6Addr& address = hosts_.address(destination);
    const Ipv4Addr routed =
        ipv6_link_.is_on_link(address) ? destination : hosts_.name(ipv6_link_.first_hop(address, now));
    return redirects_.next_hop(destination, routed);
}

void Ipv6Output::write_header(Frame& packet, Ipv4Addr source, Ipv4Addr destination, std::uint8_t protocol,
                              IpMarks marks) noexcept {
    wire::Ipv6Header header;
    header.traffic_class = marks.traffic_class;
    header.payload_bytes = packet.length;
    header.next_header = protocol;
    // What nobody has marked otherwise goes as far as routers say: RFC 4861 section 6.3.4.
    header.hop_limit = marks.ttl == IpMarks{}.ttl ? ipv6_link_.facts().hop_limit : marks.ttl;
    header.source = hosts_.address(source);
    header.destination = hosts_.address(destination);
    wire::write(header, packet.prepend(wire::ipv6_bytes));
}

void Ipv6Output::loop(Frame& packet, Ipv4Addr source, Ipv4Addr destination, std::uint8_t protocol,
                      IpMarks marks) noexcept {
    write_header(packet, source, destination, protocol, marks);
    packet.checksum = backend::FrameChecksum::good;
    looped_.push(packet);
}

void Ipv6Output::send(Frame& packet, Ipv4Addr source, Ipv4Addr destination, std::uint8_t protocol, IpMarks marks,
                      time::Instant now) noexcept {
    if (Hosts::is_own_v6(source) && !is_usable(source)) [[unlikely]]
        return link_.drop(packet, Drop::ipv6_no_source);
    write_header(packet, source, destination, protocol, marks);
    if (Hosts::is_own_v6(destination)) {
        packet.checksum = backend::FrameChecksum::good;
        return looped_.push(packet);
    }
    const Ipv6Addr& to = hosts_.address(destination);
    if (to.is_multicast()) return link_.send(packet, MacAddr::of_group(to), wire::ether_type::ipv6);
    const Ipv4Addr hop = next_hop(destination, now);
    if (hop == Hosts::any_v6) [[unlikely]]  // the router went since somebody looked
        return link_.drop(packet, Drop::ipv6_no_route);
    neighbours_.send(packet, hop, now);
    path_mtus_.expire(now);  // at last: these may let the destination's number go
    (void)redirects_.expire(now);
}

void Ipv6Output::confirm(Ipv4Addr remote, time::Instant now) noexcept {
    if (!Hosts::is_own_v6(remote)) neighbours_.confirm(next_hop(remote, now), now);
}

}  // namespace skerry::stack
