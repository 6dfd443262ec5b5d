#pragma once

// What happens to a port while it runs: its link goes and comes back, and the device may be taken away. DPDK tells it
// on a thread of its own, from there the cores are woken. A link that goes changes nothing else: sockets go on, and end
// by their timers. A device that goes ends everything above it.

#include "doorbell.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace skerry::dpdk {

/// Threads: any, except where it says otherwise.
class PortEvents {
public:
    PortEvents(std::string name, std::uint16_t id) : name_(std::move(name)), id_(id) {}
    PortEvents(const PortEvents&) = delete;
    PortEvents& operator=(const PortEvents&) = delete;
    ~PortEvents() { stop(); }

    /// From now on events are noted. The port has been started.
    void start();
    /// The last one is over when it returns. Not for DPDK's own thread.
    void stop() noexcept;

    /// Waits until the link is up, as the drivers of cards need seconds for it, or for `patience`. Says which.
    void wait_for_link(std::chrono::nanoseconds patience);

    /// Whether the device is being taken away: nobody may use its queues any more.
    [[nodiscard]] bool is_gone() const noexcept { return is_gone_.load(std::memory_order_acquire); }
    [[nodiscard]] bool is_up() const noexcept { return is_up_.load(std::memory_order_relaxed); }

    /// Is rung when the device goes and when the link comes back, as packets may wait for that. It stays where it is
    /// until remove().
    void add(Doorbell& doorbell);
    void remove(Doorbell& doorbell) noexcept;

    /// Called by DPDK.
    void look_at_link();
    void on_gone();

private:
    void ring();

    std::string name_;
    std::uint16_t id_;
    bool is_started_ = false;
    std::atomic<bool> is_gone_{false};  // its release pairs with the acquire of is_gone()
    std::atomic<bool> is_up_{false};  // guards nothing
    std::mutex mutex_;
    std::vector<Doorbell*> doorbells_;
};

}  // namespace skerry::dpdk
