#pragma once

// The kinds of values that skerry-loadgen's options have. A value that will not do ends the parsing with a line that
// says what is accepted.

#include "schedule.hpp"

#include "common/values.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace skerry::loadgen {

[[noreturn]] inline void refuse(const std::string& name, const std::string& text, const std::string& why) {
    throw CLI::ValidationError(name + "=" + text, why);
}

/// An option whose value is one of `all`, by the names that to_string() gives them.
template <class Enum, std::size_t count, class Take>
void add_choice(CLI::App& app, const std::string& name, const std::string& help, const Enum (&all)[count], Take take) {
    std::string accepted;
    for (const Enum value : all) accepted += (accepted.empty() ? "" : ", ") + std::string(to_string(value));
    const auto parse = [&all, name, accepted, take](const std::string& text) {
        for (const Enum value : all)
            if (text == to_string(value)) return take(value);
        refuse(name, text, "no such value; accepted: " + accepted);
    };
    app.add_option_function<std::string>(name, parse, help + ": " + accepted)->type_name("NAME");
}

template <class Take>
void add_duration(CLI::App& app, const std::string& name, const std::string& help, Take take) {
    const auto parse = [name, take](const std::string& text) {
        auto parsed = apps::parse_duration(text);
        if (!parsed) refuse(name, text, parsed.error().message);
        take(*parsed);
    };
    app.add_option_function<std::string>(name, parse, help)->type_name("TIME");
}

inline void add_duration(CLI::App& app, const std::string& name, const std::string& help, Nanos& target) {
    add_duration(app, name, help, [&target](Nanos value) { target = value; });
}

/// A whole number from `min` to `max`.
template <class Take>
void add_number(CLI::App& app, const std::string& name, const std::string& help, std::uint64_t min, std::uint64_t max,
                Take take) {
    const auto parse = [name, min, max, take](const std::string& text) {
        const auto value = apps::parse_whole_number(text, max);
        if (!value || *value < min)
            refuse(name, text, "accepted: a whole number from " + std::to_string(min) + " to " + std::to_string(max));
        take(*value);
    };
    app.add_option_function<std::string>(name, parse, help)->type_name("N");
}

}  // namespace skerry::loadgen
