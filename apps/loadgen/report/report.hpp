#pragma once

// The figures of finished runs as text: a table for people, CSV for spreadsheets, JSON for programs, .hgrm for the
// HdrHistogram plotters. All four come from one list of fields, so they cannot say different things.
//
// A quantile q is printed only when at least 10 / (1 - q) values stand behind it, 1,000 for p99 and 10,000 for
// p99.9; with fewer, one unlucky sample would be the figure. Nor is it when more than 1 - q of the requests that were
// due have no answer: they are in no histogram and took longer than any that is, so that the quantile lies among them.
// Otherwise it is null in JSON and n/a elsewhere.

#include "fingerprint.hpp"
#include "loadgen/recorder.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace skerry::loadgen {

/// Goes up when a field changes its meaning or goes away; a new field does not count.
inline constexpr std::uint64_t report_schema_version = 1;

/// What was run.
struct RunInfo {
    std::string backend;
    std::string proto;
    std::uint64_t bytes = 0;
    std::uint64_t conns = 0;
    std::uint64_t inflight = 0;        ///< limit for each connection; 0: none
    std::string idle;                  ///< the server's idle policy, as far as it is known
    std::string client_idle;           ///< spin or sleep
    std::optional<double> rate;        ///< asked for, requests per second; none in a closed loop
    std::optional<Arrivals> arrivals;  ///< none in a closed loop
    double warm_up_s = 0;
    std::optional<double> jitter_us;  ///< JitterResult::jitter_us(), when it was measured
    std::string backend_reason = {};  ///< why that backend was taken
    std::string cores = {};           ///< the client's CPUs
    std::string command = {};         ///< as it was given, quoted for a shell
    std::string mode = {};            ///< what a server of TCP or UDP does: echo, sink, ...; empty: not known
    double started_s = 0;             ///< begin of the measured time, seconds since 1970
    std::uint64_t per_conn = 0;       ///< requests of a connection before another takes its place; 0: no limit
};

/// One run and its figures.
struct Report {
    RunInfo run;
    Summary summary;
    Fingerprint machine;
    std::string series = {};  ///< what moved meanwhile, as CSV; in none of the texts below
};

/// The 1 - 1/`one_in` quantile in microseconds of all requests that were due, when there are at least 10 * one_in
/// values, and at most one in `one_in` requests has none: 2 is the median, 1000 p99.9. `unanswered` is
/// Summary::unanswered(): they count as longer than any value. Never above the largest value. Shape: one_in is at least
/// 2; asserted.
[[nodiscard]] std::optional<double> quantile_us(const metrics::HdrHistogram& histogram, std::uint64_t one_in,
                                                std::uint64_t unanswered);

/// A figure of a report. Fields with a group stand inside it in JSON and are `group.name` in CSV.
struct Field {
    using None = std::monostate;
    using Value = std::variant<None, bool, std::uint64_t, double, std::string, std::vector<std::string>>;

    std::string group;
    std::string name;
    Value value;
};

/// All figures in the order of the report, equal groups side by side.
///
/// Response times are the fields without a group: count, p50_us .. max_us and at_least_1ms .. at_least_1s, how many
/// values were as long as that. `service` has the same of service times. `offered` and `achieved` are requests per
/// second of the measured time.
[[nodiscard]] std::vector<Field> fields_of(const Report& report);

/// Aligned columns, two rows a run (response and service time), the reasons of invalid runs, and the machine.
[[nodiscard]] std::string to_table(std::span<const Report> reports);

/// A header and a row for each run, quoted as RFC 4180 says.
[[nodiscard]] std::string to_csv(std::span<const Report> reports);

/// One object; ends in a line feed. Beside the fields it has `intervals`, where the run kept some: their length in
/// seconds and of each the response and service times as histogram_text() writes them. So whatever is asked of the run
/// later can be answered from the file.
[[nodiscard]] std::string to_json(const Report& report);

/// A list of such objects.
[[nodiscard]] std::string to_json(std::span<const Report> reports);

/// The names of the two .hgrm files of a run: `prefix`.response.hgrm and `prefix`.service.hgrm.
[[nodiscard]] std::array<std::string, 2> hgrm_names(const std::string& prefix);

/// What such a file holds, in microseconds.
[[nodiscard]] std::string hgrm_text(const metrics::HdrHistogram& times);

}  // namespace skerry::loadgen
