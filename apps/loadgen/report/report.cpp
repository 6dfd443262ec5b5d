#include "report.hpp"

#include "hdr_encoding.hpp"
#include "json_text.hpp"

#include "common/number_text.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace skerry::loadgen {

namespace {

using metrics::HdrHistogram;
using Fields = std::vector<Field>;

constexpr double ns_per_us = 1e3;

template <class T>
Field::Value or_none(const std::optional<T>& value) {
    return value ? Field::Value(*value) : Field::Value();
}

Field::Value in_us(std::optional<Nanos> span) {
    return span ? Field::Value(static_cast<double>(span->count()) / ns_per_us) : Field::Value();
}

void add_times(Fields& fields, const std::string& group, const HdrHistogram& times, std::uint64_t unanswered) {
    const auto add = [&](const char* name, Field::Value value) { fields.push_back({group, name, std::move(value)}); };
    add("count", times.total_count());
    add("p50_us", or_none(quantile_us(times, 2, unanswered)));
    add("p90_us", or_none(quantile_us(times, 10, unanswered)));
    add("p99_us", or_none(quantile_us(times, 100, unanswered)));
    add("p999_us", or_none(quantile_us(times, 1'000, unanswered)));
    add("p9999_us", or_none(quantile_us(times, 10'000, unanswered)));
    add("max_us", times.empty() ? Field::Value() : Field::Value(static_cast<double>(times.max()) / ns_per_us));
    add("at_least_1ms", times.count_at_least(1'000'000));
    add("at_least_10ms", times.count_at_least(10'000'000));
    add("at_least_50ms", times.count_at_least(50'000'000));
    add("at_least_90ms", times.count_at_least(90'000'000));
    add("at_least_1s", times.count_at_least(1'000'000'000));
    add("over_range", times.over_range());
}

void add_run(Fields& fields, const RunInfo& run, const Summary& summary) {
    const auto add = [&](const char* name, Field::Value value) { fields.push_back({"", name, std::move(value)}); };
    add("schema_version", report_schema_version);
    add("backend", run.backend);
    add("proto", run.proto);
    add("mode", run.mode);
    add("bytes", run.bytes);
    add("conns", run.conns);
    add("inflight", run.inflight);
    add("per_conn", run.per_conn);
    add("loop", std::string(to_string(summary.loop)));
    add("arrivals", run.arrivals ? Field::Value(std::string(to_string(*run.arrivals))) : Field::Value());
    add("idle", run.idle);
    add("client_idle", run.client_idle);
    add("rate", or_none(run.rate));
    add("warm_up_s", run.warm_up_s);
    add("measured_s", summary.measured_s);
    add("started_s", run.started_s);
    add("backend_reason", run.backend_reason);
    add("cores", run.cores);
    add("command", run.command);
}

void add_counts(Fields& fields, const RunInfo& run, const Summary& summary) {
    const auto add = [&](const char* name, Field::Value value) { fields.push_back({"", name, std::move(value)}); };
    add("first_half_p50_us", in_us(summary.first_half_p50));
    add("second_half_p50_us", in_us(summary.second_half_p50));
    add("offered", summary.offered_per_s());
    add("achieved", summary.achieved_per_s());
    add("sent", summary.sent);
    add("lost", summary.lost);
    add("errors", summary.errors);
    add("refused", summary.refused);
    add("unexpected", summary.unexpected);
    add("bounced", summary.bounced);
    add("ended_early", summary.ended_early);
    add("reconnects", summary.reconnects);
    add("late", summary.late);
    add("late_held", summary.late_held);
    add("late_share", summary.late_share());
    add("jitter_us", or_none(run.jitter_us));
    add("invalid", summary.invalid());
    add("invalid_reasons", summary.invalid_reasons());
}

void add_machine(Fields& fields, const Fingerprint& machine) {
    const auto add = [&](const char* name, Field::Value value) {
        fields.push_back({"machine", name, std::move(value)});
    };
    add("cpu", machine.cpu);
    add("cpus", std::uint64_t{machine.cpus});
    add("kernel", machine.kernel);
    add("compiler", machine.compiler);
    add("build", machine.build);
    add("version", machine.version);
    add("virtual", machine.is_virtual);
    add("governor", machine.governor);
    add("clock", machine.clock);
    add("isolated", machine.isolated);
}

/// A value as JSON writes it.
struct JsonValue {
    std::string operator()(Field::None) const { return "null"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::uint64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return std::isfinite(value) ? apps::exact_text(value) : "null"; }
    std::string operator()(const std::string& value) const { return json_string(value); }
    std::string operator()(const std::vector<std::string>& values) const {
        std::string out = "[";
        for (const auto& value : values) out += (out.size() > 1 ? ", " : "") + json_string(value);
        return out + "]";
    }
};

/// A value as CSV writes it, before quoting.
struct CsvValue {
    std::string operator()(Field::None) const { return "n/a"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::uint64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return std::isfinite(value) ? apps::exact_text(value) : "n/a"; }
    std::string operator()(const std::string& value) const { return value; }
    std::string operator()(const std::vector<std::string>& values) const {
        std::string out;
        for (const auto& value : values) out += (out.empty() ? "" : "; ") + value;
        return out;
    }
};

std::string csv_cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
    return quoted + '"';
}

std::string csv_row(const std::vector<std::string>& cells) {
    std::string row;
    for (const auto& cell : cells) row += (row.empty() ? "" : ",") + csv_cell(cell);
    return row + "\r\n";
}

std::string json_histogram(const std::string& encoded) {
    return encoded.empty() ? "null" : json_string(histogram_text(encoded));
}

std::string json_intervals(const Intervals& intervals, const std::string& indent) {
    const double length_s = std::chrono::duration<double>(intervals.length).count();
    std::string out = "\"intervals\": {\"length_s\": " + apps::exact_text(length_s) + ", \"histograms\": [";
    for (const Interval& row : intervals.rows)
        out += (&row == intervals.rows.data() ? "\n" : ",\n") + indent +
               "    {\"response\": " + json_histogram(row.response) + ", \"service\": " + json_histogram(row.service) +
               "}";
    return out + "]}";
}

std::string json_object(const Report& report, const std::string& indent) {
    std::vector<std::string> members;
    std::string group;
    for (const auto& field : fields_of(report)) {
        const auto member = json_string(field.name) + ": " + std::visit(JsonValue{}, field.value);
        if (field.group.empty())
            members.push_back(member);
        else if (field.group != group)
            members.push_back(json_string(field.group) + ": {" + member + "}");
        else
            members.back().insert(members.back().size() - 1, ", " + member);
        group = field.group;
    }
    const Intervals& intervals = report.summary.intervals;
    if (intervals.length > Nanos{0}) members.push_back(json_intervals(intervals, indent));
    std::string out = indent + "{\n";
    for (std::size_t i = 0; i < members.size(); ++i)
        out += indent + "  " + members[i] + (i + 1 < members.size() ? ",\n" : "\n");
    return out + indent + "}";
}

}  // namespace

std::optional<double> quantile_us(const HdrHistogram& histogram, std::uint64_t one_in, std::uint64_t unanswered) {
    SKERRY_ASSERT(one_in >= 2, "the median is the lowest quantile here");
    if (histogram.total_count() < 10 * one_in) return std::nullopt;
    const std::uint64_t due = histogram.total_count() + unanswered;
    const std::uint64_t cut_off = due / one_in;  // those without an answer first
    if (unanswered > cut_off) return std::nullopt;
    // It is the upper end of a counter; a reader should not find it above the exact maximum beside it.
    const auto value = std::min(histogram.value_at_rank(due - cut_off), histogram.max());
    return static_cast<double>(value) / ns_per_us;
}

std::vector<Field> fields_of(const Report& report) {
    Fields fields;
    add_run(fields, report.run, report.summary);
    add_times(fields, "", report.summary.response, report.summary.unanswered());
    add_counts(fields, report.run, report.summary);
    add_times(fields, "service", report.summary.service, report.summary.unanswered());
    add_machine(fields, report.machine);
    return fields;
}

std::string to_csv(std::span<const Report> reports) {
    std::string out;
    for (const auto& report : reports) {
        std::vector<std::string> names;
        std::vector<std::string> values;
        for (const auto& field : fields_of(report)) {
            names.push_back(field.group.empty() ? field.name : field.group + "." + field.name);
            values.push_back(std::visit(CsvValue{}, field.value));
        }
        if (out.empty()) out = csv_row(names);
        out += csv_row(values);
    }
    return out;
}

std::string to_json(const Report& report) { return json_object(report, "") + "\n"; }

std::string to_json(std::span<const Report> reports) {
    std::string out = "[";
    for (const auto& report : reports) out += (out.size() > 1 ? ",\n" : "\n") + json_object(report, "  ");
    return out + "\n]\n";
}

std::array<std::string, 2> hgrm_names(const std::string& prefix) {
    return {prefix + ".response.hgrm", prefix + ".service.hgrm"};
}

std::string hgrm_text(const HdrHistogram& times) { return times.to_hgrm(ns_per_us); }

}  // namespace skerry::loadgen
