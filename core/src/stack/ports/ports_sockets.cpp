#include <skerry/stack/ports/ports_sockets.hpp>

#include "joined_datagrams.hpp"
#include "joined_listener.hpp"
#include "reach.hpp"

#include <skerry/base/assert.hpp>

#include <memory>
#include <new>

namespace skerry::stack {

using backend::DatagramSocket;
using backend::ListenerSocket;
using backend::Step;

namespace {

// What is bound to one of these is a socket of each port: all hear of it.
bool is_of_all_ports(const net::IpAddr& address) noexcept {
    const net::IpAddr real = address.unmapped();
    return real.is_unspecified() || real.is_multicast() || (real.is_v4() && wire::Ipv4Addr::of(real).is_broadcast());
}

void add(backend::SocketStats& sum, const backend::SocketStats& more) noexcept {
    sum.open += more.open;
    sum.accepted += more.accepted;
    sum.accept_paused += more.accept_paused;
    sum.no_buffers += more.no_buffers;
    sum.buffers_out += more.buffers_out;
    sum.buffers_made += more.buffers_made;
    sum.steered += more.steered;
    sum.port_checksum += more.port_checksum;
    sum.stack_checksum += more.stack_checksum;
    sum.buffers_given += more.buffers_given;
}

}  // namespace

PortsSockets::PortsSockets(std::span<Sockets* const> ports, std::uint16_t home) noexcept
    : count_(ports.size()), home_(home) {
    SKERRY_ASSERT(count_ != 0 && count_ <= ports_max, "a number of ports that there cannot be");
    for (std::size_t at = 0; at < count_; ++at) ports_[at] = ports[at];
}

PortsSockets::~PortsSockets() {
    while (JoinedListener* listener = listeners_.pop_front()) listener->orphan();
    while (JoinedDatagrams* socket = datagrams_.pop_front()) socket->orphan();
}

backend::Capabilities PortsSockets::capabilities() const noexcept {
    backend::Capabilities some = ports_[0]->capabilities();
    for (std::size_t at = 1; at < count_; ++at) some.ipv6 |= ports_[at]->capabilities().ipv6;  // else they are alike
    return some;
}

backend::SocketStats PortsSockets::stats() const noexcept {
    backend::SocketStats sum;
    for (std::size_t at = 0; at < count_; ++at) add(sum, ports_[at]->stats());
    sum.open = sum.open - parts_ + joined_;
    return sum;
}

// --- which port

// All gone: the first, which says so.
std::size_t PortsSockets::first_there() const noexcept {
    for (std::size_t at = 0; at < count_; ++at)
        if (!ports_[at]->is_lost()) return at;
    return 0;
}

std::size_t PortsSockets::port_to(const net::SocketAddr& host) const noexcept {
    const net::IpAddr ip = host.ip().unmapped();
    if (host.scope() != 0 && host.scope() <= count_) return host.scope() - 1;
    const bool is_for_all = is_of_all_ports(ip);
    std::size_t best = first_there();
    int best_reach = reach_none;
    for (std::size_t at = 0; at < count_; ++at) {
        if (ports_[at]->is_lost()) continue;
        const Stack& stack = ports_[at]->stack();
        if (is_for_all && speaks(stack, ip.family())) return at;
        const int reach = is_for_all ? reach_none : reach_of(stack, ip);
        if (reach <= best_reach) continue;
        best = at;
        best_reach = reach;
    }
    return best;
}

std::optional<std::size_t> PortsSockets::port_of(const net::IpAddr& own) const noexcept {
    for (std::size_t at = 0; at < count_; ++at)
        if (has_address(ports_[at]->stack(), own)) return at;
    return {};
}

// --- sockets

Step PortsSockets::connect(backend::ConnectRequest& request) noexcept {
    std::size_t at = port_to(request.to);
    // Where no port has the address, this one says so.
    if (request.setup != nullptr && request.setup->local)
        at = port_of(request.setup->local->ip().unmapped()).value_or(at);
    return ports_[at]->connect(request);
}

// Whatever port the connection is of, it knows it itself.
void PortsSockets::cancel_connect(backend::ConnectRequest& request) noexcept { ports_[0]->cancel_connect(request); }

Result<ListenerSocket*> PortsSockets::listen(const net::SocketAddr& address, const backend::ListenOptions& options,
                                             const backend::StreamSetup* setup) noexcept {
    if (!is_of_all_ports(address.ip()))
        return ports_[port_of(address.ip().unmapped()).value_or(0)]->listen(address, options, setup);
    std::unique_ptr<JoinedListener> listener(new (std::nothrow) JoinedListener(*this));
    if (listener == nullptr) return Errc::no_memory;
    if (auto opened = listener->open(address, options, setup); !opened) return opened.error();
    return listener.release();
}

Result<DatagramSocket*> PortsSockets::bind(const net::SocketAddr& address,
                                           const backend::BindOptions& options) noexcept {
    if (!is_of_all_ports(address.ip()))
        return ports_[port_of(address.ip().unmapped()).value_or(0)]->bind(address, options);
    std::unique_ptr<JoinedDatagrams> socket(new (std::nothrow) JoinedDatagrams(*this, options));
    if (socket == nullptr) return Errc::no_memory;
    if (auto opened = socket->open(address); !opened) return opened.error();
    return socket.release();
}

IoBuf PortsSockets::send_buffer(std::size_t bytes, std::size_t headroom) noexcept {
    return ports_[0]->send_buffer(bytes, headroom);
}

}  // namespace skerry::stack
