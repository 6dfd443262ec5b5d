// ctest: RUN_SERIAL TRUE
// Jumbo frames on a device that takes them: a net_ring device, which brings back what is sent to our own address.

#include "support/catch.hpp"
#include "support/dpdk_runtime.hpp"

#include <skerry/dpdk/native.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/task/join.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t whole_max = 9000 - 28;  // IPv4 and UDP
const net::SocketAddr own(net::IpAddr::v4(198, 18, 0, 2), 7000);

Bytes pattern(std::size_t count) {
    Bytes bytes(count);
    for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
    return bytes;
}

std::uint64_t frames_received() {
    rte_eth_stats stats{};
    REQUIRE(rte_eth_stats_get(0, &stats) == 0);
    return stats.ipackets;
}

Task<> send_and_receive(net::UdpSocket& socket, std::size_t size) {
    const Bytes sent = pattern(size);
    (void)co_await socket.send_to(sent, own);
    Bytes got(1 << 16);
    const auto received = co_await socket.recv_from(got);
    REQUIRE(received);
    got.resize(received->bytes);
    CHECK((got == sent));  // in brackets: nobody wants to see the bytes
}

TEST_CASE("a datagram of the MTU's length is one frame", "[integration][dpdk][jumbo]") {
    tests::dpdk_runtime("vdev=net_ring0;mtu=9000;loop=off", "198.18.0.2/24").block_on([]() -> Task<> {
        auto socket = net::UdpSocket::bind(own);
        REQUIRE(socket);
        for (int i = 0; i < 3; ++i) co_await send_and_receive(*socket, 1);  // where we are is known then
        for (const std::size_t size : {whole_max, whole_max + 1}) {
            const std::uint64_t before = frames_received();
            co_await send_and_receive(*socket, size);
            CHECK(frames_received() - before == (size == whole_max ? 1 : 2));
        }
    }());
}

Task<> echo_once(net::TcpListener& listener) {
    auto stream = co_await listener.accept();
    Bytes buffer(1 << 16);
    for (;;) {
        auto count = co_await stream->read(buffer);
        if (!count || *count == 0) co_return;
        (void)co_await stream->write_all(std::span(buffer).first(*count));
    }
}

Task<> send(net::TcpStream& stream, const Bytes& bytes) {
    (void)co_await stream.write_all(bytes);
    (void)stream.shutdown();
}

Task<Bytes> receive(net::TcpStream& stream) {
    Bytes all;
    Bytes buffer(1 << 16);
    for (;;) {
        auto count = co_await stream.read(buffer);
        if (!count || *count == 0) co_return all;
        all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*count));
    }
}

Task<> ask(const Bytes& bytes) {
    auto stream = co_await net::TcpStream::connect(own);
    REQUIRE(stream);
    CHECK(stream->info()->send_mss == 9000 - 52);  // IPv4, TCP, timestamps
    auto [sent, got] = co_await join(send(*stream, bytes), receive(*stream));
    CHECK((got == bytes));
}

TEST_CASE("segments are of the MTU's length", "[integration][dpdk][jumbo]") {
    tests::dpdk_runtime("vdev=net_ring0;mtu=9000;loop=off", "198.18.0.2/24").block_on([]() -> Task<> {
        auto listener = net::TcpListener::bind(own);
        REQUIRE(listener);
        const Bytes bytes = pattern(1'000'000);
        (void)co_await join(echo_once(*listener), ask(bytes));
    }());
}

}  // namespace
}  // namespace skerry
