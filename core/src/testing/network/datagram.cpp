#include "datagram.hpp"

#include <skerry/backend/orphaned.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace skerry::testing {

using backend::Datagram;
using backend::DatagramSocket;
using backend::RecvRequest;
using backend::SendRequest;
using backend::Step;

DatagramPort::DatagramPort(NetworkState& network, const net::SocketAddr& address,
                           const backend::BindOptions& bind_options) noexcept
    : Socket(network), reuse_port(bind_options.reuse_port), v6_only(bind_options.v6_only) {
    ops = &operations;
    home = network.home();
    local = address;
}

// --- receiving

bool DatagramPort::takes(const Event& datagram) const noexcept {
    if (connected && datagram.from != connected_peer_) return false;
    if (!datagram.to.ip().is_multicast()) return true;
    const auto group = groups_.find(datagram.to.ip());
    if (group == groups_.end()) return false;
    const Hearing& hearing = group->second;
    if (!hearing.sources.empty() && !hearing.sources.contains(datagram.from.ip())) return false;
    if (hearing.shut_out.contains(datagram.from.ip())) return false;
    return datagram.source != id() || options.get(backend::SocketOption::multicast_loop) != 0;
}

void DatagramPort::deliver(const Event& arrived, IoBuf payload) {
    const auto in_own_version = [&](const net::IpAddr& ip) { return local.is_v6() && ip.is_v4() ? ip.mapped() : ip; };
    NetworkState& net = network();
    if (queue_.size() >= net.limits().datagram_queue) {
        ++net.counters().datagrams_overflowed;
        return;
    }
    ++net.counters().datagrams;
    Datagram& datagram = queue_.emplace_back();
    datagram.payload = std::move(payload);
    datagram.peer = net::SocketAddr(in_own_version(arrived.from.ip()), arrived.from.port(), arrived.from.scope());
    datagram.set_arrival(net.now(), backend::TimeSource::burst, false);
    if (is_on(backend::SocketOption::receive_local)) {
        datagram.local = in_own_version(arrived.to.ip());
        datagram.interface_index = 1;
    }
    if (is_on(backend::SocketOption::receive_ttl)) datagram.ttl = arrived.ttl;
    if (is_on(backend::SocketOption::receive_traffic_class)) datagram.traffic_class = arrived.traffic_class;
    may_receive = true;
    if (receiver != nullptr && receive_now(*receiver) == Step::done) complete(*this, *receiver);
}

void DatagramPort::fail(Error error) noexcept {
    pending_error_ = error;
    may_receive = true;
    if (receiver != nullptr && receive_now(*receiver) == Step::done) complete(*this, *receiver);
}

Step DatagramPort::receive_now(RecvRequest& request) noexcept {
    if (pending_error_ != Errc::ok) {
        request.error = std::exchange(pending_error_, Error{});
        return Step::done;
    }
    if (queue_.empty()) {
        may_receive = false;
        return Step::pending;
    }
    if (request.batch.empty()) {
        copy_one(request);
        return Step::done;
    }
    if (network().no_buffers()) {
        request.error = Errc::no_buffers;
        return Step::done;
    }
    const std::size_t count = std::min({request.batch.size(), batch_max, queue_.size()});
    for (; request.count < count; ++request.count) {
        request.batch[request.count] = std::move(queue_.front());
        queue_.pop_front();
    }
    return Step::done;
}

void DatagramPort::copy_one(RecvRequest& request) noexcept {
    const Datagram& oldest = queue_.front();
    request.count = std::min(request.into.size(), oldest.payload.size());
    if (request.count != 0) std::memcpy(request.into.data(), oldest.payload.data(), request.count);
    request.truncated = request.count < oldest.payload.size();
    *request.peer = oldest.peer;
    queue_.pop_front();
}

Step DatagramPort::receive(DatagramSocket& socket, RecvRequest& request) noexcept {
    return static_cast<DatagramPort&>(socket).receive_now(request);
}

// --- sending

Error DatagramPort::send_one(const net::SocketAddr* to, IoBuf payload, const Datagram* marked) {
    NetworkState& net = network();
    if (to == nullptr && !connected) return Errc::not_connected;
    if (payload.size() > payload_bytes_max) return Errc::message_too_long;
    Event event;
    event.kind = EventKind::datagram;
    event.source = id();
    event.to = to == nullptr ? connected_peer_ : net::SocketAddr(to->ip().unmapped(), to->port());
    if (event.to.port() == 0) return Errc::invalid_argument;
    if (event.to.ip() == net::IpAddr::v4_broadcast() && options.get(backend::SocketOption::broadcast) == 0)
        return Errc::permission_denied;
    if (net.answer_of(event.to) == Answer::unreachable) return Errc::unreachable;
    if (event.to.is_unspecified()) event.to = net::SocketAddr(net.source_for(event.to.ip()), event.to.port());
    net::IpAddr source = local.is_unspecified() ? net.source_for(event.to.ip()) : local.ip();
    if (marked != nullptr && is_on(backend::SocketOption::send_local)) {
        const net::IpAddr& own = marked->local;
        if (!own.is_unspecified() && !own.is_multicast() && own != net::IpAddr::v4_broadcast()) source = own.unmapped();
    }
    const bool has_class = marked != nullptr && is_on(backend::SocketOption::send_traffic_class);
    event.ttl = small(event.to.is_multicast() ? backend::SocketOption::multicast_ttl : backend::SocketOption::ttl);
    event.traffic_class = has_class ? marked->traffic_class : small(backend::SocketOption::traffic_class);
    event.from = net::SocketAddr(source, local.port());
    const Link& link = net.wire().link(source, event.to.ip());
    Random& random = net.wire().random();
    if (link.is_down || random.happens(link.drop)) {
        ++net.counters().datagrams_lost;
        return {};
    }
    time::Instant arrival = net.wire().arrival(source, event.to.ip(), payload.size(), net.now());
    if (random.happens(link.reorder)) arrival += link.reorder_delay;
    if (random.happens(link.duplicate)) {
        Event copy;
        copy.kind = event.kind;
        copy.source = event.source;
        copy.from = event.from;
        copy.to = event.to;
        copy.ttl = event.ttl;
        copy.traffic_class = event.traffic_class;
        copy.payload = payload.clone();
        net.schedule(arrival, std::move(copy));
    }
    event.payload = std::move(payload);
    net.schedule(arrival, std::move(event));
    return {};
}

Step DatagramPort::send_now(SendRequest& request) noexcept {
    if (network().sends_blocked()) {
        may_send = false;
        return Step::pending;
    }
    if (pending_error_ != Errc::ok) {
        request.error = std::exchange(pending_error_, Error{});
        return Step::done;
    }
    if (request.batch.empty()) {
        request.error = send_one(request.to, IoBuf::copy_of(request.from));
        if (request.error == Errc::ok) request.count = request.from.size();
        return Step::done;
    }
    while (request.count < request.batch.size()) {
        Datagram& datagram = request.batch[request.count];
        const Error error = send_datagram(datagram);
        if (error != Errc::ok) {
            // What was sent counts; the error comes with the next call, whose first datagram it concerns.
            if (request.count == 0) request.error = error;
            return Step::done;
        }
        ++request.count;
    }
    return Step::done;
}

Step DatagramPort::send(DatagramSocket& socket, SendRequest& request) noexcept {
    return static_cast<DatagramPort&>(socket).send_now(request);
}

Error DatagramPort::send_datagram(const Datagram& datagram) {
    const net::SocketAddr* const to = connected ? nullptr : &datagram.peer;
    std::span<const std::byte> rest = datagram.payload.bytes();
    const std::size_t each = datagram.segment_bytes;
    if (each != 0) {
        if (const Errc why = backend::check_segments(rest.size(), each); why != Errc::ok) return why;
        for (; rest.size() > each; rest = rest.subspan(each)) {
            const Error error = send_one(to, IoBuf::copy_of(rest.first(each)), &datagram);
            if (error != Errc::ok) return error;
        }
    }
    return send_one(to, IoBuf::copy_of(rest), &datagram);
}

Step DatagramPort::send_segmented_now(SendRequest& request) noexcept {
    if (network().sends_blocked()) {
        may_send = false;
        return Step::pending;
    }
    if (request.segment_bytes == 0) {
        request.error = Errc::invalid_argument;
        return Step::done;
    }
    if (pending_error_ != Errc::ok) {
        request.error = std::exchange(pending_error_, Error{});
        return Step::done;
    }
    do {
        const std::span<const std::byte> rest = request.from.subspan(request.count);
        const std::span<const std::byte> segment = rest.first(std::min(rest.size(), request.segment_bytes));
        const Error error = send_one(request.to, IoBuf::copy_of(segment));
        if (error != Errc::ok) {
            if (request.count == 0) request.error = error;  // else it comes with the next call
            return Step::done;
        }
        request.count += segment.size();
    } while (request.count < request.from.size());
    return Step::done;
}

Step DatagramPort::send_segmented(DatagramSocket& socket, SendRequest& request) noexcept {
    return static_cast<DatagramPort&>(socket).send_segmented_now(request);
}

void DatagramPort::sends_unblocked() noexcept {
    may_send = true;
    if (sender != nullptr) complete(*this, *sender);  // it sends when its task runs
}

// --- the rest of the table

Result<> DatagramPort::connect(DatagramSocket& socket, const net::SocketAddr& peer) noexcept {
    auto& port = static_cast<DatagramPort&>(socket);
    if (peer.port() == 0) return Errc::invalid_argument;
    port.connected_peer_ = net::SocketAddr(peer.ip().unmapped(), peer.port());
    port.connected = true;
    return {};
}

// There is one interface, and it has the index 1.
Result<> DatagramPort::join(DatagramSocket& socket, const backend::Membership& membership,
                            backend::MembershipChange change) noexcept {
    using enum backend::MembershipChange;
    auto& port = static_cast<DatagramPort&>(socket);
    if (!membership.group.is_multicast()) return Errc::invalid_argument;
    if (membership.has_source && (membership.source.is_v4() != membership.group.is_v4() ||
                                  membership.source.is_multicast() || membership.source.is_unspecified()))
        return Errc::invalid_argument;
    if (change == leave) return port.leave_group(membership);
    if (membership.interface_index > 1) return Errc::not_found;
    return change == backend::MembershipChange::join ? port.join_group(membership)
                                                     : port.shut_out(membership, change == block);
}

std::size_t DatagramPort::memberships() const noexcept {
    std::size_t count = 0;
    for (const auto& [group, hearing] : groups_)
        count += std::max<std::size_t>(1, hearing.sources.size()) + hearing.shut_out.size();
    return count;
}

Result<> DatagramPort::join_group(const backend::Membership& membership) {
    const auto found = groups_.find(membership.group);
    const bool is_member = found != groups_.end();
    if (is_member && (!membership.has_source || found->second.sources.contains(membership.source)))
        return Errc::address_in_use;
    if (is_member && found->second.sources.empty()) return Errc::invalid_argument;  // it hears all of them
    if (memberships() >= network().limits().groups) return Errc::no_buffers;
    std::set<net::IpAddr>& sources = groups_[membership.group].sources;
    if (membership.has_source) sources.insert(membership.source);
    return {};
}

Result<> DatagramPort::leave_group(const backend::Membership& membership) noexcept {
    const auto found = groups_.find(membership.group);
    if (found == groups_.end()) return Errc::address_not_available;
    if (membership.has_source && found->second.sources.erase(membership.source) == 0)
        return Errc::address_not_available;
    if (!membership.has_source || found->second.sources.empty()) groups_.erase(found);
    return {};
}

Result<> DatagramPort::shut_out(const backend::Membership& membership, bool out) {
    const auto found = groups_.find(membership.group);
    if (found == groups_.end() || !found->second.sources.empty()) return Errc::invalid_argument;
    std::set<net::IpAddr>& all = found->second.shut_out;
    if (!out) return all.erase(membership.source) != 0 ? Result<>() : Result<>(Errc::address_not_available);
    if (all.contains(membership.source)) return Errc::address_in_use;
    if (memberships() >= network().limits().groups) return Errc::no_buffers;
    all.insert(membership.source);
    return {};
}

void DatagramPort::close(DatagramSocket* socket) noexcept {
    auto* const port = static_cast<DatagramPort*>(socket);
    delete std::exchange(port->given_back, nullptr);
    port->network().release_descriptor(*port);
    port->network().discard(port);
}

Result<> DatagramPort::set_option(DatagramSocket& socket, backend::SocketOption option, int value) noexcept {
    return static_cast<DatagramPort&>(socket).options.set(option, value);
}

Result<int> DatagramPort::get_option(DatagramSocket& socket, backend::SocketOption option) noexcept {
    return static_cast<DatagramPort&>(socket).options.ask(option);
}

void DatagramPort::orphan() noexcept {
    queue_.clear();
    backend::orphan_datagrams(*this);
}

const backend::DatagramOps DatagramPort::operations{&receive, &send,  &send,       &send_segmented, &connect,
                                                    &join,    &close, &set_option, &get_option};

}  // namespace skerry::testing
