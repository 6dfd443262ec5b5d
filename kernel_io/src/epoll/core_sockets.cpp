#include "core_sockets.hpp"

#include "../bound_socket.hpp"
#include "datagram.hpp"
#include "listener.hpp"
#include "stream.hpp"

#include <skerry/base/os_socket_addr.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <new>

namespace skerry::kernel_io::epoll {

using backend::ConnectRequest;
using backend::DatagramSocket;
using backend::ListenerSocket;
using backend::Step;
using backend::StreamSocket;

namespace {

BufferPoolOptions pool_options(std::uint16_t home) noexcept {
    BufferPoolOptions options;
    options.home = home;
    return options;
}

}  // namespace

// Closing alone takes the descriptor out of the epoll instance only if nobody else has its open file, and a child that
// is being started has every core's for a while, as one has for ever that a program forks and does not exec: events
// would come for memory that is gone. It costs 0.4 us, 1 % of a connection that is made, used once and closed.
void Socket::retire() noexcept {
    if (is_linked()) unlink();
    core_->poller().detach(fd());
    close_fd();
    core_->poller().retire(this);
    core_->descriptor_closed();
}

CoreSockets::CoreSockets(Poller& poller, std::uint16_t home)
    : poller_(poller), home_(home), buffers_(pool_options(home)) {}

CoreSockets::~CoreSockets() {
    while (Socket* socket = sockets_.pop_front()) socket->orphan();
}

backend::Capabilities CoreSockets::capabilities() const noexcept {
    backend::Capabilities capabilities;
    capabilities.tcp = capabilities.udp = capabilities.ipv6 = capabilities.multicast = true;
    capabilities.reuse_port = capabilities.slow_lane = capabilities.cork = true;
    capabilities.segments = kernel_cuts_segments();
    capabilities.packet_info = capabilities.source_multicast = capabilities.receive_times = true;
    return capabilities;
}

backend::SocketStats CoreSockets::stats() const noexcept {
    backend::SocketStats stats = counts_;
    const BufferPoolStats pool = buffers_.stats();
    stats.buffers_out = pool.live - received_.buffers();
    stats.buffers_made = pool.high_water;
    return stats;
}

Result<> CoreSockets::enroll(Socket& socket, std::uint32_t events) noexcept {
    if (auto added = poller_.add(socket.fd(), socket, events); !added) return added;
    sockets_.push_back(socket);
    ++counts_.open;
    return {};
}

// --- making sockets

Step CoreSockets::connect(ConnectRequest& request) noexcept {
    const auto fail = [&](Error error) {
        request.error = error;
        return Step::done;
    };
    auto fd = open_stream(request.to, request.setup);
    if (!fd) return fail(fd.error());
    sockaddr_storage storage;
    const socklen_t length = net::to_os(request.to, storage);
    const bool at_once = ::connect(fd->get(), reinterpret_cast<sockaddr*>(&storage), length) == 0;
    if (!at_once && errno != EINPROGRESS) return fail(last_error());
    std::unique_ptr<Stream> stream(new (std::nothrow) Stream(*this, std::move(*fd)));
    if (stream == nullptr) return fail(Errc::no_memory);
    stream->peer = request.to;
    stream->may_read = at_once;
    if (auto enrolled = enroll(*stream); !enrolled) return fail(enrolled.error());
    request.socket = stream.get();
    if (!at_once) stream->connecting = &request;
    stream.release();
    return at_once ? Step::done : Step::pending;
}

void CoreSockets::cancel_connect(ConnectRequest& request) noexcept {
    if (request.socket == nullptr) return;
    auto* const stream = static_cast<Stream*>(std::exchange(request.socket, nullptr));
    stream->connecting = nullptr;
    stream->ops->close(stream);
}

Result<ListenerSocket*> CoreSockets::listen(const net::SocketAddr& address, const backend::ListenOptions& options,
                                            const backend::StreamSetup* setup) noexcept {
    return enroll_bound<ListenerSocket, Listener>(*this, open_listener(address, options, setup));
}

Result<DatagramSocket*> CoreSockets::bind(const net::SocketAddr& address,
                                          const backend::BindOptions& options) noexcept {
    return enroll_bound<DatagramSocket, DatagramPort>(*this, open_datagram(address, options), EPOLLIN);
}

Result<StreamSocket*> CoreSockets::adopt_stream(OwnedFd fd) noexcept {
    return enroll_adopted_stream<Stream>(*this, std::move(fd));
}

Result<ListenerSocket*> CoreSockets::adopt_listener(OwnedFd fd) noexcept {
    return enroll_bound<ListenerSocket, Listener>(*this, kernel_io::adopt_listener(std::move(fd)));
}

Result<DatagramSocket*> CoreSockets::adopt_datagram(OwnedFd fd) noexcept {
    return enroll_adopted_datagram<DatagramPort>(*this, std::move(fd), EPOLLIN);
}

// --- descriptors that run out

void CoreSockets::pause(Listener& listener) noexcept {
    ++counts_.accept_paused;
    paused_.pause(listener);
}

void CoreSockets::forget(Listener& listener) noexcept { paused_.forget(listener); }

bool CoreSockets::resume_due(time::Instant now) noexcept { return paused_.resume(now); }

// --- the slow lane

namespace {

void wake(bool& ready, task::WaitNode*& waiter) noexcept {
    ready = true;
    if (waiter == nullptr) return;
    task::WaitNode& node = *std::exchange(waiter, nullptr);
    node.give_claim();
    task::current_scheduler->wake(node);
}

}  // namespace

void FdWatch::on_events(std::uint32_t events) noexcept {
    ++fd_->tick;
    fd_->hung_up |= (events & (EPOLLHUP | EPOLLERR)) != 0;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) wake(fd_->readable, fd_->reader);
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) wake(fd_->writable, fd_->writer);
}

EpollSlowLane::~EpollSlowLane() {
    while (!watches_.empty()) remove(watches_.front().fd());
}

Result<> EpollSlowLane::add(backend::WatchedFd& fd) noexcept {
    std::unique_ptr<FdWatch> watch(new (std::nothrow) FdWatch(fd));
    if (watch == nullptr) return Errc::no_memory;
    if (auto added = poller_.add(fd.fd, *watch); !added) return added;
    watches_.push_back(*watch);
    fd.lane = &seen_as_;
    fd.registration = watch.release();
    return {};
}

void EpollSlowLane::remove(backend::WatchedFd& fd) noexcept {
    if (fd.lane != &seen_as_) return;
    poller_.detach(fd.fd);
    auto* const watch = static_cast<FdWatch*>(std::exchange(fd.registration, nullptr));
    fd.lane = nullptr;
    watch->unlink();
    poller_.retire(watch);
}

}  // namespace skerry::kernel_io::epoll
