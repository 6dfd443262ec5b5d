#include "report.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

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

int print(std::string_view text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return written ? 0 : report("cannot write to standard output: " + std::system_category().message(errno));
}

int finish(const Stop& stop) {
    if (stop.exit_code == 0) return print(stop.text);
    std::fputs((stop.text + "\n").c_str(), stderr);
    return stop.exit_code;
}

}  // namespace skerry::apps
