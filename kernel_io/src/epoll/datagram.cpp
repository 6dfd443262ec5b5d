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
using backend::RecvRequest;
using backend::SendRequest;
using backend::Step;

DatagramPort::DatagramPort(CoreSockets& core, Fd fd) noexcept : Socket(core, std::move(fd)) {
    ops = &operations;
    home = core.home();
}

Result<> DatagramPort::watch(std::uint32_t events) noexcept {
    return core().poller().modify(fd(), *this, events | (arrivals_.are_single() ? 0U : EPOLLET));
}

void DatagramPort::on_events(std::uint32_t events) noexcept {
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) on_readable();
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
        if (!may_send) (void)watch(EPOLLIN);  // cannot fail: it shrinks what is there
        may_send = true;
        if (sender != nullptr) complete(*this, *sender);  // it sends when its task runs
    }
}

// --- receiving

SKERRY_ALWAYS_INLINE void DatagramPort::on_readable() noexcept {
    may_receive = true;
    if (receiver == nullptr) return came_together();
    RecvRequest& request = *receiver;
    arrivals_.edge();
    if (receive_awaited(request) != Step::done) return;
    count_arrival(request);
    complete(*this, request);
}

// After a receive for which a task had waited.
SKERRY_ALWAYS_INLINE void DatagramPort::count_arrival(const RecvRequest& request) noexcept {
    if (request.error.code() != Errc::ok) return;
    if (arrivals_.are_single()) {
        may_receive = arrivals_.look_for_another();
    } else if (request.batch.size() <= 1) {
        may_be_alone_ = true;
    } else if (request.count == 1) {
        came_alone();  // there were slots for more
    } else {
        came_together();
    }
}

SKERRY_ALWAYS_INLINE void DatagramPort::came_alone() noexcept {
    if (!arrivals_.came_alone()) return;
    may_receive = false;  // what comes meanwhile is reported: from now on the registration is level-triggered
    (void)watch(may_send ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

SKERRY_ALWAYS_INLINE void DatagramPort::came_together() noexcept {
    may_be_alone_ = false;
    if (!arrivals_.came_together()) return;
    (void)watch(may_send ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

Step DatagramPort::receive(DatagramSocket& socket, RecvRequest& request) noexcept {
    auto& port = static_cast<DatagramPort&>(socket);
    const Step step = request.batch.empty() ? port.receive_one(request) : port.receive_batch(request);
    if (step == Step::done) {
        if (request.error.code() == Errc::ok) port.came_together();
        return step;
    }
    port.arrivals_.found_nothing();
    if (std::exchange(port.may_be_alone_, false)) port.came_alone();
    return step;
}

SKERRY_ALWAYS_INLINE Step DatagramPort::receive_awaited(RecvRequest& request) noexcept {
    if (request.batch.empty()) return receive_one(request);
    return arrivals_.are_single() ? receive_single(request) : receive_batch(request);
}

Step DatagramPort::nothing_received(RecvRequest& request) noexcept {
    if (errno == EAGAIN) {
        may_receive = false;
        return Step::pending;
    }
    request.error = last_error();
    return Step::done;
}

Step DatagramPort::without_buffer(RecvRequest& request) noexcept {
    core().count_no_buffers();
    request.error = Errc::no_buffers;
    return Step::done;
}

namespace {

/// Where a datagram's sender is written, and one recvfrom. MSG_TRUNC makes the kernel return the datagram's own
/// length, so that a short buffer shows.
struct Sender {
    sockaddr_storage storage;
    socklen_t length = sizeof storage;

    SKERRY_ALWAYS_INLINE ssize_t receive(int fd, std::span<std::byte> into) noexcept {
        return call_recvfrom(fd, into.data(), into.size(), MSG_TRUNC, reinterpret_cast<sockaddr*>(&storage), &length);
    }
};

}  // namespace

SKERRY_ALWAYS_INLINE Step DatagramPort::receive_one(RecvRequest& request) noexcept {
    Sender from;
    const ssize_t count = from.receive(fd(), request.into);
    if (count < 0) return nothing_received(request);
    const auto bytes = static_cast<std::size_t>(count);
    request.truncated = bytes > request.into.size();
    request.count = std::min(bytes, request.into.size());
    net::from_os(from.storage, from.length, request.peer);
    return Step::done;
}

// A batch of one.
SKERRY_ALWAYS_INLINE Step DatagramPort::receive_single(RecvRequest& request) noexcept {
    Datagram& datagram = request.batch.front();
    datagram.payload = core().buffer();
    if (!datagram.payload) [[unlikely]]
        return without_buffer(request);
    const std::span<std::byte> into = datagram.payload.writable();
    Sender from;
    const ssize_t count = from.receive(fd(), into);
    if (count < 0) [[unlikely]] {
        datagram.payload.reset();  // who waits holds no buffer
        return nothing_received(request);
    }
    const auto bytes = static_cast<std::size_t>(count);
    datagram.received_at = time::Instant::now();
    datagram.time_source = backend::TimeSource::burst;
    datagram.truncated = bytes > into.size();
    datagram.payload.set_size(std::min(bytes, into.size()));
    net::from_os(from.storage, from.length, datagram.peer);
    request.count = 1;
    return Step::done;
}

// recvmmsg; leaves only those slots that could get a buffer. Negative: errno says why, ENOBUFS that the pool is at
// its limit.
SKERRY_ALWAYS_INLINE int DatagramPort::receive_into(std::span<Datagram>& slots) noexcept {
    ReceiveArray& messages = core().received_messages();
    const std::size_t ready = messages.prepare(slots.size(), core().buffers());
    if (ready == 0) [[unlikely]] {
        errno = ENOBUFS;
        return -1;
    }
    slots = slots.first(ready);
    const int received = call_recvmmsg(fd(), messages.headers(), static_cast<unsigned>(ready), MSG_DONTWAIT);
    if (received <= 0) return received;
    messages.take(static_cast<std::size_t>(received), slots.data(), time::Instant::now());
    return received;
}

// A batch asks for about as many as came last, and again while it gets all it asked for.
Step DatagramPort::receive_batch(RecvRequest& request) noexcept {
    const std::size_t wanted = std::min(request.batch.size(), messages_max);
    while (request.count < wanted) {
        const std::size_t left = wanted - request.count;
        std::span<Datagram> slots = request.batch.subspan(request.count, std::min(left, arrivals_.expected()));
        const int received = receive_into(slots);
        if (received < 0) {
            if (errno == ENOBUFS) {
                if (request.count == 0) return without_buffer(request);
                core().count_no_buffers();
                break;
            }
            if (request.count == 0) return nothing_received(request);
            if (errno == EAGAIN) may_receive = arrivals_.drained(slots.size());
            break;
        }
        const auto count = static_cast<std::size_t>(received);
        request.count += count;
        if (count < slots.size()) {
            may_receive = arrivals_.drained(count);
            break;
        }
        arrivals_.filled();
    }
    return Step::done;
}

// --- sending

Step DatagramPort::send_now(SendRequest& request) noexcept {
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
    const ssize_t sent = call_sendto(fd(), data.data(), data.size(), MSG_NOSIGNAL,
                                     length != 0 ? reinterpret_cast<sockaddr*>(&storage) : nullptr, length);
    if (sent >= 0) [[likely]] {
        request.count = count;
        return Step::done;
    }
    if (errno == EAGAIN) return no_room(request);
    request.error = last_error();
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
        const int sent =
            call_sendmmsg(fd(), messages.headers(), static_cast<unsigned>(count), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) [[likely]] {
            request.count += static_cast<std::size_t>(sent);
            continue;
        }
        if (errno == EAGAIN) return no_room(request);
        // What was sent counts; the error comes with the next call, whose first datagram it concerns.
        if (request.count == 0) request.error = last_error();
        return Step::done;
    }
    return Step::done;
}

Step DatagramPort::send(DatagramSocket& socket, SendRequest& request) noexcept {
    return static_cast<DatagramPort&>(socket).send_now(request);
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
