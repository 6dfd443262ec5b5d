#include <skerry/metrics/hdr_histogram.hpp>

#include <charconv>
#include <cmath>
#include <string_view>

namespace skerry::metrics {

namespace {

/// log2 of the number of counters of width 1: enough of them to tell 2 * 10^digits values apart.
unsigned sub_bucket_bits(int significant_digits) noexcept {
    std::uint64_t unit_values = 2;
    for (int i = 0; i < significant_digits; ++i) unit_values *= 10;
    return static_cast<unsigned>(std::bit_width(unit_values - 1));
}

void append_right(std::string& out, std::string_view text, std::size_t width) {
    if (text.size() < width) out.append(width - text.size(), ' ');
    out += text;
}

// std::to_chars and not printf: the decimal point must not follow the program's locale.
void append_fixed(std::string& out, double value, int decimals, std::size_t width) {
    char text[400];  // 309 digits of the largest double, a point and the decimals
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, decimals).ptr;
    append_right(out, {text, static_cast<std::size_t>(end - text)}, width);
}

}  // namespace

HdrHistogram::HdrHistogram(std::uint64_t limit, int significant_digits)
    : unit_mask_(0), sub_bucket_bits_(0), significant_digits_(significant_digits), limit_(limit) {
    SKERRY_ASSERT(significant_digits >= 1 && significant_digits <= 5, "a histogram keeps 1 to 5 significant digits");
    SKERRY_ASSERT(limit >= 2 && limit <= std::uint64_t{std::numeric_limits<std::int64_t>::max()},
                  "a histogram's limit is 2 to 2^63 - 1");
    sub_bucket_bits_ = sub_bucket_bits(significant_digits);
    unit_mask_ = (std::uint64_t{1} << sub_bucket_bits_) - 1;
    // Whole buckets: the last counter's values may lie above the limit, as in HdrHistogram.
    const std::size_t last_bucket = static_cast<unsigned>(std::bit_width(limit | unit_mask_)) - sub_bucket_bits_;
    counts_.resize((last_bucket + 2) << (sub_bucket_bits_ - 1));
}

void HdrHistogram::add(const HdrHistogram& other) noexcept {
    SKERRY_ASSERT(limit_ == other.limit_ && significant_digits_ == other.significant_digits_,
                  "histograms of different limits or digits cannot be added");
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_count_ += other.total_count_;
    over_range_ += other.over_range_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

void HdrHistogram::reset() noexcept {
    if (empty()) return;
    const auto at = [this](std::uint64_t value) {
        return counts_.begin() + static_cast<std::ptrdiff_t>(index_of(value));
    };
    std::fill(at(min_), at(max_) + 1, 0);
    total_count_ = 0;
    over_range_ = 0;
    min_ = std::numeric_limits<std::uint64_t>::max();
    max_ = 0;
}

double HdrHistogram::mean() const noexcept {
    if (empty()) return 0;
    double sum = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
        if (counts_[i] != 0) sum += static_cast<double>(middle_at(i)) * static_cast<double>(counts_[i]);
    return sum / static_cast<double>(total_count_);
}

double HdrHistogram::stddev() const noexcept {
    if (empty()) return 0;
    const double centre = mean();
    double sum = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        if (counts_[i] == 0) continue;
        const double deviation = static_cast<double>(middle_at(i)) - centre;
        sum += deviation * deviation * static_cast<double>(counts_[i]);
    }
    return std::sqrt(sum / static_cast<double>(total_count_));
}

std::uint64_t HdrHistogram::value_at_percentile(double percentile) const noexcept {
    if (empty()) return 0;
    const double share = std::clamp(percentile, 0.0, 100.0) / 100.0;
    // The product may come out one step of a double too high (0.999 * 1000 must need 999 values, not 1000);
    // rounding up from one step below is HdrHistogram's rule.
    const double exact = share * static_cast<double>(total_count_);
    const double rounded = std::ceil(std::nextafter(exact, 0.0));
    const std::size_t index = index_of_rank(static_cast<std::uint64_t>(rounded));
    return share == 0.0 ? lowest_at(index) : highest_at(index);
}

std::uint64_t HdrHistogram::value_at_rank(std::uint64_t rank) const noexcept {
    return empty() ? 0 : highest_at(index_of_rank(rank));
}

std::size_t HdrHistogram::index_of_rank(std::uint64_t rank) const noexcept {
    const auto wanted = std::clamp<std::uint64_t>(rank, 1, total_count_);
    std::uint64_t count = 0;
    std::size_t index = 0;
    while ((count += counts_[index]) < wanted) ++index;
    return index;
}

std::uint64_t HdrHistogram::count_at_least(std::uint64_t value) const noexcept {
    if (value > limit_) return over_range_;
    std::uint64_t count = 0;
    for (std::size_t i = index_of(value); i < counts_.size(); ++i) count += counts_[i];
    return count;
}

double HdrHistogram::next_level(double level, int ticks_per_half_distance) noexcept {
    const double halvings = std::floor(std::log2(100.0 / (100.0 - level))) + 1;
    return level + 100.0 / (ticks_per_half_distance * std::exp2(halvings));
}

std::string HdrHistogram::to_hgrm(double value_scale, int ticks_per_half_distance) const {
    const auto scaled = [&](double value) { return value / value_scale; };
    std::string out = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
    for_each_percentile(ticks_per_half_distance, [&](const PercentileStep& step) {
        append_fixed(out, scaled(static_cast<double>(step.value)), significant_digits_, 12);
        out += ' ';
        append_fixed(out, step.percentile / 100, 12, 2);
        out += ' ';
        append_right(out, std::to_string(step.total_count), 10);
        // The last row's 1/(1-1) is left out: the readers take a missing fourth column for infinity.
        if (step.percentile < 100) {
            out += ' ';
            append_fixed(out, 1 / (1 - step.percentile / 100), 2, 14);
        }
        out += '\n';
    });
    const auto footer = [&](std::string_view open, double value, std::string_view middle) {
        out += open;
        append_fixed(out, value, significant_digits_, 12);
        out += middle;
    };
    footer("#[Mean    = ", scaled(mean()), ", StdDeviation   = ");
    footer("", scaled(stddev()), "]\n");
    footer("#[Max     = ", scaled(static_cast<double>(max_)), ", Total count    = ");
    append_right(out, std::to_string(total_count_), 12);
    out += "]\n#[Buckets = ";
    append_right(out, std::to_string((counts_.size() >> (sub_bucket_bits_ - 1)) - 1), 12);
    out += ", SubBuckets     = ";
    append_right(out, std::to_string(unit_mask_ + 1), 12);
    out += "]\n";
    return out;
}

}  // namespace skerry::metrics
