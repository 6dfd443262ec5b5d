#pragma once

// What a core sleeps on where the device's driver has an interrupt for each receive queue: cards under VFIO, and the
// descriptor of a TAP device.
//
// The interrupts are armed only while the core sleeps. Between the last look into a queue and the arming a frame may
// have come, so the queues are looked at once more after arming: see StackPort::arm().

#include "own_queues.hpp"

#include <cstdint>
#include <utility>

namespace skerry::dpdk {

/// Of all queues of a core, or of none. Threads: that core.
class RxInterrupt {
public:
    /// One that is not there.
    RxInterrupt() noexcept = default;
    /// Of queues of a port that has been started; not there where the driver has none.
    RxInterrupt(std::uint16_t port, OwnQueues queues) noexcept;
    RxInterrupt(RxInterrupt&& other) noexcept
        : port_(other.port_), queues_(other.queues_), epoll_fd_(std::exchange(other.epoll_fd_, -1)) {}
    RxInterrupt& operator=(RxInterrupt&&) = delete;
    ~RxInterrupt();

    [[nodiscard]] bool exists() const noexcept { return epoll_fd_ >= 0; }
    /// Readable when a frame came since arm(), or for no reason; -1 when there is none.
    [[nodiscard]] int fd() const noexcept { return epoll_fd_; }

    /// False when the driver cannot: then nothing wakes who sleeps.
    [[nodiscard]] bool arm() noexcept;
    /// And takes note of what has come.
    void disarm() noexcept;
    /// The device is gone: nothing of it is touched any more.
    void forget() noexcept;

private:
    [[nodiscard]] bool watch(std::uint16_t queue, int fd) const noexcept;
    void forget_queues(int fd) const noexcept;

    std::uint16_t port_ = 0;
    OwnQueues queues_;
    int epoll_fd_ = -1;
};

}  // namespace skerry::dpdk
