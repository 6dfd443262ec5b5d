#pragma once

// Whether a trial of a sweep was below the knee.

#include "loadgen/report/report.hpp"

#include "common/number_text.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace skerry::loadgen {

class TrialJudge {
public:
    /// `p99_max_us`: none takes the bound from the first valid trial. An invalid one tells nothing of the server, and
    /// a bound from it would pass or fail all that follow.
    explicit TrialJudge(std::optional<double> p99_max_us) noexcept : p99_max_us_(p99_max_us) {}

    /// Why the trial failed; empty: it passed.
    [[nodiscard]] std::string why_failed(const Summary& trial) {
        if (trial.invalid()) return trial.invalid_reasons().front();
        const auto p99 = p99_us(trial);
        if (!p99)
            return "p99 is n/a: " + apps::grouped_text(trial.received) + " answers to " +
                   apps::grouped_text(trial.offered) + " requests; 1,000 are needed: raise --from or --trial";
        if (!p99_max_us_) p99_max_us_ = std::max(*p99 * growth, floor_us);
        return *p99 > *p99_max_us_ ? "p99 is above " + apps::fixed_text(*p99_max_us_, 0) + " us" : "";
    }

    [[nodiscard]] static std::optional<double> p99_us(const Summary& trial) {
        return quantile_us(trial.response, 100, trial.unanswered());
    }

    /// None while no trial was valid.
    [[nodiscard]] std::optional<double> p99_max_us() const noexcept { return p99_max_us_; }

private:
    // What a queue does to p99 is more than this, what a busy machine does mostly less.
    static constexpr double growth = 10;
    static constexpr double floor_us = 1'000;

    std::optional<double> p99_max_us_;
};

}  // namespace skerry::loadgen
