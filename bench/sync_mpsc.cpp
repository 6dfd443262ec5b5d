// What does a message cost: on one core in both scopes, and from one core to another?
//
// The cases are those of skerry-micro (local_chan, mpsc_b1000, mpsc_unb) and a receiver that takes many at a time. The
// two-core cases need two CPUs that nobody else uses.

#include "common/measure.hpp"
#include "common/sync_bodies.hpp"

#include <cstddef>

namespace {

using namespace skerry;
using namespace skerry::bench;
using task::LocalScope;
using task::SharedScope;

// --- one core

template <class Scope>
void message(benchmark::State& state) {
    measure(state, &bounded<Scope, Take::one>, static_cast<std::size_t>(state.range(0)), std::size_t{1}, first_core);
}
BENCHMARK(message<LocalScope>)->Name("message/local")->ArgName("capacity")->Arg(64)->Arg(1000);
BENCHMARK(message<SharedScope>)->Name("message/shared")->ArgName("capacity")->Arg(64)->Arg(1000);

template <class Scope>
void message_of_four_senders(benchmark::State& state) {
    measure(state, &bounded<Scope, Take::one>, std::size_t{1000}, std::size_t{4}, first_core);
}
BENCHMARK(message_of_four_senders<LocalScope>)->Name("message_of_four_senders/local");
BENCHMARK(message_of_four_senders<SharedScope>)->Name("message_of_four_senders/shared");

template <class Scope>
void message_recv_many(benchmark::State& state) {
    measure(state, &bounded<Scope, Take::many>, std::size_t{1000}, std::size_t{1}, first_core);
}
BENCHMARK(message_recv_many<LocalScope>)->Name("message_recv_many/local");
BENCHMARK(message_recv_many<SharedScope>)->Name("message_recv_many/shared");

template <class Scope>
void message_unbounded(benchmark::State& state) {
    measure(state, &unbounded<Scope>, std::size_t{1}, first_core);
}
BENCHMARK(message_unbounded<LocalScope>)->Name("message_unbounded/local");
BENCHMARK(message_unbounded<SharedScope>)->Name("message_unbounded/shared");

// --- two cores

template <Take How>
void message_between_cores(benchmark::State& state) {
    measure(state, make_runtime(2), 4 * block, &bounded<SharedScope, How>, std::size_t{1000}, std::size_t{1},
            other_core(2));
}
BENCHMARK(message_between_cores<Take::one>)->Name("message_between_cores/recv")->UseRealTime();
BENCHMARK(message_between_cores<Take::many>)->Name("message_between_cores/recv_many")->UseRealTime();

void message_between_cores_unbounded(benchmark::State& state) {
    measure(state, make_runtime(2), 4 * block, &unbounded<SharedScope>, std::size_t{1}, other_core(2));
}
BENCHMARK(message_between_cores_unbounded)->UseRealTime();

}  // namespace
