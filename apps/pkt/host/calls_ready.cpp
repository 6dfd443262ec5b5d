// poll() and epoll. FreeBSD's poll() answers otherwise and it has no epoll, so a machine of that kind has neither.

#include "calls.hpp"

#include "readiness.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <utility>

namespace skerry::pkt {

namespace {

Attempt no_readiness() { return unsupported("poll() and epoll of the freebsd profile"); }

}  // namespace

/// Below 0: never.
Calls::Deadline Calls::deadline_after(int timeout_ms) const {
    Deadline deadline;
    if (timeout_ms >= 0) deadline.at = engine_.now() + std::chrono::milliseconds{timeout_ms};
    return deadline;
}

Attempt Calls::poll_once(std::vector<PollEntry> entries, const std::vector<std::shared_ptr<Description>>& targets) {
    Returned result;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        PollEntry& entry = entries[i];
        entry.revents = 0;
        if (entry.fd < 0) continue;
        if (targets[i] == nullptr)
            entry.revents = POLLNVAL;
        else
            entry.revents = targets[i]->ready() & (entry.events | readiness::error | readiness::hang_up);
        if (entry.revents != 0) ++result.value;
    }
    if (result.value == 0) return WouldBlock{};
    result.output.polled = std::move(entries);
    return result;
}

Call Calls::poll(std::vector<PollEntry> entries, int timeout_ms) {
    if (home_.flavour == Flavour::freebsd) return finish(no_readiness());
    std::vector<std::shared_ptr<Description>> targets;
    for (PollEntry& entry : entries) {
        entry.revents = 0;
        targets.push_back(descriptors_.find(entry.fd));
    }
    Deadline deadline = deadline_after(timeout_ms);
    deadline.outcome = [entries]() -> Attempt {
        Returned none;
        none.output.polled = entries;
        return none;
    };
    return begin_until(targets, [entries, targets] { return poll_once(entries, targets); }, std::move(deadline));
}

Call Calls::epoll_create(int size) {
    if (home_.flavour == Flavour::freebsd) return finish(no_readiness());
    return finish(size <= 0 ? Attempt(failure(EINVAL)) : open(std::make_shared<EpollSet>()));
}

Call Calls::epoll_create1(int flags) {
    if (home_.flavour == Flavour::freebsd) return finish(no_readiness());
    return finish((flags & ~EPOLL_CLOEXEC) != 0 ? Attempt(failure(EINVAL)) : open(std::make_shared<EpollSet>()));
}

Call Calls::epoll_ctl(int epoll_fd, int operation, int fd, const EpollEvent& event) {
    const auto description = descriptors_.find(epoll_fd);
    const auto watched = descriptors_.find(fd);
    if (description == nullptr || watched == nullptr) return finish(failure(EBADF));
    auto* const set = dynamic_cast<EpollSet*>(description.get());
    if (set == nullptr || watched == description) return finish(failure(EINVAL));
    if (dynamic_cast<EpollSet*>(watched.get()) != nullptr) return finish(unsupported("an epoll that watches another"));
    return finish(set->control(operation, fd, watched, event));
}

Call Calls::epoll_wait(int epoll_fd, int events_most, int timeout_ms) {
    const auto description = descriptors_.find(epoll_fd);
    if (description == nullptr) return finish(failure(EBADF));
    const auto set = std::dynamic_pointer_cast<EpollSet>(description);
    if (set == nullptr || events_most <= 0) return finish(failure(EINVAL));
    Deadline deadline = deadline_after(timeout_ms);
    deadline.outcome = []() -> Attempt { return success(); };
    return begin_until(
        {description}, [set, events_most] { return set->wait(static_cast<std::size_t>(events_most)); },
        std::move(deadline));
}

}  // namespace skerry::pkt
