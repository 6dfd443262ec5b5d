#pragma once

// Pipes, with a name (a fifo) and without.

#include "../base/io_buf.hpp"
#include "../base/owned_fd.hpp"
#include "../base/result.hpp"
#include "../io/async_fd.hpp"
#include "../task/task.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace skerry::net::pipe {

/// The end that writes, owned by the core that made it. Dropping it ends the stream for the reader.
///
/// Nobody who reads any more is an error, broken_pipe, and no signal.
///
/// Lifetime: buffers and the sender outlive every await on it.
/// Threads:  its own core; asserted in debug builds.
class Sender {
public:
    /// Takes over the writing end of a pipe and makes it non-blocking.
    ///
    /// Errors: invalid_argument, when it is no pipe or cannot be written; as io::AsyncFd::watch. The descriptor is
    ///         closed then.
    [[nodiscard]] static Result<Sender> from_fd(OwnedFd fd);

    /// Writes some of `data`, waiting until there is room. Up to 4096 bytes are written whole, and not mixed with what
    /// others write into the same pipe.
    ///
    /// Shape:  returns n, 0 < n <= data.size(); 0 when `data` is empty.
    /// Errors: broken_pipe, runtime_shutdown.
    /// Cancel: safe: nothing was written.
    [[nodiscard]] Task<Result<std::size_t>> write(std::span<const std::byte> data);

    /// Writes all of `data`.
    ///
    /// Errors: as write.
    /// Cancel: partial: an unknown part was written.
    [[nodiscard]] Task<Result<>> write_all(std::span<const std::byte> data);

    /// write_all() from a buffer that is handed over.
    ///
    /// Errors: as write.
    /// Cancel: partial, as write_all.
    [[nodiscard]] Task<Result<>> write_buf(IoBuf data);

    /// Writes what there is room for now.
    ///
    /// Errors: as write; would_block.
    Result<std::size_t> try_write(std::span<const std::byte> data) noexcept;

    /// Gives the descriptor back, blocking again: what another program or thread expects.
    [[nodiscard]] OwnedFd into_blocking_fd() && noexcept;
    [[nodiscard]] io::AsyncFd& async_fd() noexcept { return fd_; }

private:
    friend class OpenOptions;
    explicit Sender(io::AsyncFd fd) noexcept : fd_(std::move(fd)) {}
    static Result<Sender> over(OwnedFd fd);
    friend Result<std::pair<Sender, class Receiver>> pipe();
    io::AsyncFd fd_;
};

/// The end that reads, owned by the core that made it.
///
/// Lifetime: buffers and the receiver outlive every await on it.
/// Threads:  its own core; asserted in debug builds.
class Receiver {
public:
    /// Takes over the reading end of a pipe and makes it non-blocking.
    ///
    /// Errors: invalid_argument, when it is no pipe or cannot be read; as io::AsyncFd::watch. The descriptor is closed
    ///         then.
    [[nodiscard]] static Result<Receiver> from_fd(OwnedFd fd);

    /// Reads what is there, waiting for at least one byte.
    ///
    /// Shape:  returns n, 0 < n <= out.size(); 0 when nobody writes any more, or when `out` is empty.
    /// Errors: runtime_shutdown.
    /// Cancel: safe: nothing was read.
    [[nodiscard]] Task<Result<std::size_t>> read(std::span<std::byte> out);

    /// Waits for bytes and hands over a buffer with them; an empty one at the end. Who waits holds no buffer.
    ///
    /// Errors: runtime_shutdown; no_buffers, when memory is short.
    /// Cancel: safe: nothing was read.
    [[nodiscard]] Task<Result<IoBuf>> read_buf();

    /// Fills `out` whole.
    ///
    /// Errors: runtime_shutdown; unexpected_eof, when nobody writes any more.
    /// Cancel: partial: what was read is lost to the caller; use read() in a select.
    [[nodiscard]] Task<Result<>> read_exact(std::span<std::byte> out);

    /// Everything up to the end, behind what `out` holds.
    ///
    /// Errors: as read_buf.
    /// Cancel: partial: what was read is in `out`.
    [[nodiscard]] Task<Result<>> read_to_end(std::string& out);

    /// Reads what is there now.
    ///
    /// Errors: would_block.
    Result<std::size_t> try_read(std::span<std::byte> out) noexcept;

    /// Gives the descriptor back, blocking again.
    [[nodiscard]] OwnedFd into_blocking_fd() && noexcept;
    [[nodiscard]] io::AsyncFd& async_fd() noexcept { return fd_; }

private:
    friend class OpenOptions;
    explicit Receiver(io::AsyncFd fd) noexcept : fd_(std::move(fd)) {}
    static Result<Receiver> over(OwnedFd fd);
    friend Result<std::pair<Sender, Receiver>> pipe();
    io::AsyncFd fd_;
};

/// Both ends of a new pipe.
///
/// Errors: no_descriptors; unsupported, on a core without a slow lane.
[[nodiscard]] Result<std::pair<Sender, Receiver>> pipe();

/// Opens a fifo, which is a pipe with a name (mkfifo). Opening never waits.
class OpenOptions {
public:
    /// Opens it for both directions, so that this end is there for itself: a receiver then sees no end when the last
    /// writer has gone, and a sender needs no reader. Linux has that, other systems need not.
    OpenOptions& read_write(bool on) noexcept {
        read_write_ = on;
        return *this;
    }
    /// Does not look whether it is a fifo.
    OpenOptions& unchecked(bool on) noexcept {
        unchecked_ = on;
        return *this;
    }

    /// Errors: not_found; permission_denied; invalid_argument, when it is no fifo or has a zero byte; no_descriptors;
    ///         unsupported, on a core without a slow lane.
    [[nodiscard]] Result<Receiver> open_receiver(const std::string& path) const;

    /// Errors: connection_refused, with ENXIO as its os_error(), when nobody has it open for reading; as open_receiver.
    [[nodiscard]] Result<Sender> open_sender(const std::string& path) const;

private:
    [[nodiscard]] Result<OwnedFd> open(const std::string& path, int access) const noexcept;
    bool read_write_ = false;
    bool unchecked_ = false;
};

}  // namespace skerry::net::pipe
