#include "io/fd_calls.hpp"
#include "unix_socket.hpp"

#include <skerry/net/unix_listener.hpp>
#include <skerry/time/sleep.hpp>

#include <chrono>

namespace skerry::net {

namespace {

Result<OwnedFd> accept_one(int fd) noexcept {
    OwnedFd accepted(
        io::detail::uninterrupted([&] { return ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }));
    if (!accepted) return io::detail::last_error();
    return accepted;
}

bool is_shortage(const Error& error) noexcept {
    return error == Errc::no_descriptors || error == Errc::no_memory || error == Errc::no_buffers;
}

}  // namespace

Result<UnixListener> UnixListener::bind(const UnixAddr& address, int backlog) {
    auto fd = detail::open_unix(SOCK_STREAM);
    if (!fd) return fd.error();
    if (auto bound = detail::bind_unix(fd->get(), address); !bound) return bound.error();
    if (::listen(fd->get(), backlog) != 0) return io::detail::last_error();
    auto watched = io::AsyncFd::watch(std::move(*fd));
    if (!watched) return watched.error();
    return UnixListener(std::move(*watched));
}

Task<Result<UnixStream>> UnixListener::accept() {
    for (;;) {
        auto accepted = co_await fd_.async_io(io::Interest::readable, &accept_one);
        Error failure;
        if (accepted) {
            auto stream = UnixStream::from_fd(std::move(*accepted));
            if (stream) co_return stream;
            failure = stream.error();
        } else {
            failure = accepted.error();
        }
        if (is_shortage(failure))
            co_await time::sleep(std::chrono::milliseconds{10});
        else if (failure != Errc::connection_aborted)
            co_return failure;
    }
}

Result<UnixAddr> UnixListener::local_addr() const noexcept { return detail::local_unix_addr(fd_.fd()); }

}  // namespace skerry::net
