#include "toml_config.hpp"

#include <toml++/toml.h>

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace skerry::apps {

namespace {

std::string place(const std::string& file, const toml::source_region& source) {
    return file + ":" + std::to_string(source.begin.line) + ": ";
}

/// The text that the command line would have; nothing for tables, dates and nested arrays.
std::optional<std::string> text_of(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
    if (const auto* number = node.as_floating_point()) {
        std::array<char, 400> text;  // 309 digits of the largest double, a point and its decimals
        const auto end = std::to_chars(text.begin(), text.end(), number->get(), std::chars_format::fixed).ptr;
        return std::string(text.begin(), end);
    }
    return std::nullopt;
}

/// One text, or one for each element of an array; nothing when some value has no text.
std::optional<std::vector<std::string>> texts_of(const toml::node& node) {
    std::vector<std::string> texts;
    if (const toml::array* array = node.as_array()) {
        for (const toml::node& element : *array) {
            std::optional<std::string> text = text_of(element);
            if (!text) return std::nullopt;
            texts.push_back(std::move(*text));
        }
        return texts;
    }
    std::optional<std::string> text = text_of(node);
    if (!text) return std::nullopt;
    texts.push_back(std::move(*text));
    return texts;
}

void set_option(CLI::Option& option, const std::string& key, std::vector<std::string> texts) {
    // `cores = [0, 1]` is the list that the command line writes with commas.
    if (texts.size() > 1 && option.get_items_expected_max() == 1) texts = {CLI::detail::join(texts, ",")};
    if (option.get_expected_min() == 0) {
        if (texts.size() != 1 || (texts.front() != "true" && texts.front() != "false"))
            throw CLI::ConfigError(key + ": true or false is accepted");
        option.add_result(option.get_flag_value(key, texts.front()));
    } else {
        for (const std::string& text : texts)
            if (text.empty()) throw CLI::ConfigError(key + ": the value is missing");
        option.add_result(texts);
    }
    option.run_callback();
}

toml::table parse_toml(std::istream& input, const std::string& file) {
    try {
        return toml::parse(input, file);
    } catch (const toml::parse_error& error) {
        throw CLI::ConfigError(place(file, error.source()) + std::string(error.description()));
    }
}

}  // namespace

std::string accepted_names(const CLI::App& app, std::string_view dashes) {
    std::string names;
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_lnames().empty() || (dashes.empty() && !option->get_configurable())) continue;
        if (!names.empty()) names += ", ";
        names += std::string(dashes) + option->get_lnames().front();
    }
    return names;
}

std::vector<CLI::ConfigItem> TomlConfig::from_config(std::istream& input) const {
    const std::string file = app_.get_config_ptr()->as<std::string>();
    const toml::table table = parse_toml(input, file);
    if (input.bad()) throw CLI::ConfigError("--config=" + file + ": cannot be read; accepted: a TOML file");
    for (const auto& [key, node] : table) {
        const std::string name(key.str());
        const std::string where = place(file, key.source());
        CLI::Option* option = app_.get_option_no_throw("--" + name);
        if (option == nullptr || !option->get_configurable())
            throw CLI::ConfigError(where + "unknown key \"" + name + "\"; accepted: " + accepted_names(app_, ""));
        std::optional<std::vector<std::string>> texts = texts_of(node);
        if (!texts || texts->empty())
            throw CLI::ConfigError(where + name + ": a string, a number, true, false or an array of these is accepted");
        if (option->count() > 0) continue;  // the command line has spoken
        try {
            set_option(*option, name, std::move(*texts));
        } catch (const CLI::ParseError& error) {
            throw CLI::ConfigError(where + error.what());
        }
    }
    return {};
}

}  // namespace skerry::apps
