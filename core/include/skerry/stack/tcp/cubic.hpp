#pragma once

// CUBIC: above the threshold the window follows a cubic function of the time since the last loss, whose plateau lies
// where that loss was, so that long and fast ways are filled soon and short ones no slower than by Reno. Bytes,
// milliseconds and whole numbers; the results are within a segment of RFC 9438's formulas.
//
// A connection has its Cubic on the heap, from the first acknowledgement on that finds half of its window in use: one
// that asks and answers never has one.
//
// The window does not grow for what the application did not send. As in Linux a window counts as used while what it
// held at most, in what is still to be acknowledged, was all of it, or in slow start more than half of it. What passes
// while it is not used is no part of the function's time. Source: RFC 9438 section 5.8, RFC 7661.
//
// Departures. Growth is counted by the bytes that an acknowledgement covers and not by acknowledgements (RFC 9438
// sections 4.4 and 4.5), as the window of W_est is: with one for each second segment, or for a burst, the function
// would be followed at half its speed or less. Fast convergence compares whole segments.
//
// Source: RFC 9438, the sections named below; RFC 9406 (hystart.hpp).

#include "hystart.hpp"

#include "../../time/instant.hpp"

#include <chrono>
#include <cstdint>

namespace skerry::stack::tcp {

struct AckSample;
class Congestion;

/// K of RFC 9438's figure 2, in milliseconds: how long the function takes for `bytes` more.
[[nodiscard]] std::uint32_t cubic_k_ms(std::uint32_t bytes, std::uint32_t mss) noexcept;

/// W_cubic of RFC 9438's figure 1, in bytes: `t_ms` behind the beginning of an epoch.
[[nodiscard]] std::uint32_t cubic_window(std::int64_t t_ms, std::uint32_t k_ms, std::uint32_t w_max,
                                         std::uint32_t mss) noexcept;

class Cubic {
public:
    explicit Cubic(std::uint32_t snd_nxt) noexcept : hystart_(snd_nxt) {}

    /// Outside of recovery.
    void on_ack(Congestion& self, const AckSample& sample) noexcept;
    /// Section 4.6: sets the threshold. The window is still what it was.
    void on_loss(Congestion& self, std::uint32_t in_flight) noexcept;
    /// Section 4.8, the first of a row.
    void on_timeout(Congestion& self, std::uint32_t in_flight) noexcept;
    /// The window was made smaller behind a silence: the function begins anew from there.
    void on_idle() noexcept { epoch_.has_begun = false; }
    /// Section 4.9.2: what the last of on_loss() and on_timeout() changed besides window and threshold is as it was.
    void undo() noexcept;
    /// What they changed stays: undo() of what follows ends here.
    void keep() noexcept;

    /// Whether an acknowledgement is to be shown to it, however little is under way.
    [[nodiscard]] bool minds_all() const noexcept { return use_.most != 0 || is_counting_; }

private:
    /// What a spurious loss gives back.
    struct Epoch {
        std::uint32_t w_max = 0;  ///< 0: undefined, and the window at the beginning of the epoch will do
        std::uint32_t w_est = 0;
        std::uint32_t prior = 0;  ///< cwnd_prior: the window when the threshold was last set
        std::uint32_t k_ms = 0;
        std::int64_t begun_ns = 0;  ///< later than that by what does not count
        bool has_begun = false;
    };
    /// How much of the window is used, in what is under way until `end` is acknowledged.
    struct Use {
        std::uint32_t most = 0;  ///< bytes; 0: nothing is known
        std::uint32_t end = 0;
        bool is_limited = false;  ///< all of the window
    };

    void note_use(const AckSample& sample) noexcept;
    [[nodiscard]] std::uint32_t start_slowly(Congestion& self, const AckSample& sample) noexcept;
    void avoid(Congestion& self, const AckSample& sample, std::uint32_t acked) noexcept;
    void begin_epoch(const Congestion& self, time::Instant now) noexcept;
    void grow_w_est(const Congestion& self, std::uint32_t acked) noexcept;
    void pause(time::Instant now) noexcept;
    void resume(const AckSample& sample) noexcept;
    void on_congestion(Congestion& self, std::uint32_t in_flight) noexcept;

    Epoch epoch_;
    Epoch before_;  // the last congestion event
    std::uint64_t w_est_rest_ = 0;  // of the division that made w_est
    std::uint64_t window_rest_ = 0;  // of the one that made the window
    std::int64_t paused_ns_ = 0;
    Use use_;
    HyStart hystart_;
    bool is_counting_ = false;  // the epoch's time passes
};

}  // namespace skerry::stack::tcp
