#pragma once

// A connection between processes of one machine. The same on every backend that has a slow lane: the kernel carries it.

#include "unix_addr.hpp"

#include "../backend/socket_ops.hpp"
#include "../base/io_buf.hpp"
#include "../base/owned_fd.hpp"
#include "../base/result.hpp"
#include "../io/async_fd.hpp"
#include "../task/task.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace skerry::net {

using backend::ShutdownHow;

class UnixReadHalf;
class UnixWriteHalf;

/// A connected Unix stream socket, owned by the core that made it. Dropping it closes; the peer still gets what was
/// written, and a reset if it had sent what nobody read.
///
/// One task may read while another writes.
///
/// Lifetime: buffers and the stream outlive every await on it.
/// Threads:  its own core; asserted in debug builds.
class UnixStream {
public:
    /// Connects to who listens at `to`. While the listener's queue is full it tries again, at growing intervals of at
    /// most 10 ms, because the kernel tells nobody when there is room.
    ///
    /// Errors: not_found, when there is no such path; connection_refused, when nobody listens there; permission_denied;
    ///         no_descriptors; invalid_argument, for an address without a name; unsupported, when it is a datagram
    ///         socket, and on a core without a slow lane.
    /// Cancel: safe: the attempt is given up and the descriptor closed.
    [[nodiscard]] static Task<Result<UnixStream>> connect(UnixAddr to);

    /// Two streams that are connected to each other.
    ///
    /// Errors: no_descriptors, no_memory; unsupported, on a core without a slow lane.
    [[nodiscard]] static Result<std::pair<UnixStream, UnixStream>> pair();

    /// Takes over a connected socket, which is made non-blocking.
    ///
    /// Errors: as io::AsyncFd::watch. The descriptor is closed then.
    [[nodiscard]] static Result<UnixStream> from_fd(OwnedFd fd);

    /// Reads what is there, waiting for at least one byte.
    ///
    /// Shape:  returns n, 0 < n <= out.size(); 0 at the end of the stream, or when `out` is empty.
    /// Errors: connection_reset, runtime_shutdown.
    /// Cancel: safe: nothing was read.
    [[nodiscard]] Task<Result<std::size_t>> read(std::span<std::byte> out);

    /// Waits for bytes and hands over a buffer with them; an empty one at the end of the stream. Who waits holds no
    /// buffer.
    ///
    /// Errors: as read; no_buffers, when memory is short.
    /// Cancel: safe: nothing was read.
    [[nodiscard]] Task<Result<IoBuf>> read_buf();

    /// Fills `out` whole.
    ///
    /// Errors: as read; unexpected_eof, when the stream ends before.
    /// Cancel: partial: what was read is lost to the caller; use read() in a select.
    [[nodiscard]] Task<Result<>> read_exact(std::span<std::byte> out);

    /// Writes some of `data`, waiting until there is room for at least one byte.
    ///
    /// Shape:  returns n, 0 < n <= data.size(); 0 when `data` is empty.
    /// Errors: broken_pipe, connection_reset, runtime_shutdown.
    /// Cancel: safe: nothing was written.
    [[nodiscard]] Task<Result<std::size_t>> write(std::span<const std::byte> data);

    /// Writes all of `data`.
    ///
    /// Errors: as write.
    /// Cancel: partial: an unknown part was written; the stream is of use only to be closed.
    [[nodiscard]] Task<Result<>> write_all(std::span<const std::byte> data);

    /// write_all() from a buffer that is handed over.
    ///
    /// Errors: as write.
    /// Cancel: partial, as write_all.
    [[nodiscard]] Task<Result<>> write_buf(IoBuf data);

    /// Ends one direction or both; the peer reads what was written and then the end. Calling it again, or after the
    /// peer has gone, is no error.
    Result<> shutdown(ShutdownHow how = ShutdownHow::write) noexcept;

    /// Separates the directions so that two tasks may own one each. Dropping the write half ends the direction; the
    /// connection closes when both are gone.
    [[nodiscard]] std::pair<UnixReadHalf, UnixWriteHalf> into_split() &&;

    /// Who connected, or listened, at the other end, as they were then.
    ///
    /// Errors: what the kernel says of a socket that is none of this kind.
    [[nodiscard]] Result<UCred> peer_cred() const noexcept;

    [[nodiscard]] Result<UnixAddr> local_addr() const noexcept;
    /// Of who connected without binding: an unnamed one.
    /// Errors: not_connected, when the peer has gone.
    [[nodiscard]] Result<UnixAddr> peer_addr() const noexcept;

    /// Waits until a read may give something, for calls of one's own on fd().
    ///
    /// Cancel: safe.
    [[nodiscard]] io::Ready readable() noexcept { return fd_.readable(); }
    /// Waits until there may be room to write.
    ///
    /// Cancel: safe.
    [[nodiscard]] io::Ready writable() noexcept { return fd_.writable(); }
    [[nodiscard]] io::AsyncFd& async_fd() noexcept { return fd_; }

private:
    friend class UnixListener;

    explicit UnixStream(io::AsyncFd fd) noexcept : fd_(std::move(fd)) {}
    io::AsyncFd fd_;
};

/// The reading side of a stream that was split.
class UnixReadHalf {
public:
    explicit UnixReadHalf(std::shared_ptr<UnixStream> stream) noexcept : stream_(std::move(stream)) {}
    /// Cancel: safe. As UnixStream::read.
    [[nodiscard]] Task<Result<std::size_t>> read(std::span<std::byte> out) { return stream_->read(out); }
    /// Cancel: safe. As UnixStream::read_buf.
    [[nodiscard]] Task<Result<IoBuf>> read_buf() { return stream_->read_buf(); }
    /// Cancel: partial. As UnixStream::read_exact.
    [[nodiscard]] Task<Result<>> read_exact(std::span<std::byte> out) { return stream_->read_exact(out); }
    [[nodiscard]] UnixStream& stream() noexcept { return *stream_; }

private:
    std::shared_ptr<UnixStream> stream_;
};

/// The writing side of a stream that was split. Dropping it ends the direction.
class UnixWriteHalf {
public:
    explicit UnixWriteHalf(std::shared_ptr<UnixStream> stream) noexcept : stream_(std::move(stream)) {}
    UnixWriteHalf(UnixWriteHalf&&) noexcept = default;
    UnixWriteHalf& operator=(UnixWriteHalf&&) = delete;
    ~UnixWriteHalf() {
        if (stream_ != nullptr) (void)stream_->shutdown(ShutdownHow::write);
    }
    /// Cancel: safe. As UnixStream::write.
    [[nodiscard]] Task<Result<std::size_t>> write(std::span<const std::byte> data) { return stream_->write(data); }
    /// Cancel: partial. As UnixStream::write_all.
    [[nodiscard]] Task<Result<>> write_all(std::span<const std::byte> data) { return stream_->write_all(data); }
    /// Cancel: partial. As UnixStream::write_buf.
    [[nodiscard]] Task<Result<>> write_buf(IoBuf data) { return stream_->write_buf(std::move(data)); }
    Result<> shutdown() noexcept { return stream_->shutdown(ShutdownHow::write); }
    [[nodiscard]] UnixStream& stream() noexcept { return *stream_; }

private:
    std::shared_ptr<UnixStream> stream_;
};

}  // namespace skerry::net
