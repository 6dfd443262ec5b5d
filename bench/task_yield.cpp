// What does one run of a task cost when it gives way, alone and among a hundred, and when another task of its core
// wakes it?

#include "common/measure.hpp"
#include "common/task_bodies.hpp"

namespace {

using namespace skerry;
using namespace skerry::bench;

void yield_alone(benchmark::State& state) { measure(state, &yields); }
BENCHMARK(yield_alone);

void yield_among_100(benchmark::State& state) { measure(state, &yields_of_many, std::size_t{100}); }
BENCHMARK(yield_among_100);

/// notify_one() of a waiting task, the run of that task and its next wait.
template <class Scope>
void wake(benchmark::State& state) {
    measure(state, &wakes<Scope>);
}
BENCHMARK(wake<task::LocalScope>)->Name("wake/local");
BENCHMARK(wake<task::SharedScope>)->Name("wake/shared");

}  // namespace
