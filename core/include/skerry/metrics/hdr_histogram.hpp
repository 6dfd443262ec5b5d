#pragma once

// A histogram with a fixed relative error, after Gil Tene's HdrHistogram. It keeps every value to a given
// number of significant digits over a range of many powers of ten, in memory of fixed size, so that the one
// sample in a million is as exact as the median and recording never allocates.
//
// Layout. With d digits the values below S = the power of two at or above 2 * 10^d have a counter each
// (d = 3: S = 2,048). Above, the range [S * 2^(b-1), S * 2^b) is bucket b: S/2 counters, each 2^b wide, that
// is, at most 2/S of the value (d = 3: 0.098 %). Buckets lie one behind the other in one array:
//
//     value      0 .. 2047   2048 .. 4095   4096 .. 8191   ...   2^36 .. 2^37 - 1
//     width          1             2              4        ...        67,108,864
//     counters     2,048         1,024          1,024      ...         1,024
//
//     b = bit_width(value | (S - 1)) - log2(S),   index = b * S/2 + (value >> b)
//
// No branch, no table and no division stand on the way to a counter: about ten instructions in all.
//
// Figures. Nanoseconds to 100 s take 28 * 1,024 counters of 8 bytes = 224 KiB with 3 digits, 4 KiB with
// 1 digit, 21 MiB with 5. Latencies of one run touch few of them: [10 µs, 40 µs] is 2,048 counters at most,
// so the working set stays inside the L2 cache. Log-linear buckets of one power of ten were rejected because
// their index needs a division, t-digest and friends because merging them adds an error.
//
// The percentile definitions are those of HdrHistogram, so its readers and plotters give the same figures
// from the same samples; tests/integration/hdr_percentiles.py compares them.
//
// Hot path: record().

#include "../base/assert.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace skerry::metrics {

/// Counts unsigned values with a fixed relative error and answers percentile questions about them.
///
/// Threads:  none of its own; one core writes, and reads happen there or after a hand-over. Cores keep a
///           histogram each and add() them at the end.
/// Cost:     the constructor and copying allocate; nothing else does, to_hgrm() aside.
/// Source:   the HdrHistogram definition of buckets and percentiles, hdrhistogram.org.
class HdrHistogram {
public:
    /// 100 s in nanoseconds.
    static constexpr std::uint64_t default_limit = 100'000'000'000;
    static constexpr int default_significant_digits = 3;

    /// An empty histogram for the values 0 to `limit`.
    ///
    /// Shape:    2 <= limit < 2^63; 1 <= significant_digits <= 5; asserted.
    explicit HdrHistogram(std::uint64_t limit = default_limit, int significant_digits = default_significant_digits);

    /// Counts one value. What lies above limit() is counted there and in over_range().
    void record(std::uint64_t value) noexcept {
        value = clamp(value, 1);
        counts_[index_of(value)] += 1;
        total_count_ += 1;
        min_ = std::min(min_, value);
        max_ = std::max(max_, value);
    }

    /// Counts the same value `count` times; with 0 nothing changes.
    void record_n(std::uint64_t value, std::uint64_t count) noexcept {
        if (count == 0) return;
        value = clamp(value, count);
        counts_[index_of(value)] += count;
        total_count_ += count;
        min_ = std::min(min_, value);
        max_ = std::max(max_, value);
    }

    /// Adds everything `other` has counted, its over_range() included. Percentiles of the sum are exact to
    /// the same digits, which an average of two percentiles never is.
    ///
    /// Shape:    `other` has the same limit and digits; asserted.
    void add(const HdrHistogram& other) noexcept;

    /// Forgets all values and keeps the memory. Cost: the counters from min() to max().
    void reset() noexcept;

    [[nodiscard]] std::uint64_t total_count() const noexcept { return total_count_; }
    /// How many of them were above limit().
    [[nodiscard]] std::uint64_t over_range() const noexcept { return over_range_; }
    [[nodiscard]] bool empty() const noexcept { return total_count_ == 0; }
    /// The smallest and the largest value, exact and not rounded to a counter; 0 when empty.
    [[nodiscard]] std::uint64_t min() const noexcept { return empty() ? 0 : min_; }
    [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
    /// Mean and standard deviation, each value taken as the middle of its counter; 0 when empty.
    [[nodiscard]] double mean() const noexcept;
    [[nodiscard]] double stddev() const noexcept;

    /// The highest value that shares a counter with the value at `percentile`: at least that share of all
    /// values is at most this. 0 when empty.
    ///
    /// Shape:    0 <= percentile <= 100, clamped to it. At 0, the lowest value of the first counter.
    [[nodiscard]] std::uint64_t value_at_percentile(double percentile) const noexcept;

    /// The highest value that shares a counter with the `rank`-th smallest one. 0 when empty.
    ///
    /// Shape:    1 <= rank <= total_count(), clamped to it.
    [[nodiscard]] std::uint64_t value_at_rank(std::uint64_t rank) const noexcept;

    /// How many values are at least `value`, to the width of its counter: those that share it count. Above
    /// limit() that is over_range(): of those values nothing more is known.
    [[nodiscard]] std::uint64_t count_at_least(std::uint64_t value) const noexcept;

    /// One step of for_each_percentile().
    struct PercentileStep {
        std::uint64_t value;        ///< the highest value of the counter that reached the level
        double percentile;          ///< the level, 0 to 100
        std::uint64_t total_count;  ///< values up to and with that counter
    };

    /// Calls `visit(PercentileStep)` for levels from 0 to 100 that come closer together towards 100: each
    /// half of what is left takes `ticks_per_half_distance` steps (5: 0, 10 .. 50, 55 .. 75, 77.5 ..). A last
    /// step says 100. Levels between two values of the last counter are left out, so a run of n values ends
    /// near 100 - 100/n. Nothing is visited when empty.
    template <class Visit>
    void for_each_percentile(int ticks_per_half_distance, Visit visit) const;

    /// A counter that is not 0: how many values from `lowest` to `highest` were recorded.
    struct Counter {
        std::size_t index;  ///< its place; histograms of the same digits agree on it
        std::uint64_t lowest;
        std::uint64_t highest;
        std::uint64_t count;
    };

    /// Calls `visit(Counter)` for each of them from the lowest value up.
    ///
    /// Cost:     reads the counters from min() to max() and no others.
    template <class Visit>
    void for_each_counter(Visit visit) const;

    /// Counts `count` values at the place `index`, which is what a Counter of another histogram said. The highest value
    /// there stands for all of them.
    ///
    /// Shape:    index < counter_count(); asserted.
    void record_at(std::size_t index, std::uint64_t count) noexcept {
        SKERRY_ASSERT(index < counts_.size(), "a counter of another histogram");
        record_n(std::min(highest_at(index), limit_), count);
    }

    /// The percentile table as text in the CLASSIC layout of .hgrm files, which the HdrHistogram plotters
    /// read. Values are divided by `value_scale` (1000 makes microseconds of nanoseconds).
    [[nodiscard]] std::string to_hgrm(double value_scale = 1.0, int ticks_per_half_distance = 5) const;

    [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
    [[nodiscard]] int significant_digits() const noexcept { return significant_digits_; }
    [[nodiscard]] std::size_t counter_count() const noexcept { return counts_.size(); }

    /// The lowest and the highest of the values that share a counter with `value`.
    [[nodiscard]] std::uint64_t lowest_equivalent(std::uint64_t value) const noexcept {
        return lowest_at(index_of(value));
    }
    [[nodiscard]] std::uint64_t highest_equivalent(std::uint64_t value) const noexcept {
        return highest_at(index_of(value));
    }

private:
    [[nodiscard]] std::uint64_t clamp(std::uint64_t value, std::uint64_t count) noexcept {
        if (value > limit_) [[unlikely]] {
            over_range_ += count;
            return limit_;
        }
        return value;
    }

    [[nodiscard]] std::size_t index_of(std::uint64_t value) const noexcept {
        const unsigned bucket = static_cast<unsigned>(std::bit_width(value | unit_mask_)) - sub_bucket_bits_;
        return (static_cast<std::size_t>(bucket) << (sub_bucket_bits_ - 1)) + (value >> bucket);
    }

    [[nodiscard]] unsigned bucket_at(std::size_t index) const noexcept {
        const auto half_buckets = index >> (sub_bucket_bits_ - 1);
        return half_buckets < 2 ? 0 : static_cast<unsigned>(half_buckets) - 1;
    }
    [[nodiscard]] std::size_t index_of_rank(std::uint64_t rank) const noexcept;
    [[nodiscard]] std::uint64_t lowest_at(std::size_t index) const noexcept {
        const unsigned bucket = bucket_at(index);
        return (index - (static_cast<std::size_t>(bucket) << (sub_bucket_bits_ - 1))) << bucket;
    }
    [[nodiscard]] std::uint64_t highest_at(std::size_t index) const noexcept {
        return lowest_at(index) + (std::uint64_t{1} << bucket_at(index)) - 1;
    }
    [[nodiscard]] std::uint64_t middle_at(std::size_t index) const noexcept {
        return lowest_at(index) + (std::uint64_t{1} << bucket_at(index)) / 2;
    }

    [[nodiscard]] static double next_level(double level, int ticks_per_half_distance) noexcept;

    std::uint64_t unit_mask_;  // S - 1: below it, a counter for each value
    unsigned sub_bucket_bits_;  // log2(S)
    int significant_digits_;
    std::uint64_t limit_;
    std::uint64_t total_count_ = 0;
    std::uint64_t over_range_ = 0;
    std::uint64_t min_ = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t max_ = 0;
    std::vector<std::uint64_t> counts_;
};

template <class Visit>
void HdrHistogram::for_each_counter(Visit visit) const {
    if (empty()) return;
    const std::size_t last = index_of(max_);
    for (std::size_t index = index_of(min_); index <= last; ++index)
        if (counts_[index] != 0) visit(Counter{index, lowest_at(index), highest_at(index), counts_[index]});
}

template <class Visit>
void HdrHistogram::for_each_percentile(int ticks_per_half_distance, Visit visit) const {
    SKERRY_ASSERT(ticks_per_half_distance >= 1, "a percentile table needs at least one step per half distance");
    const auto total = static_cast<double>(total_count_);
    std::uint64_t count = 0;
    double level = 0;
    for (std::size_t index = 0; count < total_count_; ++index) {
        if (counts_[index] == 0) continue;
        count += counts_[index];
        const double reached = 100.0 * static_cast<double>(count) / total;
        // 100 itself comes last and once; the check also ends the loop when rounding makes `reached` 100.
        while (level <= reached && level < 100.0) {
            visit(PercentileStep{highest_at(index), level, count});
            if (count == total_count_) break;
            const double next = next_level(level, ticks_per_half_distance);
            if (next <= level) break;  // as near to 100 as a double comes
            level = next;
        }
        if (count == total_count_) visit(PercentileStep{highest_at(index), 100.0, count});
    }
}

}  // namespace skerry::metrics
