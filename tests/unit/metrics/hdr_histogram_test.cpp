#include <skerry/metrics/hdr_histogram.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace {

using skerry::metrics::HdrHistogram;

/// Values over nine powers of ten below the limit. The engine's output is fixed by the standard, so they are
/// the same on every machine.
std::vector<std::uint64_t> wide_samples(std::size_t count) {
    std::mt19937_64 random(20'240'611);
    std::vector<std::uint64_t> samples;
    for (std::size_t i = 0; i < count; ++i) samples.push_back(random() >> (28 + random() % 30));
    return samples;
}

HdrHistogram histogram_of(const std::vector<std::uint64_t>& samples) {
    HdrHistogram histogram;
    for (const auto sample : samples) histogram.record(sample);
    return histogram;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines(1);
    for (const char c : text) {
        if (c == '\n')
            lines.emplace_back();
        else
            lines.back() += c;
    }
    lines.pop_back();
    return lines;
}

}  // namespace

TEST_CASE("nanoseconds to 100 s with three digits take 28,672 counters", "[metrics][hdr_histogram]") {
    CHECK(HdrHistogram().counter_count() == 28'672);
    CHECK(HdrHistogram().limit() == 100'000'000'000);
    CHECK(HdrHistogram(HdrHistogram::default_limit, 1).counter_count() == 544);
    CHECK(HdrHistogram(HdrHistogram::default_limit, 5).counter_count() == 2'752'512);
    CHECK(HdrHistogram(2, 1).counter_count() == 32);
}

TEST_CASE("values below 2048 have a counter each at three digits", "[metrics][hdr_histogram]") {
    const HdrHistogram histogram;
    for (const std::uint64_t value : {0U, 1U, 1'000U, 1'999U, 2'047U}) {
        CHECK(histogram.lowest_equivalent(value) == value);
        CHECK(histogram.highest_equivalent(value) == value);
    }
    CHECK(histogram.lowest_equivalent(2'049) == 2'048);
    CHECK(histogram.highest_equivalent(2'048) == 2'049);
    CHECK(histogram.lowest_equivalent(4'099) == 4'096);
    CHECK(histogram.highest_equivalent(4'096) == 4'099);
}

TEST_CASE("the counters of every digit count tile the range without gap or overlap", "[metrics][hdr_histogram]") {
    const int digits = GENERATE(1, 2, 3);
    const HdrHistogram histogram(1'000'000'000, digits);
    std::uint64_t value = 0;
    std::size_t counters = 0;
    bool tiled = true;
    while (value <= histogram.limit()) {
        tiled = tiled && histogram.lowest_equivalent(value) == value;
        const auto last = histogram.highest_equivalent(value);
        tiled = tiled && histogram.lowest_equivalent(last) == value;
        value = last + 1;
        ++counters;
    }
    CHECK(tiled);
    CHECK(counters <= histogram.counter_count());
}

TEST_CASE("a counter is never wider than its digits allow", "[metrics][hdr_histogram]") {
    const int digits = GENERATE(1, 2, 3, 4, 5);
    const HdrHistogram histogram((std::uint64_t{1} << 62) + 1, digits);
    double worst = 0;
    for (const auto value : wide_samples(10'000)) {
        const auto low = histogram.lowest_equivalent(value);
        const auto width = histogram.highest_equivalent(value) - low;
        worst = std::max(worst, static_cast<double>(width) / static_cast<double>(std::max<std::uint64_t>(low, 1)));
    }
    CHECK(worst <= std::pow(10.0, -digits));
}

TEST_CASE("percentiles are those of the sorted samples to three digits", "[metrics][hdr_histogram]") {
    auto samples = wide_samples(100'003);
    const auto histogram = histogram_of(samples);
    std::sort(samples.begin(), samples.end());
    for (const double percentile : {0.001, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 100.0}) {
        const auto rank = std::max(1.0, std::ceil(percentile / 100 * static_cast<double>(samples.size()) - 1e-6));
        const auto exact = samples[static_cast<std::size_t>(rank) - 1];
        INFO("percentile " << percentile);
        CHECK(histogram.value_at_percentile(percentile) == histogram.highest_equivalent(exact));
    }
    CHECK(histogram.min() == samples.front());
    CHECK(histogram.max() == samples.back());
    CHECK(histogram.total_count() == samples.size());
}

TEST_CASE("p99.9 of 1000 values is the 999th, whatever the product rounds to", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    histogram.record_n(10, 999);
    histogram.record(1'000);
    CHECK(histogram.value_at_percentile(99.9) == 10);
    CHECK(histogram.value_at_percentile(99.91) == 1'000);
}

TEST_CASE("a rank is counted from the smallest value, and clamped", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    CHECK(histogram.value_at_rank(1) == 0);
    histogram.record_n(10, 3);
    histogram.record(8'195);
    CHECK(histogram.value_at_rank(0) == 10);
    CHECK(histogram.value_at_rank(3) == 10);
    CHECK(histogram.value_at_rank(4) == 8'199);
    CHECK(histogram.value_at_rank(5) == 8'199);
}

TEST_CASE("p0 is the low end of the first counter and p100 the high end of the last", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    histogram.record(4'098);
    histogram.record(8'195);
    CHECK(histogram.value_at_percentile(0) == 4'096);
    CHECK(histogram.value_at_percentile(-3) == 4'096);
    CHECK(histogram.value_at_percentile(100) == 8'199);
    CHECK(histogram.value_at_percentile(250) == 8'199);
}

TEST_CASE("an empty histogram answers 0 everywhere", "[metrics][hdr_histogram]") {
    const HdrHistogram histogram;
    CHECK(histogram.empty());
    CHECK(histogram.min() == 0);
    CHECK(histogram.max() == 0);
    CHECK(histogram.mean() == 0);
    CHECK(histogram.stddev() == 0);
    CHECK(histogram.value_at_percentile(50) == 0);
    CHECK(histogram.count_at_least(0) == 0);
    int steps = 0;
    histogram.for_each_percentile(5, [&](const HdrHistogram::PercentileStep&) { ++steps; });
    CHECK(steps == 0);
}

TEST_CASE("a value above the limit is counted at the limit and in over_range", "[metrics][hdr_histogram]") {
    HdrHistogram histogram(1'000);
    histogram.record(1'000);
    CHECK(histogram.over_range() == 0);
    histogram.record(1'001);
    histogram.record_n(5'000'000, 3);
    CHECK(histogram.over_range() == 4);
    CHECK(histogram.total_count() == 5);
    CHECK(histogram.max() == 1'000);
    CHECK(histogram.value_at_percentile(100) == 1'000);
    CHECK(histogram.count_at_least(1'001) == 4);
}

TEST_CASE("record_n counts as record does n times, and zero times changes nothing", "[metrics][hdr_histogram]") {
    HdrHistogram one_by_one;
    HdrHistogram at_once;
    for (int i = 0; i < 7; ++i) one_by_one.record(12'345);
    at_once.record_n(12'345, 7);
    at_once.record_n(99'999, 0);
    CHECK(at_once.to_hgrm() == one_by_one.to_hgrm());
    CHECK(at_once.min() == 12'345);
    CHECK(at_once.max() == 12'345);
}

TEST_CASE("two halves added are the whole", "[metrics][hdr_histogram]") {
    const auto samples = wide_samples(5'000);
    const auto middle = samples.begin() + 1'234;
    auto sum = histogram_of({samples.begin(), middle});
    sum.record_n(HdrHistogram::default_limit + 1, 2);
    auto rest = histogram_of({middle, samples.end()});
    rest.record(HdrHistogram::default_limit + 1);
    sum.add(rest);

    auto whole = histogram_of(samples);
    whole.record_n(HdrHistogram::default_limit + 1, 3);
    CHECK(sum.to_hgrm() == whole.to_hgrm());
    CHECK(sum.min() == whole.min());
    CHECK(sum.max() == whole.max());
    CHECK(sum.over_range() == 3);
}

TEST_CASE("a sum has the extremes of both, and an empty histogram has none to give", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    histogram.record(500);
    histogram.add(HdrHistogram());
    CHECK(histogram.min() == 500);
    CHECK(histogram.max() == 500);

    HdrHistogram wider;
    wider.record(7);
    wider.record(900);
    histogram.add(wider);
    CHECK(histogram.min() == 7);
    CHECK(histogram.max() == 900);
}

TEST_CASE("reset forgets every value", "[metrics][hdr_histogram]") {
    auto histogram = histogram_of(wide_samples(100));
    histogram.record(HdrHistogram::default_limit + 1);
    histogram.reset();
    CHECK(histogram.to_hgrm() == HdrHistogram().to_hgrm());
    CHECK(histogram.over_range() == 0);
    histogram.record(77);
    CHECK(histogram.min() == 77);
    CHECK(histogram.max() == 77);
}

TEST_CASE("mean and deviation of small values are exact", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    for (const std::uint64_t value : {2U, 4U, 4U, 4U, 5U, 5U, 7U, 9U}) histogram.record(value);
    CHECK(histogram.mean() == Approx(5.0));
    CHECK(histogram.stddev() == Approx(2.0));
}

TEST_CASE("count_at_least counts from the counter of the value upwards", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    histogram.record_n(100, 5);
    histogram.record_n(1'000, 3);
    histogram.record(90'000'000);
    CHECK(histogram.count_at_least(0) == 9);
    CHECK(histogram.count_at_least(100) == 9);
    CHECK(histogram.count_at_least(101) == 4);
    CHECK(histogram.count_at_least(1'001) == 1);
    CHECK(histogram.count_at_least(90'000'000) == 1);
    CHECK(histogram.count_at_least(91'000'000) == 0);
}

TEST_CASE("percentile steps halve their distance to 100 and end there once", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    for (std::uint64_t value = 1; value <= 1'000; ++value) histogram.record(value);
    std::vector<HdrHistogram::PercentileStep> steps;
    histogram.for_each_percentile(1, [&](const HdrHistogram::PercentileStep& step) { steps.push_back(step); });

    const std::vector<double> levels = {0,       50,       75,        87.5,       93.75,       96.875,
                                        98.4375, 99.21875, 99.609375, 99.8046875, 99.90234375, 100};
    REQUIRE(steps.size() == levels.size());
    for (std::size_t i = 0; i < levels.size(); ++i) CHECK(steps[i].percentile == levels[i]);
    CHECK(steps[0].value == 1);
    CHECK(steps[1].value == 500);
    CHECK(steps[3].value == 875);
    CHECK(steps[7].total_count == 993);
    CHECK(steps.back().value == 1'000);
    CHECK(steps.back().total_count == 1'000);
}

TEST_CASE("percentile steps end where a double comes no nearer to 100", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    histogram.record_n(10, 10'000'000'000'000'000);
    histogram.record_n(20, 40);
    std::vector<HdrHistogram::PercentileStep> steps;
    histogram.for_each_percentile(100, [&](const HdrHistogram::PercentileStep& step) {
        REQUIRE(steps.size() < 10'000);
        steps.push_back(step);
    });
    CHECK(steps.back().percentile == 100);
    CHECK(steps.back().value == 20);
}

TEST_CASE("a value that spans many levels is repeated, one step for each", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    histogram.record_n(10, 99);
    histogram.record(20);
    std::vector<std::uint64_t> values;
    histogram.for_each_percentile(1, [&](const HdrHistogram::PercentileStep& step) { values.push_back(step.value); });
    CHECK(values == std::vector<std::uint64_t>{10, 10, 10, 10, 10, 10, 10, 20, 20});
}

TEST_CASE("to_hgrm writes the CLASSIC layout", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    histogram.record(1'001);
    histogram.record(3'000);
    const auto lines = lines_of(histogram.to_hgrm(1'000.0, 1));
    REQUIRE(lines.size() == 9);
    CHECK(lines[0] == "       Value     Percentile TotalCount 1/(1-Percentile)");
    CHECK(lines[1].empty());
    CHECK(lines[2] == "       1.001 0.000000000000          1           1.00");
    CHECK(lines[3] == "       1.001 0.500000000000          1           2.00");
    CHECK(lines[4] == "       3.001 0.750000000000          2           4.00");
    CHECK(lines[5] == "       3.001 1.000000000000          2");
    CHECK(lines[6] == "#[Mean    =        2.001, StdDeviation   =        1.000]");
    CHECK(lines[7] == "#[Max     =        3.000, Total count    =            2]");
    CHECK(lines[8] == "#[Buckets =           27, SubBuckets     =         2048]");
}

TEST_CASE("for_each_counter visits what is not 0, from the lowest value up", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    histogram.record(5'001);
    histogram.record(5'000);
    histogram.record_n(7, 3);
    std::vector<std::uint64_t> seen;
    histogram.for_each_counter([&](const HdrHistogram::Counter& counter) {
        seen.insert(seen.end(), {counter.index, counter.lowest, counter.highest, counter.count});
    });
    CHECK(seen == std::vector<std::uint64_t>{7, 7, 7, 3, 2'048 + 1'024 + 226, 5'000, 5'003, 2});
    histogram.reset();
    histogram.for_each_counter([](const HdrHistogram::Counter&) { FAIL("an empty histogram has none"); });
}

TEST_CASE("record_at counts at the place that another histogram said", "[metrics][hdr_histogram]") {
    HdrHistogram from;
    from.record_n(5'001, 4);
    from.record(HdrHistogram::default_limit);
    HdrHistogram to;
    from.for_each_counter([&](const HdrHistogram::Counter& counter) { to.record_at(counter.index, counter.count); });
    CHECK(to.total_count() == 5);
    CHECK(to.count_at_least(5'000) == 5);
    CHECK(to.count_at_least(5'004) == 1);
    CHECK(to.over_range() == 0);
    CHECK(to.max() == HdrHistogram::default_limit);
}

TEST_CASE("reset leaves no counter behind, at either end", "[metrics][hdr_histogram]") {
    HdrHistogram histogram;
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1'000'000}, HdrHistogram::default_limit + 9})
        histogram.record(value);
    histogram.reset();
    histogram.reset();
    histogram.record(0);
    histogram.record(HdrHistogram::default_limit);
    CHECK(histogram.total_count() == 2);
    CHECK(histogram.count_at_least(1) == 1);
    CHECK(histogram.over_range() == 0);
}
