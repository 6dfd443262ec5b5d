#include "io/fd_calls.hpp"
#include "unix_socket.hpp"

#include <skerry/net/unix_listener.hpp>
#include <skerry/time/sleep.hpp>

#include <chrono>

namespace skerry::net {

namespace {

constexpr auto retry_interval = std::chrono::milliseconds{10};

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

Result<> UnixListener::take_one(int fd) noexcept {
    if (taken_) return {};  // by another task
    OwnedFd accepted(
        io::detail::uninterrupted([&] { return ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }));
    if (!accepted) return io::detail::last_error();
    taken_ = std::move(accepted);
    return {};
}

Task<Result<UnixStream>> UnixListener::accept() {
    for (;;) {
        if (!taken_) {
            auto took = co_await fd_.async_io(io::Interest::readable, [this](int fd) { return take_one(fd); });
            if (!took && is_shortage(took.error()))
                co_await time::sleep(retry_interval);
            else if (!took && took.error() != Errc::connection_aborted)
                co_return took.error();
            continue;
        }
        if (auto watched = io::AsyncFd::try_watch(taken_)) {
            watched->assume_ready();
            co_return UnixStream(std::move(*watched));
        } else if (!is_shortage(watched.error())) {
            taken_ = OwnedFd();
            co_return watched.error();
        }
        co_await time::sleep(retry_interval);
    }
}

Result<UnixAddr> UnixListener::local_addr() const noexcept { return detail::local_unix_addr(fd_.fd()); }

}  // namespace skerry::net
