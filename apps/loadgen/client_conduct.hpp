#pragma once

// A run from the first connection to the figures: all cores together.

#include "client.hpp"
#include "client_settings.hpp"
#include "recorder.hpp"

#include "common/stop_signals.hpp"

#include <skerry/base/result.hpp>
#include <skerry/task/task.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace skerry::loadgen {

/// What a run left behind.
struct Outcome {
    std::string refusal;     ///< why there was no run, in one line; empty when there was one
    bool interrupted = false;  ///< SIGINT or SIGTERM ended it; the figures are those up to then
    std::optional<Summary> summary;  ///< none of a run that was stopped before it measured anything
    double started_s = 0;             ///< when the measured time began, seconds since 1970
    std::string series;               ///< the windows of all cores as CSV; empty when none were asked for
    std::uint64_t series_left_out = 0;
    std::optional<double> jitter_us;  ///< the worst of the cores
    std::uint64_t failures = 0;       ///< connections that ended, datagrams that were refused
    std::string first_failure;        ///< why; empty: none did
    std::string first_refusal;        ///< what the server said when it said no; empty: it never did
    std::string first_damage;         ///< how an answer was not what was asked for; empty: each was
};

/// Begins to listen to what stops a run. A program does so once, before its first run: then no signal is lost between
/// two runs. What it returns may outlive the runtime, and must not be dropped while that runs.
///
/// Errors: as apps::StopSignals::listen.
/// Cancel: safe.
[[nodiscard]] Task<Result<apps::StopSignals>> listen_to_stops();

/// Connects, watches the cores, runs and sums up. A signal ends it at any point; a second one hurries the answers that
/// are waited for.
///
/// Cancel: partial: the run is lost.
[[nodiscard]] Task<Outcome> conduct(const Settings& settings, apps::StopSignals& signals);

}  // namespace skerry::loadgen
