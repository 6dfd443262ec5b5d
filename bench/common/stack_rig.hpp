#pragma once

// A core of our own stack over a port in memory, turned by hand, so that each stage of a turn can be timed or counted
// alone. The port copies nothing on its way out: what is sent is looked at and dropped, which is what a NIC that has
// read a frame does. What comes in the peer writes into fresh frames, outside of the stages.

#include "support/quiet_port.hpp"

#include <skerry/stack/driver.hpp>
#include <skerry/stack/wire/arp.hpp>
#include <skerry/task/scheduler.hpp>
#include <skerry/task/spawn.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>

namespace skerry::bench {

using stack::Frame;

inline constexpr stack::wire::Ipv4Addr own_address = stack::wire::Ipv4Addr::of(198, 18, 0, 2);
inline constexpr stack::wire::MacAddr own_mac{{2, 0, 0, 0, 0, 2}};
inline constexpr stack::wire::MacAddr peer_mac{{2, 0, 0, 0, 0, 1}};

class MemoryPort : public tests::QuietPort {
public:
    static constexpr std::size_t burst_max = 32;

    explicit MemoryPort(const backend::HeapFramesOptions& options) : QuietPort(own_mac.octets, options) {}

    std::size_t receive(std::span<Frame*> out, time::Instant) noexcept {
        const std::size_t count = std::min(out.size(), arrived_count_);
        std::copy_n(arrived_.begin(), count, out.begin());
        arrived_count_ = 0;
        return count;
    }
    std::size_t transmit(std::span<Frame*> packets) noexcept {
        sent_ += packets.size();
        for (Frame* const packet : packets) {
            if (look_ != nullptr) [[unlikely]]
                look_(context_, packet->bytes());
            packet->drop();
        }
        return packets.size();
    }

    // --- the other end

    /// The room of a packet that the next receive() hands in; at most burst_max of them.
    [[nodiscard]] std::byte* arrive(std::size_t bytes) noexcept {
        Frame* const frame = frames().allocate();
        if (frame == nullptr || arrived_count_ == burst_max) std::abort();
        frame->length = static_cast<std::uint16_t>(bytes);
        arrived_[arrived_count_++] = frame;
        return frame->data;
    }
    /// Shows what is sent; null: nobody looks.
    using Look = void (*)(void*, std::span<const std::byte>);
    void look_with(Look look, void* context) noexcept {
        look_ = look;
        context_ = context;
    }
    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }

private:
    std::array<Frame*, burst_max> arrived_;
    std::size_t arrived_count_ = 0;
    std::uint64_t sent_ = 0;
    Look look_ = nullptr;
    void* context_ = nullptr;
};
static_assert(backend::FramePort<MemoryPort>);

/// One core, current on this thread while it lives. Its clock stands until pass() moves it.
class StackCore {
public:
    using Driver = stack::Driver<MemoryPort>;
    static constexpr std::size_t burst_max = MemoryPort::burst_max;

    StackCore(const stack::StackConfig& config, const backend::HeapFramesOptions& options)
        : scheduler_(*task::Scheduler::acquire()),
          driver_(config, scheduler_.home(), options),
          outer_(std::exchange(task::current_scheduler, &scheduler_)),
          installed_(driver_.install()) {
        scheduler_.configure(task::CoreId{0}, {}, nullptr, 1);
        know_peer(stack::wire::Ipv4Addr::of(198, 18, 0, 1));
    }
    StackCore(const StackCore&) = delete;
    StackCore& operator=(const StackCore&) = delete;
    ~StackCore() {
        port().look_with(nullptr, nullptr);
        do {
            scheduler_.abort_all();
            transmit();
        } while (scheduler_.drain() || scheduler_.live_tasks() != 0);
        task::current_scheduler = outer_;
        scheduler_.retire();
    }

    static stack::StackConfig config() {
        stack::StackConfig config;
        config.address = own_address;
        config.prefix_bits = 16;
        config.neighbours.delay_first_probe = std::chrono::hours{1000};  // nobody answers
        return config;
    }

    /// Until it waits for something.
    void start(Task<> server) {
        spawn(std::move(server)).detach();
        run();
    }

    // --- the stages of a turn

    void receive() noexcept { driver_.receive(now_); }
    void run() noexcept {
        do scheduler_.drain();
        while (scheduler_.run(1024) != 0);
    }
    void transmit() noexcept { driver_.transmit(now_); }

    void turn() noexcept {
        receive();
        run();
        transmit();
    }
    void pass(std::chrono::nanoseconds time) noexcept { now_ = now_ + time; }

    [[nodiscard]] time::Instant now() const noexcept { return now_; }
    [[nodiscard]] std::byte* arrive(std::size_t bytes) noexcept { return port().arrive(bytes); }
    void look_with(MemoryPort::Look look, void* context) noexcept { port().look_with(look, context); }
    [[nodiscard]] const stack::wire::MacAddr& mac() noexcept { return stack().config().mac; }
    [[nodiscard]] MemoryPort& port() noexcept { return driver_.port(); }
    [[nodiscard]] stack::Stack& stack() noexcept { return driver_.stack(); }

    /// The stack learns the hardware address of a neighbour, from its question for ours.
    void know_peer(stack::wire::Ipv4Addr address) noexcept {
        stack::wire::ArpPacket arp;
        arp.operation = stack::wire::ArpOperation::request;
        arp.sender_mac = peer_mac;
        arp.sender_ip = address;
        arp.target_ip = own_address;
        stack().neighbours().input(arp, now_);
        transmit();
    }

private:
    task::Scheduler& scheduler_;
    Driver driver_;
    task::Scheduler* outer_;
    Driver::Installed installed_;
    time::Instant now_ = time::Instant::now();
};

}  // namespace skerry::bench
