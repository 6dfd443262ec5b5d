#pragma once

// What asks a program to stop.

#include <skerry/base/result.hpp>
#include <skerry/signal/signal.hpp>
#include <skerry/task/task.hpp>

namespace skerry::apps {

/// SIGTERM and SIGINT; they end the process no more while this lives.
struct StopSignals {
    signal::Signal term;
    signal::Signal interrupt;

    /// Errors: as signal::Signal::listen.
    [[nodiscard]] static Result<StopSignals> listen();

    /// Waits for either. Needs no memory but at the call.
    ///
    /// Errors: as signal::Signal::recv.
    /// Cancel: safe, as recv.
    [[nodiscard]] Task<Result<>> requested();
};

}  // namespace skerry::apps
