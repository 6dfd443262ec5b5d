#include "epoll_set.hpp"

#include "readiness.hpp"

#include <sys/epoll.h>

#include <algorithm>

namespace skerry::pkt {

namespace {

constexpr std::uint32_t edge_triggered = EPOLLET;
constexpr std::uint32_t one_shot = EPOLLONESHOT;
constexpr std::uint32_t exclusive = EPOLLEXCLUSIVE;

}  // namespace

// --- who is watched

std::vector<EpollSet::Entry>::iterator EpollSet::find(int fd, const std::shared_ptr<Description>& watched) {
    forget_closed();
    return std::find_if(entries_.begin(), entries_.end(),
                        [&](const Entry& entry) { return entry.fd == fd && entry.watched.lock() == watched; });
}

void EpollSet::forget_closed() {
    entries_.erase(
        std::remove_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.watched.expired(); }),
        entries_.end());
}

Attempt EpollSet::control(int operation, int fd, const std::shared_ptr<Description>& watched, const EpollEvent& event) {
    if ((event.events & exclusive) != 0) return unsupported("EPOLLEXCLUSIVE");
    const auto known = find(fd, watched);
    const bool is_known = known != entries_.end();
    Entry entry;
    entry.fd = fd;
    entry.watched = watched;
    entry.event = event;
    switch (operation) {
        case EPOLL_CTL_ADD:
            if (is_known) return failure(EEXIST);
            entries_.push_back(entry);
            return success();
        case EPOLL_CTL_MOD:
            if (!is_known) return failure(ENOENT);
            *known = entry;
            return success();
        case EPOLL_CTL_DEL:
            if (!is_known) return failure(ENOENT);
            entries_.erase(known);
            return success();
        default: return failure(EINVAL);
    }
}

// --- what is told

bool EpollSet::was_woken(const Entry& entry, const Wakeups& wakeups) {
    const bool watches_in = (entry.event.events & readiness::any_in) != 0;
    const bool watches_out = (entry.event.events & readiness::any_out) != 0;
    const bool watches_neither = !watches_in && !watches_out;  // errors and ends alone
    return (wakeups.in != entry.seen.in && (watches_in || watches_neither)) ||
           (wakeups.out != entry.seen.out && (watches_out || watches_neither));
}

// Errors and ends are told whoever asked for them.
std::uint32_t EpollSet::news(const Entry& entry) {
    const auto watched = entry.watched.lock();
    if (watched == nullptr || entry.is_spent) return 0;
    const bool is_edge = (entry.event.events & edge_triggered) != 0;
    if (is_edge && !entry.is_fresh && !was_woken(entry, watched->wakeups)) return 0;
    return watched->ready() & (entry.event.events | readiness::error | readiness::hang_up);
}

void EpollSet::tell(Entry& entry) {
    entry.is_fresh = false;
    entry.seen = entry.watched.lock()->wakeups;
    entry.is_spent = (entry.event.events & one_shot) != 0;
}

std::uint32_t EpollSet::ready() {
    const bool has_news =
        std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) { return news(entry) != 0; });
    return has_news ? readiness::in | readiness::in_normal : 0;
}

Attempt EpollSet::wait(std::size_t most) {
    forget_closed();
    Returned result;
    for (Entry& entry : entries_) {
        if (result.output.events.size() == most) break;
        const std::uint32_t events = news(entry);
        if (events == 0) continue;
        tell(entry);
        result.output.events.push_back({events, entry.event.data});
    }
    if (result.output.events.empty()) return WouldBlock{};
    result.value = static_cast<std::int64_t>(result.output.events.size());
    return result;
}

}  // namespace skerry::pkt
