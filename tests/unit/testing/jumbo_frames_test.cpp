// Hosts whose ports take jumbo frames, over wires that do and that do not.

#include "support/catch.hpp"

#include <skerry/testing/simulation.hpp>

#include <skerry/backend/mtu.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::byte>;

constexpr std::uint16_t port = 80;

testing::SimulationOptions with_mtu(std::uint16_t mtu, std::uint16_t way = 0) {
    testing::SimulationOptions options;
    options.link = {.delay = 50us, .mtu = way};
    options.stack.mtu = mtu;
    return options;
}

Bytes pattern(std::size_t count) {
    Bytes bytes(count);
    for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
    return bytes;
}

/// What one connection brings.
Task<Bytes> receive_all() {
    auto listener = net::TcpListener::bind({net::IpAddr::v4_any(), port});
    auto stream = co_await listener->accept();
    Bytes bytes;
    Bytes buffer(1 << 16);
    for (;;) {
        auto count = co_await stream->read(buffer);
        if (!count || *count == 0) co_return bytes;
        bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*count));
    }
}

/// Sends `bytes`; the longest segment that it sent last.
Task<std::uint32_t> send(net::SocketAddr to, const Bytes& bytes) {
    auto stream = co_await net::TcpStream::connect(to);
    (void)co_await stream->write_all(bytes);
    const std::uint32_t segment = stream->info()->send_mss;
    (void)stream->shutdown();
    Bytes end(1);
    (void)co_await stream->read(end);
    co_return segment;
}

struct Outcome {
    Bytes received;
    std::uint32_t segment = 0;
    std::uint64_t frames = 0;
    std::uint64_t too_big = 0;
};

Outcome transfer(const testing::SimulationOptions& options, const Bytes& bytes) {
    testing::Simulation sim(options);
    auto& server = sim.host("server");
    auto& client = sim.host("client");
    auto receiving = server.spawn(receive_all());
    auto sending = client.spawn(send(server.at(port), bytes));
    Outcome outcome;
    outcome.segment = sim.finish(sending);
    outcome.received = sim.finish(receiving);
    outcome.frames = sim.wire().sent;
    outcome.too_big = sim.wire().too_big;
    return outcome;
}

TEST_CASE("segments are as long as the frames of both ends", "[testing][tcp][jumbo]") {
    const Bytes bytes = pattern(1'000'000);
    const std::uint16_t mtu = GENERATE(std::uint16_t{1500}, std::uint16_t{9000}, backend::mtu_max);
    const Outcome outcome = transfer(with_mtu(mtu), bytes);
    CHECK((outcome.received == bytes));  // in brackets: nobody wants to see the bytes
    CHECK(outcome.segment == mtu - 52U);  // IPv4, TCP, timestamps
    // An acknowledgement for each segment at most, and some for what the receiver has read.
    CHECK(outcome.frames < 3 * bytes.size() / outcome.segment);
}

TEST_CASE("a way that takes no jumbo frames is found out", "[testing][tcp][jumbo]") {
    const Bytes bytes = pattern(1'000'000);
    const Outcome outcome = transfer(with_mtu(9000, 1500), bytes);
    CHECK((outcome.received == bytes));
    CHECK(outcome.segment == 1448);
    CHECK(outcome.too_big > 0);
    CHECK(outcome.too_big < 20);
}

Task<std::size_t> receive_datagram() {
    auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), port});
    Bytes buffer(1 << 16);
    auto received = co_await socket->recv_from(buffer);
    co_return received ? received->bytes : 0;
}

Task<> send_datagram(net::SocketAddr to, std::size_t count) {
    auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 0});
    (void)co_await socket->send_to(Bytes(count), to);
}

TEST_CASE("a datagram goes in one piece as far as a frame holds it", "[testing][udp][jumbo]") {
    const std::size_t bytes = GENERATE(8972, 8973);
    testing::Simulation sim(with_mtu(9000));
    auto& server = sim.host("server");
    auto& client = sim.host("client");
    auto receiving = server.spawn(receive_datagram());
    client.run(send_datagram(server.at(port), bytes));
    CHECK(sim.finish(receiving) == bytes);
    constexpr std::uint64_t of_arp = 2;
    CHECK(sim.wire().sent == of_arp + (bytes == 8972 ? 1 : 2));
}

}  // namespace
}  // namespace skerry
