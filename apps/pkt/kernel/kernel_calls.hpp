#pragma once

// The socket calls of POSIX on the kernel that the program runs on. Each is the call of that name, made on a thread of
// its own if it waits, and its answer is passed on as it is: nothing here knows what a kernel should say.
//
// kernel_calls.cpp has descriptors and names, kernel_transfer.cpp the data, kernel_ready.cpp poll() and epoll.

#include "call_threads.hpp"

#include "../host/socket_calls.hpp"

#include <set>

namespace skerry::pkt::kernel {

/// A script sees the sockets that it has made and no other file of the program: any other number is EBADF.
///
/// Lifetime: the namespace and the bell outlive it. At its end calls that wait are interrupted, all sockets closed, and
///           connections among them reset.
class KernelCalls final : public SocketCalls {
public:
    KernelCalls(const NetworkNamespace& home, Bell& bell) : threads_(home, bell) {}
    ~KernelCalls() override;

    /// Calls that have returned meanwhile are done from now on.
    void collect() { threads_.collect(); }

    Call socket(int domain, int type, int protocol) override;
    Call close(int fd) override;
    Call dup(int fd) override;
    Call fcntl(int fd, int command, int argument) override;
    Call ioctl(int fd, unsigned long request) override;

    Call bind(int fd, const net::SocketAddr& address) override;
    Call listen(int fd, int backlog) override;
    Call accept(int fd, int flags) override;
    Call connect(int fd, const net::SocketAddr& to) override;
    Call shutdown(int fd, int how) override;
    Call getsockname(int fd) override;
    Call getpeername(int fd) override;
    Call setsockopt(int fd, int level, int name, const OptionValue& value) override;
    Call getsockopt(int fd, int level, int name) override;

    Call read(int fd, std::size_t bytes) override;
    Call readv(int fd, const std::vector<std::size_t>& lengths) override;
    Call receive(int fd, std::size_t bytes, int flags) override;
    Call write(int fd, std::vector<std::byte> data) override;
    Call writev(int fd, const std::vector<std::vector<std::byte>>& slices) override;
    Call send(int fd, std::vector<std::byte> data, int flags, std::optional<net::SocketAddr> to) override;

    Call poll(std::vector<PollEntry> entries, int timeout_ms) override;
    Call epoll_create(int size) override;
    Call epoll_create1(int flags) override;
    Call epoll_ctl(int epoll_fd, int operation, int fd, const EpollEvent& event) override;
    Call epoll_wait(int epoll_fd, int events_most, int timeout_ms) override;

private:
    [[nodiscard]] bool owns(int fd) const { return open_.contains(fd); }
    /// Of a descriptor.
    [[nodiscard]] Call on(int fd, Work work);
    /// The call's value is a new descriptor.
    [[nodiscard]] Call opening(Work work);
    [[nodiscard]] static Call finished(Attempt outcome);

    std::set<int> open_;
    CallThreads threads_;
};

}  // namespace skerry::pkt::kernel
