#pragma once

// Hot path. The system calls of a message, without what glibc adds: in a program with threads recv(), send() and
// epoll_wait() switch the thread's cancellation on and off around the call, some 30 instructions each, and syscall()
// moves six registers. Nobody cancels a core's thread.
//
// They answer as the kernel does: what the functions of the same name return, or less than 0, the errno's negative. So
// no function is called around them, the arguments stay where the kernel wants them, and who calls them need not save a
// register. An answer below -4095 would be no error; these calls give none.
//
// Socket calls are repeated when they were interrupted. Linux does not interrupt calls that do not wait, but what
// stands between a container and it may; and a caller that took EINTR for "not ready" would wait for an edge that is
// past.

#include <skerry/base/compiler.hpp>
#include <skerry/base/error.hpp>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace skerry::kernel_io {

// 32-bit systems have other calls with other arguments behind the same names.
static_assert(sizeof(long) == 8, "kernel_io is for 64-bit Linux");

/// A system call with up to six arguments.
SKERRY_ALWAYS_INLINE long system_call(long number, long a, long b, long c, long d, long e = 0, long f = 0) noexcept {
#if defined(__x86_64__)
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    long answer = number;
    asm volatile("syscall"
                 : "+a"(answer)
                 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return answer;
#else
    const long answer = ::syscall(number, a, b, c, d, e, f);
    return answer < 0 ? -errno : answer;
#endif
}

/// What comes of a call that has answered with less than 0: it is made again while a signal interrupts it.
SKERRY_NOINLINE inline long failed(long answer, long number, long a, long b, long c, long d, long e, long f) noexcept {
    while (answer == -EINTR) answer = system_call(number, a, b, c, d, e, f);
    return answer;
}

/// A system call that no signal interrupts. Whether one did is only asked of an answer below 0, which the caller asks
/// for as well.
SKERRY_ALWAYS_INLINE long uninterrupted(long number, long a, long b, long c, long d, long e = 0, long f = 0) noexcept {
    const long answer = system_call(number, a, b, c, d, e, f);
    if (answer < 0) [[unlikely]]
        return failed(answer, number, a, b, c, d, e, f);
    return answer;
}

/// What an answer below 0 says.
inline Error error_of(long answer) noexcept { return Error::from_os(static_cast<int>(-answer)); }

SKERRY_ALWAYS_INLINE long argument(const void* pointer) noexcept { return reinterpret_cast<long>(pointer); }
SKERRY_ALWAYS_INLINE long argument(std::size_t count) noexcept { return static_cast<long>(count); }

SKERRY_ALWAYS_INLINE long call_recv(int fd, void* into, std::size_t bytes, int flags) noexcept {
    return uninterrupted(SYS_recvfrom, fd, argument(into), argument(bytes), flags);
}

SKERRY_ALWAYS_INLINE long call_recvfrom(int fd, void* into, std::size_t bytes, int flags, sockaddr* peer,
                                        socklen_t* length) noexcept {
    return uninterrupted(SYS_recvfrom, fd, argument(into), argument(bytes), flags, argument(peer), argument(length));
}

SKERRY_ALWAYS_INLINE long call_send(int fd, const void* from, std::size_t bytes, int flags) noexcept {
    return uninterrupted(SYS_sendto, fd, argument(from), argument(bytes), flags);
}

SKERRY_ALWAYS_INLINE long call_sendto(int fd, const void* from, std::size_t bytes, int flags, const sockaddr* to,
                                      socklen_t length) noexcept {
    return uninterrupted(SYS_sendto, fd, argument(from), argument(bytes), flags, argument(to),
                         static_cast<long>(length));
}

SKERRY_ALWAYS_INLINE long call_recvmsg(int fd, msghdr* message, int flags) noexcept {
    return uninterrupted(SYS_recvmsg, fd, argument(message), flags, 0);
}

SKERRY_ALWAYS_INLINE long call_sendmsg(int fd, const msghdr* message, int flags) noexcept {
    return uninterrupted(SYS_sendmsg, fd, argument(message), flags, 0);
}

SKERRY_ALWAYS_INLINE long call_recvmmsg(int fd, mmsghdr* messages, std::size_t count, int flags) noexcept {
    return uninterrupted(SYS_recvmmsg, fd, argument(messages), argument(count), flags);
}

SKERRY_ALWAYS_INLINE long call_sendmmsg(int fd, mmsghdr* messages, std::size_t count, int flags) noexcept {
    return uninterrupted(SYS_sendmmsg, fd, argument(messages), argument(count), flags);
}

/// epoll_wait(); by epoll_pwait, because newer architectures have only that one.
SKERRY_ALWAYS_INLINE long call_epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) noexcept {
    return system_call(SYS_epoll_pwait, epoll, argument(events), count, timeout_ms, 0, 8);
}

}  // namespace skerry::kernel_io
