#pragma once

// copy: from a stream into another until the end.

#include "../base/result.hpp"
#include "../net/splice.hpp"
#include "../task/task.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace skerry::io {

namespace detail {

/// The connections themselves: what is derived from them or stands for them has reads and writes of its own.
template <class Stream>
concept Connection = std::same_as<Stream, net::TcpStream> || std::same_as<Stream, net::OwnedReadHalf> ||
                     std::same_as<Stream, net::OwnedWriteHalf>;

/// What a pair that cannot be spliced has in the place of net::Splice.
struct NoSplice {
    template <class Reader, class Writer>
    NoSplice(Reader&, Writer&) noexcept {}
};

template <class Reader, class Writer>
using SpliceOf = std::conditional_t<Connection<Reader> && Connection<Writer>, net::Splice, NoSplice>;

}  // namespace detail

/// Moves everything from `reader` to `writer`: segments are handed over, not copied, where the backend can, and what
/// much of two connections of the kernel holds does not enter the program (net::Splice; on epoll, not on io_uring,
/// which has received it already). Neither side is shut down at the end.
///
/// Shape:  returns the bytes moved, once the reader is at its end.
/// Errors: those of read_buf and write_buf; what was read and not written is lost with the connection.
/// Cancel: partial: an unknown part was moved.
/// Cost:   once 256 KiB have come and more is there than a buffer holds, a pipe (two descriptors): until that is moved,
///         or until the end for the first 64 copies of a program.
template <class Reader, class Writer>
[[nodiscard]] Task<Result<std::uint64_t>> copy(Reader& reader, Writer& writer) {
    std::uint64_t moved = 0;
    detail::SpliceOf<Reader, Writer> splice(reader, writer);
    for (;;) {
        auto segment = co_await reader.read_buf();
        if (!segment) co_return segment.error();
        if (segment->empty()) co_return moved;
        const std::size_t bytes = segment->size();
        moved += bytes;
        auto written = co_await writer.write_buf(std::move(*segment));
        if (!written) co_return written.error();
        if constexpr (std::same_as<decltype(splice), net::Splice>) {
            if (!splice.is_worth_it(moved, bytes)) continue;
            auto spliced = co_await splice.move();
            if (!spliced) co_return spliced.error();
            moved += *spliced;
        }
    }
}

}  // namespace skerry::io
