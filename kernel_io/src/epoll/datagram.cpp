#include "datagram.hpp"

#include "../system_call.hpp"

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

void DatagramPort::on_events(std::uint32_t events) noexcept {
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
        may_receive = true;
        guessing_ = false;
        if (receiver != nullptr && receive_now(*receiver) == Step::done) complete(*this, *receiver);
    }
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
        if (!may_send) (void)core().poller().modify(fd(), *this, EPOLLIN);  // cannot fail: it shrinks what is there
        may_send = true;
        if (sender != nullptr) complete(*this, *sender);  // it sends when its task runs
    }
}

// --- receiving

Step DatagramPort::nothing_received(RecvRequest& request) noexcept {
    if (errno == EAGAIN) {
        may_receive = false;
        if (guessing_) guess_failed();
        return Step::pending;
    }
    request.error = last_error();
    return Step::done;
}

Step DatagramPort::receive_one(RecvRequest& request) noexcept {
    sockaddr_storage storage;
    socklen_t length = sizeof storage;
    // MSG_TRUNC makes the kernel return the datagram's own length, so that a short buffer shows.
    const ssize_t count = call_recvfrom(fd(), request.into.data(), request.into.size(), MSG_TRUNC,
                                        reinterpret_cast<sockaddr*>(&storage), &length);
    if (count < 0) return nothing_received(request);
    const auto bytes = static_cast<std::size_t>(count);
    request.truncated = bytes > request.into.size();
    request.count = std::min(bytes, request.into.size());
    net::from_os(storage, length, request.peer);
    return Step::done;
}

// The socket is empty, so the next datagram comes with an edge and its epoll_wait. But when it comes before this
// batch is answered, a receive that does not wait for the edge finds it and saves that call. Whether peers are that
// fast is learned: one wrong guess among right ones changes nothing, wrong ones in a row lengthen the pause until
// the next, up to 32 batches.
SKERRY_ALWAYS_INLINE void DatagramPort::drained() noexcept {
    if (guessing_) wrong_guesses_ /= 2;  // it found something
    guessing_ = guess_in_ == 0;
    may_receive = guessing_;
    if (guess_in_ != 0) --guess_in_;
}

void DatagramPort::guess_failed() noexcept {
    guessing_ = false;
    if (wrong_guesses_ < wrong_guesses_max) ++wrong_guesses_;
    guess_in_ = static_cast<std::uint8_t>((1U << wrong_guesses_) / 4);
}

// recvmmsg; leaves only those slots that could get a buffer. Negative: errno says why, ENOBUFS that the pool is at
// its limit.
SKERRY_ALWAYS_INLINE int DatagramPort::receive_into(std::span<Datagram>& slots) noexcept {
    ReceiveArray& messages = core().received_messages();
    const std::size_t ready = messages.prepare(slots.size(), core().buffers());
    if (ready == 0) [[unlikely]] {
        core().count_no_buffers();
        errno = ENOBUFS;
        return -1;
    }
    slots = slots.first(ready);
    const int received = call_recvmmsg(fd(), messages.headers(), static_cast<unsigned>(ready), MSG_DONTWAIT);
    if (received <= 0) return received;
    messages.take(static_cast<std::size_t>(received), slots.data(), time::Instant::now());
    return received;
}

// Every slot costs a buffer and its description, so a batch asks for about as many as came last, and again
// while it gets all it asked for.
Step DatagramPort::receive_batch(RecvRequest& request) noexcept {
    const std::size_t wanted = std::min(request.batch.size(), messages_max);
    while (request.count < wanted) {
        std::span<Datagram> slots = request.batch.subspan(request.count, std::min(wanted - request.count, expected_));
        const int received = receive_into(slots);
        if (received < 0) {
            if (request.count == 0) return nothing_received(request);
            if (errno == EAGAIN) drained();
            break;
        }
        const auto count = static_cast<std::size_t>(received);
        request.count += count;
        if (count < slots.size()) {
            drained();
            if (count < expected_ / 4) expected_ = std::max(expected_ / 2, expected_min);
            break;
        }
        expected_ = std::min(expected_ * 2, messages_max);
    }
    return Step::done;
}

SKERRY_ALWAYS_INLINE Step DatagramPort::receive_now(RecvRequest& request) noexcept {
    return request.batch.empty() ? receive_one(request) : receive_batch(request);
}

Step DatagramPort::receive(DatagramSocket& socket, RecvRequest& request) noexcept {
    return static_cast<DatagramPort&>(socket).receive_now(request);
}

// --- sending

Step DatagramPort::send_now(SendRequest& request) noexcept {
    return request.batch.empty() ? send_one(request) : send_batch(request);
}

Step DatagramPort::send_one(SendRequest& request) noexcept {
    sockaddr_storage storage;
    socklen_t length = 0;
    if (request.to != nullptr) length = net::to_os(*request.to, storage);
    const ssize_t count = call_sendto(fd(), request.from.data(), request.from.size(), MSG_NOSIGNAL,
                                      length != 0 ? reinterpret_cast<sockaddr*>(&storage) : nullptr, length);
    if (count >= 0) [[likely]] {
        request.count = static_cast<std::size_t>(count);
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
    if (auto asked = core().poller().modify(fd(), *this, EPOLLIN | EPOLLOUT); !asked) {
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
    ops = &orphaned_operations;
    may_receive = may_send = true;
}

const backend::DatagramOps DatagramPort::operations{&receive, &send, &connect, &join, &close, &set_option, &get_option};

const backend::DatagramOps DatagramPort::orphaned_operations{
    [](DatagramSocket&, RecvRequest& request) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](DatagramSocket&, SendRequest& request) noexcept {
        request.error = Errc::runtime_shutdown;
        return Step::done;
    },
    [](DatagramSocket&, const net::SocketAddr&) noexcept -> Result<> { return Errc::runtime_shutdown; },
    [](DatagramSocket&, const net::IpAddr&, std::uint32_t, bool) noexcept -> Result<> {
        return Errc::runtime_shutdown;
    },
    [](DatagramSocket* socket) noexcept {
        delete socket->given_back;
        delete static_cast<DatagramPort*>(socket);
    },
    [](DatagramSocket&, backend::SocketOption, int) noexcept -> Result<> { return Errc::runtime_shutdown; },
    [](DatagramSocket&, backend::SocketOption) noexcept -> Result<int> { return Errc::runtime_shutdown; }};

}  // namespace skerry::kernel_io::epoll
