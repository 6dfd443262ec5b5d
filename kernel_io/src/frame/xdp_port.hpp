#pragma once

// Hot path. Queue 0 of an interface as a port, by AF_XDP: for one core. What comes is seen without a call of the
// kernel. Sending takes one for a burst where the kernel copies, and none where the driver reads the memory itself.
//
// A frame is a chunk of the shared memory, in both directions, and the port copies none of its own. Where the device
// has no zero copy (a veth, generic mode) the kernel copies: it writes what comes into the chunk, and makes its own
// packet of what is sent. That is its price for any device, and is not ours to save.
//
// A packet that was sent keeps a handle on its frame until the kernel gives it back, which is in the call itself where
// it copies. So a segment that its sender keeps is sent as it lies; one that is to be sent again while the first is
// still under way is shared, and the stack copies it.

#include "../epoll/core_sockets.hpp"
#include "../epoll/poller.hpp"
#include "ethernet_device.hpp"
#include "ipv6_groups.hpp"
#include "link_events.hpp"
#include "umem_frames.hpp"
#include "vlan_tags.hpp"
#include "xdp_program.hpp"
#include "xdp_socket.hpp"

#include <skerry/backend/backend.hpp>
#include <skerry/backend/frame_port.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace skerry::kernel_io::frame {

/// An interface, what was opened on it, and nothing of it in use.
struct Xdp {
    static constexpr std::uint32_t frames = 4096;  ///< with their chunks 8 MiB, what a user may lock by default

    EthernetDevice device;
    XdpAddresses ours;
    std::unique_ptr<Umem> umem;
    XdpSocket socket;
    XdpProgram program;
    LinkEvents link_events;
    Ipv6Groups groups;

    /// Opens socket and memory, and loads the program for our addresses.
    ///
    /// Errors: a line with the next step: no such interface, one with several receive queues, a capability that is
    ///         missing, too little memory that may be locked, a kernel without AF_XDP.
    [[nodiscard]] static Result<Xdp, backend::SetupError> open(const std::string& interface, const XdpAddresses& ours);
};

/// What a port has lost, and how.
struct XdpStats {
    XdpKernelStats kernel;
    std::uint64_t too_long = 0;    ///< longer than what our frames are for, 1,500 bytes, or the interface's MTU
    std::uint64_t damaged = 0;     ///< descriptors that name no chunk that the kernel had, or a part of a packet
    std::uint64_t unsendable = 0;  ///< packets in other memory that do not fit a chunk
};

class XdpPort {
public:
    static constexpr std::int64_t busy_poll_interval_ns = 0;

    XdpPort(Xdp xdp, epoll::Poller poller);
    ~XdpPort();
    XdpPort(const XdpPort&) = delete;
    XdpPort& operator=(const XdpPort&) = delete;

    /// Takes the queue, and then what is sent to the program's addresses. Once, before anything else.
    ///
    /// Errors: a line with the next step: another program has the queue, or a program is attached.
    [[nodiscard]] Result<void, backend::SetupError> start();

    std::size_t receive(std::span<backend::Frame*> out, time::Instant now) noexcept;
    std::size_t transmit(std::span<backend::Frame*> packets) noexcept;
    [[nodiscard]] backend::PortInfo info() const noexcept;
    [[nodiscard]] backend::FrameCache& frames() noexcept { return frames_; }
    /// While the kernel is to be asked again: to send what it did not take, to take frames that there were none of.
    [[nodiscard]] time::Instant next_deadline() const noexcept { return retry_at_; }
    bool arm() noexcept {
        if (in_flight_ != 0) look_at_sent();
        look_at_fill();
        return !poller_.has_harvested() && socket_.received().ready(1) == 0;
    }
    void park(time::Instant wake_at) noexcept { poller_.park(wake_at); }
    void unpark() noexcept { poller_.ring(); }
    [[nodiscard]] int wake_fd() const noexcept {
        is_watched_outside_ = true;
        return poller_.fd();
    }
    [[nodiscard]] backend::SlowLane* slow_lane() noexcept { return &lane_; }

    /// Whether the interface was taken away.
    [[nodiscard]] bool is_lost() const noexcept { return is_lost_; }

    [[nodiscard]] XdpStats stats() const noexcept;

private:
    class Watch;
    class LinkWatch;

    static constexpr std::uint32_t burst_max = 64;
    static constexpr std::uint32_t feed_at_once = 32;
    // A look at the slow lane is a call of the kernel, and what comes over the wire needs none.
    static constexpr auto lane_interval = std::chrono::microseconds{50};
    static constexpr std::chrono::nanoseconds retry_soon = std::chrono::microseconds{50};
    static constexpr std::chrono::nanoseconds retry_late = std::chrono::milliseconds{10};

    void look_at_lane(time::Instant now) noexcept;
    [[nodiscard]] backend::Frame* take(const xdp_desc& packet, time::Instant now) noexcept;
    void feed() noexcept;
    void look_at_fill() noexcept;
    void reap() noexcept;
    void push() noexcept;
    void look_at_sent() noexcept;
    void retry() noexcept;
    void set_retry() noexcept;
    [[nodiscard]] backend::Frame* in_own_memory(backend::Frame& packet) noexcept;
    void say_of_tags(const Result<VlanTags>& tags) const;
    /// Whether the kernel has one of our IPv4 addresses too.
    [[nodiscard]] bool is_shared4() const noexcept;
    [[nodiscard]] bool is_shared6() const noexcept;
    [[nodiscard]] Result<> watch() noexcept;
    void on_link_events() noexcept;
    void lose() noexcept;
    void say_what_was_lost() const noexcept;

    EthernetDevice device_;
    XdpAddresses ours_;
    XdpProgram program_;
    XdpSocket socket_;
    UmemFrames frames_;
    LinkEvents link_events_;
    Ipv6Groups groups_;
    VlanTags tags_;
    epoll::Poller poller_;
    epoll::EpollSlowLane lane_;
    epoll::Watched* watch_ = nullptr;
    epoll::Watched* link_watch_ = nullptr;
    time::Instant now_;  // of the last receive()
    time::Instant next_lane_;
    time::Instant retry_at_ = time::Instant::max();
    std::chrono::nanoseconds retry_after_ = retry_soon;
    std::uint32_t owed_ = XdpSocket::receive_ring;  // empty frames that the kernel does not have
    std::uint32_t in_flight_ = 0;
    bool is_unsent_ = false;  // the kernel has not taken all that was given to it
    bool is_lost_ = false;
    mutable bool is_watched_outside_ = false;
    XdpStats stats_;
};

}  // namespace skerry::kernel_io::frame
