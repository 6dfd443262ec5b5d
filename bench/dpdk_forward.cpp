// What does the runtime add to a frame? skerry-forward's loop beside a bare poll of the same port, over net_ring in
// this process: so many frames go round between a port and itself, each with its addresses exchanged on the way. Both
// run on one core, one after the other; ns_a_frame is the figure, frames_a_burst says what the loop met.
//
// With 32 frames or more the loop finds them whenever it looks and never waits. With fewer it sends them at the end of
// the turn and waits for them in the next: that is the cost of a turn.

#include "forward/forward.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace skerry;
using Frames = std::array<rte_mbuf*, dpdk::burst_max>;

constexpr std::chrono::milliseconds block{20};

struct Block {
    std::uint64_t frames = 0;
    std::uint64_t bursts = 0;
    std::chrono::nanoseconds took{0};
};

runtime::Runtime make_runtime() {
    runtime::Config config;
    config.dpdk = "vdev=net_ring0;hugepages=off;memory=64;mbufs=1023";
    config.flavour = runtime::Flavour::current_thread;
    config.cores = topology::available_cpus().value().lowest(1);
    auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).build();
    if (!runtime) std::fprintf(stderr, "%s\n", runtime.error().message.c_str()), std::exit(1);
    return std::move(*runtime);
}

/// Puts so many frames of 64 bytes into the ring.
Task<> start(std::size_t count) {
    dpdk::Port port = *dpdk::Port::open(0);
    Frames frames;
    if (!port.allocate(std::span(frames).first(count))) std::abort();
    for (rte_mbuf* frame : std::span(frames).first(count)) rte_pktmbuf_append(frame, 64);
    if (rte_eth_tx_burst(port.port_id(), port.queue_id(), frames.data(), static_cast<std::uint16_t>(count)) != count)
        std::abort();
    co_return;
}

Task<Block> poll_barely() {
    const dpdk::Port port = *dpdk::Port::open(0);
    Frames frames;
    Block done;
    const time::Instant begin = time::Instant::now();
    do {
        for (int i = 0; i < 256; ++i) {
            const std::uint16_t count = rte_eth_rx_burst(port.port_id(), port.queue_id(), frames.data(), frames.size());
            if (count == 0) continue;
            for (const rte_mbuf* frame : std::span(frames).first(count)) forward::swap_addresses(*frame);
            const std::uint16_t sent = rte_eth_tx_burst(port.port_id(), port.queue_id(), frames.data(), count);
            dpdk::Port::release(std::span(frames).first(count).subspan(sent));
            done.frames += count;
            ++done.bursts;
        }
        done.took = time::Instant::now() - begin;
    } while (done.took < block);
    co_return done;
}

Task<Block> wait_and_count(const forward::Counts* counts) {
    const std::uint64_t before = counts->received;
    const time::Instant begin = time::Instant::now();
    co_await time::sleep(block);
    co_return Block{counts->received - before, 0, time::Instant::now() - begin};
}

void tell(benchmark::State& state, const Block& sum) {
    state.counters["ns_a_frame"] = static_cast<double>(sum.took.count()) / static_cast<double>(sum.frames);
    if (sum.bursts != 0)
        state.counters["frames_a_burst"] = static_cast<double>(sum.frames) / static_cast<double>(sum.bursts);
}

void add(benchmark::State& state, Block& sum, const Block& one) {
    state.SetIterationTime(std::chrono::duration<double>(one.took).count());
    sum.frames += one.frames;
    sum.bursts += one.bursts;
    sum.took += one.took;
}

void macswap_bare(benchmark::State& state) {
    auto runtime = make_runtime();
    runtime.block_on(start(static_cast<std::size_t>(state.range(0))));
    Block sum;
    for (auto _ : state) add(state, sum, runtime.block_on(poll_barely()));
    tell(state, sum);
}
BENCHMARK(macswap_bare)->Arg(1)->Arg(8)->Arg(32)->Arg(64)->UseManualTime()->Unit(benchmark::kMillisecond);

Task<AbortHandle> start_forwarding(forward::Counts* counts) {
    auto running = spawn(forward::run(*dpdk::Port::open(0), *dpdk::Port::open(0), forward::Mode::macswap, counts));
    co_return running.abort_handle();
}

void macswap_skerry(benchmark::State& state) {
    forward::Counts counts;  // outlives the runtime and so the task
    auto runtime = make_runtime();
    runtime.block_on(start(static_cast<std::size_t>(state.range(0))));
    const auto forwarding = runtime.block_on(start_forwarding(&counts));
    Block sum;
    for (auto _ : state) add(state, sum, runtime.block_on(wait_and_count(&counts)));
    tell(state, sum);
}
BENCHMARK(macswap_skerry)->Arg(1)->Arg(8)->Arg(32)->Arg(64)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
