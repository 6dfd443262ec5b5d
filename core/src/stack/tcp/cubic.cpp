#include <skerry/stack/tcp/cubic.hpp>

#include <skerry/stack/sequence.hpp>
#include <skerry/stack/tcp/congestion.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

namespace {

// Section 5.1: C is 0.4 segments a second cubed, or 2/5 of a segment in 10^9 ms cubed.
constexpr std::uint64_t c_numerator = 2;
constexpr std::uint64_t c_denominator = 5'000'000'000;
constexpr std::int64_t distance_ms_max = 2'000'000;  // its cube still fits 64 bits

// Section 4.6.
constexpr std::uint32_t beta_tenths = 7;
// Section 4.7: (1 + beta) / 2.
constexpr std::uint32_t convergence_twentieths = 17;
// Section 4.3: alpha is 3 (1 - beta) / (1 + beta), 9/17, and 1 from cwnd_prior on.
constexpr std::uint32_t alpha_numerator = 9;
constexpr std::uint32_t alpha_denominator = 17;

constexpr std::int64_t ns_of_ms = 1'000'000;

// The whole part of the cube root, a bit at a time: an epoch begins seldom.
std::uint32_t cube_root(std::uint64_t of) noexcept {
    std::uint64_t root = 0;
    for (int shift = 63; shift >= 0; shift -= 3) {
        root *= 2;
        const std::uint64_t step = 3 * root * (root + 1) + 1;
        if (of >> static_cast<unsigned>(shift) < step) continue;
        of -= step << static_cast<unsigned>(shift);
        ++root;
    }
    return static_cast<std::uint32_t>(root);
}

}  // namespace

// From C K^3 = bytes / mss.
std::uint32_t cubic_k_ms(std::uint32_t bytes, std::uint32_t mss) noexcept {
    return cube_root(std::uint64_t{std::min(bytes, window_max)} * (c_denominator / c_numerator) / mss);
}

// The quotient and the rest of the cube are multiplied apart: the product of the whole would not fit.
std::uint32_t cubic_window(std::int64_t t_ms, std::uint32_t k_ms, std::uint32_t w_max, std::uint32_t mss) noexcept {
    const bool is_concave = t_ms < k_ms;
    const std::int64_t apart = is_concave ? k_ms - t_ms : t_ms - k_ms;
    const auto distance = static_cast<std::uint64_t>(std::min(apart, distance_ms_max));
    const std::uint64_t cube = distance * distance * distance;
    const std::uint64_t scale = c_numerator * mss;
    const std::uint64_t bytes = cube / c_denominator * scale + cube % c_denominator * scale / c_denominator;
    if (is_concave) return bytes < w_max ? static_cast<std::uint32_t>(w_max - bytes) : 0;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(w_max + bytes, window_max));
}

void Cubic::on_ack(Congestion& self, const AckSample& sample) noexcept {
    note_use(sample);
    std::uint32_t acked = sample.acked_bytes;
    if (self.window < self.threshold) acked = start_slowly(self, sample);
    if (acked != 0 && use_.is_limited && self.window >= self.threshold)
        avoid(self, sample, acked);
    else if (!use_.is_limited)
        pause(sample.now);
    if (sample.leaves_nothing) pause(sample.now);
    self.window = std::min(self.window, window_max);
    if (!seq_before(sample.ack, use_.end)) use_ = Use{};
}

// What is under way is at its most just before an acknowledgement.
void Cubic::note_use(const AckSample& sample) noexcept {
    if (!seq_before(sample.ack - sample.acked_bytes, use_.end)) use_ = Use{};  // a recovery lies between
    if (!sample.is_window_limited && (use_.is_limited || sample.in_flight_before <= use_.most)) return;
    use_.most = sample.in_flight_before;
    use_.end = sample.snd_nxt;
    use_.is_limited = sample.is_window_limited;
}

// Section 4.10. Only the first slow start is left early: later ones end where the way was full (RFC 9406 section 4.3).
// Returns what is left of the bytes for the time behind it.
std::uint32_t Cubic::start_slowly(Congestion& self, const AckSample& sample) noexcept {
    const bool is_first = self.threshold == no_threshold;
    const std::uint32_t acked = sample.acked_bytes;
    std::uint32_t left = 0;
    if (self.window < 2 * std::uint64_t{use_.most}) {
        const std::uint32_t most = is_first ? hystart_.growth(acked) : acked;
        const std::uint32_t grown = std::min(most, self.threshold - self.window);
        self.window += grown;
        left = is_first ? 0 : acked - grown;
    }
    if (is_first && hystart_.on_ack(sample.ack, sample.snd_nxt, sample.round_trip)) {
        self.threshold = epoch_.prior = self.window;
        epoch_.w_max = 0;
    }
    return left;
}

void Cubic::avoid(Congestion& self, const AckSample& sample, std::uint32_t acked) noexcept {
    if (!epoch_.has_begun) begin_epoch(self, sample.now);
    if (!is_counting_) resume(sample);
    grow_w_est(self, acked);
    const std::int64_t t_ns = sample.now.as_nanos() - epoch_.begun_ns;
    if (cubic_window(t_ns / ns_of_ms, epoch_.k_ms, epoch_.w_max, self.mss) < epoch_.w_est) {  // section 4.3
        self.window = std::max(self.window, epoch_.w_est);
        return;
    }
    const std::int64_t next_ns = t_ns + std::chrono::nanoseconds(sample.smoothed).count();
    const std::uint32_t wanted = cubic_window(next_ns / ns_of_ms, epoch_.k_ms, epoch_.w_max, self.mss);
    const std::uint32_t target = std::clamp(wanted, self.window, self.window + self.window / 2);
    const std::uint64_t product = window_rest_ + std::uint64_t{target - self.window} * std::min(acked, self.window);
    window_rest_ = product % self.window;
    self.window += static_cast<std::uint32_t>(product / self.window);
}

// Section 4.2. Behind a time-out, and behind HyStart++, W_max is undefined: the function begins at its plateau.
void Cubic::begin_epoch(const Congestion& self, time::Instant now) noexcept {
    epoch_.w_max = std::max(epoch_.w_max, self.window);
    epoch_.k_ms = cubic_k_ms(epoch_.w_max - self.window, self.mss);
    epoch_.w_est = self.window;
    epoch_.begun_ns = paused_ns_ = now.as_nanos();
    epoch_.has_begun = true;
    w_est_rest_ = window_rest_ = 0;
}

void Cubic::grow_w_est(const Congestion& self, std::uint32_t acked) noexcept {
    const std::uint32_t alpha = epoch_.w_est < epoch_.prior ? alpha_numerator : alpha_denominator;
    const std::uint64_t divisor = std::uint64_t{alpha_denominator} * self.window;
    const std::uint64_t product = w_est_rest_ + std::uint64_t{alpha} * self.mss * std::min(acked, self.window);
    w_est_rest_ = product % divisor;
    epoch_.w_est = static_cast<std::uint32_t>(std::min<std::uint64_t>(epoch_.w_est + product / divisor, window_max));
}

void Cubic::pause(time::Instant now) noexcept {
    if (!is_counting_) return;
    is_counting_ = false;
    paused_ns_ = now.as_nanos();
}

// What is acknowledged left a round trip ago; what lies between the pause and that does not count.
void Cubic::resume(const AckSample& sample) noexcept {
    const std::chrono::nanoseconds ago = sample.round_trip.count() != 0 ? sample.round_trip : sample.smoothed;
    epoch_.begun_ns += std::max<std::int64_t>(sample.now.as_nanos() - ago.count() - paused_ns_, 0);
    is_counting_ = true;
}

void Cubic::on_congestion(Congestion& self, std::uint32_t in_flight) noexcept {
    before_ = epoch_;
    epoch_.prior = self.window;
    epoch_.has_begun = false;
    is_counting_ = false;
    self.threshold = std::max(static_cast<std::uint32_t>(std::uint64_t{in_flight} * beta_tenths / 10), 2 * self.mss);
}

void Cubic::on_loss(Congestion& self, std::uint32_t in_flight) noexcept {
    const bool is_less = self.window / self.mss < epoch_.w_max / self.mss;
    on_congestion(self, in_flight);
    epoch_.w_max =
        is_less ? static_cast<std::uint32_t>(std::uint64_t{self.window} * convergence_twentieths / 20) : self.window;
}

void Cubic::on_timeout(Congestion& self, std::uint32_t in_flight) noexcept {
    on_congestion(self, in_flight);
    epoch_.w_max = 0;
}

void Cubic::keep() noexcept { before_ = epoch_; }

void Cubic::undo() noexcept {
    epoch_ = before_;
    paused_ns_ = epoch_.begun_ns;
    is_counting_ = epoch_.has_begun;
}

}  // namespace skerry::stack::tcp
