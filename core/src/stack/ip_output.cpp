#include <skerry/stack/ip_output.hpp>

namespace skerry::stack {

using wire::Ipv4Addr;
using wire::MacAddr;

Drop IpOutput::check_slow(Ipv4Addr destination, std::size_t bytes) const noexcept {
    if (is_host_number(destination)) return v6_.check(destination, bytes);
    const bool stays = config_.is_own(destination) && config_.loops_own_address;
    const std::size_t mtu = stays ? wire::ipv4_datagram_bytes_max : path_mtus_.of(destination);
    if (bytes + wire::ipv4_bytes > mtu) return Drop::ipv4_too_big;
    if (config_.address.is_unspecified()) return Drop::ipv4_no_route;
    if (destination.is_multicast() || config_.is_broadcast(destination)) return Drop::none;
    if (destination.is_unspecified() || destination.is_loopback()) return Drop::ipv4_no_route;
    return next_hop(destination).is_unspecified() ? Drop::ipv4_no_route : Drop::none;
}

void IpOutput::send_slow(Frame& packet, Ipv4Addr source, Ipv4Addr destination, std::uint8_t protocol,
                         time::Instant now) noexcept {
    IpMarks marks;
    if (destination.is_multicast()) marks.ttl = 1;
    send_marked(packet, source, destination, protocol, marks, now);
}

wire::Ipv4Header IpOutput::header_for(Ipv4Addr source, Ipv4Addr destination, std::uint8_t protocol,
                                      IpMarks marks) noexcept {
    wire::Ipv4Header header;
    header.ttl = marks.ttl;
    header.tos = marks.traffic_class;
    header.protocol = protocol;
    header.source = source;
    header.destination = destination;
    return header;
}

namespace {

constexpr std::uint8_t network_control = 0xc0;  // the precedence that RFC 3376 section 4 asks for

}  // namespace

void IpOutput::send_with_router_alert(Frame& packet, Ipv4Addr destination, std::uint8_t protocol,
                                      time::Instant now) noexcept {
    if (!config_.has_v4()) return link_.drop(packet, Drop::ipv4_no_route);
    wire::Ipv4Header header = header_for(config_.address, destination, protocol, {1, network_control});
    header.router_alert = true;
    header.header_bytes = wire::ipv4_bytes + wire::router_alert_bytes;
    finish(packet, header, now);
}

void IpOutput::send_marked(Frame& packet, Ipv4Addr source, Ipv4Addr destination, std::uint8_t protocol, IpMarks marks,
                           time::Instant now) noexcept {
    if (is_host_number(destination)) return v6_.send(packet, source, destination, protocol, marks, now);
    if (is_ready(source, destination, now)) {
        const std::uint32_t bytes = packet.length;
        way_.write_marked(packet.prepend(Way::bytes), protocol, bytes, marks);
        return link_.queue(packet);
    }
    wire::Ipv4Header header = header_for(source, destination, protocol, marks);
    finish(packet, header, now);
}

void IpOutput::loop(Frame& packet, Ipv4Addr source, Ipv4Addr destination, std::uint8_t protocol,
                    IpMarks marks) noexcept {
    if (is_host_number(destination)) return v6_.loop(packet, source, destination, protocol, marks);
    wire::Ipv4Header header = header_for(source, destination, protocol, marks);
    write_header(packet, header);
    packet.checksum = backend::FrameChecksum::good;
    looped_.push(packet);
}

void IpOutput::write_header(Frame& packet, wire::Ipv4Header& header) noexcept {
    header.total_bytes = static_cast<std::uint16_t>(packet.length + header.header_bytes);
    header.dont_fragment = true;  // so the identification may be anything: RFC 6864 section 4.1
    wire::write(header, packet.prepend(header.header_bytes));
}

void IpOutput::finish(Frame& packet, wire::Ipv4Header& header, time::Instant now) noexcept {
    write_header(packet, header);
    leave(packet, header.source, header.destination, now);
}

void IpOutput::leave(Frame& packet, Ipv4Addr source, Ipv4Addr destination, time::Instant now) noexcept {
    if (config_.is_own(destination)) {
        if (!config_.loops_own_address) return link_.send(packet, config_.mac, wire::ether_type::ipv4);
        packet.checksum = backend::FrameChecksum::good;
        return looped_.push(packet);
    }
    if (destination.is_multicast()) return link_.send(packet, MacAddr::of_group(destination), wire::ether_type::ipv4);
    if (config_.is_broadcast(destination)) return link_.send(packet, MacAddr::broadcast(), wire::ether_type::ipv4);
    send_to_host(packet, source, destination, now);
}

// Only from who is the first hop, and to a host of the link: RFC 1122 section 3.2.2.2. Of IPv6 what else it asks for
// was looked at when the message was read.
Drop IpOutput::redirect(Ipv4Addr host, Ipv4Addr from, Ipv4Addr next_hop, time::Instant now) noexcept {
    const bool is_v6 = is_host_number(host);
    if (is_v6 != is_host_number(from)) return Drop::redirect_refused;
    const bool is_from_first_hop =
        is_v6 ? v6_.is_first_hop(host, from, now) : from == this->next_hop(host) && from != host;
    const bool is_to_other = is_v6 ? !Hosts::is_own_v6(next_hop) && !Hosts::is_own_v6(host)
                                   : config_.is_on_link(next_hop) && !config_.is_own(next_hop) && next_hop != from &&
                                         !config_.is_broadcast(next_hop);
    if (check_slow(host, 0) != Drop::none || !is_from_first_hop || !is_to_other) return Drop::redirect_refused;
    if (!redirects_.remember(host, next_hop, now)) return Drop::redirects_full;
    forget_way();
    return Drop::none;
}

void IpOutput::forget_redirect(Ipv4Addr host) noexcept {
    redirects_.forget(host);
    forget_way();
}

void IpOutput::forget_ways() noexcept {
    redirects_.forget_all();
    forget_way();
}

void IpOutput::send_to_host(Frame& packet, Ipv4Addr source, Ipv4Addr destination, time::Instant now) noexcept {
    (void)redirects_.expire(now);
    way_.destination = destination.bits;
    way_.source = source;
    from_any_to_ = has_several_sources() ? Way::nowhere : way_.destination;
    neighbours_.send(packet, next_hop(destination), now);
    if (!is_ready(source, destination, now)) return;
    path_mtus_.expire(now);
    way_.mtu = path_mtus_.of(destination);
    way_.prepare(neighbours_.sure_image());
}

}  // namespace skerry::stack
