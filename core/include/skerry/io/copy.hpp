#pragma once

// copy: from a stream into another until the end.

#include "../base/result.hpp"
#include "../task/task.hpp"

#include <concepts>
#include <cstdint>
#include <utility>

namespace skerry::io {

/// Moves everything from `reader` to `writer`: segments are handed over, not copied, where the backend can.
/// Neither side is shut down at the end.
///
/// Shape:  returns the bytes moved, once the reader is at its end.
/// Errors: those of read_buf and write_buf; what was read and not written is lost with the connection.
/// Cancel: partial: an unknown part was moved.
template <class Reader, class Writer>
[[nodiscard]] Task<Result<std::uint64_t>> copy(Reader& reader, Writer& writer) {
    std::uint64_t moved = 0;
    for (;;) {
        auto segment = co_await reader.read_buf();
        if (!segment) co_return segment.error();
        if (segment->empty()) co_return moved;
        moved += segment->size();
        auto written = co_await writer.write_buf(std::move(*segment));
        if (!written) co_return written.error();
    }
}

}  // namespace skerry::io
