#pragma once

// How a program ends with an error: one line `program: what; next step` on standard error and an exit code, 2 for
// a usage error and 1 for everything else.

#include "options.hpp"

#include <skerry/base/error.hpp>
#include <skerry/runtime/config.hpp>

#include <string>
#include <string_view>
#include <type_traits>

namespace skerry::apps {

inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;

/// The next step of a program that found no memory.
inline constexpr std::string_view more_memory = "give it more, by `ulimit -v` or the limit of its container";

/// `program: what; next_step` in one line without a newline; the last part is left out when it is empty.
std::string report_line(std::string_view program, std::string_view what, std::string_view next_step = {});

/// Prints the line under the running program's name and returns `exit_code`.
[[nodiscard]] int report(std::string_view what, std::string_view next_step = {}, int exit_code = exit_failure);

/// What the program was doing when the kernel or the runtime refused: `cannot listen on 127.0.0.1:80`.
[[nodiscard]] int report(const Error& error, std::string_view doing, std::string_view next_step = {});

/// A configuration that cannot be used is a usage error.
[[nodiscard]] int report(const runtime::ConfigError& error);

/// Any other error that brings its own line.
template <class WithMessage>
    requires std::is_convertible_v<decltype(WithMessage::message), std::string_view>
[[nodiscard]] int report(const WithMessage& error) {
    return report(std::string_view(error.message));
}

/// Prints `text` to standard output. Returns 0, or exit_failure after a line that says why it could not be written.
[[nodiscard]] int print(std::string_view text);

/// Prints what parse_options() stopped with and returns its exit code, or exit_failure when the help could not be
/// printed.
[[nodiscard]] int finish(const Stop& stop);

}  // namespace skerry::apps
