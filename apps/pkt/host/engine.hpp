#pragma once

// The stack under test, its clock and its wire. The stack is the one of production; in the place of a port there is
// memory, and the other end of the wire is a script. What is hidden from the script is done here: Ethernet headers, and
// ARP and neighbour discovery, which are answered for everybody at the instant of the question, so that no packet
// waits.
//
// A turn is that of stack::Driver: what came is taken in, then those who wait for it go on, then what is due and what
// was not acknowledged leaves. Everything of a turn happens at one instant.

#include <skerry/backend/heap_frames.hpp>
#include <skerry/stack/stack.hpp>
#include <skerry/stack/wire/ndp.hpp>
#include <skerry/time/instant.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace skerry::pkt {

/// An IP packet that left, and when.
struct SentPacket {
    time::Instant at;
    std::vector<std::byte> bytes;
};

/// Threads: one.
class Engine {
public:
    Engine(const stack::StackConfig& config, time::Instant start);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// A new stack in the place of one that nobody uses.
    void rebuild(const stack::StackConfig& config);
    /// Those who wait, as a function that lets them go on and says whether one of them is done. Once.
    void set_waiting(std::function<bool()> waiting) { waiting_ = std::move(waiting); }

    [[nodiscard]] time::Instant now() const noexcept { return now_; }
    [[nodiscard]] stack::Stack& stack() noexcept { return *stack_; }
    [[nodiscard]] stack::tcp::Tcp& tcp() noexcept { return stack_->tcp(); }
    [[nodiscard]] stack::Udp& udp() noexcept { return stack_->udp(); }
    [[nodiscard]] const stack::StackConfig& config() const noexcept { return stack_->config(); }

    /// A packet comes, IP header in front.
    void receive(std::span<const std::byte> packet);
    /// Turns of this instant, until nothing happens any more.
    void settle();
    /// Time goes on to `to`, at which whatever is due is done. Nothing may be due before.
    void move_to(time::Instant to);
    [[nodiscard]] time::Instant next_deadline() noexcept { return stack_->next_deadline(); }

    /// What left since the last time, in order.
    [[nodiscard]] std::vector<SentPacket> take_sent() { return std::exchange(sent_, {}); }
    [[nodiscard]] const std::vector<SentPacket>& sent() const noexcept { return sent_; }

private:
    [[nodiscard]] stack::Frame& frame_of(std::size_t bytes);
    void put_in(stack::Frame& frame, const stack::wire::MacAddr& to, std::uint16_t ether_type);
    /// Takes what left. True when a question for a neighbour was among it, which is answered.
    bool collect();
    [[nodiscard]] bool take(const stack::Frame& frame);
    /// A message of neighbour discovery and the header that it came behind.
    struct Ndp {
        stack::wire::Ipv6Header ip;
        stack::wire::NdpMessage message;
    };

    void answer(const stack::wire::ArpPacket& question);
    void answer(const Ndp& question);
    [[nodiscard]] static std::optional<Ndp> question_in(std::span<const std::byte> packet);

    time::Instant now_;
    std::function<bool()> waiting_;
    std::unique_ptr<backend::HeapFrames> frames_;
    std::uint32_t payload_bytes_ = 0;  // of a frame of theirs
    std::unique_ptr<stack::Stack> stack_;
    std::vector<SentPacket> sent_;
};

}  // namespace skerry::pkt
