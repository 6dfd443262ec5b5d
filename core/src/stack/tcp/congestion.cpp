// Reno is RFC 5681 and 6582, with bytes counted as RFC 3465 does and no limit to them in slow start: acknowledgements
// are sent once a burst, and a window that grew by two segments for each would hardly grow.

#include <skerry/stack/tcp/congestion.hpp>

#include <algorithm>
#include <new>

namespace skerry::stack::tcp {

std::uint32_t initial_window(const TcpLimits& limits, std::uint32_t segment_bytes) noexcept {
    const std::uint32_t most = std::max(2 * segment_bytes, limits.initial_window_bytes);
    return std::min(limits.initial_window_segments * segment_bytes, most);
}

namespace {

std::uint32_t half(std::uint32_t in_flight, std::uint32_t mss) noexcept { return std::max(in_flight / 2, 2 * mss); }

}  // namespace

void Congestion::init(const TcpLimits& limits, std::uint32_t segment_bytes, std::uint32_t first_window) noexcept {
    mss = segment_bytes;
    window = first_window;
    threshold = no_threshold;
    (void)choose(limits.congestion_control, limits);
}

bool Congestion::choose(CongestionControl other, const TcpLimits& limits) noexcept {
    if (!is_known(other)) return false;
    if (other == CongestionControl::fixed) window = threshold = std::clamp(limits.fixed_window_bytes, mss, window_max);
    if (other == algorithm_) return true;
    forget();
    algorithm_ = other;
    if (other == CongestionControl::cubic) own_.cubic = nullptr;
    minds_all_ = other == CongestionControl::fixed;
    return true;
}

void Congestion::forget() noexcept {
    if (algorithm_ == CongestionControl::cubic) delete own_.cubic;
    algorithm_ = CongestionControl::reno;
    own_.counted = 0;
}

Cubic* Congestion::make_cubic(std::uint32_t snd_nxt) noexcept {
    if (own_.cubic != nullptr) return own_.cubic;
    own_.cubic = new (std::nothrow) Cubic(snd_nxt);
    if (own_.cubic != nullptr) return own_.cubic;
    algorithm_ = CongestionControl::reno;
    own_.counted = 0;
    return nullptr;
}

bool Congestion::on_ack(const AckSample& sample) noexcept {
    bool is_enough = true;
    switch (algorithm_) {
        case CongestionControl::fixed: window = threshold; break;
        case CongestionControl::cubic:
            if (Cubic* const cubic = make_cubic(sample.snd_nxt)) {
                cubic->on_ack(*this, sample);
                minds_all_ = cubic->minds_all();
                break;
            }
            is_enough = false;
            [[fallthrough]];
        default: grow_by_reno(sample);
    }
    return is_enough;
}

void Congestion::grow_by_reno(const AckSample& sample) noexcept {
    if (!sample.is_window_limited) return;
    std::uint32_t acked = sample.acked_bytes;
    if (window < threshold) {
        const std::uint32_t grown = std::min(acked, threshold - window);
        window += grown;
        acked -= grown;
    }
    own_.counted += acked;
    if (own_.counted >= window) {
        own_.counted -= window;
        window += mss;
    }
    window = std::min(window, window_max);
}

void Congestion::on_loss(std::uint32_t in_flight) noexcept {
    if (algorithm_ == CongestionControl::fixed) return;
    Cubic* const cubic = algorithm_ == CongestionControl::cubic ? make_cubic(0) : nullptr;
    if (cubic != nullptr) return cubic->on_loss(*this, in_flight);
    threshold = half(in_flight, mss);
    own_.counted = 0;
}

void Congestion::on_mark() noexcept {
    on_loss(window);
    if (algorithm_ == CongestionControl::cubic && own_.cubic != nullptr) own_.cubic->keep();
}

void Congestion::on_timeout(std::uint32_t in_flight, bool is_first) noexcept {
    if (algorithm_ == CongestionControl::fixed) return;
    Cubic* const cubic = algorithm_ == CongestionControl::cubic ? make_cubic(0) : nullptr;
    if (cubic == nullptr) own_.counted = 0;
    if (is_first && cubic != nullptr)
        cubic->on_timeout(*this, in_flight);
    else if (is_first)
        threshold = half(in_flight, mss);
    window = mss;
}

void Congestion::on_idle(std::uint32_t first_window) noexcept {
    if (algorithm_ == CongestionControl::fixed || window <= first_window) return;
    if (threshold != no_threshold) threshold = std::max(threshold, window - window / 4);
    window = first_window;
    if (algorithm_ != CongestionControl::cubic)
        own_.counted = 0;
    else if (own_.cubic != nullptr)
        own_.cubic->on_idle();
}

void Congestion::undo(std::uint32_t window_before, std::uint32_t threshold_before) noexcept {
    if (algorithm_ == CongestionControl::fixed || window >= window_before) return;
    window = window_before;
    threshold = threshold_before;
    if (algorithm_ != CongestionControl::cubic) {
        own_.counted = 0;
    } else if (own_.cubic != nullptr) {
        own_.cubic->undo();
        minds_all_ = own_.cubic->minds_all();
    }
}

}  // namespace skerry::stack::tcp
