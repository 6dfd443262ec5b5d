#pragma once

// The one part of JSON that is not plain: strings. Writing the rest takes commas, so a report needs no JSON library;
// the tests read it with one.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace skerry::loadgen {

/// How many bytes the UTF-8 character at the front of `text` has, which is not empty; 0 where there is none: a byte
/// that no character begins with or that is cut short, an overlong form, a surrogate, one above U+10FFFF (RFC 3629
/// section 4).
[[nodiscard]] inline std::size_t utf8_length(std::string_view text) noexcept {
    struct Form {
        unsigned char lead_from, lead_to, second_from, second_to;
        std::size_t bytes;
    };
    constexpr std::array<Form, 9> forms{{{0x00, 0x7f, 0x00, 0xff, 1},
                                         {0xc2, 0xdf, 0x80, 0xbf, 2},
                                         {0xe0, 0xe0, 0xa0, 0xbf, 3},
                                         {0xe1, 0xec, 0x80, 0xbf, 3},
                                         {0xed, 0xed, 0x80, 0x9f, 3},
                                         {0xee, 0xef, 0x80, 0xbf, 3},
                                         {0xf0, 0xf0, 0x90, 0xbf, 4},
                                         {0xf1, 0xf3, 0x80, 0xbf, 4},
                                         {0xf4, 0xf4, 0x80, 0x8f, 4}}};
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (const Form& form : forms) {
        if (byte(0) < form.lead_from || byte(0) > form.lead_to) continue;
        if (form.bytes == 1) return 1;
        if (text.size() < form.bytes || byte(1) < form.second_from || byte(1) > form.second_to) return 0;
        for (std::size_t i = 2; i < form.bytes; ++i)
            if ((byte(i) & 0xc0U) != 0x80) return 0;
        return form.bytes;
    }
    return 0;
}

/// `text` in quotes. JSON is UTF-8 and a command line need not be: each byte that is part of no character becomes
/// U+FFFD.
[[nodiscard]] inline std::string json_string(std::string_view text) {
    constexpr char hex[] = "0123456789abcdef";
    std::string out = "\"";
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::string_view character = text.substr(0, length);
        const char c = text.front();
        const auto byte = static_cast<unsigned char>(c);
        text.remove_prefix(length == 0 ? 1 : length);
        if (length == 0) {
            out += "\xef\xbf\xbd";
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (byte < 0x20) {
            out += "\\u00";
            out += hex[byte >> 4];
            out += hex[byte & 15];
        } else {
            out += character;
        }
    }
    return out += '"';
}

}  // namespace skerry::loadgen
