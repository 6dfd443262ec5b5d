#include "settings_file.hpp"

#include <algorithm>
#include <utility>

namespace skerry::pkt {

namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

}  // namespace

Result<std::vector<Setting>, std::size_t> read_settings(std::string_view text) {
    std::vector<Setting> settings;
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = trimmed(text.substr(at, std::min(text.find('#', at), end) - at));
        at = end + 1;
        ++number;
        if (line.empty()) continue;
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || equals == 0) return Unexpected(number);
        settings.push_back(
            {std::string(trimmed(line.substr(0, equals))), std::string(trimmed(line.substr(equals + 1)))});
    }
    return settings;
}

MakeSystem with_settings(MakeSystem make, std::vector<Setting> settings) {
    if (settings.empty()) return make;
    return [make = std::move(make), settings = std::move(settings)](
               const SystemConfig& config) -> Result<std::unique_ptr<System>, Unsupported> {
        auto system = make(config);
        if (!system) return system;
        for (const Setting& setting : settings)
            if (auto why = (*system)->set(setting.name, setting.value)) return Unexpected(*std::move(why));
        return system;
    };
}

}  // namespace skerry::pkt
