// What does a proxy save whose bytes stay in the kernel? io::copy, which splices, beside a loop that reads each buffer
// and writes it.
//
// One thread of plain sockets sends 256 MiB, another receives them, and one core on epoll carries them from the one
// connection to the other. Rounds of both ways alternate in one run. The counters are medians over the rounds: the CPU
// time of the proxy's thread in milliseconds a gigabyte, and their ratio; gigabytes a second, and theirs.

#include "common/bulk.hpp"
#include "common/need.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/io/copy.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/runtime/builder.hpp>

#include <benchmark/benchmark.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace skerry;
using bench::bytes_of_round;
using bench::need;
using bench::Spent;

constexpr int rounds = 15;

/// A plain socket of the kernel's, connected to `address`.
int connect_plainly(const net::SocketAddr& address) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_storage to;
    const socklen_t length = net::to_os(address, to);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&to), length) != 0) std::abort();
    return fd;
}

void send_all(const net::SocketAddr& to, std::size_t piece) {
    const int fd = connect_plainly(to);
    const std::vector<std::byte> data(piece);
    for (std::size_t sent = 0; sent < bytes_of_round; sent += piece)
        if (::send(fd, data.data(), piece, MSG_NOSIGNAL) != static_cast<ssize_t>(piece)) std::abort();
    ::close(fd);
}

void receive_all(const net::SocketAddr& from) {
    const int fd = connect_plainly(from);
    std::vector<std::byte> buffer(256U << 10U);
    while (::recv(fd, buffer.data(), buffer.size(), 0) > 0) {
    }
    ::close(fd);
}

Task<> read_and_write(net::TcpStream& from, net::TcpStream& to) {
    for (;;) {
        IoBuf buffer = need(co_await from.read_buf());
        if (buffer.empty()) co_return;
        if (!co_await to.write_buf(std::move(buffer))) std::abort();
    }
}

Task<Spent> proxy(bool splices, std::size_t piece) {
    auto listener = need(net::TcpListener::bind({net::IpAddr::v4_loopback(), 0}));
    std::thread receiver(receive_all, listener.local_addr());
    auto to = need(co_await listener.accept());
    std::thread sender(send_all, listener.local_addr(), piece);
    auto from = need(co_await listener.accept());
    const bench::BulkTimer timer;
    if (splices) {
        if (need(co_await io::copy(from, to)) != bytes_of_round) std::abort();
    } else {
        co_await read_and_write(from, to);
    }
    const Spent spent = timer.spent();
    (void)to.shutdown();
    receiver.join();
    sender.join();
    co_return spent;
}

void proxy_bulk(benchmark::State& state) {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "epoll";
    auto runtime = runtime::Builder(std::move(config)).offer(kernel_io::make_backend()).build();
    if (!runtime) return state.SkipWithError(runtime.error().message.c_str());

    bench::Comparison comparison;
    const auto piece = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        const Spent copied = runtime->block_on(proxy(false, piece));
        const Spent spliced = runtime->block_on(proxy(true, piece));
        comparison.add(copied, spliced);
    }
    comparison.report(state, "copied");
}
// What the sender writes at a time: a message a segment, or as long segments as there are.
BENCHMARK(proxy_bulk)->Arg(1024)->Arg(65'536)->Iterations(rounds)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
