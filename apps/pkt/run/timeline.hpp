#pragma once

// A script's time: when an event is due, how exact it has to be, and letting time go on until it is.

#include "run_config.hpp"
#include "system.hpp"

#include "../syntax/times.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace skerry::pkt {

/// When an event may happen.
struct DueTime {
    bool is_any = false;
    time::Instant begin;
    time::Instant until;
    std::chrono::nanoseconds tolerance{};
    std::optional<time::Instant> call_end;

    [[nodiscard]] bool contains(time::Instant at) const {
        return is_any || (at >= begin - tolerance && at <= until + tolerance);
    }
};

/// Lifetime: its arguments outlive it.
class Timeline {
public:
    Timeline(System& system, const RunConfig& config) : system_(system), config_(config), last_(system.start()) {}

    /// Of the next event, whose time counts from now on.
    ///
    /// Stops:  with a skip, when it lies beyond all that a clock tells.
    [[nodiscard]] DueTime due(const syntax::EventTime& time);
    /// Lets time go on until `at`, and `done()` is asked after each step: when it says yes, time stops there.
    ///
    /// Returns what done() said last.
    bool wait(time::Instant at, const std::function<bool()>& done);
    /// `0.250000`: since the script began.
    [[nodiscard]] std::string text(time::Instant at) const;
    [[nodiscard]] std::string text(const DueTime& due) const;

private:
    void expect_near(const syntax::EventTime& time, time::Instant from) const;
    [[nodiscard]] std::chrono::nanoseconds tolerance_for(time::Instant at) const;

    System& system_;
    const RunConfig& config_;
    time::Instant last_;  // when the event before was due
};

}  // namespace skerry::pkt
