#include <skerry/stack/tcp/congestion.hpp>

#include <algorithm>
#include <limits>

namespace skerry::stack::tcp {

std::uint32_t initial_window(const TcpLimits& limits, std::uint32_t segment_bytes) noexcept {
    const std::uint32_t most = std::max(2 * segment_bytes, limits.initial_window_bytes);
    return std::min(limits.initial_window_segments * segment_bytes, most);
}

namespace {

constexpr std::uint32_t window_max = 1U << 30U;

std::uint32_t half(const Congestion& self, std::uint32_t in_flight) noexcept {
    return std::max(in_flight / 2, 2 * self.mss);
}

void init(Congestion& self) noexcept {
    self.threshold = std::numeric_limits<std::uint32_t>::max();
    self.own[0] = 0;  // bytes acknowledged since the window grew
}

void on_ack(Congestion& self, const AckSample& sample) noexcept {
    if (!sample.is_window_limited) return;
    std::uint32_t acked = sample.acked_bytes;
    if (self.window < self.threshold) {
        const std::uint32_t grown = std::min(acked, self.threshold - self.window);
        self.window += grown;
        acked -= grown;
    }
    self.own[0] += acked;
    if (self.own[0] >= self.window) {
        self.own[0] -= self.window;
        self.window += self.mss;
    }
    self.window = std::min(self.window, window_max);
}

void on_loss(Congestion& self, std::uint32_t in_flight) noexcept {
    self.threshold = half(self, in_flight);
    self.own[0] = 0;
}

// Only the first of a row: the later ones found nothing of the window under way. RFC 5681 section 3.1.
void on_timeout(Congestion& self, std::uint32_t in_flight, bool is_first) noexcept {
    if (is_first) self.threshold = half(self, in_flight);
    self.window = self.mss;
    self.own[0] = 0;
}

}  // namespace

const CongestionOps new_reno{"newreno", &init, &on_ack, &on_loss, &on_timeout};

}  // namespace skerry::stack::tcp
