#include <skerry/stack/udp.hpp>

#include <skerry/stack/ephemeral_port.hpp>
#include <skerry/stack/wire/dhcp.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>
#include <utility>

namespace skerry::stack {

using wire::Ipv4Addr;

// --- an endpoint's queue

bool UdpEndpoint::grow() noexcept try {
    std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(head_), ring_.end());
    head_ = 0;
    ring_.resize(std::max<std::size_t>(8, ring_.size() * 2));
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

// --- ports

Udp::Udp(const StackConfig& config, Link& link, IpOutput& output, Icmp& icmp, Groups& groups, DropCounters& drops)
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
bool Udp::is_taken(Ipv4Addr local, std::uint16_t port, bool v6_only) const noexcept {
    for (const UdpEndpoint* other = by_port_[port]; other != nullptr; other = other->next_on_port_)
        if (local.is_multicast() && other->local.is_multicast())
            continue;
        else if (overlap(local, v6_only, other->local, other->v6_only))
            return true;
    return false;
}

bool Udp::take(UdpEndpoint& endpoint, Ipv4Addr local, std::uint16_t port, bool shared) noexcept {
    if (config_.uses_dhcp && port == wire::dhcp_client_port) return false;
    if (is_taken(local, port, endpoint.v6_only)) return false;
    endpoint.use_ = use_of(local, endpoint.v6_only, config_.is_own(local), config_.more_addresses);
    return config_.steering == nullptr || config_.steering->claim_udp(port, endpoint.use_, shared);
}

// Unless another socket of this core uses the port in the same way.
void Udp::release(const UdpEndpoint& endpoint) noexcept {
    if (config_.steering == nullptr) return;
    for (const UdpEndpoint* other = by_port_[endpoint.port]; other != nullptr; other = other->next_on_port_)
        if (other->use_ == endpoint.use_) return;
    config_.steering->release_udp(endpoint.port, endpoint.use_);
}

Result<> Udp::open(UdpEndpoint& endpoint, Ipv4Addr local, std::uint16_t port, bool shared) noexcept {
    // Without IPv4 a socket of both families is of one, and one of IPv4 alone would hear nobody.
    if (!config_.has_v4() && !is_host_number(local)) return Errc::address_not_available;
    if (!config_.has_v4() && local == Hosts::any_v6) endpoint.v6_only = true;
    const bool is_ours = is_any(local) || output_.is_own(local);
    if (!is_ours && !config_.is_broadcast(local) && !local.is_multicast()) return Errc::address_not_available;
    const auto is_refused = [&](std::uint16_t each) { return !take(endpoint, local, each, shared); };
    if (port != 0 && is_refused(port)) return Errc::address_in_use;
    if (port == 0) port = stack::free_port(random_, is_refused);
    if (port == 0) return Errc::address_in_use;
    endpoint.local = local;
    endpoint.port = port;
    endpoint.ready_.endpoint = &endpoint;
    endpoint.next_on_port_ = std::exchange(by_port_[port], &endpoint);
    return {};
}

// All ports are looked at, at most eight times in two minutes (Autoconf::place_rests).
void Udp::leave_address(Ipv4Addr own) noexcept {
    for (std::size_t port = 0; port < ports; ++port)
        for (UdpEndpoint* each = by_port_[port]; each != nullptr; each = each->next_on_port_)
            if (each->local == own) each->local = Hosts::nobody;
}

Result<> Udp::connect(UdpEndpoint& endpoint, Ipv4Addr remote, std::uint16_t port) noexcept {
    const auto held = output_.hosts().hold(remote);
    if (!held) return Errc::no_memory;
    output_.hosts().release(endpoint.remote);
    endpoint.remote = *held;
    endpoint.remote_port = port;
    return {};
}

void Udp::close(UdpEndpoint& endpoint, time::Instant now) noexcept {
    output_.hosts().release(std::exchange(endpoint.remote, {}));
    while (!endpoint.groups_.empty()) (void)leave(endpoint, endpoint.groups_.back().group, {}, now);
    if (endpoint.ready_.is_linked()) endpoint.ready_.unlink();
    for (UdpEndpoint** at = &by_port_[endpoint.port]; *at != nullptr; at = &(*at)->next_on_port_) {
        if (*at != &endpoint) continue;
        *at = endpoint.next_on_port_;
        break;
    }
    release(endpoint);
    for (UdpDatagram datagram = endpoint.take(); datagram.frame != nullptr; datagram = endpoint.take())
        datagram.frame->drop();
}

// --- groups

bool UdpEndpoint::is_member_of(Ipv4Addr group) const noexcept {
    return std::any_of(groups_.begin(), groups_.end(), [&](const Membership& each) { return each.group == group; });
}

bool UdpEndpoint::hears_group(Ipv4Addr group, Ipv4Addr source) const noexcept {
    bool hears = false;
    for (const Membership& each : groups_) {
        if (each.group != group) continue;
        if (each.is_blocked && each.source == source) return false;
        hears |= !each.is_blocked && (each.source.is_unspecified() || each.source == source);
    }
    return hears;
}

// Whether the first can be a group and the second what is sent to it: all, or an address of the family.
bool Udp::may_hear(Ipv4Addr group, Ipv4Addr source) const noexcept {
    const Hosts& hosts = output_.hosts();
    if (!hosts.is_multicast(group) || hosts.is_multicast(source)) return false;
    return source.is_unspecified() || is_host_number(group) == is_host_number(source);
}

Result<> Udp::join(UdpEndpoint& endpoint, Ipv4Addr group, Ipv4Addr source, time::Instant now) noexcept try {
    if (!may_hear(group, source)) return Errc::invalid_argument;
    const Hosts& hosts = output_.hosts();
    // Of what is not held, and so of no member, by its passing number.
    const UdpEndpoint::Membership wanted{group, source};
    const auto stands = std::find(endpoint.groups_.begin(), endpoint.groups_.end(), wanted);
    const bool is_member = endpoint.is_member_of(group);
    // All sources and some of them are not both wanted.
    if (stands != endpoint.groups_.end() || (is_member && source.is_unspecified())) return Errc::address_in_use;
    if (is_member && endpoint.hears_group(group, {})) return Errc::invalid_argument;
    if (endpoint.groups_.size() >= groups_per_socket) return Errc::no_buffers;
    endpoint.groups_.reserve(groups_per_socket);
    if (auto joined = groups_.join(group, source, now); !joined) return joined;
    endpoint.groups_.push_back({hosts.current(group), hosts.current(source)});
    return {};
} catch (const std::bad_alloc&) {
    return Errc::no_memory;
}

// The memory for it was taken when the group was joined.
Result<> Udp::block(UdpEndpoint& endpoint, Ipv4Addr group, Ipv4Addr source, time::Instant now) noexcept {
    const bool is_one = may_hear(group, source) && !source.is_unspecified();
    if (!is_one || !endpoint.hears_group(group, {})) return Errc::invalid_argument;
    if (!endpoint.hears_group(group, source)) return Errc::address_in_use;
    if (endpoint.groups_.size() >= groups_per_socket) return Errc::no_buffers;
    if (auto blocked = groups_.block(group, source, now); !blocked) return blocked;
    endpoint.groups_.push_back({group, output_.hosts().current(source), true});
    return {};
}

Result<> Udp::unblock(UdpEndpoint& endpoint, Ipv4Addr group, Ipv4Addr source, time::Instant now) noexcept {
    const bool is_one = may_hear(group, source) && !source.is_unspecified();
    if (!is_one || !endpoint.hears_group(group, {})) return Errc::invalid_argument;
    const auto found =
        std::find(endpoint.groups_.begin(), endpoint.groups_.end(), UdpEndpoint::Membership{group, source, true});
    if (found == endpoint.groups_.end()) return Errc::address_not_available;
    endpoint.groups_.erase(found);
    groups_.unblock(group, source, now);
    return {};
}

Result<> Udp::leave(UdpEndpoint& endpoint, Ipv4Addr group, Ipv4Addr source, time::Instant now) noexcept {
    if (!output_.hosts().is_multicast(group)) return Errc::invalid_argument;
    const auto left = std::partition(endpoint.groups_.begin(), endpoint.groups_.end(), [&](const auto& each) {
        return each.group != group || (!source.is_unspecified() && (each.is_blocked || each.source != source));
    });
    if (left == endpoint.groups_.end()) return Errc::address_not_available;
    std::array<Ipv4Addr, groups_per_socket> blocked;
    std::size_t count = 0;
    for (auto each = left; each != endpoint.groups_.end(); ++each)
        if (each->is_blocked) blocked[count++] = each->source;
    for (auto each = left; each != endpoint.groups_.end(); ++each)
        if (!each->is_blocked) groups_.leave(each->group, each->source, now, std::span(blocked).first(count));
    endpoint.groups_.erase(left, endpoint.groups_.end());
    return {};
}

}  // namespace skerry::stack
