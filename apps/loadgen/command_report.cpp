#include "commands.hpp"

#include "client_outputs.hpp"
#include "report/page.hpp"
#include "report/report_reader.hpp"

#include "common/options.hpp"
#include "common/report.hpp"

#include <CLI/CLI.hpp>

#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace skerry::loadgen {

namespace {

apps::Program program() {
    return {
        "skerry-loadgen report", "Draws a page of runs that were saved with --json: one, or several side by side.", {}};
}

struct ReportSettings {
    std::vector<std::string> files;
    std::string html_file;
    std::string title = "skerry-loadgen: saved runs";
};

Result<std::vector<Report>, ReadError> read_all(const std::vector<std::string>& files) {
    std::vector<Report> all;
    for (const std::string& file : files) {
        auto reports = read_report_file(file);
        if (!reports) return reports;
        all.insert(all.end(), std::make_move_iterator(reports->begin()), std::make_move_iterator(reports->end()));
    }
    return all;
}

}  // namespace

int command_report(int argc, const char* const* argv) {
    ReportSettings settings;
    const auto parsed = apps::parse_own_options(program(), argc, argv, [&settings](CLI::App& app) {
        app.add_option("FILES", settings.files, "what --json wrote")->required()->type_name("FILE");
        app.add_option("--html", settings.html_file, "write the page to this file")->required()->type_name("FILE");
        app.add_option("--title", settings.title, "of the page")->type_name("TEXT");
    });
    if (!parsed) return apps::finish(parsed.error());
    auto reports = read_all(settings.files);
    if (!reports) return apps::report(reports.error());
    auto outputs =
        Outputs::open({{settings.html_file, [&] { return page_text({settings.title, *reports}); }}}, settings.files);
    if (!outputs) return apps::finish(outputs.error());
    return outputs->write();
}

}  // namespace skerry::loadgen
