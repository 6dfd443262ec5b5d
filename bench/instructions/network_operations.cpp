// Streams and datagrams through the seam. The network behind it is the one in memory, whose instructions are counted
// too: in tcp_read_64 they are a sixteenth, since sixteen reads share a segment.

#include "operations.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>

#include <array>
#include <cstdlib>
#include <span>
#include <utility>

namespace skerry::instructions {

namespace {

using net::Datagram;
using net::SocketAddr;
using net::TcpListener;
using net::TcpStream;
using net::UdpSocket;

constexpr std::size_t payload_bytes = 64;
constexpr std::size_t reads_per_segment = 16;
constexpr std::size_t batch = 32;

SocketAddr loopback() { return {net::IpAddr::v4_loopback(), 0}; }

struct Pair {
    TcpStream client;
    TcpStream server;
};

Task<Pair> connected() {
    auto listener = need(TcpListener::bind(loopback()));
    auto client = need(co_await TcpStream::connect(listener.local_addr()));
    auto server = need(co_await listener.accept());
    co_return Pair{std::move(client), std::move(server)};
}

/// One write of 64 bytes, its delivery, and the read at the other end, which waits for it.
Task<> tcp_writes_and_reads(std::size_t n) {
    Pair ends = co_await connected();
    std::array<std::byte, payload_bytes> bytes{};
    for (std::size_t i = 0; i < n; ++i) {
        if (need(co_await ends.client.write(bytes)) != payload_bytes) std::abort();
        if (need(co_await ends.server.read(bytes)) != payload_bytes) std::abort();
    }
}

/// Reads of 64 bytes, all but the first of each segment from what is there.
Task<> tcp_reads(std::size_t n) {
    Pair ends = co_await connected();
    std::array<std::byte, payload_bytes * reads_per_segment> segment{};
    const std::span<std::byte> bytes(segment.data(), payload_bytes);
    for (std::size_t i = 0; i < n; ++i) {
        if (i % reads_per_segment == 0 && need(co_await ends.client.write(segment)) != segment.size()) std::abort();
        if (need(co_await ends.server.read(bytes)) != payload_bytes) std::abort();
    }
}

/// Datagrams of 64 bytes, 32 to a send_batch and as many to a recv_batch as have come.
Task<> udp_batches(std::size_t n) {
    auto from = need(UdpSocket::bind(loopback()));
    auto to = need(UdpSocket::bind(loopback()));
    std::array<Datagram, batch> out;
    for (Datagram& datagram : out) {
        datagram.payload = IoBuf::allocate(payload_bytes);
        datagram.peer = to.local_addr();
    }
    std::array<Datagram, batch> in;
    for (std::size_t i = 0; i < n; i += batch) {
        if (need(co_await from.send_batch(out)) != batch) std::abort();
        for (std::size_t have = 0; have < batch;) have += need(co_await to.recv_batch(in));
    }
}

}  // namespace

void add_network_operations(std::vector<Operation>& operations) {
    operations.push_back({"tcp_write_read_64", 8'000, &tcp_writes_and_reads});
    operations.push_back({"tcp_read_64", 8'000, &tcp_reads});
    operations.push_back({"udp_datagram_64_of_32", 8'000, &udp_batches});
}

}  // namespace skerry::instructions
