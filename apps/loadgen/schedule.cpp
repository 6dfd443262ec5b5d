#include "schedule.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace skerry::loadgen {

namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;
constexpr std::uint64_t rate_max = 1'000'000'000;
constexpr std::uint64_t seconds_max = 1'000'000;  // six decimals
// From here on a normal distribution is as good as Poisson's: the two differ by less than 1 % of their spread.
constexpr double counted_one_by_one_max = 4'096;

// Ten years of nanoseconds times 10^15 events are 3.2e32.
__extension__ using UInt128 = unsigned __int128;

// The largest numerator of a step must fit: share_max * 10^9 * seconds_max is 1.0e18 of 1.8e19.
static_assert(Schedule::share_max <= UINT64_MAX / ns_per_second / seconds_max);

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<Rate> Rate::parse(std::string_view text) noexcept {
    Rate rate{0, 1};
    bool point = false;
    for (const char c : text) {
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(c) || rate.events > rate_max * seconds_max / 10) return std::nullopt;
        if (point && rate.seconds == seconds_max) return std::nullopt;
        rate.events = rate.events * 10 + static_cast<std::uint64_t>(c - '0');
        if (point) rate.seconds *= 10;
    }
    const bool in_range = rate.events > 0 && rate.events <= rate_max * rate.seconds;
    return in_range ? std::optional(rate) : std::nullopt;
}

std::string_view to_string(Arrivals arrivals) noexcept {
    return arrivals == Arrivals::constant ? "constant" : "poisson";
}

Schedule::Schedule(Arrivals arrivals, Rate rate, Share share) noexcept
    : arrivals_(arrivals), events_(rate.events), step_(0), step_remainder_(0) {
    SKERRY_ASSERT(
        rate.events > 0 && rate.seconds > 0 && rate.seconds <= seconds_max && rate.events <= rate_max * rate.seconds,
        "a rate is above 0 and at most 10^9 requests a second, with six decimals");
    SKERRY_ASSERT(share.index < share.of && share.of <= share_max, "a share is one of at most 1024");
    const std::uint64_t numerator = share.of * ns_per_second * rate.seconds;
    step_ = numerator / events_;
    step_remainder_ = numerator % events_;
}

Schedule Schedule::constant(Rate rate, Share share) noexcept {
    Schedule schedule(Arrivals::constant, rate, share);
    const std::uint64_t first = share.index * ns_per_second * rate.seconds;
    schedule.due_ns_ = first / schedule.events_;
    schedule.remainder_ = first % schedule.events_;
    return schedule;
}

Schedule Schedule::poisson(Rate rate, std::uint64_t seed, Share share) noexcept {
    Schedule schedule(Arrivals::poisson, rate, share);
    schedule.mean_ns_ = static_cast<double>(ns_per_second) * share.of / rate.per_second();
    // Seeds 1, 2, 3 and shares 0, 1, 2 must not give the same stream shifted, so the seed is mixed first.
    schedule.random_state_ = seed;
    schedule.random_state_ = schedule.next_random() + share.index;
    schedule.random_state_ = schedule.next_random();
    return schedule;
}

Nanos Schedule::next_constant() noexcept {
    const auto due = due_ns_;
    due_ns_ += step_;
    remainder_ += step_remainder_;
    if (remainder_ >= events_) {
        remainder_ -= events_;
        ++due_ns_;
    }
    return Nanos(static_cast<Nanos::rep>(due));
}

Nanos Schedule::next_poisson() noexcept {
    fraction_ns_ += -std::log(next_uniform()) * mean_ns_;
    const double whole = std::floor(fraction_ns_);
    fraction_ns_ -= whole;
    due_ns_ += static_cast<std::uint64_t>(whole);
    return Nanos(static_cast<Nanos::rep>(due_ns_));
}

std::uint64_t Schedule::skip_before(Nanos end) noexcept {
    const auto end_ns = static_cast<std::uint64_t>(std::max(end, Nanos{0}).count());
    if (end_ns <= due_ns_) return 0;
    return arrivals_ == Arrivals::constant ? skip_constant(end_ns) : skip_poisson(end_ns);
}

std::uint64_t Schedule::skip_constant(std::uint64_t end_ns) noexcept {
    // Everything in parts of a nanosecond, of which there are `events_`.
    const UInt128 step = UInt128{step_} * events_ + step_remainder_;
    const UInt128 left = UInt128{end_ns - due_ns_} * events_ - remainder_;
    const UInt128 count = (left + step - 1) / step;
    const UInt128 passed = count * step + remainder_;
    due_ns_ += static_cast<std::uint64_t>(passed / events_);
    remainder_ = static_cast<std::uint64_t>(passed % events_);
    return static_cast<std::uint64_t>(count);
}

std::uint64_t Schedule::skip_poisson(std::uint64_t end_ns) noexcept {
    const auto end = Nanos(static_cast<Nanos::rep>(end_ns));
    const double expected = static_cast<double>(end_ns - due_ns_) / mean_ns_;
    if (expected <= counted_one_by_one_max) {
        std::uint64_t count = 0;
        Schedule before = *this;
        for (; next_poisson() < end; before = *this) ++count;
        *this = before;  // the one that was too late is the next
        return count;
    }
    const double deviation = std::sqrt(-2 * std::log(next_uniform())) * std::cos(2 * std::numbers::pi * next_uniform());
    // Exponential gaps have no memory, so the next one may begin at `end`.
    due_ns_ = end_ns;
    fraction_ns_ = 0;
    return static_cast<std::uint64_t>(std::llround(expected + std::sqrt(expected) * deviation));
}

// (0, 1]: the logarithm of 0 is never asked for.
double Schedule::next_uniform() noexcept { return static_cast<double>((next_random() >> 11) + 1) * 0x1p-53; }

// SplitMix64 (Steele, Lea, Flood 2014): the engines of <random> are the same everywhere too, but their state is
// 2.5 KiB, and std::exponential_distribution differs between libraries.
std::uint64_t Schedule::next_random() noexcept {
    std::uint64_t z = (random_state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

}  // namespace skerry::loadgen
