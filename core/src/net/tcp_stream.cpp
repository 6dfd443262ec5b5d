#include "given_back.hpp"

#include <skerry/net/tcp_stream.hpp>

#include <skerry/backend/stream_setup.hpp>

#include <algorithm>
#include <cstring>
#include <deque>

namespace skerry::net {

namespace detail {

bool take_given_back(backend::StreamSocket& socket, backend::ReadRequest& request) noexcept {
    if (socket.given_back == nullptr) {
        request.error = std::exchange(socket.given_back_error, Error{});
        return true;
    }
    IoBuf& oldest = socket.given_back->front();
    if (request.kind == backend::ReadKind::buffer) {
        request.buffer = std::move(oldest);
        request.bytes = request.buffer.size();
    } else {
        request.bytes = std::min(request.into.size(), oldest.size());
        if (request.bytes == 0) return true;  // memcpy() takes no null, not even for nothing
        std::memcpy(request.into.data(), oldest.data(), request.bytes);
        if (request.kind == backend::ReadKind::peek) return true;
        oldest.trim_front(request.bytes);
        if (!oldest.empty()) return true;
    }
    socket.given_back->pop_front();
    if (socket.given_back->empty()) delete std::exchange(socket.given_back, nullptr);
    return true;
}

void give_back(backend::StreamSocket& socket, backend::ReadRequest& request) noexcept {
    if (request.error.code() != Errc::ok) {
        socket.given_back_error = request.error;
        return;
    }
    if (request.bytes == 0 || request.kind == backend::ReadKind::peek) return;
    IoBuf kept = request.kind == backend::ReadKind::buffer ? std::move(request.buffer)
                                                           : IoBuf::copy_of(request.into.first(request.bytes));
    // Out of memory: a gap in the stream must not pass for data.
    if (!kept || !put_in_front(socket.given_back, kept)) socket.given_back_error = Errc::no_buffers;
}

void hand_over(backend::StreamSocket& socket) noexcept {
    if (socket.given_back == nullptr && socket.given_back_error.code() == Errc::ok) return;
    backend::ReadRequest& next = *socket.reader;
    if (take_given_back(socket, next)) backend::complete(socket, next);
}

void ReadVectoredAwaiter::read_rest() noexcept {
    backend::IoSlicesMut rest = slices_.subspan(1);
    while (!rest.empty() && rest.front().empty()) rest = rest.subspan(1);
    backend::StreamSocket& from = socket();
    if (rest.empty() || !from.may_read || from.given_back != nullptr || from.end_of_stream) return;
    backend::ReadRequest more;
    more.into = rest.front();
    if (from.ops->read_vectored(from, more, rest) == backend::Step::pending) return;
    bytes += more.bytes;
    if (more.error.code() != Errc::ok) from.given_back_error = more.error;  // for the next read
}

bool ConnectAwaiter::await_suspend(std::coroutine_handle<> awaiting) noexcept {
    if (backend::current_sockets == nullptr) {
        error = Errc::unsupported;
        return false;
    }
    if (setup != nullptr && setup->local && setup->local->is_v4() != to.is_v4()) {
        error = Errc::invalid_argument;
        return false;
    }
    task::current_scheduler->bind(*this, awaiting);
    if (backend::current_sockets->connect(*this) == backend::Step::done) return false;
    set_state(task::node_state::linked);
    return true;
}

void ConnectAwaiter::cancel() noexcept {
    if (state() == task::node_state::idle) return;
    if (state() != task::node_state::linked) {
        task::current_scheduler->blank(*this);
        take_claim();
    }
    set_state(task::node_state::idle);
    backend::current_sockets->cancel_connect(*this);
}

Result<TcpStream> ConnectAwaiter::await_resume() noexcept {
    take_claim();
    if (socket == nullptr) return error;
    return TcpStream(*std::exchange(socket, nullptr));
}

}  // namespace detail

Result<bool> TcpStream::cork() const noexcept {
    const auto value = option(SocketOption::cork);
    if (!value) return value.error();
    return *value != 0;
}

Result<std::string_view> TcpStream::congestion() const noexcept {
    const auto number = option(SocketOption::congestion_control);
    if (!number) return number.error();
    const auto algorithm = backend::to_congestion_control(*number);
    if (!algorithm) return Errc::unsupported;
    return backend::name_of(*algorithm);
}

Result<> TcpStream::take_error() noexcept {
    detail::check_owner(socket_->home);
    Error error;
    // A lack of buffers befell a read and not the connection, and is the next read's to tell.
    if (socket_->given_back_error.code() != Errc::no_buffers) error = std::exchange(socket_->given_back_error, Error{});
    if (error.code() == Errc::ok) error = socket_->ops->take_error(*socket_);
    if (error.code() == Errc::ok) return {};
    return error;
}

Task<Result<>> TcpStream::read_exact(std::span<std::byte> out) {
    while (!out.empty()) {
        auto count = co_await read(out);
        if (!count) co_return count.error();
        if (*count == 0) co_return Errc::unexpected_eof;
        out = out.subspan(*count);
    }
    co_return Result<>();
}

Task<Result<>> TcpStream::write_all_vectored(IoSlices slices) {
    while (!slices.empty()) {
        auto count = co_await write_vectored(slices);
        if (!count) co_return count.error();
        std::size_t taken = *count;
        while (!slices.empty() && taken >= slices.front().size()) {
            taken -= slices.front().size();
            slices = slices.subspan(1);
        }
        if (taken == 0) continue;
        auto rest = co_await write_all(slices.front().subspan(taken));
        if (!rest) co_return rest.error();
        slices = slices.subspan(1);
    }
    co_return Result<>();
}

Result<> TcpStream::shutdown(ShutdownHow how) noexcept {
    detail::check_owner(socket_->home);
    if (how != ShutdownHow::read && std::exchange(socket_->write_shut, true) && how == ShutdownHow::write) return {};
    if (how != ShutdownHow::write) socket_->read_shut = true;
    return socket_->ops->shutdown(*socket_, how);
}

std::pair<OwnedReadHalf, OwnedWriteHalf> TcpStream::into_split() && {
    auto shared = std::make_shared<TcpStream>(std::move(*this));
    return {OwnedReadHalf(shared), OwnedWriteHalf(shared)};
}

Result<TcpStream> TcpStream::from_fd(OwnedFd fd) noexcept {
    if (backend::current_sockets == nullptr) return Errc::unsupported;
    auto socket = backend::current_sockets->adopt_stream(std::move(fd));
    if (!socket) return socket.error();
    return TcpStream(**socket);
}

}  // namespace skerry::net
