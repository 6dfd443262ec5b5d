#include "adopted_socket.hpp"

#include "os_socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

namespace skerry::kernel_io {

using backend::SocketOption;

namespace {

/// An option of SOL_SOCKET that only tells; -1: it is no socket.
int told(int fd, int name) noexcept {
    int value = 0;
    socklen_t bytes = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &bytes) == 0 ? value : -1;
}

bool is_of(int fd, int protocol) noexcept {
    const int family = told(fd, SO_DOMAIN);
    return (family == AF_INET || family == AF_INET6) && told(fd, SO_PROTOCOL) == protocol;
}

Result<> make_ready(int fd) noexcept {
    const int status = ::fcntl(fd, F_GETFL);
    if (status < 0 || ::fcntl(fd, F_SETFL, status | O_NONBLOCK) != 0) return last_error();
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return last_error();
    return {};
}

}  // namespace

Result<AdoptedStream> adopt_stream(OwnedFd fd) noexcept {
    if (!is_of(fd.get(), IPPROTO_TCP) || told(fd.get(), SO_ACCEPTCONN) != 0) return Errc::invalid_argument;
    auto peer = peer_address(fd.get());
    if (!peer) return peer.error();
    if (auto ready = make_ready(fd.get()); !ready) return ready.error();
    return AdoptedStream{std::move(fd), *peer};
}

Result<OwnedFd> adopt_listener(OwnedFd fd) noexcept {
    if (!is_of(fd.get(), IPPROTO_TCP) || told(fd.get(), SO_ACCEPTCONN) != 1) return Errc::invalid_argument;
    if (auto ready = make_ready(fd.get()); !ready) return ready.error();
    return fd;
}

Result<OwnedFd> adopt_datagram(OwnedFd fd) noexcept {
    if (!is_of(fd.get(), IPPROTO_UDP)) return Errc::invalid_argument;
    for (const SocketOption told_by :
         {SocketOption::receive_segments, SocketOption::receive_local, SocketOption::receive_ttl,
          SocketOption::receive_traffic_class, SocketOption::receive_time})
        (void)set_option(fd.get(), told(fd.get(), SO_DOMAIN) == AF_INET6, told_by, 0);
    if (auto ready = make_ready(fd.get()); !ready) return ready.error();
    return fd;
}

}  // namespace skerry::kernel_io
