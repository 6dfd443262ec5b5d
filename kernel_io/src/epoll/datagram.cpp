#include "datagram.hpp"

#include "../system_call.hpp"

#include <skerry/backend/orphaned.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/base/os_socket_addr.hpp>

#include <algorithm>
#include <cerrno>

namespace skerry::kernel_io::epoll {

using backend::Datagram;
using backend::DatagramSocket;
using backend::SendRequest;
using backend::Step;

DatagramPort::DatagramPort(CoreSockets& core, Fd fd) noexcept : Socket(core, std::move(fd)) {
    ops = &operations;
    home = core.home();
}

Result<> DatagramPort::watch(std::uint32_t events) noexcept {
    return core().poller().modify(fd(), *this, events | (arrivals_.are_single() ? 0U : EPOLLET));
}

SKERRY_NOINLINE void DatagramPort::on_any_events(std::uint32_t events) noexcept {
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) on_events(EPOLLIN);
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    if (!may_send) (void)watch(EPOLLIN);  // cannot fail: it shrinks what is there
    may_send = true;
    if (sender != nullptr) complete(*this, *sender);  // it sends when its task runs
}

// --- sending

Step DatagramPort::send(DatagramSocket& socket, SendRequest& request) noexcept {
    auto& port = static_cast<DatagramPort&>(socket);
    if (request.batch.size() != 1 || !request.batch.front().peer.is_v4()) return port.send_other(request);
    const Datagram& datagram = request.batch.front();
    return port.send_one(request, datagram.payload.bytes(), socket.connected ? nullptr : &datagram.peer, 1);
}

// All but one datagram to a peer of IPv4, for which nothing is called that returns here.
SKERRY_NOINLINE Step DatagramPort::send_other(SendRequest& request) noexcept {
    if (request.batch.empty()) return send_one(request, request.from, request.to, request.from.size());
    if (request.batch.size() > 1) return send_batch(request);
    const Datagram& datagram = request.batch.front();
    return send_one(request, datagram.payload.bytes(), connected ? nullptr : &datagram.peer, 1);
}

// `count` is what the request counts when the datagram has left.
SKERRY_ALWAYS_INLINE Step DatagramPort::send_one(SendRequest& request, std::span<const std::byte> data,
                                                 const net::SocketAddr* to, std::size_t count) noexcept {
    sockaddr_storage storage;
    socklen_t length = 0;
    if (to != nullptr) length = net::to_os(*to, storage);
    const long sent = call_sendto(fd(), data.data(), data.size(), MSG_NOSIGNAL,
                                  length != 0 ? reinterpret_cast<sockaddr*>(&storage) : nullptr, length);
    if (sent < 0) [[unlikely]]
        return not_sent(request, sent);
    request.count = count;
    return Step::done;
}

SKERRY_NOINLINE Step DatagramPort::not_sent(SendRequest& request, long answer) noexcept {
    if (answer == -EAGAIN) return no_room(request);
    request.error = error_of(answer);
    return Step::done;
}

// The kernel wakes for EPOLLOUT whenever a datagram has left the socket's buffer, also when there was room all
// the time. So room is asked for only when it is missing.
Step DatagramPort::no_room(SendRequest& request) noexcept {
    may_send = false;
    if (auto asked = watch(EPOLLIN | EPOLLOUT); !asked) {
        may_send = true;
        request.error = asked.error();
        return Step::done;
    }
    return Step::pending;
}

Step DatagramPort::send_batch(SendRequest& request) noexcept {
    SendArray& messages = core().sent_messages();
    while (request.count < request.batch.size()) {
        const std::size_t count = messages.describe(request.batch.subspan(request.count), !connected);
        const long sent = call_sendmmsg(fd(), messages.headers(), count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) [[likely]] {
            request.count += static_cast<std::size_t>(sent);
            continue;
        }
        if (sent == -EAGAIN) return no_room(request);
        // What was sent counts; the error comes with the next call, whose first datagram it concerns.
        if (request.count == 0) request.error = error_of(sent);
        return Step::done;
    }
    return Step::done;
}

// --- the rest of the table

Result<> DatagramPort::connect(DatagramSocket& socket, const net::SocketAddr& peer) noexcept {
    sockaddr_storage storage;
    const socklen_t length = net::to_os(peer, storage);
    if (::connect(static_cast<DatagramPort&>(socket).fd(), reinterpret_cast<sockaddr*>(&storage), length) != 0)
        return last_error();
    socket.connected = true;
    return {};
}

Result<> DatagramPort::join(DatagramSocket& socket, const net::IpAddr& group, std::uint32_t interface_index,
                            bool join) noexcept {
    return change_membership(static_cast<DatagramPort&>(socket).fd(), group, interface_index, join);
}

void DatagramPort::close(DatagramSocket* socket) noexcept {
    auto* const port = static_cast<DatagramPort*>(socket);
    delete std::exchange(port->given_back, nullptr);
    port->retire();
}

Result<> DatagramPort::set_option(DatagramSocket& socket, backend::SocketOption option, int value) noexcept {
    return kernel_io::set_option(static_cast<DatagramPort&>(socket).fd(), socket.local.is_v6(), option, value);
}

Result<int> DatagramPort::get_option(DatagramSocket& socket, backend::SocketOption option) noexcept {
    return kernel_io::get_option(static_cast<DatagramPort&>(socket).fd(), socket.local.is_v6(), option);
}

void DatagramPort::orphan() noexcept {
    close_fd();
    forget_core();
    ops = &backend::orphaned_datagram_ops<DatagramPort>;
    may_receive = may_send = true;
}

const backend::DatagramOps DatagramPort::operations{&receive, &send, &connect, &join, &close, &set_option, &get_option};

}  // namespace skerry::kernel_io::epoll
