#pragma once

// A TCP connection. The same type on every backend.

#include "socket_addr.hpp"
#include "stream_ops.hpp"

#include "../backend/congestion_control.hpp"
#include "../backend/socket_ops.hpp"
#include "../base/result.hpp"
#include "../task/task.hpp"

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace skerry::net {

class TcpStream;
class OwnedReadHalf;
class OwnedWriteHalf;

using backend::IoSlices;
using backend::IoSlicesMut;
using backend::ShutdownHow;
using backend::SocketOption;
using backend::TcpInfo;
using backend::TcpState;

namespace detail {

/// The number of an option; -1, which is none, for a name that nobody knows.
[[nodiscard]] constexpr int as_congestion_control(std::string_view name) noexcept {
    const auto algorithm = backend::to_congestion_control(name);
    return algorithm ? static_cast<int>(*algorithm) : -1;
}

/// So many units as an option can say.
template <class Duration>
[[nodiscard]] constexpr int as_option(Duration duration) noexcept {
    using Count = typename Duration::rep;
    constexpr auto most = static_cast<Count>(std::numeric_limits<int>::max());
    return static_cast<int>(std::clamp<Count>(duration.count(), -most, most));
}

class ConnectAwaiter : private backend::ConnectRequest {
public:
    /// `options` outlives the suspension.
    explicit ConnectAwaiter(const SocketAddr& address, const backend::StreamSetup* options = nullptr) noexcept {
        to = address;
        setup = options;
    }
    ~ConnectAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept;
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept;
    [[nodiscard]] Result<TcpStream> await_resume() noexcept;
};

/// The record that a stream works on, for what stands beside it in this folder.
[[nodiscard]] inline backend::StreamSocket& socket_of(TcpStream& stream) noexcept;

}  // namespace detail

/// What TcpStream::connect returns.
class [[nodiscard]] Connect {
public:
    explicit Connect(const SocketAddr& to) noexcept : to_(to) {}
    [[nodiscard]] detail::ConnectAwaiter operator co_await() const noexcept { return detail::ConnectAwaiter(to_); }

private:
    SocketAddr to_;
};

/// A connection, owned by the core that connected or accepted it. TCP_NODELAY is set.
///
/// One task may read while another writes. Dropping it closes: what was written is still sent, and the peer
/// gets a reset if it had sent data that nobody read. How long unsent data is tried for is the user timeout
/// (set_user_timeout; the kernel's default is about 15 minutes).
///
/// Lifetime: buffers and the stream outlive every await on it.
/// Threads:  its own core; asserted in debug builds.
class TcpStream {
public:
    explicit TcpStream(backend::StreamSocket& socket) noexcept : socket_(&socket) {}
    TcpStream(TcpStream&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
    TcpStream& operator=(TcpStream&& other) noexcept {
        TcpStream taken(std::move(other));
        std::swap(socket_, taken.socket_);
        return *this;
    }
    ~TcpStream() {
        if (socket_ != nullptr) own().ops->close(socket_);
    }

    /// Connects to `to` from this core. What has to be asked of the socket before, asks a TcpSocket.
    ///
    /// Errors: connection_refused, timed_out (the kernel's own limit; use time::timeout for a shorter one),
    ///         unreachable, and by what a router says permission_denied, unsupported or io, each with its os_error();
    ///         no_descriptors, address_not_available, unsupported on a core without sockets.
    /// Cancel: safe: the attempt is given up and the descriptor closed.
    [[nodiscard]] static Connect connect(const SocketAddr& to) noexcept { return Connect(to); }

    /// Takes over a connected TCP socket of the kernel's, as one that was inherited or passed by another process. Its
    /// options stay: TCP_NODELAY is on only if it was.
    ///
    /// Errors: unsupported, where the sockets are not the kernel's; invalid_argument: it is no stream, or not TCP's;
    ///         not_connected; no_memory, no_descriptors. The descriptor is closed then.
    [[nodiscard]] static Result<TcpStream> from_fd(OwnedFd fd) noexcept;

    /// Reads what is there, waiting for at least one byte.
    ///
    /// Shape:  returns n, 0 < n <= out.size(); 0 at the end of the stream, or when `out` is empty.
    /// Errors: connection_reset, timed_out (keepalive or user timeout), or what a router or the link has said of the
    ///         silence, as unreachable; runtime_shutdown.
    /// Cancel: safe: bytes that had arrived are kept for the next read.
    /// Cost:   no allocation; on a kernel backend one system call a read.
    [[nodiscard]] Read read(std::span<std::byte> out) noexcept { return {*socket_, backend::ReadKind::copy, out}; }

    /// Reads what is there into `slices`, one behind the other, waiting for at least one byte: a head and a body go
    /// where they belong without being copied once more.
    ///
    /// Shape:    returns n, 0 < n <= the bytes of all slices; 0 at the end of the stream, or when they are all empty.
    ///           Fewer than are there when a cancelled read has left some, or the slices are more than one call takes.
    /// Errors:   as read.
    /// Lifetime: the slices and what they show outlive the await.
    /// Cancel:   safe: bytes that had arrived are kept for the next read.
    /// Cost:     on a kernel backend one system call, of 64 slices at most; a second one after a wait that filled the
    ///           first slice.
    [[nodiscard]] ReadVectored read_vectored(IoSlicesMut slices) noexcept { return {*socket_, slices}; }

    /// Reads without taking: the next read gives the same bytes again.
    ///
    /// Shape:  as read.
    /// Errors: as read.
    /// Cancel: safe.
    [[nodiscard]] Read peek(std::span<std::byte> out) noexcept { return {*socket_, backend::ReadKind::peek, out}; }

    /// Waits for the next segment and hands over the buffer it is in; an empty one at the end of the stream.
    /// An idle connection holds no buffer.
    ///
    /// Errors:   as read; no_buffers, when this core's pool is at its limit.
    /// Lifetime: the buffer is the caller's; it may move to another core.
    /// Cancel:   safe: the buffer is kept for the next read.
    [[nodiscard]] ReadBuf read_buf() noexcept { return ReadBuf(*socket_); }

    /// Fills `out` whole.
    ///
    /// Errors: as read; unexpected_eof, when the stream ends before.
    /// Cancel: partial: what was read is lost to the caller; use read() in a select.
    [[nodiscard]] Task<Result<>> read_exact(std::span<std::byte> out);

    /// Writes some of `data`, waiting until there is room for at least one byte.
    ///
    /// Shape:  returns n, 0 < n <= data.size(); 0 when `data` is empty.
    /// Errors: broken_pipe, connection_reset, timed_out and the like (as read()), no_buffers, runtime_shutdown.
    /// Cancel: safe: nothing was written.
    [[nodiscard]] Write write(std::span<const std::byte> data) noexcept { return {*socket_, data}; }

    /// Writes all of `data`.
    ///
    /// Errors: as write.
    /// Cancel: partial: an unknown part was written; the stream is of use only to be closed.
    [[nodiscard]] WriteAll write_all(std::span<const std::byte> data) noexcept { return {*socket_, data}; }

    /// Writes some of what lies in `slices`, from the front, waiting until there is room for at least one byte.
    ///
    /// Shape:    returns n, 0 < n <= the bytes of all slices; 0 when they are all empty.
    /// Errors:   as write.
    /// Lifetime: the slices and what they show outlive the await.
    /// Cancel:   safe: nothing was written.
    /// Cost:     on a kernel backend one system call, of 64 slices at most.
    [[nodiscard]] WriteVectored write_vectored(IoSlices slices) noexcept { return {*socket_, slices}; }

    /// Writes all of what lies in `slices`: a head and a body in as few segments as they need, where there is room and
    /// no more slices than one call takes.
    ///
    /// Errors:   as write.
    /// Lifetime: as write_vectored.
    /// Cancel:   partial, as write_all.
    [[nodiscard]] Task<Result<>> write_all_vectored(IoSlices slices);

    /// Hands the buffer over to be written whole. A backend that can send from it does not copy: our stack with one of
    /// net::send_buffer() or read_buf() that nobody shares and that has no more than a segment (info().send_mss); for
    /// want of room it waits as it is. What is longer has to be cut, and what follows a short write that still waits
    /// belongs behind it: both are copied.
    ///
    /// Errors:   as write.
    /// Lifetime: `data` is taken when the await begins; await it in the expression that calls this.
    /// Cancel:   partial, as write_all.
    [[nodiscard]] WriteBuf write_buf(IoBuf&& data) noexcept { return {*socket_, data}; }

    /// Ends one direction or both: write sends FIN behind everything written, and the peer may still send.
    /// Calling it again, or after the peer's reset, is no error. Behind the end of both, data of the peer may reset the
    /// connection: nobody would read it (RFC 1122 section 4.2.2.13).
    ///
    /// Errors: runtime_shutdown.
    Result<> shutdown(ShutdownHow how = ShutdownHow::write) noexcept;

    /// Separates the directions so that two tasks may own one each. Dropping the write half sends FIN; the
    /// connection closes when both are gone.
    [[nodiscard]] std::pair<OwnedReadHalf, OwnedWriteHalf> into_split() &&;

    /// Errors: runtime_shutdown.
    [[nodiscard]] Result<SocketAddr> local_addr() const noexcept { return own().ops->local_address(*socket_); }
    /// How the connection fares: round trip, windows, what is under way, what was lost.
    ///
    /// Errors: runtime_shutdown.
    /// Cost:   on a kernel backend one system call.
    [[nodiscard]] Result<TcpInfo> info() const noexcept { return own().ops->info(*socket_); }
    [[nodiscard]] SocketAddr peer_addr() const noexcept { return socket_->peer; }

    /// Takes what has befallen the connection and no operation has told yet (SO_ERROR); none tells it then. When it has
    /// ended the connection, a read says the end of the stream and a write broken_pipe. A kernel also tells what it
    /// still hopes to get over, such as a host that cannot be reached just now; then the stream goes on. Ok: nothing.
    ///
    /// Errors: connection_reset, timed_out and the like: what had befallen it; runtime_shutdown.
    /// Cost:   on a kernel backend one system call.
    [[nodiscard]] Result<> take_error() noexcept;

    /// Errors: unsupported, where the backend has no such option; invalid_argument.
    Result<> set_option(SocketOption option, int value) noexcept {
        return own().ops->set_option(*socket_, option, value);
    }
    [[nodiscard]] Result<int> option(SocketOption option) const noexcept {
        return own().ops->get_option(*socket_, option);
    }
    Result<> set_nodelay(bool on) noexcept { return set_option(SocketOption::no_delay, on ? 1 : 0); }
    /// TCP_CORK: while it is on, what does not fill a segment waits for more, whatever set_nodelay() says, so that what
    /// several writes say leaves in full segments. What waits leaves when it is set off, when the direction ends, when
    /// set_nodelay(true) is called, or when it and nothing else has waited for a time-out of the connection, which is
    /// 200 ms or more. Where Capabilities::cork is not, it is kept and does nothing.
    ///
    /// Source: Linux's tcp(7), whose limit of 200 ms is the least of that time-out.
    Result<> set_cork(bool on) noexcept { return set_option(SocketOption::cork, on ? 1 : 0); }
    [[nodiscard]] Result<bool> cork() const noexcept;
    /// Whether each segment is acknowledged at once instead of every second one, or with an answer. The kernel takes it
    /// for a hint and may go back to its own ways; our stack keeps to it.
    Result<> set_quickack(bool on) noexcept { return set_option(SocketOption::quick_ack, on ? 1 : 0); }
    Result<> set_keepalive(bool on) noexcept { return set_option(SocketOption::keep_alive, on ? 1 : 0); }
    /// TCP_CONGESTION: how much may be under way, by the names of backend/congestion_control.hpp. What is under way,
    /// and what was learned of the way, stays.
    ///
    /// Errors: not_found, for a name that is none; unsupported, for an algorithm that the backend lacks;
    ///         permission_denied, for one that the kernel keeps for others.
    Result<> set_congestion(std::string_view name) noexcept {
        return set_option(SocketOption::congestion_control, detail::as_congestion_control(name));
    }
    /// Errors: unsupported, when the kernel's has no name here.
    [[nodiscard]] Result<std::string_view> congestion() const noexcept;
    /// How long data may stay unacknowledged before the connection is given up.
    Result<> set_user_timeout(std::chrono::milliseconds limit) noexcept {
        return set_option(SocketOption::user_timeout_ms, detail::as_option(limit));
    }
    /// 0: dropping the stream resets the connection. Nothing: the default, unsent data is flushed in the background.
    ///
    /// Errors: unsupported, for more than 0: dropping waits for nothing, it would keep the core waiting; to know that
    ///         the peer has everything, shut down the write side and read to the end of the stream.
    Result<> set_linger(std::optional<std::chrono::seconds> linger) noexcept {
        return set_option(SocketOption::linger_s, linger ? detail::as_option(*linger) : -1);
    }

    /// False after a move.
    [[nodiscard]] bool valid() const noexcept { return socket_ != nullptr; }

private:
    friend OwnedReadHalf;
    friend OwnedWriteHalf;
    friend backend::StreamSocket& detail::socket_of(TcpStream& stream) noexcept;

    /// The record, for what does not wait.
    [[nodiscard]] backend::StreamSocket& own() const noexcept {
        detail::check_owner(socket_->home);
        return *socket_;
    }

    backend::StreamSocket* socket_;
};

inline backend::StreamSocket& detail::socket_of(TcpStream& stream) noexcept { return *stream.socket_; }

/// The reading side of a stream that was split.
class OwnedReadHalf {
public:
    explicit OwnedReadHalf(std::shared_ptr<TcpStream> stream) noexcept : stream_(std::move(stream)) {}
    /// Cancel: safe. As TcpStream::read.
    [[nodiscard]] Read read(std::span<std::byte> out) noexcept { return stream_->read(out); }
    /// Cancel: safe. As TcpStream::read_vectored.
    [[nodiscard]] ReadVectored read_vectored(IoSlicesMut slices) noexcept { return stream_->read_vectored(slices); }
    /// Cancel: safe. As TcpStream::read_buf.
    [[nodiscard]] ReadBuf read_buf() noexcept { return stream_->read_buf(); }
    /// Cancel: partial. As TcpStream::read_exact.
    [[nodiscard]] Task<Result<>> read_exact(std::span<std::byte> out) { return stream_->read_exact(out); }
    [[nodiscard]] TcpStream& stream() noexcept { return *stream_; }

private:
    std::shared_ptr<TcpStream> stream_;
};

/// The writing side of a stream that was split. Dropping it sends FIN.
class OwnedWriteHalf {
public:
    explicit OwnedWriteHalf(std::shared_ptr<TcpStream> stream) noexcept : stream_(std::move(stream)) {}
    OwnedWriteHalf(OwnedWriteHalf&&) noexcept = default;
    OwnedWriteHalf& operator=(OwnedWriteHalf&&) = delete;
    ~OwnedWriteHalf() {
        if (stream_ != nullptr) (void)stream_->shutdown(ShutdownHow::write);
    }
    /// Cancel: safe. As TcpStream::write.
    [[nodiscard]] Write write(std::span<const std::byte> data) noexcept { return stream_->write(data); }
    /// Cancel: partial. As TcpStream::write_all.
    [[nodiscard]] WriteAll write_all(std::span<const std::byte> data) noexcept { return stream_->write_all(data); }
    /// Cancel: safe. As TcpStream::write_vectored.
    [[nodiscard]] WriteVectored write_vectored(IoSlices slices) noexcept { return stream_->write_vectored(slices); }
    /// Cancel: partial. As TcpStream::write_all_vectored.
    [[nodiscard]] Task<Result<>> write_all_vectored(IoSlices slices) { return stream_->write_all_vectored(slices); }
    /// Cancel: partial. As TcpStream::write_buf.
    [[nodiscard]] WriteBuf write_buf(IoBuf&& data) noexcept { return stream_->write_buf(std::move(data)); }
    Result<> shutdown() noexcept { return stream_->shutdown(ShutdownHow::write); }
    [[nodiscard]] TcpStream& stream() noexcept { return *stream_; }

private:
    std::shared_ptr<TcpStream> stream_;
};

}  // namespace skerry::net
