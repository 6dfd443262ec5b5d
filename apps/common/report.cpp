#include "report.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace skerry::apps {

std::string report_line(std::string_view program, std::string_view what, std::string_view next_step) {
    std::string line = std::string(program) + ": " + std::string(what);
    if (!next_step.empty()) line += "; " + std::string(next_step);
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

int report(std::string_view what, std::string_view next_step, int exit_code) {
    // One call for the whole line, so that lines of two programs on one terminal do not mix.
    const std::string line = report_line(program_invocation_short_name, what, next_step) + "\n";
    std::fputs(line.c_str(), stderr);
    return exit_code;
}

int report(const Error& error, std::string_view doing, std::string_view next_step) {
    return report(std::string(doing) + ": " + error.message(), next_step);
}

int report(const runtime::ConfigError& error) { return report(error.message, {}, exit_usage); }

int finish(const Stop& stop) {
    if (stop.exit_code == 0) {
        std::fputs(stop.text.c_str(), stdout);
    } else {
        std::fputs((stop.text + "\n").c_str(), stderr);
    }
    return stop.exit_code;
}

}  // namespace skerry::apps
