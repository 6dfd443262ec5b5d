#include "jitter_text.hpp"

#include "report/report.hpp"

#include "common/number_text.hpp"

#include <algorithm>
#include <string_view>

namespace skerry::loadgen {

namespace {

double us(Nanos time) { return static_cast<double>(time.count()) / 1e3; }

double seconds(Nanos time) { return static_cast<double>(time.count()) / 1e9; }

double stolen_share(const JitterResult& seen) {
    return seen.watched == Nanos{0} ? 0 : seconds(seen.stolen) / seconds(seen.watched);
}

std::string right(std::string_view text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ') + std::string(text);
}

std::string line(std::string_view cpu, std::string_view longest, std::string_view p999, std::string_view interruptions,
                 std::string_view stolen) {
    return right(cpu, 5) + right(longest, 12) + right(p999, 12) + right(interruptions, 15) + right(stolen, 10) + '\n';
}

std::string field(std::string_view name, const std::string& value) { return '"' + std::string(name) + "\": " + value; }

}  // namespace

std::string jitter_table(std::span<const CoreJitter> cores) {
    std::string text = line("core", "longest us", "p99.9 us", "interruptions", "stolen %");
    for (const auto& [cpu, seen] : cores)
        text +=
            line(std::to_string(cpu), apps::fixed_text(seen.jitter_us(), 1), apps::fixed_text(us(seen.p999), 1),
                 apps::grouped_text(seen.interruptions.total_count()), apps::fixed_text(stolen_share(seen) * 100, 3));
    return text;
}

std::string jitter_json(std::span<const CoreJitter> cores) {
    std::string text;
    for (const auto& [cpu, seen] : cores)
        text += std::string(text.empty() ? "\n" : ",\n") + " {" + field("cpu", std::to_string(cpu)) + ", " +
                field("jitter_us", apps::exact_text(seen.jitter_us())) + ", " +
                field("p999_us", apps::exact_text(us(seen.p999))) + ", " +
                field("interruptions", std::to_string(seen.interruptions.total_count())) + ", " +
                field("stolen_share", apps::exact_text(stolen_share(seen))) + ", " +
                field("watched_s", apps::exact_text(seconds(seen.watched))) + '}';
    return "{\n" + field("schema_version", std::to_string(report_schema_version)) + ",\n" +
           field("cores", '[' + text + "\n]") + "\n}\n";
}

}  // namespace skerry::loadgen
