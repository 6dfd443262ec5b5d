#include "commands.hpp"

#include "compare/verdict.hpp"
#include "report/report_reader.hpp"

#include "common/options.hpp"
#include "common/report.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace skerry::loadgen {

namespace {

apps::Program program() {
    return {
        "skerry-loadgen compare",
        "Says whether run B is faster than run A, percentile by percentile, and how sure that is. Each file is what "
        "--json wrote. Resampled are blocks of neighbouring intervals, because answers that wait for the same stall "
        "are not independent; B - A lies within the interval that is printed with 95 % for all rows together. An "
        "invalid run, or one of fewer than 40 intervals, gets no verdict. How another start of the same program "
        "differs is not in it: compare several.",
        {}};
}

/// The one run of a file.
Result<Report, ReadError> read_one(const std::string& path) {
    auto reports = read_report_file(path);
    if (!reports) return Unexpected(std::move(reports).error());
    if (reports->size() == 1) return std::move(reports->front());
    return Unexpected(ReadError{path + ": " + std::to_string(reports->size()) + " runs; accepted: a file of one"});
}

}  // namespace

int command_compare(int argc, const char* const* argv) {
    std::vector<std::string> files;
    const auto parsed = apps::parse_own_options(program(), argc, argv, [&files](CLI::App& app) {
        app.add_option("FILES", files, "A.json and B.json")->required()->expected(2)->type_name("FILE");
    });
    if (!parsed) return apps::finish(parsed.error());
    auto a = read_one(files[0]);
    if (!a) return apps::report(a.error());
    auto b = read_one(files[1]);
    if (!b) return apps::report(b.error());
    if (const std::string why = why_no_verdict(*a, *b); !why.empty()) return apps::report("no verdict: " + why);
    return apps::print("A: " + files[0] + "\nB: " + files[1] + "\n\n" + compare_text(*a, *b));
}

}  // namespace skerry::loadgen
