#include "io/fd_calls.hpp"
#include "unix_socket.hpp"

#include <skerry/net/unix_stream.hpp>
#include <skerry/time/sleep.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace skerry::net {

using io::Interest;

Result<UnixStream> UnixStream::from_fd(OwnedFd fd) {
    if (auto set = io::detail::set_nonblocking(fd.get(), true); !set) return set.error();
    auto watched = io::AsyncFd::watch(std::move(fd));
    if (!watched) return watched.error();
    watched->assume_ready();
    return UnixStream(std::move(*watched));
}

Task<Result<UnixStream>> UnixStream::connect(UnixAddr to) {
    using namespace std::chrono_literals;
    if (to.is_unnamed()) co_return Errc::invalid_argument;
    auto fd = detail::open_unix(SOCK_STREAM);
    if (!fd) co_return fd.error();
    const detail::OsUnixAddr os(to);
    for (std::chrono::microseconds pause = 50us; ::connect(fd->get(), os.get(), os.length) != 0;) {
        if (errno != EAGAIN && errno != EINTR) co_return Error::from_os(errno);
        co_await time::sleep(pause);
        pause = std::min<std::chrono::microseconds>(2 * pause, 10ms);
    }
    co_return from_fd(std::move(*fd));
}

Result<std::pair<UnixStream, UnixStream>> UnixStream::pair() {
    auto ends = detail::open_unix_pair(SOCK_STREAM);
    if (!ends) return ends.error();
    auto one = from_fd(std::move(ends->first));
    if (!one) return one.error();
    auto other = from_fd(std::move(ends->second));
    if (!other) return other.error();
    return std::pair(std::move(*one), std::move(*other));
}

Task<Result<std::size_t>> UnixStream::read(std::span<std::byte> out) {
    return fd_.async_io(Interest::readable, &io::detail::read_some, out);
}

Task<Result<IoBuf>> UnixStream::read_buf() { return fd_.async_io(Interest::readable, &io::detail::read_segment); }

Task<Result<>> UnixStream::read_exact(std::span<std::byte> out) { return io::detail::read_whole(fd_, out); }

Task<Result<std::size_t>> UnixStream::write(std::span<const std::byte> data) {
    return fd_.async_io(Interest::writable, &io::detail::send_some, data);
}

Task<Result<>> UnixStream::write_all(std::span<const std::byte> data) {
    return io::detail::write_whole(fd_, &io::detail::send_some, data);
}

Task<Result<>> UnixStream::write_buf(IoBuf data) {
    return io::detail::write_whole_buf(fd_, &io::detail::send_some, std::move(data));
}

Result<> UnixStream::shutdown(ShutdownHow how) noexcept {
    const int os = how == ShutdownHow::read ? SHUT_RD : how == ShutdownHow::write ? SHUT_WR : SHUT_RDWR;
    if (::shutdown(fd_.fd(), os) != 0 && errno != ENOTCONN) return Error::from_os(errno);
    return {};
}

std::pair<UnixReadHalf, UnixWriteHalf> UnixStream::into_split() && {
    auto shared = std::make_shared<UnixStream>(std::move(*this));
    return {UnixReadHalf(shared), UnixWriteHalf(shared)};
}

Result<UCred> UnixStream::peer_cred() const noexcept {
    ucred os{};
    socklen_t length = sizeof os;
    if (::getsockopt(fd_.fd(), SOL_SOCKET, SO_PEERCRED, &os, &length) != 0) return Error::from_os(errno);
    return detail::from_os(os);
}

Result<UnixAddr> UnixStream::local_addr() const noexcept { return detail::local_unix_addr(fd_.fd()); }

Result<UnixAddr> UnixStream::peer_addr() const noexcept { return detail::peer_unix_addr(fd_.fd()); }

}  // namespace skerry::net
