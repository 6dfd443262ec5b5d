#pragma once

// What one testing runtime consists of beside its scheduler. Shared by the backend, which the runtime's
// Builder owns, and testing::Runtime, which looks at it from outside.

#include "network/network_state.hpp"

#include <skerry/testing/options.hpp>
#include <skerry/testing/virtual_clock.hpp>

#include <skerry/backend/backend.hpp>
#include <skerry/task/scheduler.hpp>

#include <string>

namespace skerry::testing {

/// What the driver does when nothing can wake a task any more.
enum class OnStandstill : std::uint8_t {
    abort,   ///< prints the live tasks and aborts
    report,  ///< sets World::is_stuck and returns, so that the harness can throw
    wait,    ///< waits for the doorbell: other threads wake tasks
};

struct World {
    explicit World(const Options& options, OnStandstill standstill)
        : clock(options.start), network(clock, options.seed), on_standstill(standstill) {}

    VirtualClock clock;
    NetworkState network;
    OnStandstill on_standstill;
    bool is_stuck = false;
    time::Instant clock_limit = time::Instant::max();  ///< the idle clock does not jump beyond
    backend::Core* core = nullptr;                     ///< set when it is made; a Loop, see driver.hpp
};

/// The live tasks of a scheduler, one a line: name, place of the spawn, whether it has run.
[[nodiscard]] std::string list_tasks(task::Scheduler& scheduler);

}  // namespace skerry::testing
