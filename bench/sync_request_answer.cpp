// What does a request with its answer cost between two tasks of one core: over a channel each way, and over a channel
// with a oneshot for the answer? Between two cores: sync_cross_core.cpp.

#include "common/measure.hpp"
#include "common/sync_bodies.hpp"

namespace {

using namespace skerry;
using namespace skerry::bench;

template <class Scope>
void request_answer(benchmark::State& state) {
    measure(state, &ping_pong<Scope>, first_core);
}
BENCHMARK(request_answer<task::LocalScope>)->Name("request_answer/local");
BENCHMARK(request_answer<task::SharedScope>)->Name("request_answer/shared");

template <class Scope>
void request_oneshot(benchmark::State& state) {
    measure(state, &questions<Scope>);
}
BENCHMARK(request_oneshot<task::LocalScope>)->Name("request_oneshot/local");
BENCHMARK(request_oneshot<task::SharedScope>)->Name("request_oneshot/shared");

}  // namespace
