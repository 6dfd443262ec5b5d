#include "report.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <system_error>
#include <utility>

namespace skerry::apps {

namespace {

constexpr std::size_t line_max = 1000;
constexpr std::size_t line_end = 300;  // what is kept of a longer one's end: the next step stands there

// An error that quotes what it was given is no longer than a line that somebody reads.
std::string bounded(std::string line) {
    if (line.size() <= line_max) return line;
    const auto is_inside = [&](std::size_t at) { return (static_cast<unsigned char>(line[at]) & 0xc0U) == 0x80; };
    std::size_t first = line_max - line_end;
    std::size_t last = line.size() - line_end;
    while (first > 0 && is_inside(first)) --first;
    while (last < line.size() && is_inside(last)) ++last;
    return line.replace(first, last - first, " ... ");
}

}  // namespace

std::string report_line(std::string_view program, std::string_view what, std::string_view next_step) {
    std::string line = std::string(program) + ": " + std::string(what);
    if (!next_step.empty()) line += "; " + std::string(next_step);
    std::replace(line.begin(), line.end(), '\n', ' ');
    return bounded(std::move(line));
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

// Not by stdio: while nobody reads, its lock would be held, and the program could not end.
int print(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0)
            text.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            return report("cannot write to standard output: " + std::system_category().message(errno));
    }
    return 0;
}

int finish(const Stop& stop) {
    if (stop.exit_code == 0) return print(stop.text);
    std::fputs((bounded(stop.text) + "\n").c_str(), stderr);
    return stop.exit_code;
}

}  // namespace skerry::apps
