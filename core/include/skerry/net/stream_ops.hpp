#pragma once

// Hot path. The operations on a stream: what TcpStream's methods return, and the awaiters behind them. They
// work on the neutral record of backend/socket_ops.hpp alone.

#include "../backend/socket_ops.hpp"
#include "../base/assert.hpp"
#include "../base/io_buf.hpp"
#include "../base/result.hpp"
#include "../task/scheduler.hpp"

#include <coroutine>
#include <cstddef>
#include <span>
#include <utility>

namespace skerry::net {

namespace detail {

/// Asserts the rule that a socket is waited on by its own core. One that has outlived its core has none.
inline void check_home(std::uint16_t home) noexcept {
    SKERRY_DEBUG_ASSERT(
        task::current_scheduler != nullptr && (home == no_home_core || task::current_scheduler->home() == home),
        "a socket is used on another core than its own");
    (void)home;
}

/// Asserts the same rule for what does not wait: dropping a socket, asking it, changing something of it. A thread that
/// runs no core may do that while nobody runs the socket's, as between two block_on() of a current_thread runtime.
inline void check_owner(std::uint16_t home) noexcept {
    SKERRY_DEBUG_ASSERT(home == no_home_core || task::may_touch(home),
                        "a socket is used or dropped on another core than its own");
    (void)home;
}

/// Takes bytes that a cancelled read gave back. True when there were some.
bool take_given_back(backend::StreamSocket& socket, backend::ReadRequest& request) noexcept;

/// Keeps what a completed read holds, for the next one: its task was aborted or lost a select.
void give_back(backend::StreamSocket& socket, backend::ReadRequest& request) noexcept;

/// What was given back goes to the read that began to wait before.
void hand_over(backend::StreamSocket& socket) noexcept;

class ReadAwaiterBase : protected backend::ReadRequest {
public:
    ReadAwaiterBase(backend::StreamSocket& socket, backend::ReadKind how, std::span<std::byte> out) noexcept
        : socket_(&socket) {
        into = out;
        kind = how;
    }
    ~ReadAwaiterBase() { cancel(); }

    [[nodiscard]] bool await_ready() noexcept { return may_try() && try_now(); }

    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        SKERRY_ASSERT(socket_->reader == nullptr, "two reads at once on one stream");
        task::Scheduler& scheduler = *task::current_scheduler;
        if (!tried_ && try_now()) [[unlikely]] {  // ready, but out of budget: the outcome is taken and waits with us
            scheduler.bind(*this, awaiting);
            give_claim();
            scheduler.enqueue(*this);
            return true;
        }
        scheduler.bind_linked(*this, awaiting);
        socket_->reader = this;
        return true;
    }

    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }

    void cancel() noexcept {
        if (state() == task::node_state::idle) [[likely]]
            return;
        if (state() == task::node_state::linked) {
            socket_->reader = nullptr;
            set_state(task::node_state::idle);
            return;
        }
        task::current_scheduler->blank(*this);
        if (!take_claim()) return;
        give_back(*socket_, *this);
        if (socket_->reader != nullptr) hand_over(*socket_);
    }

protected:
    /// False when the task has used up its budget.
    [[nodiscard]] bool may_try() noexcept {
        check_home(socket_->home);
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        tried_ = true;
        return true;
    }
    /// Whether the read is over without the backend.
    [[nodiscard]] bool is_settled() noexcept {
        if (socket_->given_back != nullptr || socket_->given_back_error.code() != Errc::ok) [[unlikely]]
            if (take_given_back(*socket_, *this)) return true;
        if (socket_->end_of_stream || socket_->read_shut) return true;
        return kind != backend::ReadKind::buffer && into.empty();
    }
    // The claim stays: who runs is idle, and nobody asks an idle node for it.
    [[nodiscard]] bool failed() const noexcept { return error.code() != Errc::ok; }
    [[nodiscard]] backend::StreamSocket& socket() const noexcept { return *socket_; }

private:
    [[nodiscard]] bool try_now() noexcept {
        return is_settled() || (socket_->may_read && socket_->ops->read(*socket_, *this) == backend::Step::done);
    }

    backend::StreamSocket* socket_;
    bool tried_ = false;  // not: out of budget, or a select did not come to ask
};

class ReadAwaiter : public ReadAwaiterBase {
public:
    using ReadAwaiterBase::ReadAwaiterBase;
    [[nodiscard]] Result<std::size_t> await_resume() noexcept {
        if (failed()) [[unlikely]]
            return error;
        return bytes;
    }
};

class ReadBufAwaiter : public ReadAwaiterBase {
public:
    explicit ReadBufAwaiter(backend::StreamSocket& socket) noexcept
        : ReadAwaiterBase(socket, backend::ReadKind::buffer, {}) {}
    [[nodiscard]] Result<IoBuf> await_resume() noexcept {
        if (failed()) [[unlikely]]
            return error;
        return std::move(buffer);
    }
};

// Waits as a read into the first slice that is not empty; the others are filled with what is there when the task runs.
class ReadVectoredAwaiter : public ReadAwaiterBase {
public:
    ReadVectoredAwaiter(backend::StreamSocket& socket, backend::IoSlicesMut slices) noexcept
        : ReadAwaiterBase(socket, backend::ReadKind::copy, {}), slices_(slices) {
        while (!slices_.empty() && slices_.front().empty()) slices_ = slices_.subspan(1);
        if (!slices_.empty()) into = slices_.front();
    }
    [[nodiscard]] bool await_ready() noexcept {
        if (!may_try()) return false;
        is_whole_ = true;
        return is_settled() ||
               (socket().may_read && socket().ops->read_vectored(socket(), *this, slices_) == backend::Step::done);
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        is_whole_ = false;
        return ReadAwaiterBase::await_suspend(awaiting);
    }
    [[nodiscard]] Result<std::size_t> await_resume() noexcept {
        if (failed()) [[unlikely]]
            return error;
        if (!is_whole_ && !into.empty() && bytes == into.size()) read_rest();
        return bytes;
    }

private:
    void read_rest() noexcept;

    backend::IoSlicesMut slices_;
    bool is_whole_ = false;
};

class WriteAwaiterBase : protected backend::WriteRequest {
public:
    WriteAwaiterBase(backend::StreamSocket& socket, backend::WriteKind how, std::span<const std::byte> data) noexcept
        : socket_(&socket) {
        from = data;
        kind = how;
    }
    ~WriteAwaiterBase() { cancel(); }

    [[nodiscard]] bool await_ready() noexcept { return may_try() && try_now(); }

    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        SKERRY_ASSERT(socket_->writer == nullptr, "two writes at once on one stream");
        task::Scheduler& scheduler = *task::current_scheduler;
        if (!tried_ && may_end_without_waiting()) [[unlikely]] {
            scheduler.bind(*this, awaiting);
            scheduler.enqueue(*this);
            return true;
        }
        scheduler.bind_linked(*this, awaiting);
        socket_->writer = this;
        return true;
    }

    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }

    void cancel() noexcept {
        if (state() == task::node_state::idle) [[likely]]
            return;
        if (state() == task::node_state::linked) {
            socket_->writer = nullptr;
            set_state(task::node_state::idle);
            return;
        }
        task::current_scheduler->blank(*this);
        take_claim();
    }

protected:
    /// False when the task has used up its budget.
    [[nodiscard]] bool may_try() noexcept {
        check_home(socket_->home);
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        tried_ = true;
        return true;
    }
    /// What is left to do when the task runs again; then the verdict.
    [[nodiscard]] bool failed() noexcept {
        if (error.code() == Errc::ok && !is_done() && !try_now()) error = Errc::no_buffers;
        return error.code() != Errc::ok;
    }
    [[nodiscard]] bool is_refused() const noexcept { return socket_->write_shut; }
    [[nodiscard]] bool is_done() const noexcept {
        return bytes == from.size() || (kind == backend::WriteKind::some && bytes != 0);
    }
    [[nodiscard]] backend::StreamSocket& socket() const noexcept { return *socket_; }

private:
    // Asked of a write that has not been tried, out of budget. One of "all" begins now: if only a part is accepted it
    // must wait for room, which it cannot do any more when it is resumed. One of "some" is made when its task runs
    // again, so that a cancelled one has written nothing; it must find room then.
    [[nodiscard]] bool may_end_without_waiting() noexcept {
        if (kind != backend::WriteKind::some) return (socket_->may_write || is_refused()) && try_now();
        return is_refused() || from.empty() || (socket_->may_write && socket_->ops->has_room(*socket_));
    }
    [[nodiscard]] bool try_now() noexcept {
        if (is_refused()) [[unlikely]] {
            error = Errc::broken_pipe;
            return true;
        }
        if (from.empty()) return true;
        if (!socket_->may_write) return false;
        const auto write = kind == backend::WriteKind::buffer ? socket_->ops->write_buf : socket_->ops->write;
        return write(*socket_, *this) == backend::Step::done;
    }

    backend::StreamSocket* socket_;
    bool tried_ = false;  // not: out of budget, or a select did not come to ask
};

class WriteAwaiter : public WriteAwaiterBase {
public:
    using WriteAwaiterBase::WriteAwaiterBase;
    [[nodiscard]] Result<std::size_t> await_resume() noexcept {
        if (failed()) [[unlikely]]
            return error;
        return bytes;
    }
};

class WriteAllAwaiter : public WriteAwaiterBase {
public:
    using WriteAwaiterBase::WriteAwaiterBase;
    [[nodiscard]] Result<> await_resume() noexcept {
        if (failed()) [[unlikely]]
            return error;
        return {};
    }
};

// Waits as the first slice that is not empty would, alone; when there is room all of them are offered.
class WriteVectoredAwaiter : public WriteAwaiterBase {
public:
    WriteVectoredAwaiter(backend::StreamSocket& socket, backend::IoSlices slices) noexcept
        : WriteAwaiterBase(socket, backend::WriteKind::some, first_of(slices)), slices_(slices) {}
    [[nodiscard]] bool await_ready() noexcept { return may_try() && try_slices(); }
    [[nodiscard]] Result<std::size_t> await_resume() noexcept {
        if (error.code() == Errc::ok && !is_done()) (void)try_slices();
        if (failed()) [[unlikely]]
            return error;
        return bytes;
    }

private:
    [[nodiscard]] static std::span<const std::byte> first_of(backend::IoSlices slices) noexcept {
        for (const std::span<const std::byte> slice : slices)
            if (!slice.empty()) return slice;
        return {};
    }
    [[nodiscard]] bool try_slices() noexcept {
        if (is_refused()) [[unlikely]] {
            error = Errc::broken_pipe;
            return true;
        }
        if (from.empty()) return true;
        return socket().may_write && socket().ops->write_vectored(socket(), *this, slices_) == backend::Step::done;
    }

    backend::IoSlices slices_;
};

class WriteBufAwaiter : public WriteAwaiterBase {
public:
    WriteBufAwaiter(backend::StreamSocket& socket, IoBuf&& data) noexcept
        : WriteAwaiterBase(socket, backend::WriteKind::buffer, data.bytes()), data_(std::move(data)) {
        buffer = &data_;
    }
    [[nodiscard]] Result<> await_resume() noexcept {
        if (failed()) [[unlikely]]
            return error;
        return {};
    }

private:
    IoBuf data_;
};

}  // namespace detail

/// What TcpStream::read and peek return.
class [[nodiscard]] Read {
public:
    Read(backend::StreamSocket& socket, backend::ReadKind kind, std::span<std::byte> into) noexcept
        : socket_(&socket), into_(into), kind_(kind) {}
    [[nodiscard]] detail::ReadAwaiter operator co_await() const noexcept {
        return detail::ReadAwaiter(*socket_, kind_, into_);
    }

private:
    backend::StreamSocket* socket_;
    std::span<std::byte> into_;
    backend::ReadKind kind_;
};

/// What TcpStream::read_buf returns.
class [[nodiscard]] ReadBuf {
public:
    explicit ReadBuf(backend::StreamSocket& socket) noexcept : socket_(&socket) {}
    [[nodiscard]] detail::ReadBufAwaiter operator co_await() const noexcept { return detail::ReadBufAwaiter(*socket_); }

private:
    backend::StreamSocket* socket_;
};

/// What TcpStream::write returns.
class [[nodiscard]] Write {
public:
    Write(backend::StreamSocket& socket, std::span<const std::byte> from) noexcept : socket_(&socket), from_(from) {}
    [[nodiscard]] detail::WriteAwaiter operator co_await() const noexcept {
        return detail::WriteAwaiter(*socket_, backend::WriteKind::some, from_);
    }

private:
    backend::StreamSocket* socket_;
    std::span<const std::byte> from_;
};

/// What TcpStream::write_all returns.
class [[nodiscard]] WriteAll {
public:
    WriteAll(backend::StreamSocket& socket, std::span<const std::byte> from) noexcept : socket_(&socket), from_(from) {}
    [[nodiscard]] detail::WriteAllAwaiter operator co_await() const noexcept {
        return detail::WriteAllAwaiter(*socket_, backend::WriteKind::all, from_);
    }

private:
    backend::StreamSocket* socket_;
    std::span<const std::byte> from_;
};

namespace detail {

/// An operation on slices, until it is awaited.
template <class Awaiter, class Slices>
class [[nodiscard]] Vectored {
public:
    Vectored(backend::StreamSocket& socket, Slices slices) noexcept : socket_(&socket), slices_(slices) {}
    [[nodiscard]] Awaiter operator co_await() const noexcept { return Awaiter(*socket_, slices_); }

private:
    backend::StreamSocket* socket_;
    Slices slices_;
};

}  // namespace detail

/// What TcpStream::read_vectored returns.
using ReadVectored = detail::Vectored<detail::ReadVectoredAwaiter, backend::IoSlicesMut>;
/// What TcpStream::write_vectored returns.
using WriteVectored = detail::Vectored<detail::WriteVectoredAwaiter, backend::IoSlices>;

/// What TcpStream::write_buf returns. The buffer is taken when it is awaited.
class [[nodiscard]] WriteBuf {
public:
    WriteBuf(backend::StreamSocket& socket, IoBuf& data) noexcept : socket_(&socket), data_(&data) {}
    [[nodiscard]] detail::WriteBufAwaiter operator co_await() const noexcept {
        return detail::WriteBufAwaiter(*socket_, std::move(*data_));
    }

private:
    backend::StreamSocket* socket_;
    IoBuf* data_;
};

}  // namespace skerry::net
