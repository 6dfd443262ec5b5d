#include <skerry/stack/tcp/rto.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

void Rto::sample(std::chrono::nanoseconds round_trip) noexcept {
    constexpr std::int64_t most = 1'000'000'000;
    backoff_ = 0;
    const auto us = static_cast<std::uint32_t>(std::clamp<std::int64_t>(round_trip.count() / 1000, 1, most));
    if (srtt_us_ == 0) {
        srtt_us_ = first_us_ = us;
        deviation_us_ = us / 2;
        return;
    }
    const std::uint32_t error = us > srtt_us_ ? us - srtt_us_ : srtt_us_ - us;
    deviation_us_ = deviation_us_ - deviation_us_ / 4 + error / 4;
    srtt_us_ = std::max(1U, srtt_us_ - srtt_us_ / 8 + us / 8);
}

std::chrono::nanoseconds Rto::doubled(std::chrono::nanoseconds value, const TcpLimits& limits) const noexcept {
    for (std::uint32_t i = 0; i < backoff_ && value < limits.rto_max; ++i) value *= 2;
    return value;
}

}  // namespace skerry::stack::tcp
