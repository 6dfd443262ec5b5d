#pragma once

// Numbers as text, the same whatever the locale says of decimal points: reports are read by programs too.

#include <charconv>
#include <string>

namespace skerry::apps {

/// `value` with that many decimals. Shape: finite.
[[nodiscard]] inline std::string fixed_text(double value, int decimals) {
    char text[400];  // 309 digits of the largest double, a point and the decimals
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, decimals).ptr;
    return {text, end};
}

/// `value` with as many decimals as it takes to read back the same double, and no exponent. Shape: finite.
[[nodiscard]] inline std::string exact_text(double value) {
    char text[400];
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr;
    return {text, end};
}

/// A whole number with a comma before every third digit from the right.
[[nodiscard]] inline std::string grouped_text(unsigned long long value) {
    std::string text = std::to_string(value);
    for (auto at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
    return text;
}

}  // namespace skerry::apps
