#pragma once

// Why a stream can be no answer of HTTP/1.1, one reason each.

#include <cstdint>
#include <string_view>

namespace skerry::loadgen {

enum class HttpFault : std::uint8_t {
    none,
    status_line,         ///< no status line of HTTP/1.0 or 1.1
    switches_protocols,  ///< 101, which nobody asked for
    line_end,            ///< a line does not end with CR LF, or has one of the two inside
    header_field,        ///< a line without a name and a colon, a folded one
    head_too_long,       ///< status line, header and interim answers together
    content_length,      ///< no number, one above 2^63 - 1, or two that differ
    transfer_encoding,   ///< together with Content-Length, or in HTTP/1.0
    chunk_size,          ///< no hexadecimal number, or one above 2^63 - 1
    chunk_line_too_long,
    chunk_end,          ///< no CR LF behind a chunk's data
    trailer_too_long,   ///< the fields behind the last chunk
    ended_within,       ///< the connection ended in the middle of an answer
};

/// A few words for a person.
[[nodiscard]] std::string_view to_string(HttpFault fault) noexcept;

}  // namespace skerry::loadgen
