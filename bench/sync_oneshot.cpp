// What does a oneshot cost: made, used and gone with nobody waiting, and as the two ways of a request to a task that
// is spawned for it?

#include "common/measure.hpp"
#include "common/sync_bodies.hpp"

namespace {

using namespace skerry;
using namespace skerry::bench;

template <class Scope>
void oneshot_ready(benchmark::State& state) {
    measure(state, &oneshots<Scope>);
}
BENCHMARK(oneshot_ready<task::LocalScope>)->Name("oneshot_ready/local");
BENCHMARK(oneshot_ready<task::SharedScope>)->Name("oneshot_ready/shared");

/// A task, two channels and two wakes.
void oneshot_round_trip(benchmark::State& state) { measure(state, &oneshot_round_trips); }
BENCHMARK(oneshot_round_trip);

}  // namespace
