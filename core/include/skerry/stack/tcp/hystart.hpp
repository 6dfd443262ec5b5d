#pragma once

// HyStart++: leaves the first slow start before it overfills the network, because the round trips of a round are longer
// than those of the round before. It first goes on for some rounds with a quarter of the growth (Conservative Slow
// Start), and takes it back if the round trips shrink again: then it was jitter.
//
// A round ends when what was sent last at its beginning is acknowledged. When nothing is under way then, the next one
// begins with what is sent next: else the first acknowledgement of that would be a round of its own. Growth has no
// upper limit for each acknowledgement, where RFC 9406 section 4.3 recommends 8 segments (L) of a sender that does not
// pace: peers that acknowledge once a burst would hold slow start down to that (new_reno counts in the same way).
//
// Source: RFC 9406. Its constants are those of section 4.3.

#include <chrono>
#include <cstdint>
#include <limits>

namespace skerry::stack::tcp {

class HyStart {
public:
    static constexpr std::uint32_t rtt_thresh_us_min = 4'000;  ///< MIN_RTT_THRESH
    static constexpr std::uint32_t rtt_thresh_us_max = 16'000;  ///< MAX_RTT_THRESH
    static constexpr std::uint32_t rtt_divisor = 8;  ///< MIN_RTT_DIVISOR
    static constexpr std::uint8_t rtt_samples = 8;  ///< N_RTT_SAMPLE
    static constexpr std::uint32_t css_growth_divisor = 4;
    static constexpr std::uint8_t css_rounds = 5;

    /// The first round ends at `snd_nxt`.
    explicit HyStart(std::uint32_t snd_nxt) noexcept : window_end_(snd_nxt) {}

    /// By how much the window grows for `acked` bytes, as things stand before this acknowledgement.
    [[nodiscard]] std::uint32_t growth(std::uint32_t acked) const noexcept {
        return is_conservative() ? acked / css_growth_divisor : acked;
    }
    /// An acknowledgement in the first slow start. `round_trip` is 0 when none was measured; `snd_nxt` is behind all
    /// that was sent when it came.
    ///
    /// Returns whether slow start is over.
    [[nodiscard]] bool on_ack(std::uint32_t ack, std::uint32_t snd_nxt, std::chrono::nanoseconds round_trip) noexcept;

    [[nodiscard]] bool is_conservative() const noexcept { return css_baseline_us_ != infinite; }

private:
    static constexpr std::uint32_t infinite = std::numeric_limits<std::uint32_t>::max();

    void judge() noexcept;
    [[nodiscard]] bool end_round() noexcept;

    std::uint32_t window_end_;
    std::uint32_t last_round_us_ = infinite;  // lastRoundMinRTT
    std::uint32_t current_round_us_ = infinite;  // currentRoundMinRTT
    std::uint32_t css_baseline_us_ = infinite;  // cssBaselineMinRtt
    std::uint8_t samples_ = 0;
    std::uint8_t css_rounds_ = 0;
    bool is_between_ = false;  // nothing is under way
};

}  // namespace skerry::stack::tcp
