#pragma once

// The one part of JSON that is not plain: strings. Writing the rest takes commas, so a report needs no JSON library;
// the tests read it with one.

#include <string>
#include <string_view>

namespace skerry::loadgen {

/// `text` in quotes. Bytes above 0x7F pass as they are: what they are quoted from is UTF-8.
[[nodiscard]] inline std::string json_string(std::string_view text) {
    constexpr char hex[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (byte < 0x20) {
            out += "\\u00";
            out += hex[byte >> 4];
            out += hex[byte & 15];
        } else {
            out += c;
        }
    }
    return out += '"';
}

}  // namespace skerry::loadgen
