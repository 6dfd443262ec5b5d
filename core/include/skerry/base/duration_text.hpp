#pragma once

// Lengths of time as a person writes them: a whole number and its unit.

#include "result.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>

namespace skerry {

/// Ten years: a few of these may be added to each other and to the time.
inline constexpr std::chrono::nanoseconds duration_text_max = std::chrono::hours{24} * 365 * 10;

enum class DurationFault : std::uint8_t {
    form,  ///< not a whole number and one of the units
    length,  ///< more than duration_text_max
};

/// `7ns`, `250us`, `100ms`, `5s`, `2min`. Zero is a duration.
[[nodiscard]] inline Result<std::chrono::nanoseconds, DurationFault> parse_duration(std::string_view text) noexcept {
    constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
        {{"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}, {"min", 60'000'000'000}}};
    std::int64_t count = 0;
    const char* const end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, count);
    const std::string_view written(after, static_cast<std::size_t>(end - after));
    for (const auto& [unit, nanoseconds] : units) {
        if (written != unit || error == std::errc::invalid_argument || text.front() == '-') continue;
        if (error != std::errc() || count > duration_text_max.count() / nanoseconds)
            return Unexpected(DurationFault::length);
        return std::chrono::nanoseconds(count * nanoseconds);
    }
    return Unexpected(DurationFault::form);
}

}  // namespace skerry
