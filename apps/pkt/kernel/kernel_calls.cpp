#include "kernel_calls.hpp"

#include "answers.hpp"
#include "clock.hpp"
#include "socket_options.hpp"

#include <skerry/base/os_socket_addr.hpp>

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace skerry::pkt::kernel {

namespace {

/// Room for an address that the kernel tells.
class ToldAddress {
public:
    [[nodiscard]] sockaddr* room() { return reinterpret_cast<sockaddr*>(&storage_); }
    [[nodiscard]] socklen_t* length() { return &length_; }
    /// The call's answer, with the address when there is one.
    [[nodiscard]] Returned with(Returned returned) const {
        net::SocketAddr address;
        if (returned.value >= 0 && net::from_os(storage_, length_, address)) returned.output.address = address;
        return returned;
    }

private:
    sockaddr_storage storage_{};
    socklen_t length_ = sizeof storage_;
};

using Namer = int (*)(int, const sockaddr*, socklen_t);

Attempt with_name(Namer call, int fd, const net::SocketAddr& address) {
    sockaddr_storage storage{};
    const socklen_t length = net::to_os(address, storage);
    return answer(call(fd, reinterpret_cast<const sockaddr*>(&storage), length));
}

using Teller = int (*)(int, sockaddr*, socklen_t*);

Attempt tell_name(Teller call, int fd) {
    ToldAddress name;
    const Returned returned = answer(call(fd, name.room(), name.length()));
    return name.with(returned);
}

Attempt accept_one(int fd, int flags) {
    ToldAddress peer;
    const Returned returned = answer(::accept4(fd, peer.room(), peer.length(), flags));
    return peer.with(returned);
}

// Those whose argument is an int that the kernel fills in.
Attempt tell_number(int fd, unsigned long request) {
    constexpr std::array<unsigned long, 4> known{SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK};
    if (std::find(known.begin(), known.end(), request) == known.end())
        return unsupported("ioctl() request " + std::to_string(request));
    int number = 0;
    Returned returned = answer(::ioctl(fd, request, &number));
    returned.output.integer = number;
    return returned;
}

// A connection that is closed in order goes on without its socket, and keeps the namespace until it gives up.
void close_hard(int fd) {
    const linger reset{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    ::close(fd);
}

}  // namespace

KernelCalls::~KernelCalls() {
    threads_.stop();  // an accept() may have returned a descriptor
    for (const int fd : open_) close_hard(fd);
}

// --- beginnings and ends

Call KernelCalls::finished(Attempt outcome) {
    auto state = std::make_shared<Call::State>();
    state->began = state->ended = present();
    state->outcome = std::move(outcome);
    return Call(std::move(state));
}

Call KernelCalls::on(int fd, Work work) {
    if (!owns(fd)) return finished(failure(EBADF));
    return threads_.run(std::move(work));
}

Call KernelCalls::opening(Work work) {
    return threads_.run(std::move(work), [this](const Returned& returned) {
        if (returned.value >= 0) open_.insert(static_cast<int>(returned.value));
    });
}

// --- descriptors

Call KernelCalls::socket(int domain, int type, int protocol) {
    if (domain != AF_INET && domain != AF_INET6)
        return finished(unsupported("socket() of domain " + std::to_string(domain)));
    return opening([=]() -> Attempt { return answer(::socket(domain, type, protocol)); });
}

// The number is free whatever close() says, and may be given to another socket while it waits for this one's data.
Call KernelCalls::close(int fd) {
    if (open_.erase(fd) == 0) return finished(failure(EBADF));
    return threads_.run([=]() -> Attempt { return answer(::close(fd)); });
}

Call KernelCalls::dup(int fd) {
    if (!owns(fd)) return finished(failure(EBADF));
    return opening([=]() -> Attempt { return answer(::dup(fd)); });
}

Call KernelCalls::fcntl(int fd, int command, int argument) {
    auto work = [=]() -> Attempt { return answer(::fcntl(fd, command, argument)); };
    switch (command) {
        case F_GETFL:
        case F_SETFL:
        case F_GETFD:
        case F_SETFD: return on(fd, work);
        case F_DUPFD:
        case F_DUPFD_CLOEXEC: return owns(fd) ? opening(work) : finished(failure(EBADF));
        default: return finished(unsupported("fcntl() command " + std::to_string(command)));
    }
}

Call KernelCalls::ioctl(int fd, unsigned long request) {
    return on(fd, [=] { return tell_number(fd, request); });
}

// --- names and connections

Call KernelCalls::bind(int fd, const net::SocketAddr& address) {
    return on(fd, [=] { return with_name(::bind, fd, address); });
}

Call KernelCalls::listen(int fd, int backlog) {
    return on(fd, [=]() -> Attempt { return answer(::listen(fd, backlog)); });
}

Call KernelCalls::accept(int fd, int flags) {
    if (!owns(fd)) return finished(failure(EBADF));
    return opening([=] { return accept_one(fd, flags); });
}

Call KernelCalls::connect(int fd, const net::SocketAddr& to) {
    return on(fd, [=] { return with_name(::connect, fd, to); });
}

Call KernelCalls::shutdown(int fd, int how) {
    return on(fd, [=]() -> Attempt { return answer(::shutdown(fd, how)); });
}

Call KernelCalls::getsockname(int fd) {
    return on(fd, [=] { return tell_name(::getsockname, fd); });
}

Call KernelCalls::getpeername(int fd) {
    return on(fd, [=] { return tell_name(::getpeername, fd); });
}

Call KernelCalls::setsockopt(int fd, int level, int name, const OptionValue& value) {
    return on(fd, [=] { return set_option(fd, level, name, value); });
}

Call KernelCalls::getsockopt(int fd, int level, int name) {
    return on(fd, [=] { return get_option(fd, level, name); });
}

}  // namespace skerry::pkt::kernel
