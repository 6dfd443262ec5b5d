// Reno is RFC 5681 and 6582, with bytes counted as RFC 3465 does and no limit to them in slow start: acknowledgements
// are sent once a burst, and a window that grew by two segments for each would hardly grow.

#include <skerry/stack/tcp/congestion.hpp>

#include <skerry/stack/sequence.hpp>

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
    begin_reno();
}

void Congestion::begin_reno() noexcept {
    algorithm_ = CongestionControl::reno;
    own_.counted = {};
    is_limited_ = minds_all_ = false;
    used_most_ = 0;
}

Cubic* Congestion::make_cubic(std::uint32_t snd_nxt) noexcept {
    if (own_.cubic != nullptr) return own_.cubic;
    own_.cubic = new (std::nothrow) Cubic(snd_nxt);
    if (own_.cubic != nullptr) return own_.cubic;
    begin_reno();
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

// What is under way is at its most just before an acknowledgement.
void Congestion::note_use(const AckSample& sample) noexcept {
    if (!seq_before(sample.ack - sample.acked_bytes, own_.counted.use_end)) forget_use();  // a recovery lies between
    const std::uint64_t most = std::uint64_t{used_most_} * mss;
    if (!sample.is_window_limited && (is_limited_ || sample.in_flight_before <= most)) return;
    used_most_ = static_cast<std::uint16_t>(std::min<std::uint64_t>((sample.in_flight_before + mss - 1) / mss, 0xffff));
    own_.counted.use_end = sample.snd_nxt;
    is_limited_ = sample.is_window_limited;
}

void Congestion::forget_use() noexcept {
    used_most_ = 0;
    is_limited_ = false;
}

// In slow start a window of which more than half is used may grow, above the threshold one that is used whole; each
// within what is still to be acknowledged of then, so that the acknowledgements of a last window count.
void Congestion::grow_by_reno(const AckSample& sample) noexcept {
    note_use(sample);
    const bool is_half_used = window < threshold && window < 2 * std::uint64_t{used_most_} * mss;
    if (is_limited_ || is_half_used) count(sample.acked_bytes);
    if (!seq_before(sample.ack, own_.counted.use_end)) forget_use();
    minds_all_ = used_most_ != 0;
}

void Congestion::count(std::uint32_t acked) noexcept {
    if (window < threshold) {
        const std::uint32_t grown = std::min(acked, threshold - window);
        window += grown;
        acked -= grown;
    }
    own_.counted.acked += acked;
    if (own_.counted.acked >= window) {
        own_.counted.acked -= window;
        window += mss;
    }
    window = std::min(window, window_max);
}

void Congestion::on_loss(std::uint32_t in_flight) noexcept {
    if (algorithm_ == CongestionControl::fixed) return;
    Cubic* const cubic = algorithm_ == CongestionControl::cubic ? make_cubic(0) : nullptr;
    if (cubic != nullptr) return cubic->on_loss(*this, in_flight);
    threshold = half(in_flight, mss);
    own_.counted.acked = 0;
}

void Congestion::on_mark() noexcept {
    on_loss(window);
    if (algorithm_ == CongestionControl::cubic && own_.cubic != nullptr) own_.cubic->keep();
}

void Congestion::on_timeout(std::uint32_t in_flight, bool is_first) noexcept {
    if (algorithm_ == CongestionControl::fixed) return;
    Cubic* const cubic = algorithm_ == CongestionControl::cubic ? make_cubic(0) : nullptr;
    if (cubic == nullptr) own_.counted.acked = 0;
    if (is_first && cubic != nullptr)
        cubic->on_timeout(*this, in_flight);
    else if (is_first)
        threshold = half(in_flight, mss);
    window = mss;
}

void Congestion::on_idle(std::uint32_t first_window, std::uint32_t halvings) noexcept {
    if (algorithm_ == CongestionControl::fixed || window <= first_window) return;
    if (threshold != no_threshold) threshold = std::max(threshold, window - window / 4);
    window = std::max(window >> std::min(halvings, all_halvings), first_window);
    if (algorithm_ != CongestionControl::cubic)
        own_.counted.acked = 0;
    else if (own_.cubic != nullptr)
        own_.cubic->on_idle();
}

void Congestion::undo(std::uint32_t window_before, std::uint32_t threshold_before) noexcept {
    if (algorithm_ == CongestionControl::fixed || window >= window_before) return;
    window = window_before;
    threshold = threshold_before;
    if (algorithm_ != CongestionControl::cubic) {
        own_.counted.acked = 0;
    } else if (own_.cubic != nullptr) {
        own_.cubic->undo();
        minds_all_ = own_.cubic->minds_all();
    }
}

}  // namespace skerry::stack::tcp
