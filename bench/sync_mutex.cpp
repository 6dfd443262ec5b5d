// What does a lock and unlock cost: alone, with four tasks that do not hold it over a wait, and with four that do?
// The cases are mutex_unc, mutex_c4 and mutex_c4_hold of skerry-micro, in both scopes.

#include "common/measure.hpp"
#include "common/sync_bodies.hpp"

namespace {

using namespace skerry;
using namespace skerry::bench;

template <class Scope>
void lock_uncontended(benchmark::State& state) {
    measure(state, &lock_alone<Scope>);
}
BENCHMARK(lock_uncontended<task::LocalScope>)->Name("lock_uncontended/local");
BENCHMARK(lock_uncontended<task::SharedScope>)->Name("lock_uncontended/shared");

template <class Scope, Hold How>
void lock_of_four(benchmark::State& state) {
    measure(state, &lock_together<Scope>, std::size_t{4}, How, std::size_t{1});
}
BENCHMARK(lock_of_four<task::LocalScope, Hold::briefly>)->Name("lock_of_four/local");
BENCHMARK(lock_of_four<task::SharedScope, Hold::briefly>)->Name("lock_of_four/shared");
BENCHMARK(lock_of_four<task::LocalScope, Hold::over_a_yield>)->Name("lock_of_four_held/local");
BENCHMARK(lock_of_four<task::SharedScope, Hold::over_a_yield>)->Name("lock_of_four_held/shared");

}  // namespace
