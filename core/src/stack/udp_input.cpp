// Datagrams that come: which socket, or sockets, or core they are for.

#include <skerry/base/compiler.hpp>
#include <skerry/stack/long_frame.hpp>
#include <skerry/stack/udp.hpp>
#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <cstring>

namespace skerry::stack {

using wire::Ipv4Addr;

UdpEndpoint* Udp::find(const wire::Ipv4Header& ip, std::uint16_t source_port, std::uint16_t port) noexcept {
    UdpEndpoint* best = nullptr;
    int best_score = -1;
    for (UdpEndpoint* each = by_port_[port]; each != nullptr; each = each->next_on_port_) {
        int score = 0;
        if (!covers(each->local, each->v6_only, ip.destination)) continue;
        if (!is_any(each->local)) score += 1;
        if (each->is_connected()) {
            if (each->remote != ip.source || each->remote_port != source_port) continue;
            score += 2;
        }
        if (score <= best_score) continue;
        best = each;
        best_score = score;
    }
    return best;
}

// Sends it to the cores that have sockets for it. True when this core has none, and it is gone.
bool Udp::steer(Packet& packet, const wire::UdpHeader& header, bool to_many) noexcept {
    CoreSteering& steering = *config_.steering;
    if (to_many) {
        const bool is_v6 = packet.v6 != nullptr;
        CoreSet others = steering.others_on_port(header.destination_port, is_v6);
        if (is_v6 || packet.ip.destination.is_multicast()) others &= steering.others_in_group(packet.ip.destination);
        steering.copy_to(others, packet.whole(), packet.frame);
        if (others == 0 || by_port_[header.destination_port] != nullptr) return false;
        packet.frame.drop();
        return true;
    }
    const tcp::Tuple tuple{packet.ip.destination, packet.ip.source, header.destination_port, header.source_port};
    const std::uint16_t owner =
        packet.is_reassembled ? steering.owner_of_reassembled(tuple) : steering.owner_of_datagram(tuple);
    if (owner == steering.core()) return false;
    steering.hand_over(owner, packet.restored(), header.destination_port);
    return true;
}

SKERRY_ALWAYS_INLINE void Udp::mark_ready(UdpEndpoint& endpoint) noexcept {
    if (!endpoint.ready_.is_linked()) ready_.push_back(endpoint.ready_);
}

// A socket that nobody reads does not take the frames that others need: when they are short it gets copies of a few.
void Udp::give_copy(UdpEndpoint& endpoint, Frame& frame, Ipv4Addr source, std::uint16_t source_port) noexcept {
    Frame* const copy = endpoint.unread() < config_.assured_frames ? copy_to_heap(frame) : nullptr;
    constexpr std::size_t kept = UdpDatagram::source_in_front;
    if (copy != nullptr && (endpoint.keeps_arrivals_ || source == Hosts::in_frame))
        std::memcpy(copy->data - kept, frame.data - kept, kept);
    link_.drop(frame, copy != nullptr ? Drop::none : Drop::udp_frames);
    if (copy == nullptr) return;
    if (!endpoint.push({copy, source, source_port}, config_.udp_queue_packets))
        return link_.drop(*copy, Drop::udp_queue_full);
    mark_ready(endpoint);
}

SKERRY_ALWAYS_INLINE void Udp::give(UdpEndpoint& endpoint, Frame& frame, Ipv4Addr source,
                                    std::uint16_t source_port) noexcept {
    if (!link_.may_keep_to_read()) [[unlikely]]
        return give_copy(endpoint, frame, source, source_port);
    if (!endpoint.push({&frame, source, source_port}, config_.udp_queue_packets))
        return link_.drop(frame, Drop::udp_queue_full);
    mark_ready(endpoint);
}

void Udp::input(Packet& packet) noexcept {
    Frame& frame = packet.frame;
    wire::UdpHeader header;
    if (const Drop why = wire::parse(packet.payload(), header); why != Drop::none) return link_.drop(frame, why);
    const bool to_many = packet.v6 != nullptr
                             ? packet.v6->ip.destination.is_multicast()
                             : packet.ip.destination.is_multicast() || config_.is_broadcast(packet.ip.destination);
    if (config_.steering != nullptr && !packet.is_steered && steer(packet, header, to_many)) return;
    const std::span<const std::byte> datagram = packet.payload().first(header.bytes);
    // IPv6 has no checksum of its own, so one without is not taken, whatever the device says: RFC 8200 section 8.1.
    const bool is_judged = !header.has_checksum || packet.is_verified();
    const bool is_wrong =
        is_judged ? !header.has_checksum && packet.v6 != nullptr
                  : !wire::udp_checksum_holds(datagram, output_.pseudo_header(packet.ip.source, packet.ip.destination,
                                                                              wire::ip_protocol::udp, header.bytes));
    if (is_wrong) return link_.drop(frame, Drop::udp_checksum);
    frame.length = header.bytes;
    if (to_many) return input_to_many(packet, header.source_port, header.destination_port);
    UdpEndpoint* const endpoint = find(packet.ip, header.source_port, header.destination_port);
    if (endpoint == nullptr) {
        icmp_.send_port_unreachable(packet);
        return link_.drop(frame, Drop::udp_no_port);
    }
    frame.trim_front(wire::udp_bytes);
    if (endpoint->keeps_arrivals_) [[unlikely]]
        keep_arrival(frame, packet.ip);
    if (packet.v6 != nullptr) {
        UdpDatagram::store_source(frame, packet.v6->ip.source);
        return give(*endpoint, frame, Hosts::in_frame, header.source_port);
    }
    give(*endpoint, frame, packet.ip.source, header.source_port);
}

bool Udp::input_usual(const Glance& glance) noexcept {
    const tcp::Tuple& tuple = glance.tuple;
    UdpEndpoint* const endpoint = by_port_[tuple.local_port];
    if (endpoint == nullptr || endpoint->next_on_port_ != nullptr || config_.steering != nullptr) return false;
    if (!endpoint->local.is_unspecified() && !covers(endpoint->local, endpoint->v6_only, tuple.local)) return false;
    if (endpoint->is_connected() && (endpoint->remote != tuple.remote || endpoint->remote_port != tuple.remote_port))
        return false;
    const std::byte* const at = glance.transport();
    const std::uint32_t bytes = wire::load_be16(at + 4);
    if (bytes < wire::udp_bytes || bytes + wire::ipv4_bytes != glance.ip_bytes() || tuple.local_port == 0 ||
        tuple.remote.is_never_a_source() || config_.is_broadcast(tuple.remote))
        return false;
    if (!glance.checksums_hold(bytes, wire::load_checksum(at + 6) != 0)) return false;
    glance.trim_to(bytes - static_cast<std::uint32_t>(wire::udp_bytes));
    if (endpoint->keeps_arrivals_) [[unlikely]] {
        const std::byte* const ip = glance.frame->data - wire::udp_bytes - wire::ipv4_bytes;
        keep_arrival(*glance.frame, UdpArrival{tuple.local, wire::load_8(ip + 8), wire::load_8(ip + 1)});
    }
    give(*endpoint, *glance.frame, tuple.remote, tuple.remote_port);
    return true;
}

// --- receiving what was sent to many

bool Udp::hears(const UdpEndpoint& endpoint, const wire::Ipv4Header& ip, std::uint16_t source_port) noexcept {
    if (!covers(endpoint.local, endpoint.v6_only, ip.destination)) return false;
    if (endpoint.is_connected() && (endpoint.remote != ip.source || endpoint.remote_port != source_port)) return false;
    const bool is_to_group = ip.destination.is_multicast() || is_host_number(ip.destination);
    return !is_to_group || endpoint.hears_group(ip.destination, ip.source);
}

// The last one that hears it gets the frame, the others copies: each may write to its own.
void Udp::input_to_many(Packet& packet, std::uint16_t source_port, std::uint16_t port) noexcept {
    packet.frame.trim_front(wire::udp_bytes);
    const auto hand = [&](UdpEndpoint& endpoint, Frame& frame) {
        keep_arrival(frame, packet.ip);
        if (packet.v6 == nullptr) return give(endpoint, frame, packet.ip.source, source_port);
        UdpDatagram::store_source(frame, packet.v6->ip.source);
        give(endpoint, frame, Hosts::in_frame, source_port);
    };
    UdpEndpoint* last = nullptr;
    for (UdpEndpoint* each = by_port_[port]; each != nullptr; each = each->next_on_port_) {
        if (!hears(*each, packet.ip, source_port)) continue;
        if (last != nullptr)
            if (Frame* const frame = copy(packet.frame); frame != nullptr) hand(*last, *frame);
        last = each;
    }
    if (last == nullptr) return link_.drop(packet.frame, Drop::udp_no_port);
    hand(*last, packet.frame);
}

Frame* Udp::copy(const Frame& frame) noexcept {
    Frame* const made = allocate(frame.length);
    if (made == nullptr) return nullptr;
    std::memcpy(made->data, frame.data, frame.length);
    made->length = frame.length;
    made->set_arrival(frame);
    return made;
}

// Once, at the next call: a socket that waits is told now. As nothing comes there any more, who goes on waiting waits
// for the address to come back.
void Udp::lose(Ipv4Addr local) noexcept {
    for (std::size_t port = 0; port < ports; ++port)
        for (UdpEndpoint* each = by_port_[port]; each != nullptr; each = each->next_on_port_) {
            if (each->local != local) continue;
            each->untold = Errc::address_not_available;
            each->is_lost = true;
            each->note_marks();
            mark_ready(*each);
        }
}

void Udp::regain(Ipv4Addr local) noexcept {
    for (std::size_t port = 0; port < ports; ++port)
        for (UdpEndpoint* each = by_port_[port]; each != nullptr; each = each->next_on_port_) {
            if (each->local != local) continue;
            each->is_lost = false;
            each->note_marks();
        }
}

// A connected socket is told of what will not pass, its datagrams being too long among it (RFC 8201 section 5.1). Of
// all else none is told: RFC 1122 section 4.1.3.3 leaves that open, and so do Linux's sockets unless they ask for it
// (IP_RECVERR).
bool Udp::input_error(const IcmpError& error, time::Instant now) noexcept {
    const bool is_shorter =
        error.meaning.is_too_long && may_have_sent(error) && output_.lower_path_mtu(error.remote, error.too_long, now);
    return (error.meaning.is_hard && tell_connected(error)) || is_shorter;
}

// A connected socket sends to its peer alone, so an error about anything else is somebody's who guesses.
bool Udp::may_have_sent(const IcmpError& error) const noexcept {
    for (const UdpEndpoint* each = by_port_[error.local_port]; each != nullptr; each = each->next_on_port_)
        if (!each->is_connected() || (each->remote == error.remote && each->remote_port == error.remote_port))
            return true;
    return false;
}

bool Udp::tell_connected(const IcmpError& error) noexcept {
    for (UdpEndpoint* each = by_port_[error.local_port]; each != nullptr; each = each->next_on_port_) {
        if (!each->is_connected() || each->remote != error.remote || each->remote_port != error.remote_port) continue;
        if (each->local != error.local && output_.is_own(each->local)) continue;  // another of ours sent it
        each->untold = Error::from_os(error.meaning.os_error);
        mark_ready(*each);
        return true;
    }
    return false;
}

}  // namespace skerry::stack
