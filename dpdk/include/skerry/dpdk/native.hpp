#pragma once

// Hot path. What only DPDK has: the frames of a port, as rte_mbuf, in bursts. The only public header that shows rte_
// types; who includes it depends on DPDK.
//
//   auto port = dpdk::Port::open(0);
//   std::array<rte_mbuf*, dpdk::burst_max> frames;
//   for (;;) {
//       const std::size_t count = co_await port->recv_burst(frames);
//       ... change them in place ...
//       const std::size_t sent = port->send_burst(std::span(frames).first(count));
//       dpdk::Port::release(std::span(frames).first(count).subspan(sent));
//   }
//
// Each core has one queue pair of each port. A receive looks into the queue itself first and waits only when that is
// empty; while it waits, the core's loop polls the queue once a turn. What is sent goes to the port when 32 frames are
// together, or at the end of the turn: many tasks that send a frame each cost one call of the driver, not one each.
//
// A frame that a task holds belongs to the task: one that is aborted while it holds some must release them, by a
// destructor. The recipe above holds none while it waits. What an operation holds is safe: see Cancel.

#include <skerry/base/assert.hpp>
#include <skerry/base/cache_line.hpp>
#include <skerry/base/result.hpp>
#include <skerry/task/scheduler.hpp>

#include <rte_config.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace skerry::dpdk {

/// Frames that one receive returns at most.
inline constexpr std::size_t burst_max = 64;

/// Frames that wait for the end of the turn, until they go at once.
inline constexpr std::size_t send_together = 32;

/// Slots below which drivers that take several frames with one instruction find none, however many are there.
inline constexpr std::size_t burst_least = 8;

/// Bytes behind the rte_mbuf of every frame that are the library's (rte_mbuf_to_priv()).
inline constexpr std::uint16_t private_bytes = 64;

/// Numbers of one port; all of its queues where it does not say queue.
struct PortStats {
    std::uint64_t rx_frames = 0;
    std::uint64_t tx_frames = 0;
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t rx_missed = 0;      ///< dropped by the device, whose queue was full
    std::uint64_t rx_errors = 0;
    std::uint64_t tx_errors = 0;
    std::uint64_t rx_no_buffers = 0;  ///< receives that found a pool empty
    std::uint64_t no_buffers = 0;     ///< allocations on this core's queue that found its pool empty
    std::uint64_t tx_too_long = 0;    ///< frames dropped on this core's queue, longer than the device ever takes
    std::uint32_t pool_size = 0;      ///< buffers of this core's queue
    std::uint32_t pool_free = 0;      ///< of them, in nobody's hands
};

struct Link {
    bool up = false;
    std::uint32_t speed_mbps = 0;  ///< 0: the device does not say
    bool full_duplex = false;
};

/// One of the numbers that a device has beyond PortStats, under its own name for it.
struct DeviceCounter {
    std::string name;
    std::uint64_t value = 0;
};

/// The bytes of a frame's first segment, which is all of it unless the device received it in pieces.
[[nodiscard]] inline std::span<std::byte> bytes(const rte_mbuf& frame) noexcept {
    return {static_cast<std::byte*>(frame.buf_addr) + frame.data_off, frame.data_len};
}

namespace detail {

struct RecvRequest : task::WaitNode {
    std::span<rte_mbuf*> out;
    std::size_t count = 0;
};

/// One core's queue pair of one port. That core's only.
struct alignas(cache_line_bytes) PortQueue {
    std::uint16_t port_id = 0;
    std::uint16_t queue_id = 0;
    std::uint16_t home = 0;              ///< its scheduler's number
    std::uint16_t kept_count = 0;
    std::uint16_t unsent_count = 0;
    bool is_gone = false;                ///< the device was taken away: its queues are nobody's to touch
    RecvRequest* receiver = nullptr;     ///< from its suspension until it is resumed or cancelled
    rte_mempool* pool = nullptr;
    std::uint64_t no_buffers = 0;
    std::uint64_t too_long = 0;                   ///< frames that were dropped
    std::uint32_t longest = UINT32_MAX;           ///< bytes of a frame behind which the device stops for good
    std::array<rte_mbuf*, burst_max> kept;        ///< received and not asked for, or given back; oldest first
    std::array<rte_mbuf*, send_together> unsent;  ///< oldest first

    /// Fills `out` from the front with what is there now; 0 when there is nothing.
    [[nodiscard]] std::size_t take(std::span<rte_mbuf*> out) noexcept {
        if (kept_count != 0 || is_gone) [[unlikely]]
            return take_kept(out);
        if (out.size() < burst_least) [[unlikely]]
            return take_few(out);
        return rte_eth_rx_burst(port_id, queue_id, out.data(),
                                static_cast<std::uint16_t>(std::min(out.size(), burst_max)));
    }

    /// The next take() finds them first. They were taken last, so there is room.
    void give_back(std::span<rte_mbuf* const> frames) noexcept;

    /// The device was taken away: what is not sent is dropped.
    void lose() noexcept;

    /// Hands the port what waits for the end of the turn; false when some is still left.
    bool flush() noexcept {
        if (unsent_count == 0) [[likely]]
            return true;
        return flush_slow();
    }

    /// How many of `frames`, from the front, were taken over.
    [[nodiscard]] std::size_t send(std::span<rte_mbuf*> frames) noexcept;

    /// Completes the receive that waits, if there is something for it.
    bool poll() noexcept {
        if (receiver == nullptr || receiver->state() != task::node_state::linked) return false;
        receiver->count = take(receiver->out);
        if (receiver->count == 0 && !is_gone) return false;
        receiver->give_claim();
        task::current_scheduler->wake(*receiver);
        return true;
    }

private:
    [[nodiscard]] std::size_t take_kept(std::span<rte_mbuf*> out) noexcept;
    [[nodiscard]] std::size_t take_few(std::span<rte_mbuf*> out) noexcept;
    [[nodiscard]] std::size_t offer(std::span<rte_mbuf*> frames) noexcept;
    bool flush_slow() noexcept;
};

/// The queues of this thread's core, by index of the port; empty on other threads.
inline thread_local constinit std::span<PortQueue> current_queues;

class RecvBurstAwaiter : private RecvRequest {
public:
    RecvBurstAwaiter(PortQueue& queue, std::span<rte_mbuf*> frames) noexcept : queue_(&queue) { out = frames; }
    ~RecvBurstAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() noexcept {
        SKERRY_DEBUG_ASSERT(task::current_scheduler->home() == queue_->home, "a port is used on another core");
        SKERRY_DEBUG_ASSERT(queue_->receiver == nullptr, "two receives at once on one queue of a port");
        if (task::current_scheduler->spend()) [[unlikely]]
            return false;
        tried_ = true;
        return try_now();
    }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        SKERRY_ASSERT(queue_->receiver == nullptr, "two receives at once on one queue of a port");
        task::Scheduler& scheduler = *task::current_scheduler;
        scheduler.bind(*this, awaiting);
        queue_->receiver = this;
        if (!tried_ && try_now()) {  // ready, but out of budget: the frames are taken and wait with us
            give_claim();
            scheduler.enqueue(*this);
            return true;
        }
        set_state(task::node_state::linked);
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if (state() != task::node_state::idle) [[unlikely]]
            cancel_slow();
    }
    [[nodiscard]] std::size_t await_resume() noexcept {
        if (queue_->receiver == this) queue_->receiver = nullptr;
        take_claim();
        return count;
    }

private:
    [[nodiscard]] bool try_now() noexcept {
        count = queue_->take(out);
        return count != 0 || queue_->is_gone;
    }
    void cancel_slow() noexcept;

    PortQueue* queue_;
    bool tried_ = false;
};

}  // namespace detail

/// What Port::recv_burst returns.
class [[nodiscard]] RecvBurst {
public:
    RecvBurst(detail::PortQueue& queue, std::span<rte_mbuf*> out) noexcept : queue_(&queue), out_(out) {}
    [[nodiscard]] detail::RecvBurstAwaiter operator co_await() const noexcept { return {*queue_, out_}; }

private:
    detail::PortQueue* queue_;
    std::span<rte_mbuf*> out_;
};

/// A handle of this core's queue pair of one port. As cheap to copy as a pointer.
///
/// Lifetime: the runtime's.
/// Threads:  the core that opened it; asserted in debug builds. One task at a time receives.
class Port {
public:
    /// This core's queue of the port with this index, counted from 0 in the order of the configuration.
    ///
    /// Errors:  unsupported, when this core has another backend; not_found, when there are fewer ports.
    /// Threads: a core of a runtime.
    [[nodiscard]] static Result<Port> open(std::size_t index) noexcept;

    /// How many ports this core has; 0 with another backend.
    [[nodiscard]] static std::size_t count() noexcept { return detail::current_queues.size(); }

    /// Waits for frames and fills `out` from the front.
    ///
    /// Completes as soon as there is one and takes all that the queue has, up to `out.size()` or 64. It never waits
    /// for a second one.
    ///
    /// Shape:    `out` has 1 to 64 slots. Returns n, 1 <= n <= out.size(); the frames in [0, n) are the caller's, with
    ///           all segments. The rest of `out` may have been written. Returns 0 when the device was taken away, at
    ///           once and from then on.
    /// Lifetime: `out` outlives the await. A frame lives until it is sent or released, at the latest before the
    ///           runtime ends; while it is held, the port has one buffer less.
    /// Cancel:   safe: frames that had been taken are those that the next receive finds first.
    /// Cost:     no allocation; one call of the device's driver; suspends when the queue is empty or the task's budget
    ///           is spent.
    [[nodiscard]] RecvBurst recv_burst(std::span<rte_mbuf*> out) noexcept {
        SKERRY_DEBUG_ASSERT(!out.empty() && out.size() <= burst_max, "recv_burst takes 1 to 64 slots");
        return {*queue_, out};
    }

    /// Takes frames over for sending, in order.
    ///
    /// Those that are taken leave in this turn of the core's loop as far as the port takes them, and in the next ones
    /// else, or within a millisecond when the core sleeps; 32 or more leave at once. A port that ends, or whose device
    /// was taken away, drops what it has not sent; one that stops for good behind a frame longer than its MTU (net_tap)
    /// drops that one (PortStats::tx_too_long).
    ///
    /// Shape:  returns how many were taken, from the front; the rest is still the caller's: the port's queue is full.
    /// Cost:   one call of the device's driver for 32 frames, or one a turn.
    [[nodiscard]] std::size_t send_burst(std::span<rte_mbuf*> frames) noexcept {
        SKERRY_DEBUG_ASSERT(task::current_scheduler->home() == queue_->home, "a port is used on another core");
        return queue_->send(frames);
    }

    /// A frame of no length, with headroom; null when this core's pool is empty (PortStats::no_buffers).
    [[nodiscard]] rte_mbuf* allocate() noexcept {
        rte_mbuf* const frame = rte_pktmbuf_alloc(queue_->pool);
        if (frame == nullptr) [[unlikely]]
            ++queue_->no_buffers;
        return frame;
    }

    /// As many as `out` has room for, or none: false when this core's pool has fewer.
    [[nodiscard]] bool allocate(std::span<rte_mbuf*> out) noexcept {
        const bool done = rte_pktmbuf_alloc_bulk(queue_->pool, out.data(), static_cast<unsigned>(out.size())) == 0;
        if (!done) [[unlikely]]
            ++queue_->no_buffers;
        return done;
    }

    /// Gives frames back to wherever they came from. Threads: any core.
    static void release(std::span<rte_mbuf*> frames) noexcept {
        if (!frames.empty()) rte_pktmbuf_free_bulk(frames.data(), static_cast<unsigned>(frames.size()));
    }

    // Cold: each asks the device.
    [[nodiscard]] PortStats stats() const noexcept;
    [[nodiscard]] Link link() const noexcept;
    [[nodiscard]] std::vector<DeviceCounter> device_counters() const;
    [[nodiscard]] std::array<std::uint8_t, 6> mac() const noexcept;
    [[nodiscard]] std::string name() const;

    /// DPDK's own numbers, for what this header lacks.
    [[nodiscard]] std::uint16_t port_id() const noexcept { return queue_->port_id; }
    [[nodiscard]] std::uint16_t queue_id() const noexcept { return queue_->queue_id; }
    [[nodiscard]] rte_mempool* pool() const noexcept { return queue_->pool; }

private:
    explicit Port(detail::PortQueue& queue) noexcept : queue_(&queue) {}

    detail::PortQueue* queue_;
};

}  // namespace skerry::dpdk
