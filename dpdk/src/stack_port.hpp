#pragma once

// Hot path. One core's queue pairs of a port, as our stack wants them: one nearly always, and then nothing is paid for
// the others. A call takes frames of one queue, and the next call looks at the one behind it first.
//
// A core that may sleep does so on its queues' interrupts; where the device has none it naps, as the raw driver does.
// The slow lane is the kernel backend's, looked at every 50 us: a look is a call of the kernel, 0.3 us, and a round
// trip takes two.

#include "doorbell.hpp"
#include "hash_check.hpp"
#include "kernel_device.hpp"
#include "mbuf_frames.hpp"
#include "nap.hpp"
#include "own_queues.hpp"
#include "port.hpp"
#include "rx_interrupt.hpp"

#include <skerry/backend/frame_port.hpp>
#include <skerry/backend/slow_lane.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace skerry::dpdk {

class StackPort {
public:
    static constexpr std::int64_t busy_poll_interval_ns = 0;

    /// Its queue pairs are those of that port and core; a core without one has memory and a doorbell. `lane` may be
    /// null.
    StackPort(std::shared_ptr<PortSet> ports, std::size_t port, std::uint16_t core, Doorbell doorbell,
              std::unique_ptr<backend::CarriedSlowLane> lane) noexcept;
    StackPort(const StackPort&) = delete;
    StackPort& operator=(const StackPort&) = delete;
    ~StackPort();

    std::size_t receive(std::span<backend::Frame*> out, time::Instant now) noexcept;
    std::size_t transmit(std::span<backend::Frame*> packets) noexcept;
    [[nodiscard]] backend::PortInfo info() const noexcept;
    [[nodiscard]] backend::FrameCache& frames() noexcept { return frames_; }
    [[nodiscard]] time::Instant next_deadline() const noexcept {
        return queues_.any() ? nap_.end() : time::Instant::max();
    }
    /// A loop outside hears of no interrupt: it looks again as if there were none.
    [[nodiscard]] time::Instant outside_deadline() const noexcept {
        return interrupt_.exists() ? time::Instant::now() + Nap::without_interrupt : time::Instant::max();
    }
    bool arm() noexcept;
    void park(time::Instant wake_at) noexcept;
    void unpark() noexcept { doorbell_.ring(); }
    /// A frame makes no descriptor readable.
    [[nodiscard]] int wake_fd() const noexcept { return -1; }
    /// What park() waits for beside the time; less than 0: nothing.
    [[nodiscard]] std::array<int, 3> park_fds() const noexcept {
        return {doorbell_.fd(), lane_ != nullptr ? lane_->fd() : -1, interrupt_.fd()};
    }
    [[nodiscard]] backend::SlowLane* slow_lane() noexcept { return lane_.get(); }

    /// Whether the device was taken away.
    [[nodiscard]] bool is_lost() const noexcept { return is_lost_; }

    /// Frames that came in several pieces, or that the device would not send as they were.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    /// Long segments that the device was given to cut, and what they were made of.
    [[nodiscard]] std::uint64_t runs_sent() const noexcept { return runs_sent_; }
    [[nodiscard]] std::uint64_t segments_in_runs() const noexcept { return segments_in_runs_; }

private:
    static constexpr std::size_t burst_max = 32;
    static constexpr auto lane_interval = std::chrono::microseconds{50};

    /// The mbufs of packets that are to leave, and whether somebody else keeps them.
    struct Ready {
        std::array<rte_mbuf*, burst_max> mbufs;
        std::array<bool, burst_max> is_kept;
        std::size_t count = 0;
    };

    [[nodiscard]] backend::Frame* take(rte_mbuf& mbuf, time::Instant now) noexcept;
    void verify_hash(const backend::Frame& frame) noexcept;
    [[nodiscard]] rte_mbuf* copy_of_shared(rte_mbuf& mbuf) noexcept;
    [[nodiscard]] rte_mbuf* to_mbuf(backend::Frame& packet) noexcept;
    [[nodiscard]] Ready make_ready(std::span<backend::Frame*> packets) noexcept;
    static void settle(std::span<backend::Frame* const> packets, const Ready& ready, std::size_t sent) noexcept;
    [[nodiscard]] std::size_t transmit_in_runs(std::span<backend::Frame*> packets, const Ready& ready) noexcept;
    [[nodiscard]] std::uint16_t take_burst(std::span<rte_mbuf*> out) noexcept;
    [[nodiscard]] std::uint16_t look(std::span<rte_mbuf*> out) noexcept;
    void leave() noexcept;

    std::shared_ptr<PortSet> ports_;
    EthPort& port_;
    stack::Steering* steering_;  // the set's
    std::uint16_t port_id_;
    std::uint16_t core_;  // and the queue that it sends by
    OwnQueues queues_;
    std::uint16_t next_queue_;  // to be looked at
    std::uint16_t came_by_ = 0;  // the queue of the last burst
    std::optional<KernelDevice> below_;
    bool sends_shared_;
    HashCheck hash_check_;
    stack::RunLimits run_limits_;
    bool is_lost_ = false;
    MbufFrames frames_;
    Doorbell doorbell_;
    std::unique_ptr<backend::CarriedSlowLane> lane_;
    time::Instant next_lane_;
    RxInterrupt interrupt_;
    Nap nap_;
    std::array<rte_mbuf*, burst_max> seen_;  // what the look after arming found, for the next receive
    std::uint16_t seen_count_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t runs_sent_ = 0;
    std::uint64_t segments_in_runs_ = 0;
};

}  // namespace skerry::dpdk
