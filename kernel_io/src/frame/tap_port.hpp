#pragma once

// Hot path. A TAP device as a port: the kernel at the other end of a wire. It is the port for machines without a NIC to
// give away, and for tests against the kernel's own stack.
//
// What crosses it costs a system call each way, a packet. With Tap::joins segments of one connection that leave in a
// row are one call and one packet for the kernel, which cuts it if it must, and the kernel gives its long ones whole,
// to be cut here: a header of virtio's stands in front of each packet and says so. Nobody makes checksums then, because
// there is no wire that would damage anything. The kernel keeps what it was told of a device that outlives its program,
// so the port takes it back at its end.

#include "long_segment.hpp"

#include "../epoll/core_sockets.hpp"
#include "../epoll/poller.hpp"

#include <skerry/backend/frame_port.hpp>
#include <skerry/backend/heap_frames.hpp>
#include <skerry/stack/segment_run.hpp>

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace skerry::kernel_io::frame {

/// What is left to the other side of a TAP device.
struct TapOffloads {
    bool sent = false;  ///< what we send: long segments are cut there, and checksums finished
    bool received = false;  ///< what we receive, the same; with `sent` only
};

/// An attached TAP device.
struct Tap {
    OwnedFd fd;
    std::array<char, 16> name{};  ///< ends in a zero
    std::uint16_t mtu = backend::mtu_usual;  ///< the kernel's of the device, at most backend::mtu_max
    TapOffloads offloads;

    /// Attaches to the TAP device `name`, which is made when it does not exist.
    ///
    /// Errors:   permission_denied: another user's device, or none and no CAP_NET_ADMIN; invalid_argument: the name is
    ///           empty, too long, or another kind of device's; address_in_use: another program is attached;
    ///           and what the system says when there is no /dev/net/tun.
    [[nodiscard]] static Result<Tap> attach(std::string_view name, TapOffloads offloads = {}) noexcept;
};

/// What passed a TapPort in one piece, and what did not.
struct TapCounters {
    std::uint64_t runs_sent = 0;  ///< of several segments, handed over as one packet
    std::uint64_t segments_in_runs = 0;  ///< those segments
    std::uint64_t long_received = 0;  ///< packets that were cut here
    std::uint64_t segments_received = 0;  ///< what they were cut into
    std::uint64_t received_damaged = 0;  ///< dropped: longer than a frame, or what stands in front of it is not true
    std::uint64_t transmit_errors = 0;  ///< packets that the device did not take, because it is down
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

    /// Whether the device was taken away.
    [[nodiscard]] bool is_lost() const noexcept { return is_lost_; }

    [[nodiscard]] const TapCounters& counters() const noexcept { return counters_; }

private:
    class Watch;

    void say_what_was_long() const noexcept;
    void lose() noexcept;
    /// A read gave none, and why; 0: it says nothing.
    void note_no_packet(int os_error) noexcept;
    [[nodiscard]] bool has_rest() const noexcept { return long_ != nullptr && !long_->empty(); }
    [[nodiscard]] bool take_into(backend::Frame& frame) noexcept;
    [[nodiscard]] bool read_into(backend::Frame& frame) noexcept;
    [[nodiscard]] bool read_behind_header(backend::Frame& frame) noexcept;
    [[nodiscard]] bool begin_long(backend::Frame& first, std::size_t bytes, const VirtioHeader& header) noexcept;
    [[nodiscard]] ssize_t send(std::span<backend::Frame* const> run_and_more, const stack::SegmentRun& run) noexcept;
    [[nodiscard]] ssize_t send_run(std::span<backend::Frame* const> burst, const stack::SegmentRun& run) noexcept;

    Tap tap_;
    epoll::Poller poller_;
    epoll::EpollSlowLane lane_;
    backend::HeapFrames frames_;
    Watch* watch_ = nullptr;
    bool is_readable_ = true;  // as long as long_ has a rest, too: what it is of was read, and nothing was since
    bool is_lost_ = false;
    std::array<std::uint8_t, 6> mac_;
    stack::RunLimits run_limits_;
    std::unique_ptr<LongSegment> long_;  // where the kernel gives such
    TapCounters counters_;
};

}  // namespace skerry::kernel_io::frame
