#pragma once

// Text inside HTML and SVG.

#include <string>
#include <string_view>

namespace skerry::loadgen::chart {

/// `text` as it stands between tags and in quoted attributes. Control characters, which XML does not allow, become
/// spaces; line feeds and tabs stay.
[[nodiscard]] inline std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
        }
    }
    return out;
}

}  // namespace skerry::loadgen::chart
