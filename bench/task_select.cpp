// What does a select cost whose loser, a receive, is dropped? It holds a yield, so a run of the task is in it.

#include "common/measure.hpp"
#include "common/task_bodies.hpp"

namespace {

using namespace skerry::bench;

void select_loser_dropped(benchmark::State& state) { measure(state, &select_losers); }
BENCHMARK(select_loser_dropped);

}  // namespace
