#pragma once

// The program between its start line and its end: listens, serves, stops.

#include "counters.hpp"
#include "settings.hpp"

#include <skerry/runtime/runtime.hpp>
#include <skerry/task/task.hpp>

namespace skerry::echo {

/// Serves until SIGTERM or SIGINT, then answers what has come, for at most the grace. Returns the exit code.
///
/// Lifetime: the arguments outlive the runtime's tasks.
/// Cancel:   partial: connections are closed where they stand.
[[nodiscard]] Task<int> serve(const Settings& settings, const runtime::Runtime& runtime, Cores& cores);

}  // namespace skerry::echo
