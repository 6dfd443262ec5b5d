// ctest: TIMEOUT 120
// What waits in the kernel and is given up, many times over: nothing of it stays.

#include "support/catch.hpp"
#include "support/kernel_drivers.hpp"
#include "support/kernel_sockets.hpp"
#include "support/loopback_listener.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/pipe.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/net/unix_stream.hpp>
#include <skerry/runtime/core_stats.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/timeout.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using tests::any_port;
using tests::connect;
using tests::Connection;
using tests::driver_turns;
using tests::on_each_driver;
using tests::open_descriptors;

constexpr int rounds = 100;
constexpr std::size_t operations = 128;

// Begins what `start()` returns so many times, lets the kernel know of it, and gives all of it up.
template <class Start>
Task<> begin_and_abort(Start start) {
    std::vector<JoinHandle<void>> tasks;
    tasks.reserve(operations);
    for (std::size_t i = 0; i < operations; ++i) tasks.push_back(spawn(start(i)));
    co_await driver_turns(2);
    for (auto& task : tasks) task.abort();
    for (auto& task : tasks) {
        auto ended = co_await std::move(task);
        REQUIRE_FALSE(ended);
        REQUIRE(ended.error().is_cancelled());
    }
}

// The numbers are those of the moment when nothing is under way any more.
template <class Round>
Task<> leaves_nothing(Round round) {
    co_await round();
    co_await driver_turns(5);
    const auto descriptors = open_descriptors();
    const auto before = runtime::core_stats();
    for (int i = 0; i < rounds; ++i) co_await round();
    co_await driver_turns(5);
    CHECK(open_descriptors() == descriptors);
    const auto after = runtime::core_stats();
    CHECK(after.sockets.open == before.sockets.open);
    CHECK(after.sockets.buffers_out == 0);
    CHECK(after.live_tasks == before.live_tasks);
}

Task<> receive_from(net::UdpSocket& socket) {
    std::array<net::Datagram, 4> batch;
    (void)co_await socket.recv_batch(batch);
}

Task<> bind_and_receive() {
    auto socket = net::UdpSocket::bind(any_port);
    REQUIRE(socket);
    co_await receive_from(*socket);
}

Task<> read_from(net::TcpStream& stream) { (void)co_await stream.read_buf(); }

Task<> listen_and_accept() {
    auto listener = net::TcpListener::bind(any_port);
    REQUIRE(listener);
    (void)co_await listener->accept();
}

TEST_CASE("sockets that are dropped with their receives leave nothing", "[integration][cancel]") {
    on_each_driver([]() -> Task<> {
        co_await leaves_nothing([]() { return begin_and_abort([](std::size_t) { return bind_and_receive(); }); });
    });
}

TEST_CASE("listeners that are dropped with their accepts leave nothing", "[integration][cancel]") {
    on_each_driver([]() -> Task<> {
        co_await leaves_nothing([]() { return begin_and_abort([](std::size_t) { return listen_and_accept(); }); });
    });
}

TEST_CASE("receives that are given up leave their sockets as they were", "[integration][cancel]") {
    on_each_driver([]() -> Task<> {
        std::vector<net::UdpSocket> sockets;
        for (std::size_t i = 0; i < operations; ++i) {
            auto socket = net::UdpSocket::bind(any_port);
            REQUIRE(socket);
            sockets.push_back(std::move(*socket));
        }
        co_await leaves_nothing(
            [&]() { return begin_and_abort([&](std::size_t i) { return receive_from(sockets[i]); }); });
        std::array<std::byte, 4> data{};
        for (auto& socket : sockets) {
            auto sent = co_await socket.send_to(data, socket.local_addr());
            REQUIRE(sent);
            auto received = co_await socket.recv_from(data);
            REQUIRE(received);
        }
    });
}

TEST_CASE("reads that are given up leave their streams as they were", "[integration][cancel]") {
    on_each_driver([]() -> Task<> {
        auto listener = net::TcpListener::bind(any_port);
        REQUIRE(listener);
        std::vector<Connection> connections;
        for (std::size_t i = 0; i < operations; ++i) connections.push_back(co_await connect(*listener));
        co_await leaves_nothing(
            [&]() { return begin_and_abort([&](std::size_t i) { return read_from(connections[i].server); }); });
        std::array<std::byte, 4> data{};
        for (auto& [client, server] : connections) {
            auto written = co_await client.write_all(data);
            REQUIRE(written);
            auto read = co_await server.read(data);
            REQUIRE(read == data.size());
        }
    });
}

/// Connects that nobody takes, so that the queue of who listens is full and others are not answered.
Task<std::vector<net::TcpStream>> fill_queue(const net::SocketAddr& address) {
    std::vector<net::TcpStream> all;
    for (;;) {
        auto stream = co_await time::timeout(100ms, net::TcpStream::connect(address));
        if (!stream) co_return all;
        all.push_back(std::move(*stream));
    }
}

TEST_CASE("connects that are given up leave nothing", "[integration][cancel]") {
    on_each_driver([]() -> Task<> {
        const tests::LoopbackListener full(0);
        auto queued = co_await fill_queue(full.address());
        co_await leaves_nothing([&full]() {
            return begin_and_abort(
                [&full](std::size_t) -> Task<> { (void)co_await net::TcpStream::connect(full.address()); });
        });
    });
}

/// Pairs of ends of which the first writes and the second reads.
template <class Make>
Task<> reads_leave_nothing(Make make) {
    std::vector<typename std::invoke_result_t<Make>::value_type> pairs;
    for (std::size_t i = 0; i < operations; ++i) {
        auto pair = make();
        REQUIRE(pair);
        pairs.push_back(std::move(*pair));
    }
    std::array<std::byte, 4> data{};
    co_await leaves_nothing(
        [&]() { return begin_and_abort([&](std::size_t i) -> Task<> { (void)co_await pairs[i].second.read(data); }); });
    for (auto& [in, out] : pairs) {
        auto written = co_await in.write_all(data);
        REQUIRE(written);
        auto read = co_await out.read(data);
        REQUIRE(read == data.size());
    }
}

TEST_CASE("reads of Unix streams and pipes that are given up leave them as they were", "[integration][cancel]") {
    on_each_driver([]() -> Task<> {
        co_await reads_leave_nothing(&net::UnixStream::pair);
        co_await reads_leave_nothing(&net::pipe::pipe);
    });
}

TEST_CASE("more operations begin in one turn than a ring takes at once", "[integration][cancel]") {
    on_each_driver([]() -> Task<> {
        constexpr std::size_t many = 3000;
        std::vector<net::UdpSocket> sockets;
        std::vector<JoinHandle<bool>> tasks;
        for (std::size_t i = 0; i < many; ++i) {
            auto socket = net::UdpSocket::bind(any_port);
            REQUIRE(socket);
            sockets.push_back(std::move(*socket));
        }
        for (auto& socket : sockets)
            tasks.push_back(spawn([](net::UdpSocket& from) -> Task<bool> {
                std::array<std::byte, 4> into{};
                auto received = co_await from.recv_from(into);
                co_return received && received->bytes == 1;
            }(socket)));
        co_await driver_turns(1);
        const std::array<std::byte, 1> data{};
        for (auto& socket : sockets) {
            auto sent = co_await sockets[0].send_to(data, socket.local_addr());
            REQUIRE(sent);
        }
        for (auto& task : tasks) {
            auto received = co_await std::move(task);
            REQUIRE(received == true);
        }
    });
}

}  // namespace
}  // namespace skerry
