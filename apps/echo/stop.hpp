#pragma once

// The end of a server, whose connections may have taken all memory: whatever that takes is made before there are any.

#include "counters.hpp"

#include <skerry/task/abort_all.hpp>
#include <skerry/task/cancel.hpp>
#include <skerry/task/task.hpp>

#include <chrono>

namespace skerry::echo {

/// What a stop asks of the cores: on each a task waits for the first question and another for the second.
///
/// Lifetime: `cores` outlives it; dropping it ends the tasks.
/// Threads:  the core that made it.
class Stop {
public:
    /// Errors: throws std::bad_alloc. A core that has no memory for its tasks even now is not asked.
    Stop(Cores& cores, std::chrono::nanoseconds grace);

    /// Cancelled by the first of drained(); until then nothing has changed for those who are served.
    [[nodiscard]] const CancellationToken& begun() const noexcept { return begun_; }

    /// Begins the stop and waits until no core holds data that is not answered, or the grace is over. Needs no memory
    /// but at the call.
    ///
    /// Cancel: safe.
    [[nodiscard]] Task<> drained();

    /// What all cores have done and still hold. Needs no memory but at the call.
    ///
    /// Cancel: safe.
    [[nodiscard]] Task<Snapshot> last_numbers();

private:
    Cores& cores_;
    CancellationToken begun_;
    CancellationToken over_;
    AbortAll<void> idle_;
    AbortAll<Snapshot> numbers_;
};

}  // namespace skerry::echo
