#include "scale.hpp"

#include "common/number_text.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace skerry::loadgen::chart {

namespace {

constexpr std::array<double, 3> round_digits{1, 2, 5};
constexpr std::size_t steps_of_a_linear_axis = 5;
// 0.1 + 0.2 must still count as 0.3 when a range is widened to round values.
constexpr double slack = 1e-9;

/// The smallest of 1, 2, 5 times a power of ten that is at least `value`; with `down` the largest that is at most it.
double round_value(double value, bool down) {
    const double decade = std::pow(10.0, std::floor(std::log10(value) + slack));
    double below = decade;
    for (const double digit : {1.0, 2.0, 5.0, 10.0}) {
        const double candidate = digit * decade;
        if (!down && candidate >= value * (1 - slack)) return candidate;
        if (candidate <= value * (1 + slack)) below = candidate;
    }
    return below;
}

double round_step(double range, std::size_t steps) { return round_value(range / static_cast<double>(steps), false); }

/// Every n-th, the first among them, so that at most `most` are left.
std::vector<double> thinned(const std::vector<double>& all, std::size_t most) {
    const std::size_t step = (all.size() + most - 1) / most;
    std::vector<double> kept;
    for (std::size_t i = 0; i < all.size(); i += step) kept.push_back(all[i]);
    return kept;
}

/// Up to `decimals` of them, without zeros at the end.
std::string short_text(double value, int decimals) {
    std::string text = apps::fixed_text(value, decimals);
    if (text.find('.') == std::string::npos) return text;
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
}

/// Three significant digits, or all that stand left of the point, with commas.
std::string number_label(double value) {
    const double magnitude = std::abs(value);
    if (magnitude >= 100 || magnitude < 1e-9)
        return apps::grouped_text(static_cast<unsigned long long>(std::llround(magnitude)));
    return short_text(value, std::clamp(2 - static_cast<int>(std::floor(std::log10(magnitude))), 0, 12));
}

std::string duration_label(double us) {
    constexpr std::array<std::pair<double, const char*>, 4> units{
        {{1e6, " s"}, {1e3, " ms"}, {1.0, " µs"}, {1e-3, " ns"}}};
    for (const auto& [size, name] : units)
        if (us >= size * (1 - slack)) return number_label(us / size) + name;
    return number_label(us * 1e3) + " ns";
}

/// 1 - 1 / value in percent, with as many decimals as the nines take; 0 % from 1 down.
std::string percentile_label(double value) {
    value = std::max(value, 1.0);
    const int decimals = std::clamp(static_cast<int>(std::ceil(std::log10(value) - slack)) - 2, 0, 9);
    return short_text(100 - 100 / value, decimals) + " %";
}

}  // namespace

Scale Scale::linear(double lo, double hi) {
    SKERRY_ASSERT(std::isfinite(lo) && std::isfinite(hi) && lo <= hi, "an axis goes from its lower to its upper end");
    if (lo == hi) hi = lo + (lo == 0 ? 1 : std::abs(lo));
    const double step = round_step(hi - lo, steps_of_a_linear_axis);
    return {Kind::linear, std::floor(lo / step + slack) * step, std::ceil(hi / step - slack) * step};
}

Scale Scale::logarithmic(double lo, double hi) {
    SKERRY_ASSERT(std::isfinite(hi) && lo > 0 && lo <= hi, "a logarithmic axis begins above 0");
    const double low = round_value(lo, true);
    const double high = round_value(hi, false);
    return {Kind::logarithmic, low, high > low ? high : low * 10};
}

double Scale::place(double value) const noexcept {
    if (std::isnan(value) || value <= lo_) return 0;
    if (value >= hi_) return 1;
    if (kind_ == Kind::linear) return (value - lo_) / (hi_ - lo_);
    return std::log(value / lo_) / std::log(hi_ / lo_);
}

std::vector<double> Scale::ticks(std::size_t most) const {
    SKERRY_ASSERT(most >= 2, "an axis has two ticks");
    return kind_ == Kind::linear ? linear_ticks(most) : log_ticks(most);
}

std::vector<double> Scale::linear_ticks(std::size_t most) const {
    const double step = round_step(hi_ - lo_, most - 1);
    std::vector<double> all;
    const double first = std::ceil(lo_ / step - slack);
    const double last = std::floor(hi_ / step + slack);
    for (double i = first; i <= last; ++i) all.push_back(i * step);
    return all;
}

std::vector<double> Scale::log_ticks(std::size_t most) const {
    std::vector<double> powers;
    std::vector<double> all;
    for (double power = std::floor(std::log10(lo_) + slack); power <= std::log10(hi_) + slack; ++power) {
        for (const double digit : round_digits) {
            const double value = digit * std::pow(10.0, power);
            if (value < lo_ * (1 - slack) || value > hi_ * (1 + slack)) continue;
            all.push_back(value);
            if (digit == 1) powers.push_back(value);
        }
    }
    if (all.size() <= most || powers.size() < 2) return thinned(all, most);
    return thinned(powers, most);
}

std::string tick_label(double value, Unit unit) {
    switch (unit) {
        case Unit::seconds: return number_label(value) + " s";
        case Unit::duration: return duration_label(value);
        case Unit::percentile: return percentile_label(value);
        case Unit::number: break;
    }
    return number_label(value);
}

}  // namespace skerry::loadgen::chart
