// What does a flood of SYNs do to a listener? A million a second of the core's own clock come from addresses that are
// nobody's, in bursts of 32, while clients that are 20 ms away connect, one each millisecond. Budgets: 99 of 100
// clients connect, the heap stays as it is, 400 ns a SYN.
//
//   syn_ns        a SYN, from the port to the answer at the port, median of the bursts
//   success_pct   clients whose connection was accepted
//   bytes_grown   of the heap, during a million SYNs without clients
//
// cookies:0 forgets the oldest handshake instead of sending a cookie: what that costs, and why it is not enough.

#include "common/syn_flood.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;

stack::StackConfig config_of(stack::SynCookies when) {
    stack::StackConfig config = StackCore::config();
    config.gateway = flood_gateway;
    config.tcp.syn_cookies = when;
    return config;
}

void syn_flood(benchmark::State& state) {
    constexpr std::size_t clients = 500;
    constexpr std::size_t burst_count = 1'000'000 / StackCore::burst_max;
    time::Clock::init();
    for (auto _ : state) {
        std::vector<net::TcpStream> accepted;
        StackCore core(config_of(state.range(0) == 0 ? stack::SynCookies::off : stack::SynCookies::when_full), {});
        SynFlood flood(core, accepted);
        std::vector<std::uint64_t> cycles;
        cycles.reserve(burst_count);
        flood.bursts(1000, nullptr);
        const std::int64_t before = heap_bytes();
        flood.bursts(burst_count, &cycles);
        state.counters["bytes_grown"] = static_cast<double>(heap_bytes() - before);
        const auto middle = cycles.begin() + static_cast<std::ptrdiff_t>(cycles.size() / 2);
        std::nth_element(cycles.begin(), middle, cycles.end());
        state.counters["syn_ns"] =
            static_cast<double>(time::Clock::duration_of(*middle).count()) / StackCore::burst_max;
        flood.clients(clients);
        state.counters["success_pct"] = 100.0 * static_cast<double>(flood.connected()) / clients;
        state.counters["cookies_sent"] = static_cast<double>(core.stack().tcp().cookies().sent);
        state.counters["cookies_accepted"] = static_cast<double>(core.stack().tcp().cookies().accepted);
    }
}
BENCHMARK(syn_flood)->ArgName("cookies")->Arg(0)->Arg(1)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
