#pragma once

// Two runs side by side, in words.

#include "bootstrap.hpp"

#include "loadgen/report/report.hpp"

#include <string>
#include <vector>

namespace skerry::loadgen {

/// With fewer intervals the draws repeat each other too often, and the bounds are narrower than they say: of two equal
/// runs of ten intervals one pair in seven had a verdict, of forty one in twenty.
inline constexpr std::size_t compare_rows_min = 40;

/// "faster", "slower" or "no difference shown": B beside A at one percentile. The resolution of the histogram, 0.1 %,
/// counts as no difference.
[[nodiscard]] std::string_view to_verdict(const Difference& difference) noexcept;

/// All percentiles in one sentence: "B is faster than A at p50, p99; no difference shown at p90".
[[nodiscard]] std::string verdict_of(const std::vector<Difference>& differences);

/// Why nothing can be said of the two; empty when something can.
[[nodiscard]] std::string why_no_verdict(const Report& a, const Report& b);

/// What the runs do not have in common beside their times, each `name: A / B`.
[[nodiscard]] std::vector<std::string> different_settings(const Report& a, const Report& b);

/// The table of a comparison, what differs beside it, how it was drawn, and the verdict as the last line.
/// Shape: why_no_verdict() is empty.
[[nodiscard]] std::string compare_text(const Report& a, const Report& b);

}  // namespace skerry::loadgen
