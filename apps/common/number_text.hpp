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

/// Digits with a comma before every third one from the right.
[[nodiscard]] inline std::string grouped_digits(std::string digits) {
    for (auto at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
    return digits;
}

/// The same of a whole number.
[[nodiscard]] inline std::string grouped_text(unsigned long long value) {
    return grouped_digits(std::to_string(value));
}

}  // namespace skerry::apps
