#pragma once

// The clock of one host: the simulation's time, ahead or behind by so much and faster or slower by so much. It never
// goes back.

#include <skerry/testing/clock_skew.hpp>
#include <skerry/time/clock.hpp>
#include <skerry/time/instant.hpp>

#include <cstdint>

namespace skerry::testing {

class HostClock {
public:
    explicit HostClock(time::Instant true_time) noexcept : true_base_(true_time.as_nanos()), own_base_(true_base_) {
        time_.now_ns = own_base_;
    }

    void set(const ClockSkew& skew, time::Instant true_time) noexcept { set(skew, true_time, true_time); }
    /// As if it had been set at `since`, and had drifted all the time.
    void set(const ClockSkew& skew, time::Instant since, time::Instant true_time) noexcept;

    /// Goes on to what it shows at `true_time`.
    void follow(time::Instant true_time) noexcept;

    /// The first instant of the simulation at which it shows `own`, or more.
    [[nodiscard]] time::Instant true_time_of(time::Instant own) const noexcept;
    /// What it shows at `true_time`; Instant::max() is never.
    [[nodiscard]] time::Instant own_time_of(time::Instant true_time) const noexcept;

    [[nodiscard]] const time::VirtualTime& time() const noexcept { return time_; }

private:
    std::int64_t true_base_;
    std::int64_t own_base_;
    std::int64_t rate_ = one;  // its billionths of a second in a second
    time::VirtualTime time_;

    static constexpr std::int64_t one = 1'000'000'000;
};

}  // namespace skerry::testing
