#include "timeline.hpp"

#include "stop.hpp"

#include <algorithm>
#include <cstdio>

namespace skerry::pkt {

using std::chrono::nanoseconds;
using time::Instant;

nanoseconds Timeline::tolerance_for(Instant at) const {
    const nanoseconds fixed = std::chrono::microseconds{config_.tolerance_us};
    const auto since_last = static_cast<double>(std::max(at - last_, nanoseconds{}).count());
    return std::max(fixed, nanoseconds{static_cast<std::int64_t>(since_last * config_.tolerance_percent / 100)});
}

// Thirty years: no script means more, and the clock's numbers end at three hundred.
void Timeline::expect_near(const syntax::EventTime& time, Instant from) const {
    constexpr nanoseconds longest = std::chrono::hours{24 * 365 * 30};
    const std::int64_t last = std::max({time.begin_ns, time.until_ns.value_or(0), time.call_end_ns.value_or(0)});
    if (last > longest.count() - (from - system_.start()).count()) skip(time.at, "a time more than 30 years ahead");
}

DueTime Timeline::due(const syntax::EventTime& time) {
    DueTime due;
    due.is_any = time.base == syntax::TimeBase::any;
    const Instant from = time.base == syntax::TimeBase::start ? system_.start() : system_.now();
    expect_near(time, from);
    due.begin = from + nanoseconds{time.begin_ns};
    due.until = time.until_ns ? from + nanoseconds{*time.until_ns} : due.begin;
    if (time.call_end_ns) due.call_end = from + nanoseconds{*time.call_end_ns};
    due.tolerance = tolerance_for(due.begin);
    last_ = due.begin;
    return due;
}

bool Timeline::wait(Instant at, const std::function<bool()>& done) {
    bool is_done = done();
    while (!is_done && system_.now() < at) {
        system_.pass(at);
        is_done = done();
    }
    return is_done;
}

std::string Timeline::text(Instant at) const {
    const double seconds = static_cast<double>((at - system_.start()).count()) / 1e9;
    char text[32];
    std::snprintf(text, sizeof text, "%.6f", seconds);
    return text;
}

std::string Timeline::text(const DueTime& due) const {
    if (due.is_any) return "at any time";
    if (due.begin == due.until) return "at " + text(due.begin);
    return "from " + text(due.begin) + " to " + text(due.until);
}

}  // namespace skerry::pkt
