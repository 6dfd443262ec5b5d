// The table of report.hpp: what a person reads at the terminal.

#include "report.hpp"

#include "common/number_text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace skerry::loadgen {

namespace {

struct Column {
    std::string_view title;
    bool text;  // texts stand left, numbers right, so that their digits line up
};

constexpr std::array columns{
    Column{"backend", true},  Column{"proto", true},      Column{"bytes", false},      Column{"conns", false},
    Column{"loop", true},     Column{"rate/s", false},    Column{"achieved/s", false}, Column{"time", true},
    Column{"p50 us", false},  Column{"p90 us", false},    Column{"p99 us", false},     Column{"p99.9 us", false},
    Column{"max us", false},  Column{"late %", false},    Column{"lost", false},       Column{"errors", false},
    Column{"refused", false}, Column{"jitter us", false}, Column{"result", true},
};
constexpr std::size_t first_of_times = 7;

using Row = std::vector<std::string>;

std::string number(std::optional<double> value, int decimals) {
    return value ? apps::fixed_text(*value, decimals) : "n/a";
}

void add_times(Row& row, std::string_view name, const metrics::HdrHistogram& times, std::uint64_t unanswered) {
    row.emplace_back(name);
    for (const std::uint64_t one_in : {2U, 10U, 100U, 1'000U})
        row.push_back(number(quantile_us(times, one_in, unanswered), 1));
    row.push_back(times.empty() ? "n/a" : apps::fixed_text(static_cast<double>(times.max()) / 1e3, 1));
}

Row response_row(const Report& report) {
    const auto& run = report.run;
    const auto& summary = report.summary;
    Row row{run.backend,
            run.proto,
            apps::grouped_text(run.bytes),
            apps::grouped_text(run.conns),
            std::string(to_string(summary.loop)),
            run.rate ? apps::exact_text(*run.rate) : "n/a",
            apps::fixed_text(summary.achieved_per_s(), 1)};
    add_times(row, "response", summary.response, summary.unanswered());
    row.push_back(apps::fixed_text(summary.late_share() * 100, 2));
    row.push_back(apps::grouped_text(summary.lost));
    row.push_back(apps::grouped_text(summary.errors));
    row.push_back(apps::grouped_text(summary.refused));
    row.push_back(number(run.jitter_us, 1));
    row.emplace_back(summary.invalid() ? "INVALID" : "ok");
    return row;
}

Row service_row(const Report& report) {
    Row row(first_of_times);
    add_times(row, "service", report.summary.service, report.summary.unanswered());
    row.resize(columns.size());
    return row;
}

std::string aligned(const std::vector<Row>& rows) {
    std::array<std::size_t, columns.size()> widths{};
    for (const auto& row : rows)
        for (std::size_t i = 0; i < columns.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const std::string padding(widths[i] - row[i].size(), ' ');
            line += (i > 0 ? "  " : "") + (columns[i].text ? row[i] + padding : padding + row[i]);
        }
        out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
    }
    return out;
}

std::string machine_line(const Fingerprint& machine) {
    return "machine: " + machine.cpu + ", " + std::to_string(machine.cpus) + " CPUs; " + machine.kernel + "; " +
           machine.compiler + ", " + machine.build + "; skerry " + machine.version + '\n';
}

}  // namespace

std::string to_table(std::span<const Report> reports) {
    Row titles;
    for (const auto& column : columns) titles.emplace_back(column.title);
    std::vector<Row> rows{titles};
    std::string notes;
    for (const auto& report : reports) {
        rows.push_back(response_row(report));
        rows.push_back(service_row(report));
        const std::string run = "(run " + std::to_string(rows.size() / 2) + "): ";
        for (const auto& reason : report.summary.invalid_reasons()) notes += "invalid " + run + reason + '\n';
        if (const auto count = report.summary.unexpected; count != 0)
            notes += "unexpected " + run + apps::grouped_text(count) + " answers came that nothing waited for\n";
        if (const auto count = report.summary.reconnects; count != 0)
            notes += "connections " + run + apps::grouped_text(count) + " were made anew\n";
    }
    if (!reports.empty()) notes += machine_line(reports.front().machine);
    return aligned(rows) + notes;
}

}  // namespace skerry::loadgen
