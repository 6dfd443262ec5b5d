// How late does a timer wake its task? A hundred thousand timers spread over one second, one in ten microseconds; the
// figures are the counters, in microseconds. Polling is what the budget is of; sleeping shows what the kernel adds.

#include "common/measure.hpp"
#include "common/timer_bodies.hpp"

#include <chrono>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;

constexpr std::size_t timers = 100'000;

Task<std::vector<std::uint64_t>> fire_all() {
    const time::Instant base = time::Instant::now() + std::chrono::milliseconds{200};
    co_return co_await lateness_of(spawn_sleepers(timers, base));
}

void lateness(benchmark::State& state, runtime::IdlePolicy idle) {
    std::vector<std::uint64_t> late_ns;
    for (auto _ : state) late_ns = run_on(1, fire_all(), idle);
    state.counters["p50_us"] = static_cast<double>(quantile(late_ns, 0.5)) / 1e3;
    state.counters["p99_us"] = static_cast<double>(quantile(late_ns, 0.99)) / 1e3;
    state.counters["max_us"] = static_cast<double>(quantile(late_ns, 1)) / 1e3;
}
BENCHMARK_CAPTURE(lateness, polling, runtime::IdlePolicy::spin)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(lateness, sleeping, runtime::IdlePolicy::sleep)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
