#pragma once

// The socket calls of POSIX, as scripts make them of whatever machine they run against: of our stack (Calls), or of the
// kernel that this runs on.

#include "call.hpp"

#include <skerry/base/socket_addr.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace skerry::pkt {

/// Numbers (domains, flags, levels, options, requests) are those of the headers of the machine that this was compiled
/// on. A call is made at the present instant; one that has to wait is handed out unfinished and ends while time goes
/// on.
///
/// Errors:   in each call: errno in its returned(), or unsupported() with a reason.
/// Threads:  one.
class SocketCalls {
public:
    SocketCalls() = default;
    virtual ~SocketCalls() = default;
    SocketCalls(const SocketCalls&) = delete;
    SocketCalls& operator=(const SocketCalls&) = delete;

    virtual Call socket(int domain, int type, int protocol) = 0;
    virtual Call close(int fd) = 0;
    virtual Call dup(int fd) = 0;
    virtual Call fcntl(int fd, int command, int argument) = 0;
    virtual Call ioctl(int fd, unsigned long request) = 0;

    virtual Call bind(int fd, const net::SocketAddr& address) = 0;
    virtual Call listen(int fd, int backlog) = 0;
    virtual Call accept(int fd, int flags) = 0;
    virtual Call connect(int fd, const net::SocketAddr& to) = 0;
    virtual Call shutdown(int fd, int how) = 0;
    virtual Call getsockname(int fd) = 0;
    virtual Call getpeername(int fd) = 0;
    virtual Call setsockopt(int fd, int level, int name, const OptionValue& value) = 0;
    virtual Call getsockopt(int fd, int level, int name) = 0;

    virtual Call read(int fd, std::size_t bytes) = 0;
    virtual Call readv(int fd, const std::vector<std::size_t>& lengths) = 0;
    /// recv(), recvfrom() and recvmsg() without control messages: the outputs of all three are there.
    virtual Call receive(int fd, std::size_t bytes, int flags) = 0;
    virtual Call write(int fd, std::vector<std::byte> data) = 0;
    virtual Call writev(int fd, const std::vector<std::vector<std::byte>>& slices) = 0;
    /// send(), sendto() and sendmsg() without control messages.
    virtual Call send(int fd, std::vector<std::byte> data, int flags, std::optional<net::SocketAddr> to) = 0;

    virtual Call poll(std::vector<PollEntry> entries, int timeout_ms) = 0;
    virtual Call epoll_create(int size) = 0;
    virtual Call epoll_create1(int flags) = 0;
    virtual Call epoll_ctl(int epoll_fd, int operation, int fd, const EpollEvent& event) = 0;
    virtual Call epoll_wait(int epoll_fd, int events_most, int timeout_ms) = 0;
};

}  // namespace skerry::pkt
