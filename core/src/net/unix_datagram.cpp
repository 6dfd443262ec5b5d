#include "io/fd_calls.hpp"
#include "unix_socket.hpp"

#include <skerry/net/unix_datagram.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>

namespace skerry::net {

using io::Interest;

namespace {

void close_all(const cmsghdr& descriptors) noexcept {
    const std::size_t bytes = descriptors.cmsg_len - CMSG_LEN(0);
    for (std::size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(&descriptors) + at, sizeof fd);
        ::close(fd);
    }
}

// Who sent before this was asked for is not in the datagram, and the kernel fills in that it does not know.
bool is_unknown(const ucred& os) noexcept {
    constexpr unsigned overflow_id = 65534;
    return os.pid == 0 && os.uid == overflow_id && os.gid == overflow_id;
}

std::optional<UCred> sender_in(msghdr& message) noexcept {
    std::optional<UCred> sender;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET) continue;
        if (part->cmsg_type == SCM_RIGHTS) close_all(*part);
        if (part->cmsg_type != SCM_CREDENTIALS) continue;
        ucred os;
        std::memcpy(&os, CMSG_DATA(part), sizeof os);
        if (!is_unknown(os)) sender = detail::from_os(os);
    }
    return sender;
}

// `tells_sender` is looked at for each datagram: it may be set while a receive waits.
Result<UnixReceived> receive(int fd, std::span<std::byte> out, const bool* tells_sender) noexcept {
    detail::OsUnixAddr peer;
    // Room for the sender's credentials and nothing else, so that descriptors which somebody sends along stay outside:
    // where no credentials come, the kernel would fill it with up to four of them.
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(ucred))> control;
    iovec piece{out.data(), out.size()};
    msghdr message{};
    message.msg_name = peer.get();
    message.msg_namelen = peer.length;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (*tells_sender) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
    }
    const ssize_t count = io::detail::uninterrupted([&] { return ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC); });
    if (count < 0) return io::detail::last_error();
    peer.length = message.msg_namelen;
    UnixReceived received;
    received.bytes = static_cast<std::size_t>(count);
    received.peer = peer.address();
    received.truncated = (message.msg_flags & MSG_TRUNC) != 0;
    received.sender = sender_in(message);
    return received;
}

// Not by read(), which says 0 to a span without bytes and leaves the datagram where it is, if there is one.
Result<std::size_t> receive_bytes(int fd, std::span<std::byte> out) noexcept {
    return io::detail::counted(io::detail::uninterrupted([&] { return ::recv(fd, out.data(), out.size(), 0); }));
}

Result<std::size_t> send_one_to(int fd, std::span<const std::byte> data, const detail::OsUnixAddr& to) noexcept {
    return io::detail::counted(io::detail::uninterrupted(
        [&] { return ::sendto(fd, data.data(), data.size(), MSG_NOSIGNAL, to.get(), to.length); }));
}

// What a wait would say, without one: runtime_shutdown, when nobody would end it.
Result<> still_watched(io::AsyncFd& fd) noexcept {
    const auto guard = fd.writable().operator co_await().await_resume();
    if (!guard) return guard.error();
    return {};
}

}  // namespace

Result<UnixDatagram> UnixDatagram::over(OwnedFd fd) {
    auto watched = io::AsyncFd::watch(std::move(fd));
    if (!watched) return watched.error();
    watched->assume_ready();
    std::unique_ptr<bool> tells_sender(new (std::nothrow) bool(false));
    if (tells_sender == nullptr) return Errc::no_memory;
    return UnixDatagram(std::move(*watched), std::move(tells_sender));
}

Result<UnixDatagram> UnixDatagram::bind(const UnixAddr& address) {
    auto fd = detail::open_unix(SOCK_DGRAM);
    if (!fd) return fd.error();
    if (auto bound = detail::bind_unix(fd->get(), address); !bound) return bound.error();
    return over(std::move(*fd));
}

Result<UnixDatagram> UnixDatagram::unbound() {
    auto fd = detail::open_unix(SOCK_DGRAM);
    if (!fd) return fd.error();
    return over(std::move(*fd));
}

Result<std::pair<UnixDatagram, UnixDatagram>> UnixDatagram::pair() {
    auto ends = detail::open_unix_pair(SOCK_DGRAM);
    if (!ends) return ends.error();
    auto one = over(std::move(ends->first));
    if (!one) return one.error();
    auto other = over(std::move(ends->second));
    if (!other) return other.error();
    return std::pair(std::move(*one), std::move(*other));
}

Result<> UnixDatagram::connect(const UnixAddr& peer) noexcept {
    const detail::OsUnixAddr os(peer);
    if (::connect(fd_.fd(), os.get(), os.length) != 0) return Error::from_os(errno);
    return {};
}

Task<Result<UnixReceived>> UnixDatagram::recv_from(std::span<std::byte> out) {
    return fd_.async_io(Interest::readable, &receive, out, static_cast<const bool*>(tells_sender_.get()));
}

Task<Result<std::size_t>> UnixDatagram::recv(std::span<std::byte> out) {
    return fd_.async_io(Interest::readable, &receive_bytes, out);
}

Task<Result<std::size_t>> UnixDatagram::send_to(std::span<const std::byte> data, UnixAddr to) {
    using namespace std::chrono_literals;
    const detail::OsUnixAddr os(to);
    // It is tried without asking for readiness, which is that of the connected peer, if there is one, and after a wait
    // it is tried again, because nobody tells when this receiver has room.
    for (std::chrono::microseconds pause = 50us;; pause = std::min<std::chrono::microseconds>(2 * pause, 5ms)) {
        co_await consume_budget();
        if (auto watched = still_watched(fd_); !watched) co_return watched.error();
        auto sent = send_one_to(fd_.fd(), data, os);
        if (sent || sent.error() != Errc::would_block) co_return sent;
        co_await time::sleep(pause);
    }
}

Task<Result<std::size_t>> UnixDatagram::send(std::span<const std::byte> data) {
    return fd_.async_io(Interest::writable, &io::detail::send_some, data);
}

Result<> UnixDatagram::set_passcred(bool on) noexcept {
    const int value = on ? 1 : 0;
    if (::setsockopt(fd_.fd(), SOL_SOCKET, SO_PASSCRED, &value, sizeof value) != 0) return Error::from_os(errno);
    *tells_sender_ = on;
    return {};
}

Result<> UnixDatagram::shutdown(backend::ShutdownHow how) noexcept {
    const int os = how == backend::ShutdownHow::read    ? SHUT_RD
                   : how == backend::ShutdownHow::write ? SHUT_WR
                                                        : SHUT_RDWR;
    if (::shutdown(fd_.fd(), os) != 0) return Error::from_os(errno);
    return {};
}

Result<UnixAddr> UnixDatagram::local_addr() const noexcept { return detail::local_unix_addr(fd_.fd()); }

Result<UnixAddr> UnixDatagram::peer_addr() const noexcept { return detail::peer_unix_addr(fd_.fd()); }

}  // namespace skerry::net
