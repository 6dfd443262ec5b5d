#include <skerry/stack/ports/ports_parking.hpp>

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>

namespace skerry::stack {

Result<PortsParking> PortsParking::make(std::span<const int> fds) noexcept {
    OwnedFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return Error::from_os(errno);
    for (const int fd : fds) {
        if (fd < 0) continue;
        epoll_event event{};
        event.events = EPOLLIN;
        if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) return Error::from_os(errno);
    }
    return PortsParking(std::move(epoll));
}

// By ppoll(), which waits for nanoseconds on every kernel; nobody has to know which port it was.
void PortsParking::wait(time::Instant until) const noexcept {
    pollfd ready{epoll_.get(), POLLIN, 0};
    timespec timeout{};
    if (until != time::Instant::max()) {
        const auto left = std::max(until - time::Instant::now(), std::chrono::nanoseconds{0});
        timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
        timeout.tv_nsec = (left % std::chrono::seconds{1}).count();
    }
    (void)::ppoll(&ready, 1, until == time::Instant::max() ? nullptr : &timeout, nullptr);
}

}  // namespace skerry::stack
