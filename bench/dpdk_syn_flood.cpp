// What does a flood of SYNs do to a listener on DPDK? As stack_syn_flood, but the SYNs come over a net_ring port and by
// the clock of the machine: a million a second, if the machine gives a core for it.
//
//   syns_per_s    that came
//   success_pct   clients whose connection was accepted; fewer than 99 is an error
//   bytes_grown   of the heap, during a million SYNs without clients; the port's memory is fixed from the start
//
// --benchmark_format=json writes the figures for programs.

#include "common/ring_core.hpp"
#include "common/syn_flood.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;

/// Its clock is the machine's: time passes when it has, and the core goes on meanwhile.
class PacedCore : public RingCore {
public:
    PacedCore() : RingCore("198.18.0.254"), due_(now()) {}

    void pass(std::chrono::nanoseconds time) {
        due_ = due_ + time;
        // Behind by more than this it has lost its turn to others, and the clients would not wait for it either.
        constexpr std::chrono::milliseconds behind_max{1};
        if (now() - due_ > behind_max) due_ = now();
        while (now() < due_) turn();
    }

private:
    time::Instant due_;
};

void syn_flood_of_net_ring(benchmark::State& state) {
    constexpr std::size_t clients = 500;
    constexpr std::size_t burst_count = 1'000'000 / PacedCore::burst_max;
    for (auto _ : state) {
        std::vector<net::TcpStream> accepted;
        PacedCore core;
        SynFlood flood(core, accepted);
        flood.bursts(1000, nullptr);
        const std::int64_t before = heap_bytes();
        const time::Instant began = core.now();
        flood.bursts(burst_count, nullptr);
        const std::chrono::duration<double> took = core.now() - began;
        state.counters["bytes_grown"] = static_cast<double>(heap_bytes() - before);
        state.counters["syns_per_s"] = static_cast<double>(burst_count * PacedCore::burst_max) / took.count();
        flood.clients(clients);
        const double success_pct = 100.0 * static_cast<double>(flood.connected()) / clients;
        state.counters["success_pct"] = success_pct;
        if (success_pct < 99) state.SkipWithError("fewer than 99 of 100 clients connected");
    }
}
BENCHMARK(syn_flood_of_net_ring)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
