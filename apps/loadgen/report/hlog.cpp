#include "hlog.hpp"

#include "hdr_encoding.hpp"

#include "common/number_text.hpp"

#include <algorithm>
#include <ctime>

namespace skerry::loadgen {

namespace {

constexpr double ns_per_ms = 1e6;

double seconds(Nanos span) noexcept { return std::chrono::duration<double>(span).count(); }

std::string date_text(double since_1970_s) {
    const auto whole = static_cast<std::time_t>(since_1970_s);
    std::tm parts{};
    char text[64];
    if (::gmtime_r(&whole, &parts) == nullptr) return "unknown";
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string header(const Report& report) {
    return "#[Logged by skerry-loadgen " + report.machine.version + "]\n#[Histogram log format version 1.3]\n" +
           "#[StartTime: " + apps::fixed_text(report.run.started_s, 3) + " (seconds since epoch), " +
           date_text(report.run.started_s) + "]\n" +
           "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
}

std::string line(const char* tag, double start_s, double length_s, const std::string& encoded) {
    const auto max = static_cast<double>(interval_histogram(encoded).max());
    return tag + apps::fixed_text(start_s, 3) + ',' + apps::fixed_text(length_s, 3) + ',' +
           apps::fixed_text(max / ns_per_ms, 6) + ',' + histogram_text(encoded) + '\n';
}

}  // namespace

std::string hlog_text(const Report& report) {
    const Intervals& intervals = report.summary.intervals;
    std::string out = header(report);
    double start_s = 0;
    for (const Interval& row : intervals.rows) {
        const double length_s = std::min(seconds(intervals.length), std::max(report.summary.measured_s - start_s, 0.0));
        if (!row.response.empty())
            out += line("", start_s, length_s, row.response) + line("Tag=service,", start_s, length_s, row.service);
        start_s += seconds(intervals.length);
    }
    return out;
}

}  // namespace skerry::loadgen
