#pragma once

// When an open-loop generator means to send. The times are fixed by the schedule alone and never by a reply:
// a server that stops for 100 ms finds the requests of those 100 ms waiting, as it would with real users, and
// their response times say so. A closed loop has no schedule: its next request follows its last reply.
//
// No drift. Request i of a constant schedule is due at floor(i / rate), exactly: the fraction of a nanosecond
// that a step leaves over is carried as an integer remainder. (Rounding the interval of 300,000 requests a second
// to 3,333 ns would be 0.36 s ahead after an hour.) Poisson arrivals carry the fraction too. Several cores share a
// constant rate by taking every n-th arrival.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skerry::loadgen {

/// Times are nanoseconds since the start of the run; so one clock reading serves all cores.
using Nanos = std::chrono::nanoseconds;

/// Requests per second as a fraction, so that "0.3" is what it says.
struct Rate {
    std::uint64_t events = 1;
    std::uint64_t seconds = 1;

    /// Reads a decimal number of requests a second: digits, at most six of them behind a point.
    ///
    /// Errors: nothing, when it is no such number, 0, or above 1,000,000,000.
    [[nodiscard]] static std::optional<Rate> parse(std::string_view text) noexcept;

    [[nodiscard]] double per_second() const noexcept {
        return static_cast<double>(events) / static_cast<double>(seconds);
    }
};

/// Which part of the rate one core or connection sends: arrivals index, index + of, index + 2 * of ...
struct Share {
    unsigned index = 0;
    unsigned of = 1;
};

enum class Arrivals : std::uint8_t {
    constant,  ///< equally spaced
    poisson,   ///< independent users: exponential gaps of the same mean
};

[[nodiscard]] std::string_view to_string(Arrivals arrivals) noexcept;

/// The intended send times of one open-loop run, one after the other.
///
/// Cost: next() is a few additions; for Poisson one logarithm more. Nothing is allocated.
class Schedule {
public:
    static constexpr unsigned share_max = 1'024;

    /// Request i of the whole is due at floor(i * 10^9 * seconds / events) ns.
    ///
    /// Shape: share.index < share.of <= share_max; asserted.
    [[nodiscard]] static Schedule constant(Rate rate, Share share = {}) noexcept;

    /// The same `seed` and share give the same times. The parts of a Poisson stream are Poisson streams, so each
    /// share draws its own gaps, of `of` times the mean.
    [[nodiscard]] static Schedule poisson(Rate rate, std::uint64_t seed, Share share = {}) noexcept;

    /// The intended time of the next request; never before the one returned last.
    Nanos next() noexcept { return arrivals_ == Arrivals::constant ? next_constant() : next_poisson(); }

    /// Passes over the requests that are due before `end`, and returns how many they are: as many as next() would give.
    /// Of a Poisson schedule that has more than some thousands of them the number itself is drawn, so that it is as
    /// likely as any other of that mean, and is not the one to which next() would count.
    ///
    /// Cost: the same however many they are: a division, or up to some thousands of logarithms.
    std::uint64_t skip_before(Nanos end) noexcept;

    /// The mean distance of two requests of this share, rounded down.
    [[nodiscard]] Nanos mean_interval() const noexcept { return Nanos(static_cast<Nanos::rep>(step_)); }
    [[nodiscard]] Arrivals arrivals() const noexcept { return arrivals_; }

private:
    Schedule(Arrivals arrivals, Rate rate, Share share) noexcept;

    Nanos next_constant() noexcept;
    Nanos next_poisson() noexcept;
    std::uint64_t skip_constant(std::uint64_t end_ns) noexcept;
    std::uint64_t skip_poisson(std::uint64_t end_ns) noexcept;
    double next_uniform() noexcept;
    std::uint64_t next_random() noexcept;

    Arrivals arrivals_;
    std::uint64_t due_ns_ = 0;
    // Constant: due_ns_ + remainder_ / events_ is exact.
    std::uint64_t events_;
    std::uint64_t step_;
    std::uint64_t step_remainder_;
    std::uint64_t remainder_ = 0;
    // Poisson.
    double mean_ns_ = 0;
    double fraction_ns_ = 0;
    std::uint64_t random_state_ = 0;
};

}  // namespace skerry::loadgen
