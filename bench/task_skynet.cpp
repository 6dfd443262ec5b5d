// How long does a tree of tasks with a million leaves take, on one core and on two? Nothing is stolen: the ten
// subtrees are dealt out, and each stays on its core.

#include "common/measure.hpp"
#include "common/task_bodies.hpp"

namespace {

using namespace skerry::bench;

void skynet_million(benchmark::State& state) {
    const auto cores = static_cast<std::size_t>(state.range(0));
    auto runtime = make_runtime(cores);
    for (auto _ : state) runtime.block_on(skynet(cores));
}
BENCHMARK(skynet_million)->ArgName("cores")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
