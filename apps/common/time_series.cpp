#include "time_series.hpp"

#include "number_text.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>

namespace skerry::apps {

namespace {

constexpr std::uint64_t samples_of_a_median = 20;
constexpr double ns_per_us = 1e3;
constexpr double ns_per_s = 1e9;

std::size_t room_for(std::chrono::nanoseconds window, std::chrono::nanoseconds expected) {
    const auto windows = static_cast<std::uint64_t>(std::max<std::int64_t>(expected / window, 0)) + 2;
    return static_cast<std::size_t>(std::min<std::uint64_t>(windows, TimeSeries::windows_max));
}

}  // namespace

TimeSeries::TimeSeries(std::chrono::nanoseconds window, std::chrono::nanoseconds expected) : window_(window) {
    SKERRY_ASSERT(window.count() > 0, "a window has a length");
    rows_.reserve(room_for(window, expected));
}

void TimeSeries::turn(time::Instant at) noexcept {
    if (!times_.empty()) {
        if (rows_.size() < rows_.capacity())
            rows_.push_back({end_ - window_, times_.total_count(), times_.value_at_percentile(50), times_.max()});
        else
            ++left_out_;
        times_.reset();
    }
    const std::int64_t length = window_.count();
    end_ = time::Instant::from_nanos((at.as_nanos() / length + 1) * length);
}

void TimeSeries::append_rows(std::string& csv, std::size_t core) {
    turn(end_);
    for (const Row& row : rows_) {
        csv += fixed_text(static_cast<double>(row.start.as_nanos()) / ns_per_s, 6);
        csv += ',' + std::to_string(core) + ',' + std::to_string(row.count) + ',';
        csv += row.count >= samples_of_a_median ? fixed_text(static_cast<double>(row.p50_ns) / ns_per_us, 3) : "n/a";
        csv += ',';
        csv += fixed_text(static_cast<double>(row.max_ns) / ns_per_us, 3);
        csv += "\r\n";
    }
}

}  // namespace skerry::apps
