#pragma once

// What the characters of a script are, whatever the locale of the process says.

namespace skerry::pkt::syntax {

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
[[nodiscard]] constexpr bool begins_word(char c) noexcept { return is_letter(c) || c == '_'; }
[[nodiscard]] constexpr bool continues_word(char c) noexcept { return begins_word(c) || is_digit(c); }
/// A blank within a line; scripts written on Windows end lines with CR LF.
[[nodiscard]] constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\f'; }
/// 0 to 15, or -1.
[[nodiscard]] constexpr int digit_value(char c) noexcept {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace skerry::pkt::syntax
