#include "pictures.hpp"

#include "common/number_text.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace skerry::loadgen {

namespace {

using chart::Axis;
using chart::Chart;
using chart::Point;
using chart::Scale;
using chart::Series;
using chart::Unit;
using metrics::HdrHistogram;

constexpr double ns_per_us = 1e3;
constexpr double shortest_us = 0.001;  // a logarithmic axis has no 0
constexpr std::size_t time_points_max = 300;
constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

double us(std::uint64_t ns) noexcept { return std::max(static_cast<double>(ns) / ns_per_us, shortest_us); }

/// A value's range, which grows with what it is shown.
struct Range {
    double lo = std::numeric_limits<double>::infinity();
    double hi = 0;

    void take(double value) noexcept {
        if (std::isnan(value)) return;
        lo = std::min(lo, value);
        hi = std::max(hi, value);
    }
};

Axis duration_axis(const Chart& chart, const char* title) {
    Range range;
    for (const Series& series : chart.series)
        for (const Point& point : series.points) range.take(point.y);
    for (const chart::Mark& mark : chart.marks)
        if (!mark.is_vertical) range.take(mark.at);
    if (range.lo > range.hi) range = {1, 10};  // nothing to show: all answers came after the measured time
    return {title, Scale::logarithmic(range.lo, range.hi), Unit::duration};
}

void add_jitter(Chart& chart, std::optional<double> jitter_us) {
    if (!jitter_us || *jitter_us <= 0) return;
    chart.marks.push_back(
        {"jitter: longest interruption of the core before the run, " + chart::tick_label(*jitter_us, Unit::duration),
         std::max(*jitter_us, shortest_us)});
}

Series percentile_series(std::string name, const HdrHistogram& times) {
    Series series{std::move(name), {}};
    const auto total = static_cast<double>(times.total_count());
    times.for_each_percentile(10, [&](const HdrHistogram::PercentileStep& step) {
        const double one_in = step.percentile < 100 ? 1 / (1 - step.percentile / 100) : total;
        series.points.push_back({std::min(one_in, total), us(std::min(step.value, times.max()))});
    });
    return series;
}

double unanswered_share(const Summary& summary) {
    if (summary.offered == 0) return 0;
    return static_cast<double>(summary.unanswered()) / static_cast<double>(summary.offered);
}

Chart percentile_frame(std::vector<Series> series, std::uint64_t count, double unanswered,
                       std::optional<double> jitter_us) {
    Chart chart{"Latency by percentile",
                "Each division to the right is a tenth of the answers that the one before it leaves. A response counts "
                "from when the request was due, a service from when it was sent.",
                {"share of answers that took at most as long",
                 Scale::logarithmic(1, std::max<double>(static_cast<double>(count), 10)), Unit::percentile},
                {"", Scale::linear(0, 1)},
                std::move(series),
                {}};
    add_jitter(chart, jitter_us);
    if (count >= 20)
        chart.marks.push_back({"right of it fewer than ten answers: chance", static_cast<double>(count) / 10, true});
    if (unanswered > 0)
        chart.marks.push_back({"right of it requests that have no answer, and are in no line", 1 / unanswered, true});
    chart.y = duration_axis(chart, "time of an answer, logarithmic");
    return chart;
}

/// Response times of neighbouring intervals together.
struct Piece {
    double middle_s;
    double length_s;
    HdrHistogram times;
};

/// Calls `visit(Piece)` for each point of the pictures over time.
template <class Visit>
void for_each_piece(const Report& report, Visit visit) {
    const Intervals& intervals = report.summary.intervals;
    const double length_s = std::chrono::duration<double>(intervals.length).count();
    const std::size_t merged = (intervals.rows.size() + time_points_max - 1) / time_points_max;
    for (std::size_t first = 0; first < intervals.rows.size(); first += merged) {
        const std::size_t end = std::min(first + merged, intervals.rows.size());
        HdrHistogram times;
        for (std::size_t i = first; i < end; ++i) times.add(interval_histogram(intervals.rows[i].response));
        const double begin_s = static_cast<double>(first) * length_s;
        const double end_s = std::min(static_cast<double>(end) * length_s, report.summary.measured_s);
        if (end_s > begin_s) visit(Piece{(begin_s + end_s) / 2, end_s - begin_s, std::move(times)});
    }
}

Axis time_axis(const Report& report) {
    return {"time since the measurement began", Scale::linear(0, report.summary.measured_s), Unit::seconds};
}

struct LoadLine {
    const char* name;
    std::uint64_t one_in;
};
constexpr LoadLine load_lines[] = {{"p50", 2}, {"p90", 10}, {"p99", 100}, {"p99.9", 1'000}};

}  // namespace

Chart percentile_chart(const Report& report) {
    const Summary& summary = report.summary;
    return percentile_frame(
        {percentile_series("response", summary.response), percentile_series("service", summary.service)},
        summary.response.total_count(), unanswered_share(summary), report.run.jitter_us);
}

Chart percentiles_of_all(std::span<const Report> reports) {
    std::vector<Series> series;
    std::uint64_t count = 0;
    double unanswered = 0;
    std::optional<double> jitter_us;
    for (const Report& report : reports) {
        series.push_back(percentile_series(run_name(report, reports), report.summary.response));
        count = std::max(count, report.summary.response.total_count());
        unanswered = std::max(unanswered, unanswered_share(report.summary));
        if (report.run.jitter_us) jitter_us = std::max(jitter_us.value_or(0), *report.run.jitter_us);
    }
    return percentile_frame(std::move(series), count, unanswered, jitter_us);
}

Chart time_chart(const Report& report) {
    Series p50{"p50", {}};
    Series p99{"p99", {}};
    Series max{"longest", {}};
    for_each_piece(report, [&](const Piece& piece) {
        const bool has_any = !piece.times.empty();
        p50.points.push_back({piece.middle_s, has_any ? us(piece.times.value_at_percentile(50)) : nothing});
        p99.points.push_back({piece.middle_s, has_any ? us(piece.times.value_at_percentile(99)) : nothing});
        max.points.push_back({piece.middle_s, has_any ? us(piece.times.max()) : nothing});
    });
    Chart chart{"Latency while the run went on",
                "Response times of the answers that came in each interval. A run that drifts, or stalls, is not one "
                "number.",
                time_axis(report),
                {"", Scale::linear(0, 1)},
                {std::move(p50), std::move(p99), std::move(max)},
                {}};
    add_jitter(chart, report.run.jitter_us);
    chart.y = duration_axis(chart, "response time, logarithmic");
    return chart;
}

Chart rate_chart(const Report& report) {
    Series achieved{"achieved", {}};
    double most = report.run.rate.value_or(0);
    for_each_piece(report, [&](const Piece& piece) {
        const double rate = static_cast<double>(piece.times.total_count()) / piece.length_s;
        achieved.points.push_back({piece.middle_s, rate});
        most = std::max(most, rate);
    });
    Chart chart{"Answers a second",
                "What came back in each interval.",
                time_axis(report),
                {"answers a second", Scale::linear(0, most), Unit::number},
                {std::move(achieved)},
                {},
                240};
    if (report.run.rate)
        chart.marks.push_back(
            {"offered, " + chart::tick_label(*report.run.rate, Unit::number) + " a second", *report.run.rate});
    return chart;
}

Chart load_chart(std::span<const Report> reports, std::optional<double> knee) {
    std::vector<Series> series;
    for (const LoadLine& line : load_lines) {
        Series curve{line.name, {}, true};
        bool has_any = false;
        for (const Report& report : reports) {
            const auto value = quantile_us(report.summary.response, line.one_in, report.summary.unanswered());
            curve.points.push_back({report.run.rate.value_or(0), value ? std::max(*value, shortest_us) : nothing});
            has_any |= value.has_value();
        }
        if (has_any) series.push_back(std::move(curve));
    }
    double most = knee.value_or(0);
    std::optional<double> jitter_us;
    for (const Report& report : reports) {
        most = std::max(most, report.run.rate.value_or(0));
        if (report.run.jitter_us) jitter_us = std::max(jitter_us.value_or(0), *report.run.jitter_us);
    }
    Chart chart{"Latency against load",
                "Response times at the rates that were offered; each point is a run of its own.",
                {"requests offered a second", Scale::linear(0, most), Unit::number},
                {"", Scale::linear(0, 1)},
                std::move(series),
                {}};
    add_jitter(chart, jitter_us);
    if (knee) chart.marks.push_back({"knee, " + chart::tick_label(*knee, Unit::number) + " a second", *knee, true});
    chart.y = duration_axis(chart, "response time, logarithmic");
    return chart;
}

std::string run_name(const Report& report, std::span<const Report> all) {
    const auto differs = [&](auto member) {
        return std::any_of(all.begin(), all.end(),
                           [&](const Report& other) { return other.run.*member != report.run.*member; });
    };
    std::string name = report.run.proto + " ";
    name += report.run.rate ? chart::tick_label(*report.run.rate, Unit::number) + "/s" : "closed";
    if (differs(&RunInfo::backend)) name = report.run.backend + " " + name;
    if (differs(&RunInfo::conns)) name += ", " + std::to_string(report.run.conns) + " connections";
    if (differs(&RunInfo::bytes)) name += ", " + std::to_string(report.run.bytes) + " B";
    if (differs(&RunInfo::idle)) name += ", server " + report.run.idle;
    if (differs(&RunInfo::client_idle)) name += ", client " + report.run.client_idle;
    return name;
}

}  // namespace skerry::loadgen
