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

// --- sending

Frame* Udp::allocate(std::size_t bytes) noexcept {
    Frame* const frame = link_.allocate();
    if (frame == nullptr || frame->tailroom() >= bytes) [[likely]]
        return frame;
    frame->drop();
    Frame* const longer = make_long_frame(bytes);
    if (longer == nullptr) drops_.count(Drop::no_frame);
    return longer;
}

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
