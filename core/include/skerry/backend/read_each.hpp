#pragma once

// A vectored read where what has come is in the program's memory already: one read a slice costs nothing to speak of.

#include "socket_ops.hpp"

#include <cstddef>
#include <span>
#include <utility>

namespace skerry::backend {

/// A StreamOps::read_vectored that fills each slice by as many calls of `read` as it takes, and ends where there is
/// nothing more. An error behind some bytes is for the next read.
template <Step (*read)(StreamSocket&, ReadRequest&) noexcept>
Step read_each(StreamSocket& socket, ReadRequest& request, IoSlicesMut slices) noexcept {
    std::size_t total = 0;
    const std::span<std::byte> first = request.into;
    for (const std::span<std::byte> slice : slices) {
        std::size_t filled = 0;
        while (filled < slice.size() && (total == 0 || socket.may_read)) {
            request.bytes = 0;
            request.into = slice.subspan(filled);
            const Step step = read(socket, request);
            if (step == Step::pending || request.bytes == 0) {
                request.into = first;
                if (total == 0) return step;
                request.bytes = total;
                if (request.error.code() != Errc::ok) socket.given_back_error = std::exchange(request.error, Error{});
                return Step::done;
            }
            filled += request.bytes;
            total += request.bytes;
        }
        if (filled < slice.size()) break;
    }
    request.into = first;
    request.bytes = total;
    return Step::done;
}

}  // namespace skerry::backend
