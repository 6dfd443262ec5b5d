// poll() and epoll.

#include "answers.hpp"
#include "kernel_calls.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace skerry::pkt::kernel {

namespace {

constexpr int nobody = std::numeric_limits<int>::max();  // a descriptor that is never open
constexpr int events_room = 1024;

Attempt poll_all(std::vector<pollfd> asked, std::vector<PollEntry> entries, int timeout_ms) {
    Returned returned = answer(::poll(asked.data(), asked.size(), timeout_ms));
    for (std::size_t i = 0; i < entries.size(); ++i)
        entries[i].revents = static_cast<std::uint16_t>(asked[i].revents);  // a short, of which no sign is meant
    returned.output.polled = std::move(entries);
    return returned;
}

Attempt wait_for_events(int epoll_fd, int events_most, int timeout_ms) {
    std::vector<epoll_event> room(static_cast<std::size_t>(std::max(events_most, 1)));
    Returned returned = answer(::epoll_wait(epoll_fd, room.data(), events_most, timeout_ms));
    room.resize(static_cast<std::size_t>(std::max<std::int64_t>(returned.value, 0)));
    for (const epoll_event& event : room) returned.output.events.push_back({event.events, event.data.u64});
    return returned;
}

}  // namespace

Call KernelCalls::poll(std::vector<PollEntry> entries, int timeout_ms) {
    std::vector<pollfd> asked;
    for (const PollEntry& entry : entries) {
        const int fd = entry.fd < 0 || owns(entry.fd) ? entry.fd : nobody;
        asked.push_back({fd, static_cast<short>(entry.events), 0});
    }
    return threads_.run([=] { return poll_all(asked, entries, timeout_ms); });
}

Call KernelCalls::epoll_create(int size) {
    return opening([=]() -> Attempt { return answer(::epoll_create(size)); });
}

Call KernelCalls::epoll_create1(int flags) {
    return opening([=]() -> Attempt { return answer(::epoll_create1(flags)); });
}

Call KernelCalls::epoll_ctl(int epoll_fd, int operation, int fd, const EpollEvent& event) {
    if (!owns(fd)) return finished(failure(EBADF));
    return on(epoll_fd, [=]() -> Attempt {
        epoll_event asked{};
        asked.events = event.events;
        asked.data.u64 = event.data;
        return answer(::epoll_ctl(epoll_fd, operation, fd, &asked));
    });
}

// More than there is room for is not asked for at once: a kernel may tell fewer than it has.
Call KernelCalls::epoll_wait(int epoll_fd, int events_most, int timeout_ms) {
    const int most = std::min(events_most, events_room);
    return on(epoll_fd, [=] { return wait_for_events(epoll_fd, most, timeout_ms); });
}

}  // namespace skerry::pkt::kernel
