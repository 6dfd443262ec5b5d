#pragma once

// The program between its start line and its end: listens, serves, stops.

#include "counters.hpp"
#include "settings.hpp"

#include <skerry/runtime/runtime.hpp>
#include <skerry/task/task.hpp>

namespace skerry::echo {

/// How it ended.
struct Served {
    int exit_code = 0;
    Snapshot last;  ///< of the moment when the last handler had ended
};

/// Serves until SIGTERM or SIGINT, then answers what has come, for at most the grace or until a second one. Prints its
/// numbers on SIGUSR1.
///
/// Lifetime: the arguments outlive the runtime's tasks.
/// Cancel:   partial: connections are closed where they stand.
[[nodiscard]] Task<Served> serve(const Settings& settings, const runtime::Runtime& runtime, Cores& cores);

}  // namespace skerry::echo
