#pragma once

// Which pictures a report has, and what is drawn in each. The machine's jitter is in all of them that show times: a
// tail below that line is the machine's.

#include "report.hpp"

#include "loadgen/chart/chart.hpp"

#include <span>

namespace skerry::loadgen {

/// Response and service times over 1 / (1 - p). What stands on fewer than ten answers is right of a dashed line.
/// Shape: the run has an answer; asserted here and below.
[[nodiscard]] chart::Chart percentile_chart(const Report& report);

/// The response times of several runs, the same way. Shape: one of them has an answer.
[[nodiscard]] chart::Chart percentiles_of_all(std::span<const Report> reports);

/// Median, p99 and longest response time while the run went on. At most 300 points: neighbouring intervals are merged,
/// never averaged.
[[nodiscard]] chart::Chart time_chart(const Report& report);

/// Answers a second while it went on.
[[nodiscard]] chart::Chart rate_chart(const Report& report);

/// Response times of runs at rising rates. Shape: open loops; `knee` is a rate, or nothing.
[[nodiscard]] chart::Chart load_chart(std::span<const Report> reports, std::optional<double> knee);

/// What tells runs of one page apart: "tcp 5,000/s", "udp closed"; with what else differs among `all`.
[[nodiscard]] std::string run_name(const Report& report, std::span<const Report> all);

}  // namespace skerry::loadgen
