#include "report_reader.hpp"

#include "hdr_encoding.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

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

std::optional<Nanos> us_of(const json& object, const char* name) {
    const auto us = optional_of<double>(object, name);
    return us ? std::optional(Nanos(std::llround(*us * 1e3))) : std::nullopt;
}

RunInfo run_of(const json& object) {
    RunInfo run;
    object.at("backend").get_to(run.backend);
    object.at("proto").get_to(run.proto);
    object.at("bytes").get_to(run.bytes);
    object.at("conns").get_to(run.conns);
    object.at("inflight").get_to(run.inflight);
    object.at("idle").get_to(run.idle);
    object.at("client_idle").get_to(run.client_idle);
    run.rate = optional_of<double>(object, "rate");
    if (const auto arrivals = optional_of<std::string>(object, "arrivals"))
        run.arrivals = *arrivals == to_string(Arrivals::poisson) ? Arrivals::poisson : Arrivals::constant;
    object.at("warm_up_s").get_to(run.warm_up_s);
    run.jitter_us = optional_of<double>(object, "jitter_us");
    object.at("started_s").get_to(run.started_s);
    object.at("backend_reason").get_to(run.backend_reason);
    object.at("cores").get_to(run.cores);
    object.at("command").get_to(run.command);
    return run;
}

Fingerprint machine_of(const json& object) {
    Fingerprint machine;
    object.at("cpu").get_to(machine.cpu);
    object.at("cpus").get_to(machine.cpus);
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
    const double length_s = object.at("length_s").get<double>();
    if (!(length_s > 0 && length_s < 1e9)) throw BadReport("intervals.length_s is no length");
    summary.intervals.length = Nanos(std::llround(length_s * 1e9));
    for (const json& row : object.at("histograms"))
        summary.intervals.rows.push_back(
            {histogram_of(row.at("response"), summary.response), histogram_of(row.at("service"), summary.service)});
}

Summary summary_of(const json& object) {
    Summary summary;
    summary.loop = object.at("loop").get<std::string>() == to_string(Loop::closed) ? Loop::closed : Loop::open;
    object.at("measured_s").get_to(summary.measured_s);
    object.at("sent").get_to(summary.sent);
    object.at("lost").get_to(summary.lost);
    object.at("errors").get_to(summary.errors);
    object.at("unexpected").get_to(summary.unexpected);
    object.at("ended_early").get_to(summary.ended_early);
    summary.refused = object.value("refused", std::uint64_t{0});  // files of earlier versions have neither
    summary.reconnects = object.value("reconnects", std::uint64_t{0});
    object.at("late").get_to(summary.late);
    object.at("late_held").get_to(summary.late_held);
    object.at("count").get_to(summary.received);
    summary.offered = static_cast<std::uint64_t>(std::llround(object.at("offered").get<double>() * summary.measured_s));
    summary.first_half_p50 = us_of(object, "first_half_p50_us");
    summary.second_half_p50 = us_of(object, "second_half_p50_us");
    read_intervals(object.at("intervals"), summary);
    return summary;
}

Report report_of(const json& object) {
    const auto version = object.at("schema_version").get<std::uint64_t>();
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
    if (document.is_object() && document.contains("runs")) return reports_of(document.at("runs"));
    if (!document.is_array()) return {report_of(document)};
    std::vector<Report> reports;
    for (const json& object : document) reports.push_back(report_of(object));
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
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    if (!file)
        return Unexpected(
            ReadError{"cannot read " + path + ": " + std::system_category().message(errno != 0 ? errno : ENOENT)});
    auto reports = read_reports(text.str());
    if (!reports) return Unexpected(ReadError{path + ": " + reports.error().message});
    return reports;
}

}  // namespace skerry::loadgen
