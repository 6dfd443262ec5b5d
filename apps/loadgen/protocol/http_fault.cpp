#include "http_fault.hpp"

namespace skerry::loadgen {

std::string_view to_string(HttpFault fault) noexcept {
    switch (fault) {
        case HttpFault::none: break;
        case HttpFault::status_line: return "it does not begin with a status line of HTTP/1.0 or 1.1";
        case HttpFault::switches_protocols: return "it has status 101, and no other protocol was asked for";
        case HttpFault::line_end: return "a line of it does not end with CR LF";
        case HttpFault::header_field: return "a line of its header is no `name: value`";
        case HttpFault::head_too_long: return "its header is longer than 65,536 bytes";
        case HttpFault::content_length: return "its Content-Length is no length";
        case HttpFault::transfer_encoding:
            return "it has Transfer-Encoding together with Content-Length, or in HTTP/1.0";
        case HttpFault::chunk_size: return "the size of a chunk is no hexadecimal number, or too large";
        case HttpFault::chunk_line_too_long: return "the line with the size of a chunk is longer than 1,024 bytes";
        case HttpFault::chunk_end: return "a chunk is longer than its size";
        case HttpFault::trailer_too_long: return "what follows its last chunk is longer than 65,536 bytes";
        case HttpFault::ended_within: return "the connection ended within it";
    }
    return "no fault";
}

}  // namespace skerry::loadgen
