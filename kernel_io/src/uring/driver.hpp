#pragma once

// Hot path. The io_uring driver: the kernel's sockets and files on one core.

#include "../epoll/core_sockets.hpp"
#include "../epoll/poller.hpp"
#include "core_files.hpp"
#include "core_sockets.hpp"
#include "ring.hpp"

#include <skerry/backend/driver.hpp>
#include <skerry/backend/file_ops.hpp>
#include <skerry/backend/slow_lane.hpp>
#include <skerry/backend/socket_ops.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace skerry::kernel_io::uring {

/// Descriptors of others, through an epoll instance whose readiness is one request.
class Lane final : public backend::SlowLane, private Requester {
public:
    Lane(Ring& ring, epoll::Poller poller) noexcept : ring_(ring), poller_(std::move(poller)), lane_(poller_, *this) {}

    [[nodiscard]] Result<> add(backend::WatchedFd& fd) noexcept override;
    void remove(backend::WatchedFd& fd) noexcept override {
        lane_.remove(fd);
        poller_.release();
    }

    /// Whether its readiness could not be asked for: then it is looked at in each turn.
    [[nodiscard]] bool is_blind() const noexcept { return has_fds_ && !is_watched_; }
    void hand_out() noexcept;

private:
    void on_completion(unsigned purpose, int result, std::uint32_t flags) noexcept override;
    void watch() noexcept;

    Ring& ring_;
    epoll::Poller poller_;
    epoll::EpollSlowLane lane_;
    bool has_fds_ = false;
    bool is_watched_ = false;
};

class Driver {
public:
    // A look at the ring costs a few nanoseconds; the kernel is entered only when there is something to do.
    static constexpr std::int64_t busy_poll_interval_ns = 0;

    /// `refused` says why the kernel takes no receive buffers; it is not to be used then.
    Driver(Ring ring, epoll::Poller poller, std::uint16_t home, Error& refused)
        : ring_(std::move(ring)),
          lane_(ring_, std::move(poller)),
          files_(ring_, home),
          sockets_(ring_, home, refused) {}

    SKERRY_ALWAYS_INLINE backend::Work receive(time::Instant now) noexcept {
        return take_in(now, Ring::completions_per_turn, 0);
    }
    // Those who are ready already have something to send, too, and with that the kernel is entered at the turn's end.
    backend::Work receive(time::Instant now, unsigned most) noexcept {
        return take_in(now, std::min(most, Ring::completions_per_turn), task::current_scheduler->ready_count());
    }

    // What was asked for while tasks ran goes in with the next look or with the park, which follows at once unless
    // others are ready. What they send goes now, because it is in their memory, or in one call with what those others
    // are about to send.
    backend::Work transmit(time::Instant now) noexcept {
        if (!sockets_.has_to_send() && !ring_.has_entries()) [[likely]]
            return backend::Work::none;
        const bool has_ready = task::current_scheduler->has_ready();
        if (sockets_.has_to_send() && !(has_ready && sockets_.keep_gathered(now))) return send_gathered();
        if (!has_ready) return backend::Work::none;
        ring_.submit();
        return backend::Work::some;
    }
    /// Whether tasks that are ready are to run before the driver is polled.
    [[nodiscard]] bool is_gathering() const noexcept { return sockets_.has_to_send(); }
    /// No turn may follow for long.
    void flush() noexcept {
        if (sockets_.has_to_send()) send_gathered();
    }

    [[nodiscard]] time::Instant next_deadline() const noexcept {
        return std::min(sockets_.next_retry(), files_.next_retry());
    }
    // Who waits for a buffer is not known to the kernel, which would wake nobody for it.
    bool arm() noexcept { return !ring_.has_completions() && !lane_.is_blind() && !sockets_.waits_for_buffer(); }
    void park(time::Instant wake_at) noexcept { ring_.park(wake_at); }
    void unpark() noexcept { ring_.ring(); }
    void leave() noexcept {
        sockets_.end();  // has the kernel stop what can be stopped
        files_.end();
        ring_.leave();
    }
    [[nodiscard]] int wake_fd() const noexcept { return ring_.fd(); }

    /// For a loop outside, which waits for the descriptor and hands nothing in.
    [[nodiscard]] time::Instant outside_deadline() noexcept {
        ring_.watch_doorbell_again();
        if (ring_.has_entries()) ring_.submit();
        return sockets_.waits_for_buffer() ? time::Instant::now() : next_deadline();
    }

    /// Makes this core's sockets and files the thread's own while it lives.
    class Installed {
    public:
        explicit Installed(Driver& driver) noexcept
            : driver_(driver),
              sockets_(std::exchange(backend::current_sockets, &driver.sockets_)),
              lane_(std::exchange(backend::current_slow_lane, &driver.lane_)),
              files_(std::exchange(backend::current_files, &driver.files_)) {}
        ~Installed() {
            if (driver_.ring_.has_entries()) driver_.ring_.submit();  // nobody may come back for long
            backend::current_sockets = sockets_;
            backend::current_slow_lane = lane_;
            backend::current_files = files_;
        }
        Installed(const Installed&) = delete;
        Installed& operator=(const Installed&) = delete;

    private:
        Driver& driver_;
        backend::SocketFactory* sockets_;
        backend::SlowLane* lane_;
        backend::FileOps* files_;
    };
    Installed install() noexcept { return Installed(*this); }

private:
    backend::Work send_gathered() noexcept {
        sockets_.set_seen_at(time::Instant::now());
        sockets_.send_gathered();
        sockets_.complete_all();
        return backend::Work::some;
    }

    SKERRY_ALWAYS_INLINE backend::Work take_in(time::Instant now, unsigned most, std::uint32_t ready) noexcept {
        const bool looks = (ready == 0 || !ring_.has_completions()) && !sockets_.has_brought_many();
        const bool entered = looks && ring_.look();
        if (lane_.is_blind()) [[unlikely]]
            lane_.hand_out();
        files_.tend(now);
        if (!ring_.has_completions()) {
            sockets_.set_handed_out(static_cast<int>(ready));
            return sockets_.tend(now) ? backend::Work::some : backend::Work::none;
        }
        sockets_.set_seen_at(entered ? time::Instant::now() : now);
        sockets_.set_handed_out(std::max(ring_.dispatch(most), static_cast<int>(ready)));
        sockets_.complete_all();
        sockets_.tend(now);
        return ring_.has_completions() ? backend::Work::more : backend::Work::some;
    }

    Ring ring_;
    Lane lane_;
    CoreFiles files_;
    CoreSockets sockets_;  // goes first: it has the kernel stop what can be stopped
};

static_assert(backend::Driver<Driver>);

}  // namespace skerry::kernel_io::uring
