#include "verdict.hpp"

#include "common/number_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace skerry::loadgen {

namespace {

struct Percentile {
    double level;
    std::uint64_t one_in;
    const char* name;
};
constexpr std::array<Percentile, 4> percentiles{
    {{50, 2, "p50"}, {90, 10, "p90"}, {99, 100, "p99"}, {99.9, 1'000, "p99.9"}}};

constexpr double resolution = 1e-3;  // of a histogram with three digits

std::string name_of(double level) {
    for (const Percentile& each : percentiles)
        if (each.level == level) return each.name;
    return "p" + apps::exact_text(level);
}

bool has_quantile(const Report& report, std::uint64_t one_in) {
    return quantile_us(report.summary.response, one_in, report.summary.unanswered()).has_value();
}

/// Those with enough answers in both runs.
std::vector<double> levels_for(const Report& a, const Report& b) {
    std::vector<double> levels;
    for (const Percentile& each : percentiles)
        if (has_quantile(a, each.one_in) && has_quantile(b, each.one_in)) levels.push_back(each.level);
    return levels;
}

std::string right(const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string row(const std::string& name, const std::array<std::string, 6>& cells) {
    std::string out = name + std::string(8 - std::min<std::size_t>(name.size(), 8), ' ');
    for (const std::string& cell : cells) out += right(cell, 12);
    return out + "\n";
}

std::string signed_text(double value) { return (value > 0 ? "+" : "") + apps::fixed_text(value, 1); }

std::string row_of(const Difference& each) {
    return row(name_of(each.percentile),
               {apps::fixed_text(each.a_us, 1), apps::fixed_text(each.b_us, 1), signed_text(each.b_us - each.a_us),
                signed_text(each.low_us), signed_text(each.high_us),
                each.a_us > 0 ? apps::fixed_text(each.b_us / each.a_us, 3) : "n/a"});
}

std::string drawn_text(const char* name, const DrawTable& table, Nanos length) {
    const double row_ms =
        std::chrono::duration<double, std::milli>(length).count() * static_cast<double>(table.merged());
    return std::string(name) + ": blocks of " + std::to_string(table.block_rows()) + " of " +
           std::to_string(table.rows()) + " intervals of " + apps::exact_text(row_ms) + " ms";
}

std::string at(const std::vector<Difference>& differences, std::string_view verdict) {
    std::string names;
    for (const Difference& each : differences)
        if (to_verdict(each) == verdict) names += (names.empty() ? "" : ", ") + name_of(each.percentile);
    return names;
}

std::string why_not(const char* name, const Report& report) {
    if (report.summary.invalid())
        return std::string(name) + " is an invalid run: " + report.summary.invalid_reasons().front();
    const std::size_t rows = report.summary.intervals.rows.size();
    if (rows < compare_rows_min)
        return std::string(name) + " has " + std::to_string(rows) + " intervals; " + std::to_string(compare_rows_min) +
               " are needed: run longer, or with a shorter --interval";
    if (!has_quantile(report, 2)) return std::string(name) + " has too few answers for a median";
    return {};
}

}  // namespace

std::string_view to_verdict(const Difference& difference) noexcept {
    const double blur = std::max(difference.a_us, difference.b_us) * resolution;
    if (difference.high_us < -blur) return "faster";
    if (difference.low_us > blur) return "slower";
    return "no difference shown";
}

std::string verdict_of(const std::vector<Difference>& differences) {
    std::string out;
    for (const std::string word : {"faster", "slower"}) {
        const std::string names = at(differences, word);
        if (!names.empty()) out += (out.empty() ? "B is " : "; B is ") + word + " than A at " + names;
    }
    if (out.empty()) return "no difference shown";
    const std::string rest = at(differences, "no difference shown");
    return rest.empty() ? out : out + "; no difference shown at " + rest;
}

std::string why_no_verdict(const Report& a, const Report& b) {
    const std::string why = why_not("A", a);
    return why.empty() ? why_not("B", b) : why;
}

std::vector<std::string> different_settings(const Report& a, const Report& b) {
    std::vector<std::string> out;
    const auto note = [&out](const char* name, const std::string& of_a, const std::string& of_b) {
        if (of_a != of_b) out.push_back(std::string(name) + ": " + of_a + " / " + of_b);
    };
    const auto rate = [](const Report& report) {
        return report.run.rate ? apps::exact_text(*report.run.rate) : std::string("closed loop");
    };
    const auto arrivals = [](const Report& report) {
        return report.run.arrivals ? std::string(to_string(*report.run.arrivals)) : std::string("closed loop");
    };
    const auto warm_up = [](const Report& report) { return apps::exact_text(report.run.warm_up_s) + " s"; };
    note("backend", a.run.backend, b.run.backend);
    note("protocol", a.run.proto, b.run.proto);
    if (!a.run.mode.empty() && !b.run.mode.empty()) note("mode", a.run.mode, b.run.mode);
    note("rate", rate(a), rate(b));
    note("arrivals", arrivals(a), arrivals(b));
    note("warm-up", warm_up(a), warm_up(b));
    note("bytes", std::to_string(a.run.bytes), std::to_string(b.run.bytes));
    note("connections", std::to_string(a.run.conns), std::to_string(b.run.conns));
    note("requests in flight", std::to_string(a.run.inflight), std::to_string(b.run.inflight));
    note("client idle", a.run.client_idle, b.run.client_idle);
    note("server idle", a.run.idle, b.run.idle);
    note("client's CPUs", a.run.cores, b.run.cores);
    note("CPU", a.machine.cpu, b.machine.cpu);
    note("kernel", a.machine.kernel, b.machine.kernel);
    note("compiler", a.machine.compiler + ", " + a.machine.build, b.machine.compiler + ", " + b.machine.build);
    note("skerry", a.machine.version, b.machine.version);
    return out;
}

std::string compare_text(const Report& a, const Report& b) {
    const DrawTable table_a(a.summary.intervals, a.summary.unanswered());
    const DrawTable table_b(b.summary.intervals, b.summary.unanswered());
    const auto levels = levels_for(a, b);
    const BootstrapOptions options;
    const auto differences = bootstrap(table_a, table_b, levels, options);
    std::string out = row("response", {"A us", "B us", "B - A us", "from", "to", "B / A"});
    for (const Difference& each : differences) out += row_of(each);
    out += "\nfrom and to: B - A lies between them, with 95 % for all rows together; drawn " +
           apps::grouped_text(options.draws) + " times\n" + drawn_text("A", table_a, a.summary.intervals.length) +
           "; " + drawn_text("B", table_b, b.summary.intervals.length) + "\n";
    for (const std::string& each : different_settings(a, b)) out += "not the same in A and B: " + each + "\n";
    return out + "verdict: " + verdict_of(differences) + "\n";
}

}  // namespace skerry::loadgen
