#include <skerry/stack/udp.hpp>

#include <skerry/stack/ephemeral_port.hpp>
#include <skerry/stack/long_frame.hpp>
#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace skerry::stack {

using wire::Ipv4Addr;

namespace {

std::uint64_t pseudo_header(Ipv4Addr source, Ipv4Addr destination, std::uint16_t bytes) noexcept {
    return wire::pseudo_header(source, destination, wire::ip_protocol::udp, bytes);
}

}  // namespace

// --- an endpoint's queue

bool UdpEndpoint::push(const UdpDatagram& datagram, std::size_t limit) noexcept try {
    if (count_ >= limit) return false;
    if (count_ == ring_.size()) {
        std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(head_), ring_.end());
        head_ = 0;
        ring_.resize(std::max<std::size_t>(8, ring_.size() * 2));
    }
    ring_[(head_ + count_++) & (ring_.size() - 1)] = datagram;
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

UdpDatagram UdpEndpoint::take() noexcept {
    if (count_ == 0) return {};
    const UdpDatagram datagram = ring_[head_];
    head_ = --count_ == 0 ? 0 : (head_ + 1) & (ring_.size() - 1);  // empty: the same line is used again
    return datagram;
}

// --- ports

Udp::Udp(const StackConfig& config, Link& link, Ipv4Output& output, Icmp& icmp, Groups& groups, DropCounters& drops)
    : config_(config),
      link_(link),
      output_(output),
      icmp_(icmp),
      groups_(groups),
      drops_(drops),
      by_port_(static_cast<UdpEndpoint**>(std::calloc(ports, sizeof(UdpEndpoint*))), &std::free),
      random_(config.drawn_seed(), SecretUse::udp_numbers) {
    if (by_port_ == nullptr) throw std::bad_alloc();
}

// A group may have many.
bool Udp::is_taken(Ipv4Addr local, std::uint16_t port) const noexcept {
    for (const UdpEndpoint* other = by_port_[port]; other != nullptr; other = other->next_on_port_)
        if (local.is_multicast() && other->local.is_multicast())
            continue;
        else if (local.is_unspecified() || other->local.is_unspecified() || other->local == local)
            return true;
    return false;
}

PortUse Udp::use_of(Ipv4Addr local) const noexcept {
    if (local.is_unspecified()) return PortUse::any;
    return local == config_.address ? PortUse::own : PortUse::many;
}

bool Udp::take(Ipv4Addr local, std::uint16_t port, bool shared) noexcept {
    if (is_taken(local, port)) return false;
    return config_.steering == nullptr || config_.steering->claim_udp(port, use_of(local), shared);
}

// Unless another socket of this core uses the port in the same way.
void Udp::release(Ipv4Addr local, std::uint16_t port) noexcept {
    if (config_.steering == nullptr) return;
    const PortUse use = use_of(local);
    for (const UdpEndpoint* other = by_port_[port]; other != nullptr; other = other->next_on_port_)
        if (use_of(other->local) == use) return;
    config_.steering->release_udp(port, use);
}

Result<> Udp::open(UdpEndpoint& endpoint, Ipv4Addr local, std::uint16_t port, bool shared) noexcept {
    const bool is_ours = local.is_unspecified() || local == config_.address;
    if (!is_ours && !config_.is_broadcast(local) && !local.is_multicast()) return Errc::address_not_available;
    if (port != 0 && !take(local, port, shared)) return Errc::address_in_use;
    if (port == 0) port = stack::free_port(random_, [&](std::uint16_t each) { return !take(local, each, shared); });
    if (port == 0) return Errc::address_in_use;
    endpoint.local = local;
    endpoint.port = port;
    endpoint.ready_.endpoint = &endpoint;
    endpoint.next_on_port_ = std::exchange(by_port_[port], &endpoint);
    return {};
}

void Udp::close(UdpEndpoint& endpoint, time::Instant now) noexcept {
    while (!endpoint.groups_.empty()) (void)leave(endpoint, endpoint.groups_.back(), now);
    if (endpoint.ready_.is_linked()) endpoint.ready_.unlink();
    for (UdpEndpoint** at = &by_port_[endpoint.port]; *at != nullptr; at = &(*at)->next_on_port_) {
        if (*at != &endpoint) continue;
        *at = endpoint.next_on_port_;
        break;
    }
    release(endpoint.local, endpoint.port);
    for (UdpDatagram datagram = endpoint.take(); datagram.frame != nullptr; datagram = endpoint.take())
        datagram.frame->drop();
}

// --- groups

bool UdpEndpoint::is_member_of(Ipv4Addr group) const noexcept {
    return std::find(groups_.begin(), groups_.end(), group) != groups_.end();
}

Result<> Udp::join(UdpEndpoint& endpoint, Ipv4Addr group, time::Instant now) noexcept try {
    if (!group.is_multicast()) return Errc::invalid_argument;
    if (endpoint.is_member_of(group)) return Errc::address_in_use;
    if (endpoint.groups_.size() >= groups_per_socket) return Errc::no_buffers;
    endpoint.groups_.reserve(groups_per_socket);
    if (auto joined = groups_.join(group, now); !joined) return joined;
    endpoint.groups_.push_back(group);
    return {};
} catch (const std::bad_alloc&) {
    return Errc::no_memory;
}

Result<> Udp::leave(UdpEndpoint& endpoint, Ipv4Addr group, time::Instant now) noexcept {
    if (!group.is_multicast()) return Errc::invalid_argument;
    const auto found = std::find(endpoint.groups_.begin(), endpoint.groups_.end(), group);
    if (found == endpoint.groups_.end()) return Errc::address_not_available;
    endpoint.groups_.erase(found);
    groups_.leave(group, now);
    return {};
}

// --- receiving

UdpEndpoint* Udp::find(const wire::Ipv4Header& ip, std::uint16_t source_port, std::uint16_t port) noexcept {
    UdpEndpoint* best = nullptr;
    int best_score = -1;
    for (UdpEndpoint* each = by_port_[port]; each != nullptr; each = each->next_on_port_) {
        int score = 0;
        if (!each->local.is_unspecified()) {
            if (each->local != ip.destination) continue;
            score += 1;
        }
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
        CoreSet others = steering.others_on_port(header.destination_port);
        if (packet.ip.destination.is_multicast()) others &= steering.others_in_group(packet.ip.destination);
        steering.copy_to(others, packet.whole(), packet.frame);
        if (others == 0 || by_port_[header.destination_port] != nullptr) return false;
        packet.frame.drop();
        return true;
    }
    const std::uint16_t owner = steering.owner_of_datagram(
        {packet.ip.destination, packet.ip.source, header.destination_port, header.source_port});
    if (owner == steering.core()) return false;
    steering.hand_over(owner, packet.restored());
    return true;
}

void Udp::input(Packet& packet) noexcept {
    Frame& frame = packet.frame;
    wire::UdpHeader header;
    if (const Drop why = wire::parse(packet.payload(), header); why != Drop::none) return link_.drop(frame, why);
    const bool to_many = packet.ip.destination.is_multicast() || config_.is_broadcast(packet.ip.destination);
    if (config_.steering != nullptr && !packet.is_steered && steer(packet, header, to_many)) return;
    const std::span<const std::byte> datagram = packet.payload().first(header.bytes);
    if (!packet.is_verified() && header.has_checksum &&
        !wire::udp_checksum_holds(datagram, pseudo_header(packet.ip.source, packet.ip.destination, header.bytes)))
        return link_.drop(frame, Drop::udp_checksum);
    frame.length = header.bytes;
    if (to_many) return input_to_many(packet, header.source_port, header.destination_port);
    UdpEndpoint* const endpoint = find(packet.ip, header.source_port, header.destination_port);
    if (endpoint == nullptr) {
        icmp_.send_port_unreachable(packet);
        return link_.drop(frame, Drop::udp_no_port);
    }
    frame.trim_front(wire::udp_bytes);
    give(*endpoint, frame, packet.ip.source, header.source_port);
}

bool Udp::input_usual(const Glance& glance) noexcept {
    const tcp::Tuple& tuple = glance.tuple;
    UdpEndpoint* const endpoint = by_port_[tuple.local_port];
    if (endpoint == nullptr || endpoint->next_on_port_ != nullptr || config_.steering != nullptr) return false;
    if (!endpoint->local.is_unspecified() && endpoint->local != tuple.local) return false;
    if (endpoint->is_connected() && (endpoint->remote != tuple.remote || endpoint->remote_port != tuple.remote_port))
        return false;
    const std::byte* const at = glance.transport();
    const std::uint32_t bytes = wire::load_be16(at + 4);
    if (bytes < wire::udp_bytes || bytes + wire::ipv4_bytes != glance.ip_bytes() || tuple.local_port == 0 ||
        tuple.remote.is_never_a_source() || config_.is_broadcast(tuple.remote))
        return false;
    if (!glance.checksums_hold(bytes, wire::load_checksum(at + 6) != 0)) return false;
    glance.trim_to(bytes - static_cast<std::uint32_t>(wire::udp_bytes));
    give(*endpoint, *glance.frame, tuple.remote, tuple.remote_port);
    return true;
}

// A socket that nobody reads does not take the frames that others need: when they are short it gets copies of a few.
void Udp::give_copy(UdpEndpoint& endpoint, Frame& frame, Ipv4Addr source, std::uint16_t source_port) noexcept {
    Frame* const copy = endpoint.unread() < config_.assured_frames ? copy_to_heap(frame) : nullptr;
    link_.drop(frame, copy != nullptr ? Drop::none : Drop::udp_frames);
    if (copy == nullptr) return;
    if (!endpoint.push({copy, source, source_port}, config_.udp_queue_packets))
        return link_.drop(*copy, Drop::udp_queue_full);
    mark_ready(endpoint);
}

void Udp::give(UdpEndpoint& endpoint, Frame& frame, Ipv4Addr source, std::uint16_t source_port) noexcept {
    if (!link_.may_keep_to_read()) [[unlikely]]
        return give_copy(endpoint, frame, source, source_port);
    if (!endpoint.push({&frame, source, source_port}, config_.udp_queue_packets))
        return link_.drop(frame, Drop::udp_queue_full);
    mark_ready(endpoint);
}

// --- receiving what was sent to many

bool Udp::hears(const UdpEndpoint& endpoint, const wire::Ipv4Header& ip, std::uint16_t source_port) noexcept {
    if (!endpoint.local.is_unspecified() && endpoint.local != ip.destination) return false;
    if (endpoint.is_connected() && (endpoint.remote != ip.source || endpoint.remote_port != source_port)) return false;
    return !ip.destination.is_multicast() || endpoint.is_member_of(ip.destination);
}

// The last one that hears it gets the frame, the others copies: each may write to its own.
void Udp::input_to_many(Packet& packet, std::uint16_t source_port, std::uint16_t port) noexcept {
    packet.frame.trim_front(wire::udp_bytes);
    UdpEndpoint* last = nullptr;
    for (UdpEndpoint* each = by_port_[port]; each != nullptr; each = each->next_on_port_) {
        if (!hears(*each, packet.ip, source_port)) continue;
        if (last != nullptr)
            if (Frame* const frame = copy(packet.frame); frame != nullptr)
                give(*last, *frame, packet.ip.source, source_port);
        last = each;
    }
    if (last == nullptr) return link_.drop(packet.frame, Drop::udp_no_port);
    give(*last, packet.frame, packet.ip.source, source_port);
}

Frame* Udp::copy(const Frame& frame) noexcept {
    Frame* const made = allocate(frame.length);
    if (made == nullptr) return nullptr;
    std::memcpy(made->data, frame.data, frame.length);
    made->length = frame.length;
    made->rx_time_ns = frame.rx_time_ns;
    made->time_source = frame.time_source;
    made->queue = frame.queue;
    return made;
}

void Udp::mark_ready(UdpEndpoint& endpoint) noexcept {
    if (!endpoint.ready_.is_linked()) ready_.push_back(endpoint.ready_);
}

// Only what says that nobody is there. All else may pass, and no socket is told of it: RFC 1122 section 4.1.3.3 leaves
// that open, and so do Linux's sockets unless they ask for it (IP_RECVERR).
bool Udp::input_error(const IcmpError& error) noexcept {
    const bool is_hard =
        error.type == wire::IcmpType::unreachable &&
        (error.code == wire::icmp_code::port_unreachable || error.code == wire::icmp_code::protocol_unreachable);
    if (!is_hard) return false;
    for (UdpEndpoint* each = by_port_[error.local_port]; each != nullptr; each = each->next_on_port_) {
        if (!each->is_connected() || each->remote != error.remote || each->remote_port != error.remote_port) continue;
        each->refused = true;
        mark_ready(*each);
        return true;
    }
    return false;
}

void Udp::deliver() noexcept {
    while (UdpEndpoint::Ready* const ready = ready_.pop_front()) ready->endpoint->on_ready();
}

Frame* Udp::allocate(std::size_t bytes) noexcept {
    Frame* const frame = link_.allocate();
    if (frame == nullptr || frame->tailroom() >= bytes) [[likely]]
        return frame;
    frame->drop();
    Frame* const longer = make_long_frame(bytes);
    if (longer == nullptr) drops_.count(Drop::no_frame);
    return longer;
}

// --- sending

Result<> Udp::send(const UdpEndpoint& from, Ipv4Addr to, std::uint16_t port, std::span<const std::byte> payload,
                   time::Instant now) noexcept {
    const std::size_t bytes = payload.size() + wire::udp_bytes;
    if (const Drop why = output_.check(to, bytes); why != Drop::none) {
        drops_.count(why);
        return why == Drop::ipv4_too_big ? Errc::message_too_long : Errc::unreachable;
    }
    Frame* const frame = allocate(payload.size());
    if (frame == nullptr) return Errc::no_buffers;
    if (!payload.empty()) std::memcpy(frame->data, payload.data(), payload.size());
    frame->length = static_cast<std::uint16_t>(payload.size());
    wire::UdpHeader header;
    header.source_port = from.port;
    header.destination_port = port;
    header.bytes = static_cast<std::uint16_t>(bytes);
    const std::uint64_t pseudo = pseudo_header(config_.address, to, header.bytes);
    const std::uint64_t of_payload = config_.checksums_sent ? 0 : wire::sum(frame->bytes(), pseudo);
    std::byte* const at = frame->prepend(wire::udp_bytes);
    const std::uint64_t all = of_payload + wire::write(header, at);
    if (config_.checksums_sent) {
        wire::seal_udp_unfinished(frame->bytes(), pseudo);
        frame->flags |= backend::frame_flag::sum_missing;
    } else {
        wire::store_checksum(at + 6, wire::udp_checksum(all));
    }
    const bool are_members_here =
        to.is_multicast() &&
        (groups_.has(to) || (config_.steering != nullptr && config_.steering->others_in_group(to) != 0));
    if (are_members_here && from.multicast_loop)
        if (Frame* const ours = copy(*frame); ours != nullptr) output_.loop(*ours, to, wire::ip_protocol::udp);
    output_.send(*frame, to, wire::ip_protocol::udp, now);
    return {};
}

}  // namespace skerry::stack
