#include "report_reader.hpp"

#include "common/input_file.hpp"
#include "hdr_encoding.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace skerry::loadgen {

namespace {

using nlohmann::json;

/// What the functions here throw when a field has a value that cannot be; caught with the library's own in
/// read_reports().
struct BadReport : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class T>
std::optional<T> optional_of(const json& object, const char* name) {
    const json& value = object.at(name);
    return value.is_null() ? std::nullopt : std::optional(value.get<T>());
}

// No report has a longer time, and in nanoseconds this one is far from the end of an integer.
constexpr double seconds_max = 1e9;
constexpr double us_max = seconds_max * 1e6;

/// What a field may be.
struct Bounds {
    double from;
    double to;
};

double number_of(const json& object, const char* name, Bounds bounds) {
    const auto value = object.at(name).get<double>();
    if (value >= bounds.from && value <= bounds.to) return value;  // not so when it is no number
    throw BadReport(std::string(name) + " is " + object.at(name).dump() + ", and cannot be");
}

std::optional<double> optional_number_of(const json& object, const char* name, Bounds bounds) {
    return object.at(name).is_null() ? std::nullopt : std::optional(number_of(object, name, bounds));
}

std::uint64_t count_of(const json& object, const char* name) {
    const json& value = object.at(name);
    if (value.is_number_unsigned()) return value.get<std::uint64_t>();
    throw BadReport(std::string(name) + " is " + (value.is_number() ? value.dump() : value.type_name()) +
                    ", and is to be a count");
}

/// Seconds that are 0 or at least a nanosecond.
double seconds_of(const json& object, const char* name) {
    const double seconds = number_of(object, name, {0, seconds_max});
    return seconds == 0 ? 0 : number_of(object, name, {1e-9, seconds_max});
}

std::optional<Nanos> us_of(const json& object, const char* name) {
    const auto us = optional_number_of(object, name, {0, us_max});
    return us ? std::optional(Nanos(std::llround(*us * 1e3))) : std::nullopt;
}

RunInfo run_of(const json& object) {
    RunInfo run;
    object.at("backend").get_to(run.backend);
    object.at("proto").get_to(run.proto);
    run.bytes = count_of(object, "bytes");
    run.conns = count_of(object, "conns");
    run.inflight = count_of(object, "inflight");
    if (object.contains("per_conn")) run.per_conn = count_of(object, "per_conn");
    object.at("idle").get_to(run.idle);
    object.at("client_idle").get_to(run.client_idle);
    run.rate = optional_number_of(object, "rate", {1e-6, 1e9});
    if (const auto arrivals = optional_of<std::string>(object, "arrivals"))
        run.arrivals = *arrivals == to_string(Arrivals::poisson) ? Arrivals::poisson : Arrivals::constant;
    run.warm_up_s = seconds_of(object, "warm_up_s");
    run.jitter_us = optional_number_of(object, "jitter_us", {0, us_max});
    run.started_s = number_of(object, "started_s", {0, 1e11});  // the year 5138
    object.at("backend_reason").get_to(run.backend_reason);
    object.at("cores").get_to(run.cores);
    object.at("command").get_to(run.command);
    if (object.contains("mode")) object.at("mode").get_to(run.mode);  // files of earlier versions do not say
    return run;
}

Fingerprint machine_of(const json& object) {
    Fingerprint machine;
    object.at("cpu").get_to(machine.cpu);
    machine.cpus = static_cast<unsigned>(number_of(object, "cpus", {0, 1e6}));
    object.at("kernel").get_to(machine.kernel);
    object.at("compiler").get_to(machine.compiler);
    object.at("build").get_to(machine.build);
    object.at("version").get_to(machine.version);
    object.at("virtual").get_to(machine.is_virtual);
    object.at("governor").get_to(machine.governor);
    object.at("clock").get_to(machine.clock);
    object.at("isolated").get_to(machine.isolated);
    return machine;
}

/// Adds the histogram to `sum` and returns its V2 bytes.
std::string histogram_of(const json& value, metrics::HdrHistogram& sum) {
    if (value.is_null()) return {};
    auto bytes = histogram_bytes(value.get_ref<const std::string&>());
    const auto histogram = bytes ? decode_v2(*bytes) : std::nullopt;
    if (!histogram || histogram->limit() != sum.limit() || histogram->significant_digits() != sum.significant_digits())
        throw BadReport("a histogram is damaged");
    sum.add(*histogram);
    return *std::move(bytes);
}

void read_intervals(const json& object, Summary& summary) {
    const double length_s = number_of(object, "length_s", {1e-9, seconds_max});
    summary.intervals.length = Nanos(std::llround(length_s * 1e9));
    for (const json& row : object.at("histograms"))
        summary.intervals.rows.push_back(
            {histogram_of(row.at("response"), summary.response), histogram_of(row.at("service"), summary.service)});
}

Summary summary_of(const json& object) {
    Summary summary;
    summary.loop = object.at("loop").get<std::string>() == to_string(Loop::closed) ? Loop::closed : Loop::open;
    summary.measured_s = seconds_of(object, "measured_s");
    summary.sent = count_of(object, "sent");
    summary.lost = count_of(object, "lost");
    summary.errors = count_of(object, "errors");
    summary.unexpected = count_of(object, "unexpected");
    summary.ended_early = count_of(object, "ended_early");
    // Files of earlier versions have none of these.
    if (object.contains("bounced")) summary.bounced = count_of(object, "bounced");
    if (object.contains("refused")) summary.refused = count_of(object, "refused");
    if (object.contains("reconnects")) summary.reconnects = count_of(object, "reconnects");
    summary.late = count_of(object, "late");
    summary.late_held = count_of(object, "late_held");
    summary.received = count_of(object, "count");
    const double per_second_max = 9e18 / std::max(summary.measured_s, 1.0);
    summary.offered = static_cast<std::uint64_t>(
        std::llround(number_of(object, "offered", {0, per_second_max}) * summary.measured_s));
    summary.first_half_p50 = us_of(object, "first_half_p50_us");
    summary.second_half_p50 = us_of(object, "second_half_p50_us");
    read_intervals(object.at("intervals"), summary);
    return summary;
}

Report report_of(const json& object) {
    const auto version = count_of(object, "schema_version");
    if (version != report_schema_version)
        throw BadReport("schema_version is " + std::to_string(version) + ", and " +
                        std::to_string(report_schema_version) + " is what can be read");
    Report report;
    report.run = run_of(object);
    report.summary = summary_of(object);
    report.machine = machine_of(object.at("machine"));
    return report;
}

std::vector<Report> reports_of(const json& document) {
    // A list alone may stand there: what lies in itself any number of times is no report.
    const json& runs = document.is_object() && document.contains("runs") ? document.at("runs") : document;
    if (&runs != &document && !runs.is_array()) throw BadReport("runs is no list");
    if (!runs.is_array()) return {report_of(runs)};
    std::vector<Report> reports;
    for (const json& object : runs) reports.push_back(report_of(object));
    if (reports.empty()) throw BadReport("there is no run in it");
    return reports;
}

/// The library's message without the number and name of its exception, `[json.exception.out_of_range.403] key ...`.
std::string plain(const json::exception& error) {
    const std::string text = error.what();
    const auto end = text.find("] ");
    return end == std::string::npos ? text : text.substr(end + 2);
}

}  // namespace

Result<std::vector<Report>, ReadError> read_reports(std::string_view text) {
    try {
        return reports_of(json::parse(text));
    } catch (const BadReport& error) {
        return Unexpected(ReadError{error.what()});
    } catch (const json::exception& error) {
        return Unexpected(ReadError{"no report of skerry-loadgen: " + plain(error)});
    }
}

Result<std::vector<Report>, ReadError> read_report_file(const std::string& path) {
    const auto text = apps::read_input(path);
    if (!text) return Unexpected(ReadError{"cannot read " + path + ": " + text.error().why});
    auto reports = read_reports(*text);
    if (!reports) return Unexpected(ReadError{path + ": " + reports.error().message});
    return reports;
}

}  // namespace skerry::loadgen
