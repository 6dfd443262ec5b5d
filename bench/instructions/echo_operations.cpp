// One message of 64 bytes that comes alone, on the kernel's sockets: the core sleeps, a message wakes it, a task
// answers and waits again. The cost is that of a turn of the loop, which nothing shares.
//
// The peer acts in the moment in which the task has begun to wait: it takes the answer and sends the next message, so
// that none is there when the task looks and one is when the core parks. So each run takes the same path, the peer's
// two calls are in every count, and what a plain loop of epoll_wait, receive and send takes beside the same peer is a
// row of its own: the difference is what the runtime adds.

#include "operations.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/time/clock.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>

namespace skerry::instructions {

namespace {

using net::Datagram;
using net::SocketAddr;
using net::TcpListener;
using net::TcpStream;
using net::UdpSocket;

constexpr std::size_t messages = 2'000;
constexpr std::size_t payload_bytes = 64;
constexpr std::size_t batch = 32;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

int bound_socket(int type) {
    const int fd = ::socket(AF_INET, type, 0);
    const sockaddr_in address = loopback(0);
    need(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

std::uint16_t port_of(int fd) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    need(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    return ntohs(address.sin_port);
}

/// Sends messages and takes their answers. By syscall(), which costs the same whether the program has threads or not.
class Peer {
public:
    Peer(int type, std::uint16_t port, std::size_t count) : fd_(::socket(AF_INET, type, 0)), left_(count) {
        const sockaddr_in address = loopback(port);
        need(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~Peer() { ::close(fd_); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    /// Whoever it talks to waits for the next message. False: there was none left, and nothing will come.
    bool go_on() {
        if (awaits_answer_) need(::syscall(SYS_recvfrom, fd_, bytes_.data(), bytes_.size(), 0, nullptr, nullptr) > 0);
        awaits_answer_ = left_ != 0;
        if (!awaits_answer_) return false;
        --left_;
        need(::syscall(SYS_sendto, fd_, bytes_.data(), bytes_.size(), 0, nullptr, 0) > 0);
        return true;
    }

private:
    int fd_;
    std::size_t left_;
    bool awaits_answer_ = false;
    std::array<std::byte, payload_bytes> bytes_{};
};

// --- the plain loop

/// Waits for each message and has `answer` answer it.
template <class Answer>
void wait_and_answer(int fd, Peer& peer, Answer answer) {
    const int epoll = ::epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    need(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    while (peer.go_on()) {
        std::array<epoll_event, 256> events;
        const int count = ::epoll_wait(epoll, events.data(), events.size(), -1);
        for (int i = 0; i < count; ++i) answer(events[static_cast<std::size_t>(i)].data.fd);
    }
    ::close(epoll);
}

std::array<std::byte, 65'536> plain_buffer;

void plain_udp(std::size_t n) {
    const int fd = bound_socket(SOCK_DGRAM);
    Peer peer(SOCK_DGRAM, port_of(fd), n);
    wait_and_answer(fd, peer, [](int ready) {
        sockaddr_in from;
        socklen_t length = sizeof from;
        auto* const address = reinterpret_cast<sockaddr*>(&from);
        const ssize_t bytes = ::recvfrom(ready, plain_buffer.data(), plain_buffer.size(), 0, address, &length);
        need(::sendto(ready, plain_buffer.data(), static_cast<std::size_t>(bytes), 0, address, length) == bytes);
    });
    ::close(fd);
}

void plain_tcp(std::size_t n) {
    const int listener = bound_socket(SOCK_STREAM);
    need(::listen(listener, 1) == 0);
    Peer peer(SOCK_STREAM, port_of(listener), n);
    const int fd = ::accept(listener, nullptr, nullptr);
    wait_and_answer(fd, peer, [](int ready) {
        const ssize_t bytes = ::recv(ready, plain_buffer.data(), plain_buffer.size(), 0);
        need(::send(ready, plain_buffer.data(), static_cast<std::size_t>(bytes), MSG_NOSIGNAL) == bytes);
    });
    ::close(fd);
    ::close(listener);
}

// --- the runtime

/// An operation; once it waits, the peer goes on. When the peer has nothing left it does not wait, and gives nothing.
template <class Awaiter>
class ThenPeer {
public:
    template <class Awaitable>
    ThenPeer(Awaitable operation, Peer& peer) : operation_(operation.operator co_await()), peer_(peer) {}

    [[nodiscard]] bool await_ready() noexcept { return operation_.await_ready(); }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        if (!operation_.await_suspend(awaiting)) return false;
        is_over_ = !peer_.go_on();
        if (is_over_) operation_.cancel();
        return !is_over_;
    }
    [[nodiscard]] decltype(std::declval<Awaiter&>().await_resume()) await_resume() noexcept {
        if (is_over_) return Error(Errc::cancelled);
        return operation_.await_resume();
    }

private:
    Awaiter operation_;
    Peer& peer_;
    bool is_over_ = false;
};

template <class Awaitable>
ThenPeer(Awaitable, Peer&) -> ThenPeer<decltype(std::declval<Awaitable&>().operator co_await())>;

Task<> answer_datagrams(std::size_t n) {
    auto socket = need(UdpSocket::bind(SocketAddr(net::IpAddr::v4_loopback(), 0)));
    Peer peer(SOCK_DGRAM, socket.local_addr().port(), n);
    std::array<Datagram, batch> datagrams;
    for (;;) {
        auto count = co_await ThenPeer(socket.recv_batch(datagrams), peer);
        if (!count) co_return;
        const std::span<Datagram> received = std::span(datagrams).first(*count);
        need(need(co_await socket.send_batch(received)) == *count);
        for (Datagram& datagram : received) datagram.payload.reset();
    }
}

Task<> answer_stream(std::size_t n) {
    auto listener = need(TcpListener::bind(SocketAddr(net::IpAddr::v4_loopback(), 0)));
    Peer peer(SOCK_STREAM, listener.local_addr().port(), n);
    auto stream = need(co_await listener.accept());
    for (;;) {
        auto received = co_await ThenPeer(stream.read_buf(), peer);
        if (!received) co_return;
        auto written = co_await stream.write_buf(std::move(*received));
        need(bool(written));
    }
}

/// The clock bends about once a second, and in the millisecond behind that a turn takes longer. Here it has just done
/// so.
void let_the_clock_bend() {
    std::this_thread::sleep_for(std::chrono::milliseconds{1'100});
    (void)time::Clock::slew();
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
}

/// On a core with a thread of its own, as a server has it.
template <Task<> (*body)(std::size_t)>
void on_epoll(std::size_t n) {
    let_the_clock_bend();
    runtime::Config config;
    config.backend = "epoll";
    config.cores.emplace().insert(*need(topology::available_cpus()).begin());
    config.pin = false;
    auto runtime = runtime::Builder(config).offer(kernel_io::make_backend()).build();
    need(bool(runtime));
    runtime->block_on(body(n));
}

}  // namespace

void add_echo_operations(std::vector<Operation>& operations) {
    operations.push_back({"plain_udp_alone", messages, nullptr, &plain_udp});
    operations.push_back({"plain_tcp_alone", messages, nullptr, &plain_tcp});
    operations.push_back({"epoll_udp_alone", messages, nullptr, &on_epoll<&answer_datagrams>});
    operations.push_back({"epoll_tcp_alone", messages, nullptr, &on_epoll<&answer_stream>});
}

}  // namespace skerry::instructions
