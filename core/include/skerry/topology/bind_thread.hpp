#pragma once

// Where a thread runs.

#include "cpu_set.hpp"

#include "../base/result.hpp"

namespace skerry::topology {

/// Lets the calling thread run on these CPUs and no others. pin_current_thread() is the same for one.
///
/// Errors: invalid_argument, when none of them can be had; permission_denied, when a filter forbids the call.
Result<> bind_current_thread(const CpuSet& cpus);

}  // namespace skerry::topology
