#pragma once

// A write of several slices, for a stream that copies what it is given: small ones are put together first, so that a
// head and a body of a few hundred bytes leave in one segment.

#include "socket_ops.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

namespace skerry::backend {

/// `write` tries to write all of the request that it is given, once. A write that is cut short is the last.
template <class Write>
[[nodiscard]] Step write_gathered(WriteRequest& request, IoSlices slices, Write&& write) noexcept {
    std::array<std::byte, 2048> together;  // more than a segment of 1,500 bytes holds
    std::size_t used = 0;
    const auto put = [&](std::span<const std::byte> bytes) {
        WriteRequest piece;
        piece.from = bytes;
        write(piece);
        request.bytes += piece.bytes;
        if (request.bytes == 0) request.error = piece.error;  // else the next write tells of it
        return piece.bytes == bytes.size();
    };
    const auto put_together = [&] { return put(std::span(together).first(std::exchange(used, 0))); };
    const auto step = [&] {
        return request.bytes != 0 || request.error.code() != Errc::ok ? Step::done : Step::pending;
    };
    for (const std::span<const std::byte> slice : slices) {
        if (slice.empty()) continue;
        if (used != 0 && used + slice.size() > together.size() && !put_together()) return step();
        if (slice.size() > together.size()) {
            if (!put(slice)) return step();
            continue;
        }
        std::memcpy(together.data() + used, slice.data(), slice.size());
        used += slice.size();
    }
    if (used != 0) (void)put_together();
    return step();
}

}  // namespace skerry::backend
