// Channels and locks. The names that other runtimes have too use the cross-core flavour, as they do; the rows
// local_* are the flavour for one core.

#include "harness.hpp"

#include "../common/sync_bodies.hpp"
#include "../common/task_bodies.hpp"

namespace skerry::micro {

namespace {

using Shared = task::SharedScope;
using Local = task::LocalScope;

/// Tests that run on one core only.
void run_local_tests(const Run& run, std::string_view test) {
    const auto time = [&](std::string_view unit, std::size_t count, Task<> body) {
        run.time(test, unit, count, std::move(body));
    };
    const std::size_t million = run.sized(1'000'000);
    const std::size_t round_trips = run.sized(300'000);
    if (test == "local_chan") time("ns/msg", 2 * million, bounded<Local>(2 * million, 64, 1, first_core));
    if (test == "local_pp") time("ns/roundtrip", round_trips, ping_pong<Local>(round_trips, first_core));
    if (test == "local_mutex") time("ns/lock", 3 * million, lock_alone<Local>(3 * million));
    if (test == "select_loser") time("ns/op", million, select_losers(million));
}

}  // namespace

void run_channel_tests(const Run& run, std::string_view test) {
    const std::size_t threads = run.threads;
    const task::CoreId other = other_core(threads);
    const auto time = [&](std::string_view unit, std::size_t count, Task<> body) {
        run.time(test, unit, count, std::move(body));
    };
    const std::size_t million = run.sized(1'000'000);
    const std::size_t round_trips = run.sized(300'000);
    const std::size_t held = run.sized(400'000);
    if (test == "pp_chan") time("ns/roundtrip", round_trips, ping_pong<Shared>(round_trips, first_core));
    if (test == "pp_cross" && threads > 1) time("ns/roundtrip", round_trips, ping_pong<Shared>(round_trips, other));
    if (test == "mpsc_b1000_p1") time("ns/msg", 2 * million, bounded<Shared>(2 * million, 1000, 1, other));
    if (test == "mpsc_b1000_p4") time("ns/msg", 2 * million, bounded<Shared>(2 * million, 1000, 4, other));
    if (test == "mpsc_unb_p1") time("ns/msg", 2 * million, unbounded<Shared>(2 * million, 1, other));
    if (test == "mpsc_unb_p4") time("ns/msg", 2 * million, unbounded<Shared>(2 * million, 4, other));
    if (test == "mutex_unc") time("ns/lock", 3 * million, lock_alone<Shared>(3 * million));
    // Spawned as any task is, so on this core: a task that is woken stays on its core, where other runtimes bring those
    // that share a mutex together. What it costs when they are kept apart is told by the two that follow.
    if (test == "mutex_c4") time("ns/lock", million, lock_together<Shared>(million, 4, Hold::briefly, 1));
    if (test == "mutex_c4_hold") time("ns/lock", held, lock_together<Shared>(held, 4, Hold::over_a_yield, 1));
    if (test == "mutex_c4_apart" && threads > 1)
        time("ns/lock", million, lock_together<Shared>(million, 4, Hold::briefly, threads));
    if (test == "mutex_c4_hold_apart" && threads > 1)
        time("ns/lock", held, lock_together<Shared>(held, 4, Hold::over_a_yield, threads));
    if (threads == 1) run_local_tests(run, test);
}

}  // namespace skerry::micro
