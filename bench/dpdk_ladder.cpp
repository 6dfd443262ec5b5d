// What does each floor of the stack add to a frame, over DPDK? A net_ring port in this process hands out what is sent
// to it; the benchmark puts 32 frames in, lets the runtime take one turn, and takes the answers out, which is not
// timed:
//
//   raw_swap   the same port polled by hand: addresses exchanged, sent back
//   ping       Ethernet, IPv4 and ICMP of our stack answer
//   udp_echo   a task answers through net::UdpSocket
//   tcp_echo   a task answers through net::TcpStream, one connection; the next segment acknowledges
//
// Each has 64 bytes of payload and software checksums. ns_a_frame is the median of the turns, the two clock reads taken
// off; what a floor costs is the difference to the one above. net_ring hands out the very mbuf: an answer of TCP, which
// is kept, comes with two references.

#include "common/stack_servers.hpp"

#include "forward/forward.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/dpdk/native.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/time/clock.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;

constexpr std::uint16_t port_id = 0;
constexpr std::size_t in_burst = 32;

runtime::Runtime make_runtime() {
    runtime::Config config;
    config.backend = "dpdk";
    config.dpdk = "vdev=net_ring0;hugepages=off;memory=128;mbufs=4095";
    config.ip = "198.18.0.2/16";
    config.flavour = runtime::Flavour::current_thread;
    config.cores = topology::available_cpus().value().lowest(1);
    auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).build();
    if (!runtime) std::fprintf(stderr, "%s\n", runtime.error().message.c_str()), std::exit(1);
    return std::move(*runtime);
}

/// The runtime's one core, and the other end of its ring.
class RingCore {
public:
    RingCore() : runtime_(make_runtime()) {
        rte_ether_addr mac{};
        rte_eth_macaddr_get(port_id, &mac);
        std::copy_n(mac.addr_bytes, mac_.octets.size(), mac_.octets.begin());
        pool_ =
            rte_pktmbuf_pool_create("ladder", 2047, 64, dpdk::private_bytes, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
        if (pool_ == nullptr) std::abort();
        know_peer(peer_address);
    }
    ~RingCore() { rte_mempool_free(pool_); }

    void start(Task<> server) {
        runtime_.block_on([](Task<> task) -> Task<> {
            spawn(std::move(task)).detach();
            co_return;
        }(std::move(server)));
        turn();
    }

    [[nodiscard]] std::byte* arrive(std::size_t bytes) {
        rte_mbuf* const mbuf = rte_pktmbuf_alloc(pool_);
        if (mbuf == nullptr || count_ == in_burst) std::abort();
        mbufs_[count_++] = mbuf;
        return reinterpret_cast<std::byte*>(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(bytes)));
    }
    void deliver() {
        if (rte_eth_tx_burst(port_id, 0, mbufs_.data(), static_cast<std::uint16_t>(count_)) != count_) std::abort();
        count_ = 0;
    }
    void poll() { runtime_.poll_once(); }
    /// How many frames came out.
    std::size_t collect() {
        std::array<rte_mbuf*, in_burst> out;
        std::size_t total = 0;
        while (const std::uint16_t got = rte_eth_rx_burst(port_id, 0, out.data(), out.size())) {
            total += got;
            for (rte_mbuf* mbuf : std::span(out).first(got)) {
                const auto* const at = rte_pktmbuf_mtod(mbuf, const std::byte*);
                if (look_ != nullptr) look_(context_, {at, mbuf->data_len});
                rte_pktmbuf_free(mbuf);
            }
        }
        return total;
    }
    void turn() {
        deliver();
        poll();
        collect();
    }

    void look_with(MemoryPort::Look look, void* context) noexcept {
        look_ = look;
        context_ = context;
    }
    [[nodiscard]] time::Instant now() const { return time::Instant::now(); }
    [[nodiscard]] const wire::MacAddr& mac() const noexcept { return mac_; }
    void know_peer(wire::Ipv4Addr address) {
        wire::ArpPacket arp;
        arp.operation = wire::ArpOperation::request;
        arp.sender_mac = peer_mac;
        arp.sender_ip = address;
        arp.target_ip = own_address;
        wire::EthernetHeader ethernet;
        ethernet.destination = mac_;
        ethernet.source = peer_mac;
        ethernet.ether_type = wire::ether_type::arp;
        std::byte* const at = arrive(wire::ethernet_bytes + wire::arp_bytes);
        wire::write(ethernet, at);
        wire::write(arp, at + wire::ethernet_bytes);
        turn();
    }

private:
    runtime::Runtime runtime_;
    rte_mempool* pool_ = nullptr;
    wire::MacAddr mac_;
    std::array<rte_mbuf*, in_burst> mbufs_;
    std::size_t count_ = 0;
    MemoryPort::Look look_ = nullptr;
    void* context_ = nullptr;
};

/// Times `turn` between `fill` and what takes the answers out.
template <class Fill, class Turn>
void climb(benchmark::State& state, RingCore& core, Fill fill, Turn turn) {
    std::vector<std::uint64_t> cycles;
    std::uint64_t pair = ~std::uint64_t{0};
    while (state.KeepRunningBatch(in_burst)) {
        fill();
        core.deliver();
        const std::uint64_t before = time::Clock::cycles();
        const std::uint64_t begin = time::Clock::cycles();
        turn();
        const std::uint64_t end = time::Clock::cycles();
        pair = std::min(pair, begin - before);
        cycles.push_back(end - begin);
        if (core.collect() != in_burst) return state.SkipWithError("not all were answered");
    }
    const auto middle = cycles.begin() + static_cast<std::ptrdiff_t>(cycles.size() / 2);
    std::nth_element(cycles.begin(), middle, cycles.end());
    const auto ns_per_cycle = static_cast<double>(time::Clock::duration_of(1'000'000'000).count()) / 1e9;
    state.counters["ns_a_frame"] = static_cast<double>(*middle - std::min(*middle, pair)) * ns_per_cycle / in_burst;
}

void raw_swap(benchmark::State& state) {
    RingCore core;
    const auto fill = [&] {
        for (std::size_t i = 0; i < in_burst; ++i) write_datagram(core.arrive(datagram_packet_bytes), core.mac());
    };
    climb(state, core, fill, [] {
        std::array<rte_mbuf*, in_burst> frames;
        const std::uint16_t count = rte_eth_rx_burst(port_id, 0, frames.data(), frames.size());
        for (const rte_mbuf* frame : std::span(frames).first(count)) forward::swap_addresses(*frame);
        (void)rte_eth_tx_burst(port_id, 0, frames.data(), count);
    });
}
BENCHMARK(raw_swap);

void ping(benchmark::State& state) {
    RingCore core;
    const auto fill = [&] {
        for (std::size_t i = 0; i < in_burst; ++i) write_ping(core.arrive(ping_packet_bytes), core.mac());
    };
    climb(state, core, fill, [&] { core.poll(); });
}
BENCHMARK(ping);

constexpr bool answers = true;

void udp_echo(benchmark::State& state) {
    RingCore core;
    core.start(serve_datagrams(service(), &answers));
    const auto fill = [&] {
        for (std::size_t i = 0; i < in_burst; ++i) write_datagram(core.arrive(datagram_packet_bytes), core.mac());
    };
    climb(state, core, fill, [&] { core.poll(); });
}
BENCHMARK(udp_echo);

void tcp_echo(benchmark::State& state) {
    RingCore core;
    core.start(serve_streams(service(), &answers));
    TcpPeers peers(core);
    peers.connect(1);
    bool is_first = true;
    const auto fill = [&] {
        if (!is_first)
            for (std::size_t i = 0; i < in_burst; ++i) peers.answered(0);
        is_first = false;
        for (std::size_t i = 0; i < in_burst; ++i) peers.request(0);
    };
    climb(state, core, fill, [&] { core.poll(); });
}
BENCHMARK(tcp_echo);

}  // namespace
