#pragma once

// The script's end of the machine's wire. A thread reads what leaves as soon as it is there, for the sake of its time;
// the script's own thread reads as well when it asks, so that what has left by then is told.

#include "bell.hpp"

#include "../host/engine.hpp"
#include "../host/outcome.hpp"

#include <skerry/base/owned_fd.hpp>
#include <skerry/base/socket_addr.hpp>

#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace skerry::pkt::kernel {

/// Threads: one, besides its own.
class Wire {
public:
    /// `device` is a TUN device that does not wait. What is not of `family` is not told. `bell` is rung when a packet
    /// left; it outlives this.
    Wire(OwnedFd device, net::IpFamily family, Bell& bell);
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;
    ~Wire();

    /// When it returns the kernel has dealt with the packet, apart from what it does on other threads and by timers.
    ///
    /// Errors: a reason: not IP at all, or longer than a device takes.
    [[nodiscard]] std::optional<Unsupported> inject(std::span<const std::byte> packet);
    /// What left since the last time, in order, each with the time when it was read.
    [[nodiscard]] std::vector<SentPacket> take_sent();

private:
    void listen();
    /// All that is there. Whether some of it is told.
    bool read_all();

    OwnedFd device_;
    OwnedFd stop_;  // readable: the thread ends
    net::IpFamily family_;
    Bell& bell_;
    std::mutex mutex_;  // who reads the device also queues what was read, or the order would be lost
    std::vector<std::byte> room_;
    std::vector<SentPacket> sent_;
    std::thread reader_;
};

}  // namespace skerry::pkt::kernel
