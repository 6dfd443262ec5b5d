#pragma once

// Hot path. The epoll instance of one core: registration, the doorbell, harvested events.
//
// Everything is registered once, streams edge-triggered and for both directions, and hardly ever modified: a
// level-triggered stream pays an epoll_ctl whenever its interest changes. An object that goes away in the middle of a
// batch is taken out of the events that are left of it; its memory is kept until the batch is over, because it may be
// the one that an event is being handed to.
//
// One call of the kernel harvests many events, and a turn hands out a few of them, whose tasks run before the next are
// looked at: an answer leaves while its socket is still in the cache, and not behind the reads of two hundred others.
//
// A core that sleeps and a peer that sleeps may wake each other in turn: the one is done before the other is awake, for
// which neither is to blame but both wait. So where much comes at once, and where it proves right (Guess), a core looks
// around for about as long as a peer needs to wake up before it sleeps. It looks seldom meanwhile: each look is a call
// of the kernel, and what comes is the more for it.

#include "../os_socket.hpp"
#include "../system_call.hpp"

#include <skerry/base/guess.hpp>
#include <skerry/base/result.hpp>
#include <skerry/time/instant.hpp>

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
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

    /// An event of this is one of the next: fetches what it will touch, but for the first lines of this, which are
    /// there.
    virtual void expect() const noexcept {}

protected:
    virtual ~Watched() = default;

private:
    friend Poller;
    Watched* next_retired_ = nullptr;
};

class Poller {
public:
    static constexpr int events_per_poll = 256;
    static constexpr int events_per_turn = 4;
    static constexpr int events_per_busy_turn = 16;  // while tasks are ready: turns are long then

    static constexpr std::uint32_t both_directions = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;

    /// Errors: no_descriptors and whatever else epoll_create1 and eventfd say.
    [[nodiscard]] static Result<Poller> make() noexcept;

    /// Only as long as nothing is registered.
    Poller(Poller&&) noexcept = default;
    Poller& operator=(Poller&&) = delete;
    ~Poller();

    [[nodiscard]] Result<> add(int fd, Watched& watched, std::uint32_t events = both_directions) noexcept;

    /// Changes what is registered. What is ready already gives an edge again.
    [[nodiscard]] Result<> modify(int fd, Watched& watched, std::uint32_t events) noexcept;

    /// Stops events of a descriptor, whoever else has its open file.
    void detach(int fd) noexcept;

    /// Stops what came for `watched`, whose descriptor the caller has detached, and deletes it after the batch.
    void retire(Watched* watched) noexcept;

    /// Deletes what was retired, for one whose dispatch() is called only when something has come. Not from on_events().
    void release() noexcept {
        if (left_ <= 0) release_retired();
    }

    /// Hands out some of the events that were harvested; when there are none, asks the kernel without waiting, unless
    /// a park has just done that. `now` is the turn's time, for seen_at(). Returns how many it handed out, at most
    /// `most`, which is at least 1.
    int dispatch(time::Instant now = time::Instant{}, int most = events_per_turn) noexcept;

    /// While events are handed out in a turn: a time at which all of them had come, and as early a one as is known.
    [[nodiscard]] time::Instant seen_at() const noexcept { return seen_at_; }

    /// Much came in this turn, or many: more may follow soon.
    void expect_more() noexcept { looks_left_ = more_expected; }
    /// Whether the core is to look once more before it sleeps. Takes its time to say so. Not where a loop outside
    /// sleeps.
    [[nodiscard]] bool lingers() noexcept { return looks_left_ != 0 && !is_watched_outside_ && wait_for_look(); }

    /// Whether events wait for the next dispatch().
    [[nodiscard]] bool has_harvested() const noexcept { return left_ > 0; }

    /// Waits for events, the doorbell or `wake_at`; keeps what came for dispatch(). Only when none are kept.
    void park(time::Instant wake_at) noexcept;

    /// Threads: any.
    void ring() noexcept;

    /// For a loop outside, which waits until it is readable: from now on dispatch() leaves no event in it.
    [[nodiscard]] int fd() const noexcept {
        is_watched_outside_ = true;
        return epoll_.get();
    }

    static constexpr unsigned looks_before_sleep = 16;

private:
    static constexpr unsigned more_expected = looks_before_sleep + 1;
    static constexpr auto look_interval = std::chrono::microseconds{2};

    // How many events ahead the first lines of what is watched are fetched, and then what it refers to (expect()).
    static constexpr long watched_ahead = 8;
    static constexpr long expected_ahead = 3;

    Poller(OwnedFd epoll, OwnedFd doorbell) noexcept : epoll_(std::move(epoll)), doorbell_(std::move(doorbell)) {}

    /// What came, or less than 0: nothing did.
    long wait_until(time::Instant wake_at) noexcept;
    void harvest(long count) noexcept;
    bool look() noexcept;
    bool wait_for_look() noexcept;
    void note_right_guess() noexcept;
    void fetch_ahead() const noexcept;
    void hand_out() noexcept;
    int hand_out_more(int most) noexcept;
    void release_retired() noexcept;

    OwnedFd epoll_;
    OwnedFd doorbell_;
    epoll_event* next_ = nullptr;  // of events_, the first that was not handed out
    long left_ = 0;  // as many were not; less than 0: a park has asked the kernel in vain
    time::Instant seen_at_;
    unsigned looks_left_ = 0;  // while it lingers; before that more_expected, where it should
    Guess lingering_;
    std::uint64_t watched_count_ = 0;
    mutable bool is_watched_outside_ = false;  // fd() was asked for
    bool has_pwait2_ = true;
    Watched* retired_ = nullptr;  // the last one; linked in themselves, because closing must not need memory
    std::array<epoll_event, events_per_poll> events_;
};

SKERRY_ALWAYS_INLINE void Poller::harvest(long count) noexcept {
    next_ = events_.data();
    left_ = count;
}

// One is taken off before it is handed out, so that no register need be kept for it meanwhile.
SKERRY_ALWAYS_INLINE void Poller::hand_out() noexcept {
    if (left_ > expected_ahead) [[unlikely]]
        fetch_ahead();
    const epoll_event& event = *next_++;
    --left_;
    static_cast<Watched*>(event.data.ptr)->on_events(event.events);
}

SKERRY_ALWAYS_INLINE int Poller::dispatch(time::Instant now, int most) noexcept {
    seen_at_ = now;
    if (left_ <= 0 && !look()) return 0;
    hand_out();
    if (left_ != 0 || retired_ != nullptr) [[unlikely]]
        return hand_out_more(most);
    return 1;
}

SKERRY_ALWAYS_INLINE void Poller::park(time::Instant wake_at) noexcept {
    if (wake_at == time::Instant::max()) [[likely]]
        harvest(call_epoll_wait(epoll_.get(), events_.data(), events_per_poll, -1));
    else
        harvest(wait_until(wake_at));
}

/// Why Poller::make() made none, and what to do.
[[nodiscard]] std::string refusal(const Error& error);

}  // namespace skerry::kernel_io::epoll
