// ctest: RUN_SERIAL TRUE
// Attack 43: packets that come in pieces of memory, cut anywhere, and packets whose memory somebody else holds too. Our
// stack on a net_ring device, into whose ring the test puts what no sender of ours would.

#include "support/catch.hpp"
#include "support/dpdk_runtime.hpp"

#include <skerry/dpdk/native.hpp>
#include <skerry/net/udp_socket.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace skerry {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::size_t headers = 14 + 20 + 8;

/// A datagram from 198.18.0.1 to port 7000, without a checksum of its own.
Bytes datagram(std::uint32_t number) {
    Bytes frame(headers + sizeof number);
    rte_ether_addr mac{};
    REQUIRE(rte_eth_macaddr_get(0, &mac) == 0);
    std::memcpy(frame.data(), mac.addr_bytes, 6);
    constexpr std::array<unsigned char, 36> rest{2,   0,  0, 0, 0,  1,  8,    0,    0x45, 0,  0, 32,
                                                 0,   0,  0, 0, 64, 17, 0,    0,    198,  18, 0, 1,
                                                 198, 18, 0, 2, 0,  9,  0x1b, 0x58, 0,    12, 0, 0};
    std::memcpy(frame.data() + 6, rest.data(), rest.size());
    unsigned sum = 0;
    for (std::size_t at = 14; at < 34; at += 2)
        sum += std::to_integer<unsigned>(frame[at]) << 8U | std::to_integer<unsigned>(frame[at + 1]);
    sum = ~((sum & 0xffffU) + (sum >> 16U));
    frame[24] = static_cast<std::byte>(sum >> 8U);
    frame[25] = static_cast<std::byte>(sum);
    std::memcpy(frame.data() + headers, &number, sizeof number);
    return frame;
}

struct Wire {
    Wire() {
        rte_mempool_walk([](rte_mempool* found, void* out) { *static_cast<rte_mempool**>(out) = found; }, &pool);
        REQUIRE(ring != nullptr);
        REQUIRE(pool != nullptr);
    }
    rte_mbuf* piece(std::span<const std::byte> bytes) const {
        rte_mbuf* const mbuf = rte_pktmbuf_alloc(pool);
        REQUIRE(mbuf != nullptr);
        if (!bytes.empty())
            std::memcpy(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(bytes.size())), bytes.data(), bytes.size());
        return mbuf;
    }
    /// One packet of these pieces.
    void give(const std::vector<std::span<const std::byte>>& pieces) const {
        rte_mbuf* const head = piece(pieces.front());
        for (std::size_t i = 1; i < pieces.size(); ++i) REQUIRE(rte_pktmbuf_chain(head, piece(pieces[i])) == 0);
        give(*head);
    }
    void give(rte_mbuf& mbuf) const { REQUIRE(rte_ring_enqueue(ring, &mbuf) == 0); }

    rte_ring* ring = rte_ring_lookup("ETH_RXTX0_net_ring0");
    rte_mempool* pool = nullptr;
};

/// The number of the next datagram that comes.
Task<std::uint32_t> next(net::UdpSocket& socket) {
    std::array<std::byte, 64> room{};
    const auto got = co_await socket.recv_from(room);
    REQUIRE(got);
    std::uint32_t number = 0;
    REQUIRE(got->bytes == sizeof number);
    std::memcpy(&number, room.data(), sizeof number);
    co_return number;
}

TEST_CASE("a packet in pieces of memory is let go wherever it is cut, and the next one comes", "[integration][dpdk]") {
    tests::dpdk_runtime("vdev=net_ring0", "198.18.0.2/24").block_on([]() -> Task<> {
        auto socket = net::UdpSocket::bind(net::SocketAddr(net::IpAddr::v4(198, 18, 0, 2), 7000));
        REQUIRE(socket);
        const Wire wire;
        const Bytes whole = datagram(1);
        const std::span<const std::byte> all(whole);
        std::uint32_t sound = 100;
        const unsigned free_before = rte_mempool_avail_count(wire.pool);
        for (std::size_t cut = 0; cut <= whole.size(); ++cut) {  // at either end a piece of no bytes
            wire.give({all.first(cut), all.subspan(cut)});
            wire.give({all.first(cut), {}, all.subspan(cut)});
            wire.give({datagram(++sound)});
            const std::uint32_t number = co_await next(*socket);
            REQUIRE(number == sound);
        }
        std::vector<std::span<const std::byte>> bytes;
        for (std::size_t at = 0; at < whole.size(); ++at) bytes.push_back(all.subspan(at, 1));
        while (bytes.size() < 64) bytes.emplace_back();
        wire.give(bytes);
        wire.give({datagram(++sound)});
        const std::uint32_t number = co_await next(*socket);
        CHECK(number == sound);
        CHECK(rte_mempool_avail_count(wire.pool) + 64 >= free_before);  // what the core's cache has aside
    }());
}

TEST_CASE("a packet whose memory somebody holds is read from a copy", "[integration][dpdk]") {
    tests::dpdk_runtime("vdev=net_ring0", "198.18.0.2/24").block_on([]() -> Task<> {
        auto socket = net::UdpSocket::bind(net::SocketAddr(net::IpAddr::v4(198, 18, 0, 2), 7000));
        REQUIRE(socket);
        const Wire wire;
        const Bytes whole = datagram(7);
        rte_mbuf* const held = wire.piece(whole);
        rte_mbuf_refcnt_update(held, 1);
        wire.give(*held);
        const std::uint32_t number = co_await next(*socket);
        CHECK(number == 7);
        CHECK(rte_mbuf_refcnt_read(held) == 1);
        CHECK(held->data_len == whole.size());
        CHECK(std::memcmp(rte_pktmbuf_mtod(held, const void*), whole.data(), whole.size()) == 0);
        rte_pktmbuf_free(held);
    }());
}

TEST_CASE("so is a clone, which counts its own handles, and its memory stays the holder's", "[integration][dpdk]") {
    tests::dpdk_runtime("vdev=net_ring0", "198.18.0.2/24").block_on([]() -> Task<> {
        auto socket = net::UdpSocket::bind(net::SocketAddr(net::IpAddr::v4(198, 18, 0, 2), 7000));
        REQUIRE(socket);
        const Wire wire;
        const Bytes whole = datagram(8);
        rte_mbuf* const held = wire.piece(whole);
        rte_mbuf* const clone = rte_pktmbuf_clone(held, wire.pool);
        REQUIRE(clone != nullptr);
        wire.give(*clone);
        const std::uint32_t number = co_await next(*socket);
        CHECK(number == 8);
        CHECK(rte_mbuf_refcnt_read(held) == 1);
        CHECK(std::memcmp(rte_pktmbuf_mtod(held, const void*), whole.data(), whole.size()) == 0);
        rte_pktmbuf_free(held);
    }());
}

}  // namespace
}  // namespace skerry
