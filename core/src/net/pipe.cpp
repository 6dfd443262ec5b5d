#include "io/fd_calls.hpp"

#include <skerry/backend/slow_lane.hpp>
#include <skerry/net/pipe.hpp>

#include <sys/stat.h>

#include <array>
#include <cerrno>

namespace skerry::net::pipe {

using io::Interest;

namespace {

Result<io::AsyncFd> watch(OwnedFd fd) {
    auto watched = io::AsyncFd::watch(std::move(fd));
    if (watched) watched->assume_ready();
    return watched;
}

Result<> check_fifo(int fd) noexcept {
    struct stat about{};
    if (::fstat(fd, &about) != 0) return io::detail::last_error();
    if (!S_ISFIFO(about.st_mode)) return Errc::invalid_argument;
    return {};
}

// `refused` is the access mode that cannot do what the end is for.
Result<> take_over(int fd, int refused) noexcept {
    if (auto fifo = check_fifo(fd); !fifo) return fifo;
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) return io::detail::last_error();
    if ((flags & O_ACCMODE) == refused) return Errc::invalid_argument;
    return io::detail::set_nonblocking(fd, true);
}

OwnedFd give_back(io::AsyncFd&& fd) noexcept {
    OwnedFd owned = std::move(fd).into_inner();
    (void)io::detail::set_nonblocking(owned.get(), false);
    return owned;
}

}  // namespace

Result<Sender> Sender::over(OwnedFd fd) {
    auto watched = watch(std::move(fd));
    if (!watched) return watched.error();
    return Sender(std::move(*watched));
}

Result<Sender> Sender::from_fd(OwnedFd fd) {
    if (auto taken = take_over(fd.get(), O_RDONLY); !taken) return taken.error();
    return over(std::move(fd));
}

Task<Result<std::size_t>> Sender::write(std::span<const std::byte> data) {
    return fd_.async_io(Interest::writable, &io::detail::write_some, data);
}

Task<Result<>> Sender::write_all(std::span<const std::byte> data) {
    return io::detail::write_whole(fd_, &io::detail::write_some, data);
}

Task<Result<>> Sender::write_buf(IoBuf data) {
    return io::detail::write_whole_buf(fd_, &io::detail::write_some, std::move(data));
}

Result<std::size_t> Sender::try_write(std::span<const std::byte> data) noexcept {
    return fd_.try_io(Interest::writable, &io::detail::write_some, data);
}

OwnedFd Sender::into_blocking_fd() && noexcept { return give_back(std::move(fd_)); }

Result<Receiver> Receiver::over(OwnedFd fd) {
    auto watched = watch(std::move(fd));
    if (!watched) return watched.error();
    return Receiver(std::move(*watched));
}

Result<Receiver> Receiver::from_fd(OwnedFd fd) {
    if (auto taken = take_over(fd.get(), O_WRONLY); !taken) return taken.error();
    return over(std::move(fd));
}

Task<Result<std::size_t>> Receiver::read(std::span<std::byte> out) {
    return fd_.async_io(Interest::readable, &io::detail::read_some, out);
}

Task<Result<IoBuf>> Receiver::read_buf() { return fd_.async_io(Interest::readable, &io::detail::read_segment); }

Task<Result<>> Receiver::read_exact(std::span<std::byte> out) { return io::detail::read_whole(fd_, out); }

Task<Result<>> Receiver::read_to_end(std::string& out) {
    for (;;) {
        auto segment = co_await read_buf();
        if (!segment) co_return segment.error();
        if (segment->empty()) co_return Result<>();
        out.append(reinterpret_cast<const char*>(segment->data()), segment->size());
    }
}

Result<std::size_t> Receiver::try_read(std::span<std::byte> out) noexcept {
    return fd_.try_io(Interest::readable, &io::detail::read_some, out);
}

OwnedFd Receiver::into_blocking_fd() && noexcept { return give_back(std::move(fd_)); }

Result<std::pair<Sender, Receiver>> pipe() {
    if (backend::current_slow_lane == nullptr) return Errc::unsupported;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return io::detail::last_error();
    OwnedFd reading(ends[0]);
    auto sender = Sender::over(OwnedFd(ends[1]));
    if (!sender) return sender.error();
    auto receiver = Receiver::over(std::move(reading));
    if (!receiver) return receiver.error();
    return std::pair(std::move(*sender), std::move(*receiver));
}

Result<OwnedFd> OpenOptions::open(const std::string& path, int access) const noexcept {
    if (backend::current_slow_lane == nullptr) return Errc::unsupported;
    if (path.find('\0') != std::string::npos) return Errc::invalid_argument;
    OwnedFd fd(::open(path.c_str(), (read_write_ ? O_RDWR : access) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (!fd) return io::detail::last_error();
    if (unchecked_) return fd;
    if (auto fifo = check_fifo(fd.get()); !fifo) return fifo.error();
    return fd;
}

Result<Receiver> OpenOptions::open_receiver(const std::string& path) const {
    auto fd = open(path, O_RDONLY);
    if (!fd) return fd.error();
    return Receiver::over(std::move(*fd));
}

Result<Sender> OpenOptions::open_sender(const std::string& path) const {
    auto fd = open(path, O_WRONLY);
    // The kernel says "no such device": the fifo is there, and nobody reads it.
    if (!fd && fd.error().os_error() == ENXIO) return Error(Errc::connection_refused, ENXIO);
    if (!fd) return fd.error();
    return Sender::over(std::move(*fd));
}

}  // namespace skerry::net::pipe
