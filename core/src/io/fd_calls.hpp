#pragma once

// System calls on descriptors that do not block, as AsyncFd::async_io() takes them: a Result, and would_block among its
// errors. Each is repeated when a signal interrupted it: Linux does not interrupt calls that do not wait, but what
// stands between a container and it may.

#include <skerry/base/held_signal.hpp>
#include <skerry/base/io_buf.hpp>
#include <skerry/base/result.hpp>
#include <skerry/io/async_fd.hpp>
#include <skerry/task/task.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <span>

namespace skerry::io::detail {

/// What `call()` gives, as soon as no signal interrupts it.
template <class F>
auto uninterrupted(F call) noexcept {
    for (;;) {
        const auto answer = call();
        if (answer >= 0 || errno != EINTR) return answer;
    }
}

inline Error last_error() noexcept { return Error::from_os(errno); }

inline Result<std::size_t> counted(ssize_t answer) noexcept {
    if (answer < 0) return last_error();
    return static_cast<std::size_t>(answer);
}

inline Result<std::size_t> read_some(int fd, std::span<std::byte> out) noexcept {
    return counted(uninterrupted([&] { return ::read(fd, out.data(), out.size()); }));
}

/// For sockets: a peer that has gone is an error and no signal.
inline Result<std::size_t> send_some(int fd, std::span<const std::byte> data) noexcept {
    return counted(uninterrupted([&] { return ::send(fd, data.data(), data.size(), MSG_NOSIGNAL); }));
}

/// For what is no socket.
inline Result<std::size_t> write_some(int fd, std::span<const std::byte> data) noexcept {
    skerry::detail::HeldSignal held(SIGPIPE);
    const ssize_t answer = uninterrupted([&] { return ::write(fd, data.data(), data.size()); });
    const auto written = counted(answer);
    // Also behind what was written: the reader of a pipe may go while a call that waits is in the middle of its data.
    if (written ? *written < data.size() : written.error() == Errc::broken_pipe) held.take();
    return written;
}

/// A read into a buffer of its own, which is made when there is something: who waits holds none.
inline Result<IoBuf> read_segment(int fd) noexcept {
    constexpr std::size_t segment_bytes = 16 * 1024;
    IoBuf segment = IoBuf::allocate(segment_bytes);
    if (!segment) return Errc::no_buffers;
    const auto count = read_some(fd, segment.writable());
    if (!count) return count.error();
    segment.set_size(*count);
    return segment;
}

using WriteCall = Result<std::size_t> (*)(int, std::span<const std::byte>) noexcept;

/// Calls `write` until all is written.
inline Task<Result<>> write_whole(AsyncFd& fd, WriteCall write, std::span<const std::byte> data) {
    while (!data.empty()) {
        auto count = co_await fd.async_io(Interest::writable, write, data);
        if (!count) co_return count.error();
        data = data.subspan(*count);
    }
    co_return Result<>();
}

/// The same from a buffer that it takes.
inline Task<Result<>> write_whole_buf(AsyncFd& fd, WriteCall write, IoBuf data) {
    auto written = co_await write_whole(fd, write, data.bytes());
    co_return written;
}

inline Task<Result<>> read_whole(AsyncFd& fd, std::span<std::byte> out) {
    while (!out.empty()) {
        auto count = co_await fd.async_io(Interest::readable, &read_some, out);
        if (!count) co_return count.error();
        if (*count == 0) co_return Errc::unexpected_eof;
        out = out.subspan(*count);
    }
    co_return Result<>();
}

/// Makes calls on `fd` not wait.
inline Result<> set_nonblocking(int fd, bool on) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) return last_error();
    if (::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) != 0) return last_error();
    return {};
}

}  // namespace skerry::io::detail
