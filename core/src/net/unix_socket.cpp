#include "unix_socket.hpp"

#include <skerry/backend/slow_lane.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace skerry::net::detail {

OsUnixAddr::OsUnixAddr(const UnixAddr& address) noexcept {
    os.sun_family = AF_UNIX;
    const std::string_view path = address.sun_path();
    std::copy(path.begin(), path.end(), std::begin(os.sun_path));
    // A path is told with the zero behind it, where there is room: a peer may be bound to one that has none. An
    // abstract name ends where the length says.
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (address.as_pathname() && path.size() < sizeof os.sun_path) ++length;
}

UnixAddr OsUnixAddr::address() const noexcept {
    if (length <= offsetof(sockaddr_un, sun_path)) return {};
    return UnixAddr::from_sun_path(
        {os.sun_path, std::min<std::size_t>(length - offsetof(sockaddr_un, sun_path), sizeof os.sun_path)});
}

Result<OwnedFd> open_unix(int type) noexcept {
    if (backend::current_slow_lane == nullptr) return Errc::unsupported;
    OwnedFd fd(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return Error::from_os(errno);
    return fd;
}

Result<std::pair<OwnedFd, OwnedFd>> open_unix_pair(int type) noexcept {
    if (backend::current_slow_lane == nullptr) return Errc::unsupported;
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) return Error::from_os(errno);
    return std::pair(OwnedFd(ends[0]), OwnedFd(ends[1]));
}

Result<> bind_unix(int fd, const UnixAddr& address) noexcept {
    const OsUnixAddr os(address);
    if (::bind(fd, os.get(), os.length) != 0) return Error::from_os(errno);
    return {};
}

Result<UnixAddr> local_unix_addr(int fd) noexcept {
    OsUnixAddr os;
    if (::getsockname(fd, os.get(), &os.length) != 0) return Error::from_os(errno);
    return os.address();
}

Result<UnixAddr> peer_unix_addr(int fd) noexcept {
    OsUnixAddr os;
    if (::getpeername(fd, os.get(), &os.length) != 0) return Error::from_os(errno);
    return os.address();
}

UCred from_os(const ucred& os) noexcept {
    UCred cred{os.uid, os.gid, std::nullopt};
    if (os.pid > 0) cred.pid = os.pid;
    return cred;
}

}  // namespace skerry::net::detail
