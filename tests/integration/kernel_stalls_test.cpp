// ctest: TIMEOUT 120
// Those who do not read, accept or receive what has come take little of what all share, and lose nothing of it.

#include "support/catch.hpp"
#include "support/kernel_drivers.hpp"
#include "support/kernel_sockets.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/core_stats.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
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

// What one visit to the kernel may bring: it hears that it is enough after that.
constexpr std::uint64_t one_visit = 256;

// The bytes of a stream count up, so that a gap or a swap shows.
void fill(std::span<std::byte> bytes, std::size_t offset) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>((offset + i) % 251);
}

bool is_filled(std::span<const std::byte> bytes, std::size_t offset) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (bytes[i] != static_cast<std::byte>((offset + i) % 251)) return false;
    return true;
}

Task<> write_counting(net::TcpStream& to, std::size_t bytes) {
    std::vector<std::byte> piece(64 * 1024);
    for (std::size_t offset = 0; offset < bytes; offset += piece.size()) {
        fill(piece, offset);
        auto written = co_await to.write_all(piece);
        REQUIRE(written);
    }
    REQUIRE(to.shutdown());
}

Task<std::size_t> read_counting(net::TcpStream& from) {
    std::size_t offset = 0;
    for (;;) {
        auto segment = co_await from.read_buf();
        REQUIRE(segment);
        if (segment->empty()) co_return offset;
        REQUIRE(is_filled(segment->bytes(), offset));
        offset += segment->size();
    }
}

TEST_CASE("a stream that nobody reads holds few buffers, and all of it comes", "[integration][stalls]") {
    on_each_driver([]() -> Task<> {
        constexpr std::size_t bytes = std::size_t{48} << 20;
        auto listener = net::TcpListener::bind(any_port);
        REQUIRE(listener);
        auto [client, server] = co_await connect(*listener);
        std::array<std::byte, 1> first{};
        auto begun = spawn(write_counting(client, bytes));
        auto peeked = co_await server.peek(first);  // from now on the kernel is asked for data
        REQUIRE(peeked == 1U);
        for (int i = 0; i < 20; ++i) co_await time::sleep(1ms);
        CHECK_FALSE(begun.is_finished());
        CHECK(runtime::core_stats().sockets.buffers_out <= 4 + one_visit);
        const auto read = co_await read_counting(server);
        CHECK(read == bytes);
        auto ended = co_await std::move(begun);
        CHECK(ended);
        CHECK(runtime::core_stats().sockets.buffers_out == 0);
    });
}

TEST_CASE("many streams that nobody reads leave buffers to the others", "[integration][stalls]") {
    on_each_driver([]() -> Task<> {
        constexpr std::size_t stalled_streams = 600;
        constexpr std::size_t messages = 4;
        auto listener = net::TcpListener::bind(any_port);
        REQUIRE(listener);
        std::vector<Connection> stalled;
        for (std::size_t i = 0; i < stalled_streams; ++i) stalled.push_back(co_await connect(*listener));
        std::array<std::byte, 4> message{};
        for (std::size_t k = 0; k < messages; ++k) {
            fill(message, k * message.size());
            for (auto& [client, server] : stalled) {
                auto written = co_await client.write_all(message);
                REQUIRE(written);
                if (k != 0) continue;
                std::array<std::byte, 1> first{};
                auto peeked = co_await server.peek(first);
                REQUIRE(peeked == 1U);
            }
            co_await driver_turns(100);
        }
        auto [client, server] = co_await connect(*listener);
        for (int i = 0; i < 500; ++i) {
            auto written = co_await client.write_all(message);
            REQUIRE(written);
            auto segment = co_await server.read_buf();
            REQUIRE(segment);
            REQUIRE(segment->size() == message.size());
        }
        for (auto& connection : stalled) {
            REQUIRE(connection.client.shutdown());
            const auto read = co_await read_counting(connection.server);
            REQUIRE(read == messages * message.size());
        }
    });
}

TEST_CASE("datagrams that nobody receives are kept in order up to what a socket has room for",
          "[integration][stalls]") {
    on_each_driver([]() -> Task<> {
        constexpr std::uint32_t sent_count = 2000;
        auto sender = net::UdpSocket::bind(any_port);
        auto receiver = net::UdpSocket::bind(any_port);
        REQUIRE(sender);
        REQUIRE(receiver);
        const auto send = [&](std::uint32_t number) -> Task<> {
            std::array<std::byte, sizeof number> data{};
            std::memcpy(data.data(), &number, sizeof number);
            auto sent = co_await sender->send_to(data, receiver->local_addr());
            REQUIRE(sent);
        };
        std::array<net::Datagram, 64> batch;
        co_await send(0);
        auto first = co_await receiver->recv_batch(std::span(batch).first(1));
        REQUIRE(first);
        for (std::uint32_t number = 1; number < sent_count; ++number) co_await send(number);
        co_await driver_turns(20);
        CHECK(runtime::core_stats().sockets.buffers_out <= 64 + one_visit);
        // What found no room is lost behind what is kept, and not between.
        std::uint32_t expected = 1;
        for (std::size_t last = batch.size(); last != 0;) {
            co_await driver_turns(2);
            auto more = spawn([](net::UdpSocket& from, std::span<net::Datagram> into) -> Task<std::size_t> {
                auto received = co_await from.recv_batch(into);
                co_return received.value_or(0);
            }(*receiver, batch));
            for (int i = 0; i < 20 && !more.is_finished(); ++i) co_await driver_turns(1);
            if (!more.is_finished()) {
                more.abort();
                break;
            }
            auto received = co_await std::move(more);
            REQUIRE(received);
            last = *received;
            for (std::size_t i = 0; i < last; ++i) {
                std::uint32_t number = 0;
                std::memcpy(&number, batch[i].payload.data(), sizeof number);
                REQUIRE(number == expected);
                ++expected;
            }
        }
        CHECK(expected > 100);
    });
}

TEST_CASE("connections that nobody accepts take few descriptors, and each is accepted in the end",
          "[integration][stalls]") {
    on_each_driver([]() -> Task<> {
        constexpr std::size_t waiting = 300;
        auto listener = net::TcpListener::bind(any_port);
        REQUIRE(listener);
        auto [client, server] = co_await connect(*listener);  // from now on the kernel is asked for connections
        const auto descriptors = open_descriptors();
        std::vector<net::TcpStream> clients;
        for (std::size_t i = 0; i < waiting; ++i) {
            auto stream = co_await net::TcpStream::connect(listener->local_addr());
            REQUIRE(stream);
            clients.push_back(std::move(*stream));
        }
        co_await driver_turns(20);
        CHECK(open_descriptors() - descriptors <= static_cast<std::ptrdiff_t>(waiting + 70));
        for (std::size_t i = 0; i < waiting; ++i) {
            auto accepted = co_await listener->accept();
            REQUIRE(accepted);
        }
    });
}

}  // namespace
}  // namespace skerry
