#pragma once

// Hot path. The epoll driver: the kernel's sockets on one core.

#include "core_sockets.hpp"
#include "poller.hpp"

#include <skerry/backend/driver.hpp>
#include <skerry/backend/slow_lane.hpp>
#include <skerry/backend/socket_ops.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace skerry::kernel_io::epoll {

class Driver {
public:
    // A poll of the kernel costs 100 to 200 ns: while tasks are ready, once in 10 us is enough to keep the
    // promise of 20, and is 1 to 2 % of the time.
    static constexpr std::int64_t busy_poll_interval_ns = 10'000;

    // Writes go to the kernel when they are made: holding them back would only add latency.
    static constexpr bool sends_at_once = true;

    Driver(Poller poller, std::uint16_t home) : poller_(std::move(poller)), sockets_(poller_, home), lane_(poller_) {}

    SKERRY_ALWAYS_INLINE backend::Work receive(time::Instant now) noexcept {
        return receive(now, Poller::events_per_turn);
    }
    SKERRY_ALWAYS_INLINE backend::Work receive(time::Instant now, unsigned most) noexcept {
        const int count =
            poller_.dispatch(now, static_cast<int>(std::min(most, unsigned{Poller::events_per_busy_turn})));
        if (count == 1 && !sockets_.has_paused()) [[likely]]
            return poller_.has_harvested() ? backend::Work::more : backend::Work::some;
        const bool resumed = sockets_.resume_paused(now);
        if (poller_.has_harvested()) return backend::Work::more;
        return count != 0 || resumed ? backend::Work::some : backend::Work::none;
    }
    backend::Work transmit(time::Instant) noexcept { return backend::Work::none; }
    [[nodiscard]] time::Instant next_deadline() const noexcept { return sockets_.next_retry(); }
    bool arm() noexcept { return !poller_.has_harvested() && !poller_.lingers(); }
    void park(time::Instant wake_at) noexcept { poller_.park(wake_at); }
    void unpark() noexcept { poller_.ring(); }
    [[nodiscard]] int wake_fd() const noexcept { return poller_.fd(); }

    /// Makes this core's sockets the thread's own while it lives.
    class Installed {
    public:
        Installed(CoreSockets& sockets, EpollSlowLane& lane) noexcept
            : sockets_(std::exchange(backend::current_sockets, &sockets)),
              lane_(std::exchange(backend::current_slow_lane, &lane)) {}
        ~Installed() {
            backend::current_sockets = sockets_;
            backend::current_slow_lane = lane_;
        }
        Installed(const Installed&) = delete;
        Installed& operator=(const Installed&) = delete;

    private:
        backend::SocketFactory* sockets_;
        backend::SlowLane* lane_;
    };
    Installed install() noexcept { return {sockets_, lane_}; }

    [[nodiscard]] CoreSockets& sockets() noexcept { return sockets_; }

private:
    Poller poller_;
    CoreSockets sockets_;
    EpollSlowLane lane_;
};

static_assert(backend::Driver<Driver>);

}  // namespace skerry::kernel_io::epoll
