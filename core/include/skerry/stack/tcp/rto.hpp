#pragma once

// How long to wait for an acknowledgement: the round trip's smoothed mean and four times its deviation, doubled with
// each time-out in a row. Whole microseconds.
//
// Source: RFC 6298. Section 2.4's floor is a matter of configuration; see limits.hpp. Where it is one of the
// deviations, as Linux's, a round trip that never varies leaves time for an acknowledgement that is put off.

#include "limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace skerry::stack::tcp {

class Rto {
public:
    /// A round trip was measured, of a segment that was sent once or whose copy is known from its timestamp. Only this
    /// ends the doubling: RFC 6298 section 5, Karn.
    void sample(std::chrono::nanoseconds round_trip) noexcept;
    void back_off() noexcept {
        if (backoff_ < 31) ++backoff_;
    }
    /// The waiting was for a window and not for an acknowledgement.
    void reset_back_off() noexcept { backoff_ = 0; }
    /// A SYN was lost, and nothing was measured: RFC 6298 section 5.7.
    void assume_slow() noexcept { is_slow_ = true; }
    /// How many time-outs came in a row.
    [[nodiscard]] std::uint32_t back_offs() const noexcept { return backoff_; }

    [[nodiscard]] std::chrono::nanoseconds value(const TcpLimits& limits) const noexcept {
        std::chrono::nanoseconds value = is_slow_ ? limits.rto_after_lost_syn : limits.rto_initial;
        if (srtt_us_ != 0) [[likely]] {
            const std::chrono::nanoseconds mean = smoothed();
            const std::chrono::nanoseconds floor = limits.rto_min_is_of_all ? limits.rto_min - mean : limits.rto_min;
            value = mean + std::max<std::chrono::nanoseconds>(floor, 4 * deviation());
        }
        if (backoff_ != 0) [[unlikely]]
            value = doubled(value, limits);
        return std::min(value, limits.rto_max);
    }
    [[nodiscard]] std::chrono::microseconds deviation() const noexcept {
        return std::chrono::microseconds{deviation_us_};
    }
    [[nodiscard]] std::chrono::microseconds smoothed() const noexcept { return std::chrono::microseconds{srtt_us_}; }
    /// The least of what is known without looking at each measurement: the first, and the smoothed.
    [[nodiscard]] std::chrono::microseconds least_known() const noexcept {
        return std::chrono::microseconds{std::min(first_us_, srtt_us_)};
    }

private:
    [[nodiscard]] std::chrono::nanoseconds doubled(std::chrono::nanoseconds value,
                                                   const TcpLimits& limits) const noexcept;

    std::uint32_t srtt_us_ = 0;  // 0: nothing was measured
    std::uint32_t deviation_us_ = 0;
    std::uint32_t first_us_ = 0;
    std::uint8_t backoff_ = 0;
    bool is_slow_ = false;
};

}  // namespace skerry::stack::tcp
