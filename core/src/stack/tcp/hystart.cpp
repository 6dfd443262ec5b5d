#include <skerry/stack/tcp/hystart.hpp>

#include <skerry/stack/sequence.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

bool HyStart::on_ack(std::uint32_t ack, std::uint32_t snd_nxt, std::chrono::nanoseconds round_trip) noexcept {
    if (is_between_) window_end_ = snd_nxt;
    if (round_trip.count() > 0) {
        const auto us =
            static_cast<std::uint32_t>(std::clamp<std::int64_t>(round_trip.count() / 1000, 1, infinite - 1));
        current_round_us_ = std::min(current_round_us_, us);
        if (samples_ < rtt_samples) ++samples_;
        if (samples_ == rtt_samples) judge();
    }
    is_between_ = ack == snd_nxt;
    if (seq_before(ack, window_end_)) return false;
    window_end_ = snd_nxt;
    return end_round();
}

void HyStart::judge() noexcept {
    if (is_conservative()) {
        if (current_round_us_ < css_baseline_us_) css_baseline_us_ = infinite;  // it was left too early
        return;
    }
    if (last_round_us_ == infinite) return;
    const std::uint32_t thresh = std::clamp(last_round_us_ / rtt_divisor, rtt_thresh_us_min, rtt_thresh_us_max);
    if (current_round_us_ < last_round_us_ + thresh) return;
    css_baseline_us_ = current_round_us_;
    css_rounds_ = 0;
}

// The round in which Conservative Slow Start began counts as one.
bool HyStart::end_round() noexcept {
    last_round_us_ = current_round_us_;
    current_round_us_ = infinite;
    samples_ = 0;
    return is_conservative() && ++css_rounds_ >= css_rounds;
}

}  // namespace skerry::stack::tcp
