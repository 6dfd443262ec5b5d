#pragma once

// Hot path. The system calls of a message, without what glibc adds for pthread_cancel(): in a program with threads
// recv(), send() and epoll_wait() switch the thread's cancellation on and off around the call, some 30 instructions
// each. Nobody cancels a core's thread. The results are those of the functions: -1 and errno.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

namespace skerry::kernel_io {

// 32-bit systems have other calls with other arguments behind the same names.
static_assert(sizeof(long) == 8, "kernel_io is for 64-bit Linux");

inline ssize_t call_recv(int fd, void* into, std::size_t bytes, int flags) noexcept {
    return ::syscall(SYS_recvfrom, fd, into, bytes, flags, nullptr, nullptr);
}

inline ssize_t call_send(int fd, const void* from, std::size_t bytes, int flags) noexcept {
    return ::syscall(SYS_sendto, fd, from, bytes, flags, nullptr, 0);
}

inline int call_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags) noexcept {
    return static_cast<int>(::syscall(SYS_recvmmsg, fd, messages, count, flags, nullptr));
}

inline int call_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) noexcept {
    return static_cast<int>(::syscall(SYS_sendmmsg, fd, messages, count, flags));
}

/// epoll_wait(); by epoll_pwait, because newer architectures have only that one.
inline int call_epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) noexcept {
    return static_cast<int>(::syscall(SYS_epoll_pwait, epoll, events, count, timeout_ms, nullptr, std::size_t{8}));
}

}  // namespace skerry::kernel_io
