#pragma once

#include "../runtime/config.hpp"
#include "../task/scheduler.hpp"
#include "../time/instant.hpp"

#include <chrono>
#include <cstdint>

namespace skerry::testing {

/// The seed of runtimes that are given none: the environment's SKERRY_TEST_SEED, or 1.
[[nodiscard]] std::uint64_t default_seed() noexcept;

/// What a testing runtime can be told.
struct Options {
    /// Of everything drawn by chance: select's order, jitter, loss. The same seed gives the same run.
    std::uint64_t seed = default_seed();
    /// What the clock shows first.
    time::Instant start = time::Instant::from_nanos(std::chrono::nanoseconds(std::chrono::hours{1}).count());
    /// Threads that the test makes itself wake tasks: an idle runtime waits for them in real time, where it
    /// would otherwise report that the task under test waits for ever. The clock still jumps to deadlines.
    bool woken_from_outside = false;
    /// Budget, blocking pool and the like. Flavour, backend, cores, pinning, idling and seed are overruled.
    runtime::Config config;
    /// Calls around every task.
    task::TaskHooks hooks;
};

}  // namespace skerry::testing
