#pragma once

// How far apart the percentiles of two runs are, and how sure that is.
//
// The bootstrap asks what the figure would be had the run gone a little differently: it draws a new run from the pieces
// of the one that there is, with repetition, and looks how the percentile moves from draw to draw. What is drawn must
// be independent of what stands beside it. Answers are not: one stall delays all that are due meanwhile, so that
// drawing single answers gives intervals that are far too narrow. Drawn here are blocks of neighbouring intervals, as
// many in a block as the cube root of their number, so that what lasts for some intervals stays together.
//
// What it cannot know is how another start of the same program would differ: addresses, caches and neighbours are drawn
// anew there. A difference that matters is shown by several pairs of starts.
//
// Source: Efron 1979; Kuensch 1989 for blocks; Politis and Romano 1992 for blocks that go round the end.

#include "loadgen/intervals.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry::loadgen {

/// Response times of a run, one row an interval, as counters that can be drawn and added fast. Neighbours are put
/// together until there are at most rows_max of them.
class DrawTable {
public:
    static constexpr std::size_t rows_max = 200;

    /// `unanswered` is Summary::unanswered(): requests that count as longer than any value, in each draw their share.
    explicit DrawTable(const Intervals& intervals, std::uint64_t unanswered = 0);

    [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
    /// How many of the run's intervals are in a row.
    [[nodiscard]] std::size_t merged() const noexcept { return merged_; }
    [[nodiscard]] std::size_t block_rows() const noexcept;

    /// The sum of the rows, each taken `weights[row]` times, one number for each of values(). Shape: rows() weights.
    void sum(std::span<const std::uint32_t> weights, std::vector<std::uint64_t>& counts) const;

    /// Requests that were due for each one that was answered, at least 1.
    [[nodiscard]] double due_per_answer() const noexcept { return due_per_answer_; }

    /// The values of the counters, rising, in nanoseconds.
    [[nodiscard]] std::span<const std::uint64_t> values() const noexcept { return values_; }

private:
    std::size_t merged_ = 1;
    std::size_t rows_ = 0;
    double due_per_answer_ = 1;
    std::vector<std::uint64_t> values_;
    std::vector<std::uint64_t> counts_;  // row after row
};

/// A percentile of two runs. Microseconds.
struct Difference {
    double percentile = 0;
    double a_us = 0;
    double b_us = 0;
    double low_us = 0;  ///< b - a lies between these, so sure as was asked
    double high_us = 0;
};

struct BootstrapOptions {
    std::size_t draws = 2'000;
    double sure = 0.95;  ///< that all intervals together hold: each of n is wrong with (1 - sure) / n
    std::uint64_t seed = 1;
};

/// Shape: both tables have rows and answers; percentiles in (0, 100).
/// Cost:  draws * rows * counters additions: some tenths of a second.
[[nodiscard]] std::vector<Difference> bootstrap(const DrawTable& a, const DrawTable& b,
                                                std::span<const double> percentiles,
                                                const BootstrapOptions& options = {});

}  // namespace skerry::loadgen
