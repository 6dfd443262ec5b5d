#pragma once

// Reads a TOML file into the options of a CLI::App. CLI11 brings a reader of its own; toml++ is used because
// CLI11's takes a dialect only and cannot name the line of a mistake.

#include <CLI/CLI.hpp>

#include <string>

namespace skerry::apps {

/// CLI11's file reader: gives each option that the command line left out the value the file has for it.
///
/// Errors:   throws CLI::ConfigError, whose text begins with `file:line`, as CLI11 wants its errors.
/// Lifetime: `app` owns this object.
class TomlConfig final : public CLI::Config {
public:
    explicit TomlConfig(CLI::App& app) : app_(app) {}

    /// Writing a file is not offered; the text is empty.
    std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }

    /// Sets the options itself and returns no item: so the line is still known when a value is refused.
    std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

private:
    CLI::App& app_;
};

/// The names of the options a file may set (`dashes` empty) or the command line takes ("--"), with commas.
std::string accepted_names(const CLI::App& app, std::string_view dashes);

}  // namespace skerry::apps
