// What does it cost to spawn a task, run it and join it: few at a time, a million at a time on fresh memory and on
// memory that was used before, and in a chain in which each spawns the next?

#include "common/measure.hpp"
#include "common/task_bodies.hpp"

#include <chrono>
#include <utility>

namespace {

using namespace skerry;
using namespace skerry::bench;

constexpr std::size_t million = 1'000'000;

void spawn_join_batch(benchmark::State& state) {
    measure(state, &spawn_join_batches, static_cast<std::size_t>(state.range(0)));
}
BENCHMARK(spawn_join_batch)->Arg(1)->Arg(100);

/// A million alive at once, on a runtime whose slab has had a million before.
void spawn_join_million_warm(benchmark::State& state) {
    auto runtime = make_runtime(1);
    runtime.block_on(spawn_join(million));
    measure(state, std::move(runtime), million, &spawn_join);
}
BENCHMARK(spawn_join_million_warm);

/// The first million of a runtime: page faults and the cutting of blocks are in it.
void spawn_join_million_first(benchmark::State& state) {
    while (state.KeepRunningBatch(million)) {
        auto runtime = make_runtime(1);
        const double ns = runtime.block_on(timed(million, spawn_join(million)));
        // Asked for once a batch; the sum is divided by the operations.
        state.SetIterationTime(ns * 1e-9 * static_cast<double>(million));
    }
}
BENCHMARK(spawn_join_million_first)->UseManualTime();

void spawn_chain_of_1000(benchmark::State& state) { measure(state, &chains, std::size_t{1000}); }
BENCHMARK(spawn_chain_of_1000);

}  // namespace
