#include "page.hpp"

#include "page_style.hpp"
#include "pictures.hpp"

#include "loadgen/chart/markup.hpp"

#include "common/number_text.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace skerry::loadgen {

namespace {

using chart::escaped;

// The page may show itself and nothing else: a mistake of ours could not make it ask for something either.
constexpr std::string_view policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

std::string number(std::optional<double> value, int decimals) {
    if (!value) return "n/a";
    const std::string text = apps::fixed_text(*value, decimals);
    const auto point = text.find('.');
    const std::string whole = apps::grouped_digits(text.substr(0, point));
    return point == std::string::npos ? whole : whole + text.substr(point);
}

std::string cell(const char* tag, const std::string& css_class, const std::string& text) {
    const std::string open = css_class.empty() ? std::string(tag) : std::string(tag) + " class=\"" + css_class + "\"";
    return "<" + open + ">" + escaped(text) + "</" + tag + ">";
}

std::string row(const std::vector<std::string>& cells, const char* tag) {
    std::string out = "<tr>";
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const bool is_bad = cells[i] == "INVALID";
        out += cell(tag, is_bad ? "bad" : i == 0 ? "left" : "", cells[i]);
    }
    return out + "</tr>\n";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::string out = "<div class=\"scroll\"><table>\n<thead>" + row(rows.front(), "th") + "</thead>\n<tbody>\n";
    for (std::size_t i = 1; i < rows.size(); ++i) out += row(rows[i], "td");
    return out + "</tbody></table></div>\n";
}

std::string section(const char* title, const std::string& content) {
    return std::string("<section><h2>") + title + "</h2>\n" + content + "</section>\n";
}

std::optional<double> longest_us(const metrics::HdrHistogram& times) {
    return times.empty() ? std::nullopt : std::optional(static_cast<double>(times.max()) / 1e3);
}

constexpr std::array<std::pair<const char*, std::uint64_t>, 5> quantiles{
    {{"p50", 2}, {"p90", 10}, {"p99", 100}, {"p99.9", 1'000}, {"p99.99", 10'000}}};

std::string times_of_one(const Summary& summary) {
    std::vector<std::vector<std::string>> rows{{"microseconds", "response", "service"}};
    for (const auto& [name, one_in] : quantiles)
        rows.push_back({name, number(quantile_us(summary.response, one_in, summary.unanswered()), 1),
                        number(quantile_us(summary.service, one_in, summary.unanswered()), 1)});
    rows.push_back({"longest", number(longest_us(summary.response), 1), number(longest_us(summary.service), 1)});
    return table(rows);
}

std::string counts_of_one(const Report& report) {
    const Summary& summary = report.summary;
    const auto count = [](std::uint64_t value) { return apps::grouped_text(value); };
    std::vector<std::vector<std::string>> rows{
        {"requests", "", ""},
        {"offered", count(summary.offered), number(summary.offered_per_s(), 1) + " /s"},
        {"answered", count(summary.received), number(summary.achieved_per_s(), 1) + " /s"},
        {"lost", count(summary.lost), ""},
        {"ended by an error", count(summary.errors), ""},
        {"refused", count(summary.refused), ""},
        {"sent late", count(summary.late), number(summary.late_share() * 100, 2) + " %"},
        {"of them held by the window", count(summary.late_held), ""},
        {"connections made anew", count(summary.reconnects), ""}};
    if (summary.unexpected != 0) rows.push_back({"answers that nothing waited for", count(summary.unexpected), ""});
    return table(rows);
}

std::string times_of_all(std::span<const Report> reports) {
    std::vector<std::vector<std::string>> rows{
        {"response times, µs", "achieved/s", "p50", "p90", "p99", "p99.9", "longest", "late %", "jitter", "result"}};
    for (const Report& report : reports) {
        const Summary& summary = report.summary;
        std::vector<std::string> cells{run_name(report, reports), number(summary.achieved_per_s(), 0)};
        for (const std::uint64_t one_in : {2U, 10U, 100U, 1'000U})
            cells.push_back(number(quantile_us(summary.response, one_in, summary.unanswered()), 1));
        cells.push_back(number(longest_us(summary.response), 1));
        cells.push_back(number(summary.late_share() * 100, 2));
        cells.push_back(number(report.run.jitter_us, 1));
        cells.emplace_back(summary.invalid() ? "INVALID" : "valid");
        rows.push_back(std::move(cells));
    }
    return table(rows);
}

using Facts = std::vector<std::pair<std::string, std::string>>;

std::string facts_table(const Facts& facts) {
    std::string out = "<table class=\"facts\"><tbody>\n";
    for (const auto& [name, value] : facts)
        if (!value.empty()) out += "<tr>" + cell("th", "", name) + cell("td", "", value) + "</tr>\n";
    return out + "</tbody></table>\n";
}

std::string setting_of(const Report& report) {
    const RunInfo& run = report.run;
    const std::string per_conn =
        run.per_conn == 0 ? "" : ", another after " + apps::grouped_text(run.per_conn) + " requests";
    const std::string window = run.inflight == 0 ? "no limit" : apps::grouped_text(run.inflight);
    return facts_table(
        {{"backend", run.backend + (run.backend_reason.empty() ? "" : ": " + run.backend_reason)},
         {"load", run.rate ? "open loop, " + number(run.rate, 0) + " requests a second, " +
                                 std::string(to_string(run.arrivals.value_or(Arrivals::constant))) + " arrivals"
                           : "closed loop: the next request follows an answer"},
         {"protocol", run.proto + ", " + (run.mode.empty() ? "" : run.mode + ", ") + apps::grouped_text(run.bytes) +
                          " bytes a request"},
         {"connections", apps::grouped_text(run.conns) + ", requests in flight on each: " + window + per_conn},
         {"measured", number(report.summary.measured_s, 1) + " s after " + number(run.warm_up_s, 1) + " s of warm-up"},
         {"idle", "client " + run.client_idle + ", server " + run.idle},
         {"client's CPUs", run.cores}});
}

std::string machine_of(const Report& report) {
    const Fingerprint& machine = report.machine;
    return facts_table(
        {{"CPU", machine.cpu + ", " + std::to_string(machine.cpus) + " online"},
         {"virtual", machine.is_virtual ? "yes: a hypervisor may take the CPUs away" : "no hypervisor shows itself"},
         {"kernel", machine.kernel},
         {"governor", machine.governor},
         {"clock source", machine.clock},
         {"isolated CPUs", machine.isolated},
         {"jitter", report.run.jitter_us ? number(report.run.jitter_us, 1) + " µs, the longest interruption of the "
                                                                             "client's core just before the run"
                                         : "not watched"},
         {"built by", machine.compiler + ", " + machine.build},
         {"skerry", machine.version}});
}

std::string verdict(std::span<const Report> reports) {
    std::string reasons;
    std::size_t invalid = 0;
    for (const Report& report : reports) {
        invalid += report.summary.invalid();
        for (const std::string& reason : report.summary.invalid_reasons())
            reasons +=
                "<li>" + escaped((reports.size() > 1 ? run_name(report, reports) + ": " : "") + reason) + "</li>";
    }
    if (invalid == 0)
        return "<div class=\"verdict\"><strong>Valid</strong>: what was offered was answered, and sent in "
               "time.</div>\n";
    const std::string count = std::to_string(invalid) + " of " + std::to_string(reports.size());
    const std::string which = reports.size() == 1 ? "Invalid" : count + " runs invalid";
    return "<div class=\"verdict bad\"><strong>" + which + "</strong>: do not use such figures.<ul>" + reasons +
           "</ul></div>\n";
}

bool has_answers(const Report& report) { return !report.summary.response.empty(); }

std::string pictures_of_one(const Report& report) {
    if (!has_answers(report)) return "<p>No answer came in the measured time: there is nothing to draw.</p>\n";
    std::string out = chart::figure_text(percentile_chart(report));
    if (report.summary.intervals.rows.size() >= 2)
        out += chart::figure_text(time_chart(report)) + chart::figure_text(rate_chart(report));
    return out;
}

bool rises(std::span<const Report> reports) {
    const auto before = [](const Report& a, const Report& b) {
        return a.run.rate && b.run.rate && *a.run.rate < *b.run.rate;
    };
    return std::adjacent_find(reports.begin(), reports.end(),
                              [&](const Report& a, const Report& b) { return !before(a, b); }) == reports.end();
}

std::string pictures_of_all(const Page& page) {
    if (!std::any_of(page.reports.begin(), page.reports.end(), has_answers))
        return "<p>No answer came in the measured time: there is nothing to draw.</p>\n";
    const auto median_of = [](const Report& report) {
        return quantile_us(report.summary.response, 2, report.summary.unanswered());
    };
    const bool has_median = std::any_of(page.reports.begin(), page.reports.end(), median_of);
    std::string out;
    if (rises(page.reports) && has_median) out += chart::figure_text(load_chart(page.reports, page.knee));
    return out + chart::figure_text(percentiles_of_all(page.reports));
}

std::string head(const std::string& title) {
    return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
           "content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"" +
           std::string(policy) + "\">\n<link rel=\"icon\" href=\"data:,\">\n<title>" + escaped(title) +
           "</title>\n<style>" + std::string(page_style) + "</style>\n</head>\n";
}

std::string commands(std::span<const Report> reports) {
    std::string out;
    for (const Report& report : reports) {
        const bool is_new = out.find(escaped(report.run.command) + "\n") == std::string::npos;
        if (is_new && !report.run.command.empty()) out += escaped(report.run.command) + "\n";
    }
    return out.empty() ? out : section("Command", "<pre>" + out + "</pre>\n");
}

}  // namespace

std::string page_text(const Page& page) {
    SKERRY_ASSERT(!page.reports.empty(), "a page shows a run");
    const Report& first = page.reports.front();
    const bool is_one = page.reports.size() == 1;
    std::string out = head(page.title) + "<body>\n<main>\n<h1>" + escaped(page.title) + "</h1>\n<p class=\"sub\">" +
                      escaped(first.machine.cpu + ", " + first.machine.kernel) + "</p>\n" + verdict(page.reports);
    if (!page.knee_reason.empty()) out += "<p>" + escaped(page.knee_reason) + "</p>\n";
    out += is_one ? pictures_of_one(first) : pictures_of_all(page);
    out += section("Figures", is_one ? times_of_one(first.summary) + counts_of_one(first) : times_of_all(page.reports));
    out += section(is_one ? "Run" : "First run", setting_of(first));
    out += section("Machine", machine_of(first));
    return out + commands(page.reports) + "</main>\n</body>\n</html>\n";
}

}  // namespace skerry::loadgen
