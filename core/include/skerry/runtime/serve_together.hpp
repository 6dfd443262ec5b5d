#pragma once

// One service made of a part on each core.

#include "../base/result.hpp"
#include "../task/abort_all.hpp"
#include "../task/task.hpp"

namespace skerry::runtime {

/// Runs `here` beside the parts that run `elsewhere`, until all have ended or the first has failed. A service that has
/// lost a core answers some of its clients and others not, and nobody would know; so then the other parts are aborted.
///
/// Errors:  the first part's; no_memory, when one threw std::bad_alloc; cancelled, when one was aborted or threw
///          anything else.
/// Cancel:  partial: every part is aborted; `here` has ended when this is destroyed.
/// Threads: a core of a runtime.
[[nodiscard]] Task<Result<>> serve_together(Task<Result<>> here, AbortAll<Result<>> elsewhere);

}  // namespace skerry::runtime
