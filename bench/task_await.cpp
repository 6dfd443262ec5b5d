// What does it cost to await a child task: one after the other, and in a tree?

#include "common/measure.hpp"
#include "common/task_bodies.hpp"

namespace {

using namespace skerry::bench;

void await_child(benchmark::State& state) { measure(state, &call_leaf); }
BENCHMARK(await_child);

/// Time is that of one call of the recursion.
void await_fib_27(benchmark::State& state) {
    auto runtime = make_runtime(1);
    while (state.KeepRunningBatch(fib_27_calls)) runtime.block_on(call_fib_27());
}
BENCHMARK(await_fib_27);

}  // namespace
