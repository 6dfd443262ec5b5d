#pragma once

// Hot path. A TAP device as a port: the kernel at the other end of a wire. A packet costs a system call each way; it is
// the port for machines without a NIC to give away, and for tests against the kernel's own stack.

#include "../epoll/core_sockets.hpp"
#include "../epoll/poller.hpp"

#include <skerry/backend/frame_port.hpp>
#include <skerry/backend/heap_frames.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace skerry::kernel_io::frame {

/// An attached TAP device.
struct Tap {
    Fd fd;
    std::uint16_t mtu = 1500;

    /// Attaches to the TAP device `name`, which is made when it does not exist.
    ///
    /// Errors:   permission_denied: another user's device, or none and no CAP_NET_ADMIN; invalid_argument: the name is
    ///           empty, too long, or another kind of device's; address_in_use: another program is attached;
    ///           and what the system says when there is no /dev/net/tun.
    [[nodiscard]] static Result<Tap> attach(std::string_view name) noexcept;
};

class TapPort {
public:
    // A look at an empty device is a system call.
    static constexpr std::int64_t busy_poll_interval_ns = 10'000;

    TapPort(Tap tap, epoll::Poller poller);
    ~TapPort();
    TapPort(const TapPort&) = delete;
    TapPort& operator=(const TapPort&) = delete;

    /// Once, before anything else.
    ///
    /// Errors: what registering with epoll says.
    [[nodiscard]] Result<> start() noexcept;

    std::size_t receive(std::span<backend::Frame*> out, time::Instant now) noexcept;
    std::size_t transmit(std::span<backend::Frame*> packets) noexcept;
    [[nodiscard]] backend::PortInfo info() const noexcept;
    [[nodiscard]] backend::FrameCache& frames() noexcept { return frames_; }
    [[nodiscard]] time::Instant next_deadline() const noexcept { return time::Instant::max(); }
    bool arm() noexcept { return !poller_.has_harvested() && !is_readable_; }
    void park(time::Instant wake_at) noexcept { poller_.park(wake_at); }
    void unpark() noexcept { poller_.ring(); }
    [[nodiscard]] int wake_fd() const noexcept { return poller_.fd(); }
    [[nodiscard]] backend::SlowLane* slow_lane() noexcept { return &lane_; }

    /// Packets that the device did not take, because it is down.
    [[nodiscard]] std::uint64_t transmit_errors() const noexcept { return transmit_errors_; }

private:
    class Watch;

    [[nodiscard]] bool read_into(backend::Frame& frame) noexcept;

    Tap tap_;
    epoll::Poller poller_;
    epoll::EpollSlowLane lane_;
    backend::HeapFrames frames_;
    Watch* watch_ = nullptr;
    bool is_readable_ = true;
    std::array<std::uint8_t, 6> mac_;
    std::uint64_t transmit_errors_ = 0;
};

}  // namespace skerry::kernel_io::frame
