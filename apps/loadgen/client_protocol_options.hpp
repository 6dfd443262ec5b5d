#pragma once

// The options that belong to one protocol.

#include "client_settings.hpp"

#include <string>

namespace CLI {
class App;
}

namespace skerry::loadgen {

/// Adds them. Lifetime: `settings` outlives the parsing.
void add_protocol_options(CLI::App& app, Settings& settings);

/// Fills in what follows from other options.
void complete_protocol(Settings& settings);

/// What the options say together; empty when they fit.
[[nodiscard]] std::string contradiction_of_protocol(const Settings& settings);

}  // namespace skerry::loadgen
