#include "network_state.hpp"

#include "datagram.hpp"
#include "listener.hpp"
#include "stream.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace skerry::testing {

using backend::ConnectRequest;
using backend::Step;

namespace {

constexpr std::uint16_t first_ephemeral_port = 49'152;  // RFC 6335 section 6
constexpr std::uint16_t ephemeral_ports = 65'535 - first_ephemeral_port + 1;

template <class Map, class Value>
void erase_from(Map& map, const net::SocketAddr& address, Value* value) {
    const auto found = map.find(address);
    if (found == map.end()) return;
    std::erase(found->second, value);
    if (found->second.empty()) map.erase(found);
}

net::SocketAddr unmapped(const net::SocketAddr& address) noexcept { return {address.ip().unmapped(), address.port()}; }

// Whether two sockets on one port would get the same packets.
template <class T>
bool overlap(const net::SocketAddr& a, bool a_v6_only, const net::SocketAddr& b, const T& b_socket) noexcept {
    const auto covers = [](const net::SocketAddr& any, bool v6_only, const net::SocketAddr& other) {
        return any.is_unspecified() && (any.is_v4() == other.is_v4() || (any.is_v6() && !v6_only));
    };
    return a.ip() == b.ip() || covers(a, a_v6_only, b) || covers(b, b_socket.v6_only, a);
}

}  // namespace

Socket::Socket(NetworkState& network) noexcept : network_(&network), id_(network.enroll(*this)) {}

NetworkState::~NetworkState() {
    for (auto& [address, listeners] : listeners_)
        for (Listener* listener : listeners) listener->reset_queue();
    while (Socket* const socket = sockets_.pop_front()) socket->orphan();
}

SocketId NetworkState::enroll(Socket& socket) noexcept {
    sockets_.push_back(socket);
    return next_id_++;
}

// --- descriptors

bool NetworkState::take_descriptor(Socket& socket) noexcept {
    if (descriptors_used_ >= limits_.descriptors) return false;
    ++descriptors_used_;
    socket.has_descriptor = true;
    return true;
}

void NetworkState::release_descriptor(Socket& socket) noexcept {
    if (!std::exchange(socket.has_descriptor, false)) return;
    --descriptors_used_;
    retry_accepts_ = true;
}

void NetworkState::retry_accepts() noexcept {
    if (!std::exchange(retry_accepts_, false)) return;
    for (auto& [address, listeners] : listeners_)
        for (Listener* listener : listeners)
            if (listener->is_paused()) listener->resume();
}

// --- addresses

net::IpAddr NetworkState::source_for(const net::IpAddr& destination) const noexcept {
    if (destination.is_loopback() || destination.is_unspecified())
        return destination.is_v4() ? net::IpAddr::v4_loopback() : net::IpAddr::v6_loopback();
    return destination.is_v4() ? source_v4_ : source_v6_;
}

std::uint16_t NetworkState::next_ephemeral_port() noexcept {
    const std::uint16_t port = static_cast<std::uint16_t>(first_ephemeral_port + next_port_);
    next_port_ = static_cast<std::uint16_t>((next_port_ + 1) % ephemeral_ports);
    return port;
}

template <class T>
Error NetworkState::check_free(const ByAddress<T>& table, const net::SocketAddr& address, bool reuse_port,
                               bool v6_only) const noexcept {
    for (const auto& [taken, sockets] : table) {
        if (taken.port() != address.port()) continue;
        for (const T* socket : sockets)
            if (!(reuse_port && socket->reuse_port) && overlap(address, v6_only, taken, *socket))
                return Errc::address_in_use;
    }
    return {};
}

template <class T>
std::uint16_t NetworkState::free_port(const ByAddress<T>& table, const net::SocketAddr& address) noexcept {
    for (unsigned tries = 0; tries < ephemeral_ports; ++tries) {
        const std::uint16_t port = next_ephemeral_port();
        if (check_free(table, address.with_port(port), false, false) == Errc::ok) return port;
    }
    return 0;
}

void NetworkState::note_addresses(Stream& stream) { ends_[{stream.local(), stream.remote()}] = &stream; }

Stream* NetworkState::find_stream(SocketId id) const noexcept {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : found->second;
}

DatagramPort* NetworkState::find_port(SocketId id) const noexcept {
    const auto found = ports_by_id_.find(id);
    return found == ports_by_id_.end() ? nullptr : found->second;
}

Stream* NetworkState::find_end(const net::SocketAddr& local, const net::SocketAddr& peer) const noexcept {
    const auto found = ends_.find({unmapped(local), unmapped(peer)});
    return found == ends_.end() ? nullptr : found->second;
}

Listener* NetworkState::find_listener(const net::SocketAddr& address) noexcept {
    const net::IpAddr any = address.is_v4() ? net::IpAddr::v4_any() : net::IpAddr::v6_any();
    for (const net::IpAddr& ip : {address.ip(), any, net::IpAddr::v6_any()}) {
        const auto found = listeners_.find(net::SocketAddr(ip, address.port()));
        if (found == listeners_.end()) continue;
        Listener* const listener = found->second[turn_++ % found->second.size()];
        if (ip.is_v6() && address.is_v4() && listener->v6_only) continue;
        return listener;
    }
    return nullptr;
}

// --- making sockets

backend::Capabilities NetworkState::capabilities() const noexcept {
    backend::Capabilities capabilities;
    capabilities.tcp = capabilities.udp = capabilities.ipv6 = capabilities.multicast = capabilities.reuse_port = true;
    capabilities.packet_info = capabilities.source_multicast = true;
    return capabilities;
}

backend::SocketStats NetworkState::stats() const noexcept {
    backend::SocketStats stats;
    stats.open = descriptors_used_;
    stats.accepted = counters_.accepted;
    stats.accept_paused = counters_.accept_paused;
    return stats;
}

namespace {

Error set_up(OptionValues& options, const backend::StreamSetup& setup) noexcept {
    if (!setup.device.empty()) return Errc::unsupported;
    const auto set = options.set_all(setup.options);
    return set ? Error{} : set.error();
}

}  // namespace

Result<net::SocketAddr> NetworkState::local_end(const ConnectRequest& request, const net::SocketAddr& to) noexcept {
    net::SocketAddr wanted;
    if (request.setup != nullptr && request.setup->local) wanted = unmapped(*request.setup->local);
    const net::IpAddr source = wanted.is_unspecified() ? source_for(to.ip()) : wanted.ip();
    if (wanted.port() != 0) {
        const net::SocketAddr local(source, wanted.port());
        if (ends_.contains({local, to}) || find_listener(local) != nullptr) return Errc::address_in_use;
        return local;
    }
    for (unsigned tries = 0; tries < ephemeral_ports; ++tries) {
        const net::SocketAddr local(source, next_ephemeral_port());
        if (!ends_.contains({local, to})) return local;
    }
    return Errc::address_not_available;
}

Step NetworkState::connect(ConnectRequest& request) noexcept {
    net::SocketAddr to = unmapped(request.to);
    if (to.is_unspecified()) to = net::SocketAddr(source_for(to.ip()), to.port());
    OptionValues options;
    const auto local = local_end(request, to);
    if (next_connect_error_)
        request.error = *std::exchange(next_connect_error_, std::nullopt);
    else if (!local)
        request.error = local.error();
    else if (descriptors_used_ >= limits_.descriptors)
        request.error = Errc::no_descriptors;
    else if (request.setup != nullptr)
        request.error = set_up(options, *request.setup);
    if (request.error != Errc::ok) return Step::done;
    auto* const stream = new Stream(*this, *local, to, End::client);
    stream->options = options;
    stream->peer = request.to;
    stream->connecting = &request;
    streams_.emplace(stream->id(), stream);
    note_addresses(*stream);
    (void)take_descriptor(*stream);
    request.socket = stream;
    stream->send_syn();
    return Step::pending;
}

void NetworkState::cancel_connect(ConnectRequest& request) noexcept {
    if (request.socket == nullptr) return;
    auto* const stream = static_cast<Stream*>(std::exchange(request.socket, nullptr));
    stream->connecting = nullptr;
    stream->ops->close(stream);
}

Result<backend::ListenerSocket*> NetworkState::listen(const net::SocketAddr& address,
                                                      const backend::ListenOptions& options,
                                                      const backend::StreamSetup* setup) noexcept {
    if (next_bind_error_) return *std::exchange(next_bind_error_, std::nullopt);
    if (descriptors_used_ >= limits_.descriptors) return Errc::no_descriptors;
    net::SocketAddr local = address;
    if (local.port() == 0) local = local.with_port(free_port(listeners_, local));
    if (local.port() == 0) return Errc::address_in_use;
    if (const Error taken = check_free(listeners_, local, options.reuse_port, options.v6_only); taken != Errc::ok)
        return taken;
    OptionValues values;
    if (setup != nullptr)
        if (const Error wrong = set_up(values, *setup); wrong != Errc::ok) return wrong;
    auto* const listener = new Listener(*this, local, options);
    listener->options = values;
    (void)take_descriptor(*listener);
    listeners_[local].push_back(listener);
    return listener;
}

Result<backend::DatagramSocket*> NetworkState::bind(const net::SocketAddr& address,
                                                    const backend::BindOptions& options) noexcept {
    if (next_bind_error_) return *std::exchange(next_bind_error_, std::nullopt);
    if (descriptors_used_ >= limits_.descriptors) return Errc::no_descriptors;
    backend::BindOptions own = options;
    // A group is received by every program that joins it, so its port may be bound more than once.
    own.reuse_port |= address.ip().is_multicast();
    net::SocketAddr local = address;
    if (local.port() == 0) local = local.with_port(free_port(ports_, local));
    if (local.port() == 0) return Errc::address_in_use;
    if (const Error taken = check_free(ports_, local, own.reuse_port, own.v6_only); taken != Errc::ok) return taken;
    auto* const port = new DatagramPort(*this, local, own);
    (void)take_descriptor(*port);
    ports_[local].push_back(port);
    ports_by_id_.emplace(port->id(), port);
    return port;
}

void NetworkState::discard(Stream* stream) noexcept {
    release_descriptor(*stream);
    streams_.erase(stream->id());
    const auto end = ends_.find({stream->local(), stream->remote()});
    if (end != ends_.end() && end->second == stream) ends_.erase(end);
    if (stream->is_linked()) stream->ListLink::unlink();
    delete static_cast<Socket*>(stream);
}

void NetworkState::discard(Listener* listener) noexcept {
    erase_from(listeners_, listener->local, listener);
    listener->ListLink::unlink();
    delete static_cast<Socket*>(listener);
}

void NetworkState::discard(DatagramPort* port) noexcept {
    erase_from(ports_, port->local, port);
    ports_by_id_.erase(port->id());
    port->ListLink::unlink();
    delete static_cast<Socket*>(port);
}

// --- what is under way

bool NetworkState::is_stale(const Event& event) const noexcept {
    if (event.kind != EventKind::user_timeout && event.kind != EventKind::syn_retry) return false;
    const Stream* const stream = find_stream(event.target);
    return stream == nullptr || (event.kind == EventKind::user_timeout && stream->is_stale(event));
}

time::Instant NetworkState::next_deadline() noexcept {
    if (retry_accepts_) return now();
    while (!events_.empty() && is_stale(events_.first())) (void)events_.pop();
    return events_.empty() ? time::Instant::max() : events_.first().at;
}

bool NetworkState::deliver(time::Instant now) noexcept {
    const bool retries = retry_accepts_;
    retry_accepts();
    const std::uint64_t end = events_.next_sequence();
    bool any = retries;
    while (!events_.empty() && events_.first().at <= now && events_.first().sequence < end) {
        Event event = events_.pop();
        if (is_stale(event)) continue;
        any = true;
        handle(std::move(event));
    }
    return any;
}

void NetworkState::handle(Event&& event) noexcept {
    if (event.kind == EventKind::syn) return handle_syn(std::move(event));
    if (event.kind == EventKind::datagram) return handle_datagram(std::move(event));
    if (event.kind == EventKind::unclaimed) {
        if (DatagramPort* const port = find_port(event.target)) port->fail(Errc::connection_refused);
        return;
    }
    Stream* const stream = find_stream(event.target);
    if (stream == nullptr) {  // an end that is gone answers data with a reset
        if (event.kind != EventKind::data && event.kind != EventKind::established) return;
        Event reset;
        reset.kind = EventKind::reset;
        reset.target = event.source;
        reset.source = event.target;
        return schedule(wire_.arrival(event.to.ip(), event.from.ip(), 0, now()), std::move(reset));
    }
    switch (event.kind) {
        case EventKind::syn_retry: return stream->send_syn();
        case EventKind::refused: return stream->connect_failed(event.error);
        case EventKind::user_timeout: return stream->handle(std::move(event));
        default: break;
    }
    if (stream->is_held_incoming()) return stream->hold(std::move(event));
    if (event.kind == EventKind::established) return stream->connected_to(event.source, event.bytes);
    stream->handle(std::move(event));
}

// --- connecting

Answer NetworkState::answer_of(const net::SocketAddr& address) const noexcept {
    const auto found = answers_.find(address);
    return found == answers_.end() ? Answer::listen : found->second;
}

void NetworkState::refuse(Stream& client, Error error) noexcept {
    Event refused;
    refused.kind = EventKind::refused;
    refused.target = client.id();
    refused.error = error;
    schedule(wire_.arrival(client.remote().ip(), client.local().ip(), 0, now()), std::move(refused));
}

void NetworkState::handle_syn(Event&& event) noexcept {
    Stream* const client = find_stream(event.target);
    if (client == nullptr) return;
    const Answer answer = answer_of(event.to);
    if (answer == Answer::refuse) return refuse(*client, Errc::connection_refused);
    if (answer == Answer::unreachable) return refuse(*client, Errc::unreachable);
    Listener* const listener = answer == Answer::listen ? find_listener(event.to) : nullptr;
    if (answer == Answer::listen && listener == nullptr) return refuse(*client, Errc::connection_refused);
    const bool is_full = listener != nullptr && listener->is_full();
    if (is_full) ++counters_.backlog_overflows;
    // An answer that cannot come back is as good as none.
    if (listener == nullptr || is_full || client->is_held_incoming()) return client->lose_syn();
    auto* const server = new Stream(*this, event.to, event.from, End::server);
    if (listener != nullptr) server->options = listener->options;
    streams_.emplace(server->id(), server);
    ++counters_.connections;
    server->connected_to(client->id(), event.bytes);
    Event established;
    established.kind = EventKind::established;
    established.target = client->id();
    established.source = server->id();
    established.bytes = server->window();
    established.from = event.to;
    established.to = event.from;
    server->schedule_in_order(std::move(established));
    listener->add(*server);
    if (on_connect_) on_connect_(server->connection());
}

// --- datagrams

void NetworkState::receivers_of(const Event& datagram, std::vector<DatagramPort*>& out) const {
    const net::IpAddr any = datagram.to.is_v4() ? net::IpAddr::v4_any() : net::IpAddr::v6_any();
    const bool is_group = datagram.to.is_multicast();
    const std::array<net::IpAddr, 3> ips{datagram.to.ip(), any, net::IpAddr::v6_any()};
    for (std::size_t i = 0; i < ips.size(); ++i) {
        if (i == 2 && ips[1] == ips[2]) continue;
        const auto found = ports_.find(net::SocketAddr(ips[i], datagram.to.port()));
        if (found == ports_.end()) continue;
        for (DatagramPort* port : found->second)
            if (port->takes(datagram) && !(i == 2 && port->v6_only)) out.push_back(port);
        if (!is_group && !out.empty()) break;
    }
    if (is_group || out.size() < 2) return;
    // Connected sockets come first, then one of those that share the port, the same for each sender.
    const auto connected =
        std::find_if(out.begin(), out.end(), [](const DatagramPort* port) { return port->connected; });
    DatagramPort* const chosen = connected != out.end() ? *connected : out[datagram.from.hash() % out.size()];
    out.assign(1, chosen);
}

void NetworkState::handle_datagram(Event&& event) noexcept {
    std::vector<DatagramPort*> receivers;
    receivers_of(event, receivers);
    if (receivers.empty()) {
        ++counters_.datagrams_unclaimed;
        const DatagramPort* const sender = find_port(event.source);
        if (sender == nullptr || !sender->connected || event.to.is_multicast()) return;
        Event unclaimed;
        unclaimed.kind = EventKind::unclaimed;
        unclaimed.target = event.source;
        return schedule(wire_.arrival(event.to.ip(), event.from.ip(), 0, now()), std::move(unclaimed));
    }
    for (std::size_t i = 0; i + 1 < receivers.size(); ++i) receivers[i]->deliver(event, event.payload.clone());
    receivers.back()->deliver(event, std::move(event.payload));
}

// --- for Network

void NetworkState::release_held() noexcept {
    std::vector<SocketId> ids;  // a stream may go away while another is let go
    ids.reserve(streams_.size());
    for (const auto& [id, stream] : streams_) ids.push_back(id);
    std::sort(ids.begin(), ids.end());
    for (const SocketId id : ids)
        if (Stream* const stream = find_stream(id)) stream->release_held();
}

void NetworkState::set_link(const Link& link) {
    wire_.set_all(link);
    release_held();
}

void NetworkState::set_link(const net::IpAddr& from, const net::IpAddr& to, const Link& link) {
    wire_.set(from, to, link);
    release_held();
}

void NetworkState::set_stalled(Stream& stream, bool on) {
    stream.set_stalled(on);
    if (Stream* const other = find_stream(stream.peer_id())) other->set_stalled(on);
    release_held();
}

void NetworkState::set_limits(const NetworkLimits& limits) {
    limits_ = limits;
    retry_accepts_ = true;
}

void NetworkState::set_source(const net::IpAddr& address) { (address.is_v4() ? source_v4_ : source_v6_) = address; }

void NetworkState::set_answer(const net::SocketAddr& address, Answer answer) { answers_[address] = answer; }

void NetworkState::set_sends_blocked(bool on) {
    sends_blocked_ = on;
    if (on) return;
    for (auto& [address, ports] : ports_)
        for (DatagramPort* port : ports) port->sends_unblocked();
}

std::vector<Connection> NetworkState::connections() const {
    std::vector<SocketId> clients;
    for (const auto& [id, stream] : streams_)
        if (stream->is_client() && stream->state() == Stream::State::open) clients.push_back(id);
    std::sort(clients.begin(), clients.end());
    std::vector<Connection> found;
    for (const SocketId id : clients) found.push_back(find_stream(id)->connection());
    return found;
}

std::size_t NetworkState::open_sockets() const noexcept {
    std::size_t queued = 0;
    for (const auto& [address, listeners] : listeners_)
        for (const Listener* listener : listeners) queued += listener->queued();
    return descriptors_used_ + queued;
}

}  // namespace skerry::testing
