#pragma once

// A point in time. Eight bytes, so that a timer entry stays within its 40, and on the time line of
// CLOCK_MONOTONIC, so that it can be handed to the kernel and compared with std::chrono::steady_clock.
// All arithmetic saturates: "never" plus anything is never, and no duration a user passes overflows.

#include "clock.hpp"

#include <chrono>
#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>

namespace skerry::time {

/// Any duration as nanoseconds. Rounded up, because a wait may be late and never early; what does not fit
/// becomes the largest or smallest value, and not-a-number becomes 0.
template <class Rep, class Period>
[[nodiscard]] constexpr std::chrono::nanoseconds saturating_ns(std::chrono::duration<Rep, Period> duration) noexcept {
    using std::chrono::nanoseconds;
    using Ratio = std::ratio_divide<Period, std::nano>;
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
    if constexpr (std::floating_point<Rep>) {
        const long double exact = static_cast<long double>(duration.count()) * Ratio::num / Ratio::den;
        if (exact != exact) return nanoseconds{0};
        // The largest integer is not a double: compare with 2^63, which is.
        if (exact >= 0x1p63L) return nanoseconds{most};
        if (exact <= -0x1p63L) return nanoseconds{least};
        const auto whole = static_cast<std::int64_t>(exact);
        return nanoseconds{whole < most && static_cast<long double>(whole) < exact ? whole + 1 : whole};
    } else {
        static_assert(sizeof(Rep) <= 8 && Ratio::num <= most, "a 64-bit count times the period fits 128 bits");
        const detail::Int128 exact = static_cast<detail::Int128>(duration.count()) * Ratio::num;
        const detail::Int128 whole = exact / Ratio::den + (exact % Ratio::den > 0 ? 1 : 0);
        if (whole > most) return nanoseconds{most};
        if (whole < least) return nanoseconds{least};
        return nanoseconds{static_cast<std::int64_t>(whole)};
    }
}

/// What a parameter or a setting is that takes any duration: the nanoseconds of saturating_ns(). As a plain
/// std::chrono::nanoseconds it would overflow where std::chrono converts, before anybody could look.
class AnyDuration {
public:
    constexpr AnyDuration() noexcept = default;
    template <class Rep, class Period>
    constexpr AnyDuration(std::chrono::duration<Rep, Period> duration) noexcept : ns_(saturating_ns(duration)) {}

    [[nodiscard]] constexpr operator std::chrono::nanoseconds() const noexcept { return ns_; }

    friend constexpr bool operator==(AnyDuration, AnyDuration) noexcept = default;

private:
    std::chrono::nanoseconds ns_{0};
};

/// Nanoseconds on the CLOCK_MONOTONIC time line, or on a thread's virtual one.
class Instant {
public:
    /// The origin of the time line.
    constexpr Instant() noexcept = default;

    /// The time now, read fresh; the thread's virtual time if it has one.
    /// Cost: about 11 ns with a counter, 30 ns without; Clock::describe() says which. Code on the hot path
    ///       takes the time of the turn instead.
    [[nodiscard]] static Instant now() noexcept {
        if (tls_virtual_time != nullptr) [[unlikely]]
            return Instant{tls_virtual_time->now_ns};
        return Instant{Clock::now_ns()};
    }

    /// The time now by the thread's copy of the clock's line, for a loop that reads it each turn. False, with `now`
    /// untouched, on virtual time and when the line has to be copied anew.
    [[nodiscard]] static bool read(const detail::KeptLine& line, Instant& now) noexcept {
        return tls_virtual_time == nullptr && Clock::read(line, now.ns_);
    }

    /// As now(), but also comparable with what another thread read before it handed over to this one, where
    /// now() may be some 100 ns short.
    /// Cost: about 9 ns more.
    [[nodiscard]] static Instant now_ordered() noexcept {
        if (tls_virtual_time != nullptr) [[unlikely]]
            return Instant{tls_virtual_time->now_ns};
        return Instant{Clock::now_ns_ordered()};
    }

    /// Never.
    [[nodiscard]] static constexpr Instant max() noexcept { return Instant{std::numeric_limits<std::int64_t>::max()}; }

    [[nodiscard]] static constexpr Instant from_nanos(std::int64_t ns) noexcept { return Instant{ns}; }
    [[nodiscard]] constexpr std::int64_t as_nanos() const noexcept { return ns_; }

    /// libstdc++ and libc++ read CLOCK_MONOTONIC for steady_clock, so both are on one time line.
    [[nodiscard]] static constexpr Instant from_steady(std::chrono::steady_clock::time_point point) noexcept {
        return Instant{saturating_ns(point.time_since_epoch()).count()};
    }
    [[nodiscard]] constexpr std::chrono::steady_clock::time_point to_steady() const noexcept {
        return std::chrono::steady_clock::time_point{std::chrono::nanoseconds{ns_}};
    }

    /// What has passed since; 0 for an instant that is still to come.
    [[nodiscard]] std::chrono::nanoseconds elapsed() const noexcept {
        const Instant present = now();
        return present < *this ? std::chrono::nanoseconds{0} : present - *this;
    }

    friend constexpr auto operator<=>(Instant, Instant) noexcept = default;

    template <class Rep, class Period>
    friend constexpr Instant operator+(Instant instant, std::chrono::duration<Rep, Period> duration) noexcept {
        return Instant{sum(instant.ns_, saturating_ns(duration).count())};
    }
    template <class Rep, class Period>
    friend constexpr Instant operator-(Instant instant, std::chrono::duration<Rep, Period> duration) noexcept {
        return Instant{difference(instant.ns_, saturating_ns(duration).count())};
    }
    template <class Rep, class Period>
    constexpr Instant& operator+=(std::chrono::duration<Rep, Period> duration) noexcept {
        return *this = *this + duration;
    }
    template <class Rep, class Period>
    constexpr Instant& operator-=(std::chrono::duration<Rep, Period> duration) noexcept {
        return *this = *this - duration;
    }
    friend constexpr std::chrono::nanoseconds operator-(Instant later, Instant earlier) noexcept {
        return std::chrono::nanoseconds{difference(later.ns_, earlier.ns_)};
    }

private:
    constexpr explicit Instant(std::int64_t ns) noexcept : ns_(ns) {}

    /// The bound an overflow runs into: what the second operand pulled towards.
    static constexpr std::int64_t bound(bool upwards) noexcept {
        return upwards ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
    }
    static constexpr std::int64_t sum(std::int64_t left, std::int64_t right) noexcept {
        std::int64_t result = 0;
        return __builtin_add_overflow(left, right, &result) ? bound(right > 0) : result;
    }
    static constexpr std::int64_t difference(std::int64_t left, std::int64_t right) noexcept {
        std::int64_t result = 0;
        return __builtin_sub_overflow(left, right, &result) ? bound(right < 0) : result;
    }

    std::int64_t ns_ = 0;
};

static_assert(sizeof(Instant) == 8);

}  // namespace skerry::time
