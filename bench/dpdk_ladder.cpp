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

#include "common/ring_core.hpp"
#include "common/stack_servers.hpp"

#include "forward/forward.hpp"

#include <skerry/dpdk/native.hpp>
#include <skerry/time/clock.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;

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
        const std::uint16_t count = rte_eth_rx_burst(RingCore::port_id, 0, frames.data(), frames.size());
        for (const rte_mbuf* frame : std::span(frames).first(count)) forward::swap_addresses(*frame);
        (void)rte_eth_tx_burst(RingCore::port_id, 0, frames.data(), count);
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
