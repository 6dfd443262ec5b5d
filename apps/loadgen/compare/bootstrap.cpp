#include "bootstrap.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace skerry::loadgen {

namespace {

constexpr double ns_per_us = 1e3;

/// SplitMix64, as in schedule.cpp: the same draws everywhere.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    /// 0 <= result < bound. The bias of the remainder is below bound / 2^64.
    std::size_t below(std::size_t bound) noexcept {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return static_cast<std::size_t>((z ^ (z >> 31)) % bound);
    }

private:
    std::uint64_t state_;
};

/// The percentiles of the requests due in one sum of rows: as HdrHistogram defines them, and none above the last
/// answer.
void percentiles_of(const std::vector<std::uint64_t>& counts, const DrawTable& table,
                    std::span<const double> percentiles, std::vector<double>& out_us) {
    std::uint64_t total = 0;
    for (const std::uint64_t count : counts) total += count;
    out_us.clear();
    for (const double percentile : percentiles) {
        const double exact = percentile / 100 * table.due_per_answer() * static_cast<double>(total);
        const auto wanted =
            std::max<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(std::nextafter(exact, 0.0))), 1);
        std::uint64_t count = 0;
        std::size_t index = 0;
        while (index + 1 < counts.size() && (count += counts[index]) < wanted) ++index;
        out_us.push_back(total == 0 ? 0 : static_cast<double>(table.values()[index]) / ns_per_us);
    }
}

/// Draws rows until a run is full, a block of neighbours at a time; the last row's neighbour is the first.
class Draw {
public:
    Draw(const DrawTable& table, std::span<const double> percentiles)
        : table_(table), percentiles_(percentiles), weights_(table.rows()) {}

    const std::vector<double>& whole() {
        std::fill(weights_.begin(), weights_.end(), 1U);
        return result();
    }

    const std::vector<double>& next(Random& random) {
        std::fill(weights_.begin(), weights_.end(), 0U);
        std::size_t row = 0;
        for (std::size_t taken = 0; taken < table_.rows(); ++taken, ++row) {
            if (taken % table_.block_rows() == 0) row = random.below(table_.rows());
            ++weights_[row % table_.rows()];
        }
        return result();
    }

private:
    const std::vector<double>& result() {
        table_.sum(weights_, counts_);
        percentiles_of(counts_, table_, percentiles_, us_);
        return us_;
    }

    const DrawTable& table_;
    std::span<const double> percentiles_;
    std::vector<std::uint32_t> weights_;
    std::vector<std::uint64_t> counts_;
    std::vector<double> us_;
};

/// The value with `share` of all below it. Shape: sorted, not empty.
double quantile(const std::vector<double>& sorted, double share) {
    const double at = share * static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<std::size_t>(std::llround(at))];
}

}  // namespace

DrawTable::DrawTable(const Intervals& intervals, std::uint64_t unanswered) {
    const std::size_t count = intervals.rows.size();
    merged_ = std::max<std::size_t>((count + rows_max - 1) / rows_max, 1);
    rows_ = (count + merged_ - 1) / merged_;
    // By value: the counts of all rows. Most counters are 0 in all of them.
    std::map<std::uint64_t, std::vector<std::uint64_t>> columns;
    std::uint64_t answers = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto times = interval_histogram(intervals.rows[i].response);
        answers += times.total_count();
        times.for_each_counter([&](const metrics::HdrHistogram::Counter& counter) {
            auto& column = columns[std::min(counter.highest, times.limit())];
            column.resize(rows_);
            column[i / merged_] += counter.count;
        });
    }
    if (answers != 0) due_per_answer_ += static_cast<double>(unanswered) / static_cast<double>(answers);
    values_.reserve(columns.size());
    counts_.resize(rows_ * columns.size());
    for (const auto& [value, column] : columns) {
        for (std::size_t row = 0; row < rows_; ++row) counts_[row * columns.size() + values_.size()] = column[row];
        values_.push_back(value);
    }
}

std::size_t DrawTable::block_rows() const noexcept {
    return static_cast<std::size_t>(std::ceil(std::cbrt(static_cast<double>(rows_)) - 1e-9));
}

void DrawTable::sum(std::span<const std::uint32_t> weights, std::vector<std::uint64_t>& counts) const {
    SKERRY_ASSERT(weights.size() == rows_, "each row has a weight");
    const std::size_t columns = values_.size();
    counts.assign(columns, 0);
    for (std::size_t row = 0; row < rows_; ++row) {
        const std::uint64_t weight = weights[row];
        if (weight == 0) continue;
        const std::uint64_t* from = counts_.data() + row * columns;
        for (std::size_t i = 0; i < columns; ++i) counts[i] += weight * from[i];
    }
}

std::vector<Difference> bootstrap(const DrawTable& a, const DrawTable& b, std::span<const double> percentiles,
                                  const BootstrapOptions& options) {
    SKERRY_ASSERT(!a.values().empty() && !b.values().empty(), "both runs have answers");
    Random random(options.seed);
    Draw draw_a(a, percentiles);
    Draw draw_b(b, percentiles);
    std::vector<std::vector<double>> moved(percentiles.size());
    for (std::size_t i = 0; i < options.draws; ++i) {
        const auto& from_a = draw_a.next(random);
        const auto& from_b = draw_b.next(random);
        for (std::size_t p = 0; p < percentiles.size(); ++p) moved[p].push_back(from_b[p] - from_a[p]);
    }
    const auto whole_a = draw_a.whole();
    const auto whole_b = draw_b.whole();
    const double tail = (1 - options.sure) / static_cast<double>(percentiles.size()) / 2;
    std::vector<Difference> differences;
    for (std::size_t p = 0; p < percentiles.size(); ++p) {
        std::sort(moved[p].begin(), moved[p].end());
        differences.push_back(
            {percentiles[p], whole_a[p], whole_b[p], quantile(moved[p], tail), quantile(moved[p], 1 - tail)});
    }
    return differences;
}

}  // namespace skerry::loadgen
