#pragma once

// What a core sleeps on where the device's driver has an interrupt for each receive queue: cards under VFIO, and the
// descriptor of a TAP device.
//
// The interrupt is armed only while the core sleeps. Between the last look into the queue and the arming a frame may
// have come, so the queue is looked at once more after arming: see StackPort::arm().

#include <cstdint>
#include <utility>

namespace skerry::dpdk {

/// Threads: the queue's core.
class RxInterrupt {
public:
    /// One that is not there.
    RxInterrupt() noexcept = default;
    /// Of a queue of a port that has been started; not there where the driver has none.
    RxInterrupt(std::uint16_t port, std::uint16_t queue) noexcept;
    RxInterrupt(RxInterrupt&& other) noexcept
        : port_(other.port_), queue_(other.queue_), epoll_fd_(std::exchange(other.epoll_fd_, -1)) {}
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
    std::uint16_t port_ = 0;
    std::uint16_t queue_ = 0;
    int epoll_fd_ = -1;
};

}  // namespace skerry::dpdk
