#pragma once

// Hot path. The epoll instance of one core: registration, the doorbell, harvested events.
//
// Everything is registered once, edge-triggered, streams for both directions, and hardly ever modified: a
// level-triggered loop pays an epoll_ctl whenever its interest changes. An object that goes away in the middle
// of a batch may still stand in a harvested event, so its memory is kept until the batch is over.

#include "../os_socket.hpp"
#include "../system_call.hpp"

#include <skerry/base/result.hpp>
#include <skerry/time/instant.hpp>

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <utility>

namespace skerry::kernel_io::epoll {

class Poller;

/// Something registered. Derived classes keep what they are about.
class Watched {
public:
    Watched() noexcept = default;
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    virtual void on_events(std::uint32_t events) noexcept = 0;

protected:
    virtual ~Watched() = default;

private:
    friend Poller;
    Watched* next_retired_ = nullptr;
    bool gone_ = false;
};

class Poller {
public:
    static constexpr int events_per_poll = 256;

    static constexpr std::uint32_t both_directions = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP;

    /// Errors: no_descriptors and whatever else epoll_create1 and eventfd say.
    [[nodiscard]] static Result<Poller> make() noexcept;

    /// Only as long as nothing is registered.
    Poller(Poller&&) noexcept = default;
    Poller& operator=(Poller&&) = delete;
    ~Poller();

    [[nodiscard]] Result<> add(int fd, Watched& watched, std::uint32_t events = both_directions) noexcept;

    /// Changes what is registered. What is ready already gives an edge again.
    [[nodiscard]] Result<> modify(int fd, Watched& watched, std::uint32_t events) noexcept;

    /// Stops events of a descriptor that stays open.
    void detach(int fd) noexcept;

    /// Stops events for `watched`, whose descriptor the caller closes, and deletes it after the batch.
    void retire(Watched* watched) noexcept;

    /// Asks the kernel for events without waiting, unless a park has just brought some; hands them out.
    /// Returns how many there were.
    int dispatch() noexcept;

    /// Waits for events, the doorbell or `wake_at`; keeps what came for dispatch().
    void park(time::Instant wake_at) noexcept;

    /// Threads: any.
    void ring() noexcept;

    /// For a loop outside, which waits until it is readable: from now on dispatch() leaves no event in it.
    [[nodiscard]] int fd() const noexcept {
        is_watched_outside_ = true;
        return epoll_.get();
    }

private:
    Poller(Fd epoll, Fd doorbell) noexcept : epoll_(std::move(epoll)), doorbell_(std::move(doorbell)) {}

    void park_until(time::Instant wake_at) noexcept;
    void release_retired() noexcept;

    Fd epoll_;
    Fd doorbell_;
    int harvested_ = -1;  // events in events_ that a park brought; -1: none were asked for
    std::uint64_t watched_count_ = 0;
    mutable bool is_watched_outside_ = false;  // fd() was asked for
    bool has_pwait2_ = true;
    Watched* retired_ = nullptr;  // the last one; linked in themselves, because closing must not need memory
    std::array<epoll_event, events_per_poll> events_;
};

inline int Poller::dispatch() noexcept {
    int count = std::exchange(harvested_, -1);
    if (count < 0) {
        if (watched_count_ == 0 && retired_ == nullptr && !is_watched_outside_) return 0;
        count = call_epoll_wait(epoll_.get(), events_.data(), events_per_poll, 0);
    }
    const epoll_event* const end = events_.data() + count;
    for (const epoll_event* event = events_.data(); event < end; ++event) {
        auto* const watched = static_cast<Watched*>(event->data.ptr);
        if (watched != nullptr && !watched->gone_) watched->on_events(event->events);
    }
    if (retired_ != nullptr) [[unlikely]]
        release_retired();
    return count;
}

inline void Poller::park(time::Instant wake_at) noexcept {
    if (wake_at == time::Instant::max()) [[likely]]
        harvested_ = call_epoll_wait(epoll_.get(), events_.data(), events_per_poll, -1);
    else
        park_until(wake_at);
    if (harvested_ < 0) harvested_ = 0;  // EINTR: the loop looks around and parks again
}

}  // namespace skerry::kernel_io::epoll
