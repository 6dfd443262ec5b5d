#pragma once

// Standard input, output and error of this program.
//
// A terminal or a pipe is opened a second time, through /proc, so that it can be non-blocking for us and stays blocking
// for the shell and whoever else has it; a socket is asked call by call not to wait. The slow lane watches them. What
// cannot be watched (a file on a disk) or opened again (another user's terminal) is read and written on the blocking
// pool, where a thread waits for it, also when somebody has made it non-blocking.

#include "async_fd.hpp"

#include "../base/io_buf.hpp"
#include "../base/owned_fd.hpp"
#include "../base/result.hpp"
#include "../task/join_handle.hpp"
#include "../task/task.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace skerry::io {

namespace detail {

/// One of the three, as it can be had.
class StandardFd {
public:
    enum class Kind : std::uint8_t { watched, socket, pooled };

    [[nodiscard]] static Result<StandardFd> open(int number, bool for_writing);

    Kind kind;
    std::optional<AsyncFd> watched;  // watched, socket
    std::shared_ptr<const OwnedFd> pooled;  // pooled
};

}  // namespace detail

/// Standard input. Several of them, or another program, read from the same: each byte goes to one. Of one, a task at a
/// time reads; asserted.
///
/// Lifetime: buffers and this outlive every await on it.
/// Threads:  its own core; asserted in debug builds.
class Stdin {
public:
    /// Errors: invalid_argument, when this program has no standard input; no_descriptors.
    [[nodiscard]] static Result<Stdin> open();

    /// Reads what is there, waiting for at least one byte.
    ///
    /// Shape:  returns n, 0 < n <= out.size(); 0 at the end, or when `out` is empty.
    /// Errors: io, for instance of a terminal that has gone; runtime_shutdown.
    /// Cancel: safe: what a thread of the pool has read is kept for the next read.
    [[nodiscard]] Task<Result<std::size_t>> read(std::span<std::byte> out);

    /// Waits for bytes and hands over a buffer with them; an empty one at the end.
    ///
    /// Errors: as read; no_buffers, when memory is short.
    /// Cancel: safe: what a thread of the pool has read is kept for the next read.
    [[nodiscard]] Task<Result<IoBuf>> read_buf();

private:
    explicit Stdin(detail::StandardFd fd) noexcept : fd_(std::move(fd)) {}

    detail::StandardFd fd_;
    IoBuf kept_;  // read, and not taken whole
    bool is_reading_ = false;
    std::optional<JoinHandle<Result<IoBuf>>> under_way_;  // asked of the pool; stays when its await is cancelled
};

/// Standard output or standard error. There is no buffer: what a write says is written is. A task at a time writes;
/// asserted.
///
/// Lifetime: buffers and this outlive every await on it.
/// Threads:  its own core; asserted in debug builds.
class Stdout {
public:
    /// Errors: invalid_argument, when this program has none; no_descriptors.
    [[nodiscard]] static Result<Stdout> open();

    /// Standard error.
    ///
    /// Errors: as open.
    [[nodiscard]] static Result<Stdout> open_error();

    /// Writes some of `data`, waiting until there is room.
    ///
    /// Shape:  returns n, 0 < n <= data.size(); 0 when `data` is empty.
    /// Errors: broken_pipe, which is no signal; full, io, runtime_shutdown; no_buffers, when memory is short.
    /// Cancel: partial: what the pool was asked for it writes all the same, in front of the next write, also when this
    ///         has gone; nothing was written to a terminal, pipe or socket that is watched.
    [[nodiscard]] Task<Result<std::size_t>> write(std::span<const std::byte> data);

    /// Writes all of `data`.
    ///
    /// Errors: as write.
    /// Cancel: partial: an unknown part was written, or is before the next write.
    [[nodiscard]] Task<Result<>> write_all(std::span<const std::byte> data);

    /// write_all() from a buffer that is handed over.
    ///
    /// Errors: as write.
    /// Cancel: partial, as write_all.
    [[nodiscard]] Task<Result<>> write_buf(IoBuf data);

private:
    explicit Stdout(detail::StandardFd fd) noexcept : fd_(std::move(fd)) {}

    detail::StandardFd fd_;
    bool is_writing_ = false;
    std::optional<JoinHandle<Result<std::size_t>>> under_way_;  // asked of the pool; stays when its await is cancelled
};

}  // namespace skerry::io
