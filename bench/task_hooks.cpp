// What do names, ids and hooks cost a run of a task? Pairs of blocks of one run: bare, and with the thing in question.
// Counters cannot be switched off; what they cost is in every figure of task_yield and task_spawn.

#include "common/measure.hpp"
#include "common/task_bodies.hpp"

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace skerry;
using namespace skerry::bench;

constexpr int pairs = 50;
constexpr auto count = static_cast<std::size_t>(block);

double ns_of(runtime::Runtime& runtime, Task<> body) { return runtime.block_on(timed(count, std::move(body))); }

/// Times blocks of both in turn. The counters are the medians of a run in nanoseconds, and that of what it costs more.
template <class Bare, class Dressed>
void compare(benchmark::State& state, Bare bare_block, Dressed dressed_block) {
    std::vector<double> bare;
    std::vector<double> dressed;
    std::vector<double> extra;
    for (auto _ : state) {
        bare.push_back(bare_block());
        dressed.push_back(dressed_block());
        extra.push_back(dressed.back() - bare.back());
    }
    state.counters["bare_ns"] = quantile(bare, 0.5);
    state.counters["dressed_ns"] = quantile(dressed, 0.5);
    state.counters["extra_ns"] = quantile(extra, 0.5);
}

std::uint64_t seen = 0;

task::TaskHooks hooks_that_look() {
    task::TaskHooks hooks;
    hooks.before_run = [](task::TaskId id) { seen += id.value; };
    hooks.after_run = [](task::TaskId id) { seen -= id.value; };
    return hooks;
}

/// A function before each run and one after it; each gets the task's id.
void hooks_around_a_run(benchmark::State& state) {
    auto bare = make_runtime(1);
    auto hooked = make_runtime(1, runtime::IdlePolicy::spin, hooks_that_look());
    compare(state, [&] { return ns_of(bare, yields(count)); }, [&] { return ns_of(hooked, yields(count)); });
    benchmark::DoNotOptimize(seen);
}
BENCHMARK(hooks_around_a_run)->Iterations(pairs)->Unit(benchmark::kMillisecond);

Task<> yields_with_id(std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
        keep(this_task::id().value);
        co_await yield_now();
    }
}

void id_asked_in_each_run(benchmark::State& state) {
    auto runtime = make_runtime(1);
    compare(
        state, [&] { return ns_of(runtime, yields(count)); }, [&] { return ns_of(runtime, yields_with_id(count)); });
}
BENCHMARK(id_asked_in_each_run)->Iterations(pairs)->Unit(benchmark::kMillisecond);

Task<> named_yields(std::size_t times) {
    auto handle = spawn_named("a task with a name of some length", yields(times));
    (void)co_await handle;
}

Task<> nameless_yields(std::size_t times) {
    auto handle = spawn(yields(times));
    (void)co_await handle;
}

void run_of_a_named_task(benchmark::State& state) {
    auto runtime = make_runtime(1);
    compare(
        state, [&] { return ns_of(runtime, nameless_yields(count)); },
        [&] { return ns_of(runtime, named_yields(count)); });
}
BENCHMARK(run_of_a_named_task)->Iterations(pairs)->Unit(benchmark::kMillisecond);

}  // namespace
