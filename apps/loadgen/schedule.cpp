#include "schedule.hpp"

#include <skerry/base/assert.hpp>

#include <cmath>

namespace skerry::loadgen {

namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;
constexpr std::uint64_t rate_max = 1'000'000'000;
constexpr std::uint64_t seconds_max = 1'000'000;  // six decimals

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
    // (0, 1]: the logarithm of 0 is never asked for.
    const double uniform = static_cast<double>((next_random() >> 11) + 1) * 0x1p-53;
    fraction_ns_ += -std::log(uniform) * mean_ns_;
    const double whole = std::floor(fraction_ns_);
    fraction_ns_ -= whole;
    due_ns_ += static_cast<std::uint64_t>(whole);
    return Nanos(static_cast<Nanos::rep>(due_ns_));
}

// SplitMix64 (Steele, Lea, Flood 2014): the engines of <random> are the same everywhere too, but their state is
// 2.5 KiB, and std::exponential_distribution differs between libraries.
std::uint64_t Schedule::next_random() noexcept {
    std::uint64_t z = (random_state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

}  // namespace skerry::loadgen
