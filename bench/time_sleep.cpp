// What does it cost to arm a timer and leave it again, as a timeout does that nothing exceeds: with a deadline at hand,
// and with a fresh look at the clock? Moving one timer of a million: time_wheel.cpp.

#include "common/measure.hpp"
#include "common/timer_bodies.hpp"

namespace {

using namespace skerry::bench;

void arm_and_cancel_at(benchmark::State& state) { measure(state, &arm_and_cancel_sleep_until); }
BENCHMARK(arm_and_cancel_at)->Name("arm_and_cancel/sleep_until");

void arm_and_cancel_for(benchmark::State& state) { measure(state, &arm_and_cancel_sleep); }
BENCHMARK(arm_and_cancel_for)->Name("arm_and_cancel/sleep");

}  // namespace
