// How many bytes of slab does a task occupy that waits: for a notification, a oneshot's value or a timer? The
// figure is the counter bytes_per_task; the time means nothing.

#include "common/measure.hpp"
#include "common/memory_bodies.hpp"

namespace {

using namespace skerry::bench;

constexpr std::size_t tasks = 100'000;

void waiting_task(benchmark::State& state, WaitsFor what) {
    double bytes = 0;
    for (auto _ : state) bytes = run_on(1, slab_bytes_of_waiting(tasks, what));
    state.counters["bytes_per_task"] = bytes;
}
BENCHMARK_CAPTURE(waiting_task, notify, WaitsFor::notify)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(waiting_task, value, WaitsFor::value)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(waiting_task, timer, WaitsFor::timer)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
