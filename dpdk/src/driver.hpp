#pragma once

// Hot path. The dpdk driver: one core's queue pair of every port.
//
// A queue is polled while a task waits on it, and not otherwise: what comes meanwhile lies in the device's queue, whose
// length is the limit. A core that sleeps cannot be woken by a frame (the virtual devices have no interrupt), nor by
// room for one, so it naps: 50 us after the last work, twice as long each time nothing has come and nothing could go,
// at most 1 ms. Timers, other cores and a stop end a nap at once. A core on which nobody waits for a frame, and that
// has sent all, sleeps as long as it likes.

#include "doorbell.hpp"
#include "nap.hpp"
#include "no_sockets.hpp"
#include "port.hpp"

#include <skerry/backend/driver.hpp>
#include <skerry/backend/slow_lane.hpp>
#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/dpdk/native.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace skerry::dpdk {

class Driver {
public:
    // A look into a queue in memory costs some ten nanoseconds.
    static constexpr std::int64_t busy_poll_interval_ns = 0;

    /// `queue` is the pair that this core has of every port.
    Driver(std::shared_ptr<PortSet> ports, std::uint16_t queue, std::uint16_t home, Doorbell doorbell)
        : ports_(std::move(ports)),
          count_(ports_->ports().size()),
          queues_(std::make_unique<detail::PortQueue[]>(count_)),
          events_(std::make_unique<PortEvents*[]>(count_)),
          doorbell_(std::move(doorbell)) {
        for (std::size_t i = 0; i < count_; ++i) {
            queues_[i].port_id = ports_->ports()[i]->id();
            queues_[i].queue_id = queue;
            queues_[i].home = home;
            queues_[i].pool = ports_->ports()[i]->pool(queue).get();
            queues_[i].longest = ports_->ports()[i]->frame_bytes_max();
            events_[i] = &ports_->ports()[i]->events();
            events_[i]->add(doorbell_);
        }
    }
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;
    /// The tasks are over: what they gave back and what the ports did not take is dropped.
    ~Driver() {
        for (std::size_t i = 0; i < count_; ++i) events_[i]->remove(doorbell_);
        for (detail::PortQueue& queue : queues()) {
            queue.flush();
            Port::release(std::span(queue.kept).first(queue.kept_count));
            Port::release(std::span(queue.unsent).first(queue.unsent_count));
        }
    }

    SKERRY_ALWAYS_INLINE backend::Work receive(time::Instant) noexcept {
        bool any = false;
        for (std::size_t i = 0; i < count_; ++i) {
            if (events_[i]->is_gone()) [[unlikely]]
                lose(i);
            any |= queues_[i].poll();
        }
        if (!any) return backend::Work::none;
        nap_.reset();
        return backend::Work::some;
    }
    SKERRY_ALWAYS_INLINE backend::Work transmit(time::Instant) noexcept {
        bool is_all_sent = true;
        for (detail::PortQueue& queue : queues()) is_all_sent &= queue.flush();
        if (is_all_sent != is_all_sent_) [[unlikely]]
            nap_.reset();
        is_all_sent_ = is_all_sent;
        return backend::Work::none;
    }
    /// After arm(): when to look again, because nothing tells that a frame has come, or could go.
    [[nodiscard]] time::Instant next_deadline() const noexcept {
        return has_to_look() ? nap_.end() : time::Instant::max();
    }

    /// Looks once more: a frame that came since the last look would wait for the end of a nap.
    bool arm() noexcept {
        bool any = false;
        is_receiving_ = false;
        for (detail::PortQueue& queue : queues()) {
            any |= queue.poll();
            is_receiving_ |= queue.receiver != nullptr;
        }
        if (any) nap_.reset();
        return !any;
    }
    void park(time::Instant wake_at) noexcept {
        // The loop may put a wake-up off for the sake of its timers.
        doorbell_.wait(std::min(wake_at, next_deadline()));
        if (has_to_look()) nap_.lengthen();
    }
    void unpark() noexcept { doorbell_.ring(); }

    /// A frame makes no descriptor readable.
    [[nodiscard]] int wake_fd() const noexcept { return -1; }

    /// Makes this core's queues the thread's own while it lives.
    class Installed {
    public:
        explicit Installed(Driver& driver) noexcept
            : queues_(std::exchange(detail::current_queues, driver.queues())),
              sockets_(std::exchange(backend::current_sockets, &driver.sockets_)),
              lane_(std::exchange(backend::current_slow_lane, nullptr)) {}
        ~Installed() {
            detail::current_queues = queues_;
            backend::current_sockets = sockets_;
            backend::current_slow_lane = lane_;
        }
        Installed(const Installed&) = delete;
        Installed& operator=(const Installed&) = delete;

    private:
        std::span<detail::PortQueue> queues_;
        backend::SocketFactory* sockets_;
        backend::SlowLane* lane_;
    };
    Installed install() noexcept { return Installed(*this); }

private:
    /// The last core that lets go of a device closes it. Receives end when they are polled next.
    SKERRY_COLD void lose(std::size_t index) noexcept {
        if (queues_[index].is_gone) return;
        queues_[index].lose();
        ports_->ports()[index]->leave();
    }

    [[nodiscard]] bool has_to_look() const noexcept { return is_receiving_ || !is_all_sent_; }
    [[nodiscard]] std::span<detail::PortQueue> queues() const noexcept { return {queues_.get(), count_}; }

    std::shared_ptr<PortSet> ports_;
    std::size_t count_;
    std::unique_ptr<detail::PortQueue[]> queues_;
    std::unique_ptr<PortEvents*[]> events_;  // of the same ports
    Doorbell doorbell_;
    NoSockets sockets_;
    Nap nap_;
    bool is_all_sent_ = true;
    bool is_receiving_ = false;
};

static_assert(backend::Driver<Driver>);

}  // namespace skerry::dpdk
