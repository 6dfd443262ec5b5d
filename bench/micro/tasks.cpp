// Tasks: spawn, join, yield, await, blocking calls, memory.

#include "harness.hpp"

#include "../common/memory_bodies.hpp"
#include "../common/sync_bodies.hpp"
#include "../common/task_bodies.hpp"

#include <skerry/runtime/spawn_blocking.hpp>

namespace skerry::micro {

namespace {

std::size_t same(std::size_t i) { return i; }

Task<> blocking_calls(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        auto outcome = co_await spawn_blocking(&same, i);
        keep(*outcome);
    }
}

void emit_memory(const Run& run, std::string_view test, WaitsFor what) {
    run.emit(test, "mem", "B/task", run_on(run.threads, slab_bytes_of_waiting(run.sized(1'000'000), what)));
}

}  // namespace

void run_task_tests(const Run& run, std::string_view test) {
    const auto time = [&](std::string_view unit, std::size_t count, Task<> body) {
        run.time(test, unit, count, std::move(body));
    };
    const std::size_t million = run.sized(1'000'000);
    const std::size_t calls = run.sized(10'000'000);
    const std::size_t round_trips = run.sized(300'000);
    const std::size_t blocking = run.sized(100'000);
    if (test == "idle_task") emit_memory(run, test, WaitsFor::nothing);
    if (test == "idle_notify") emit_memory(run, test, WaitsFor::notify);
    if (test == "idle_sleep") emit_memory(run, test, WaitsFor::timer);
    if (test == "spawn_join_1m") time("ns/task", million, spawn_join(million));
    if (test == "spawn_join_b100") time("ns/task", million, spawn_join_batches(million, 100));
    if (test == "yield_1") time("ns/yield", 2 * million, yields(2 * million));
    if (test == "yield_100") time("ns/yield", 2 * million, yields_of_many(2 * million, 100));
    if (test == "chain_spawn") time("ns/task", million, chains(million, 1000));
    if (test == "pp_oneshot") time("ns/roundtrip", round_trips, oneshot_round_trips(round_trips));
    // A million leaves: the nanoseconds of one are the milliseconds of all.
    if (test == "skynet") time("ms", 1'000'000, skynet(run.threads));
    if (test == "call_leaf") time("ns/call", calls, call_leaf(calls));
    if (test == "call_fib") time("ns/call", fib_27_calls, call_fib_27());
    // Asleep meanwhile, as a program on the kernel's sockets is: a spinning core would take the CPU from the call.
    if (test == "blocking") run.time(test, "ns/op", blocking, blocking_calls(blocking), runtime::IdlePolicy::sleep);
}

}  // namespace skerry::micro
