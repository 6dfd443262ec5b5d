#pragma once

// Several cores' stacks with one address, in one thread, and a peer who is a stack too: what crosses between cores
// crosses when the test says so.

#include "support/datagram.hpp"
#include "support/ipv6_host.hpp"
#include "support/stack_host.hpp"
#include "support/text_socket.hpp"

#include <skerry/stack/wire/udp.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace skerry::tests {

/// A UDP segment of the peer's.
inline Bytes udp_segment(std::uint16_t from, std::uint16_t to, std::string_view text,
                         stack::wire::Ipv4Addr destination = host_ip) {
    return sealed_datagram(from, to, text, peer_ip, destination);
}

class StackCores {
public:
    struct Core {
        explicit Core(const stack::StackConfig& config, time::Instant start) : stack(config, frames, start) {}
        ~Core() {
            for (const auto& socket : sockets) stack.udp().close(*socket, {});
        }

        /// A UDP socket.
        TextSocket& bind(std::uint16_t port, bool is_shared = false, stack::wire::Ipv4Addr local = {}) {
            sockets.push_back(std::make_unique<TextSocket>());
            REQUIRE(stack.udp().open(*sockets.back(), local, port, is_shared));
            return *sockets.back();
        }

        backend::HeapFrames frames;
        stack::Stack stack;
        std::vector<std::unique_ptr<TextSocket>> sockets;
    };

    static stack::SteeringOptions options(std::uint16_t cores, std::uint16_t queues) {
        stack::SteeringOptions options;
        options.cores = cores;
        options.queues = queues;
        options.flows_max = 4096;
        options.seed = 7;
        return options;
    }

    /// Two cores, and one queue, which is the first one's.
    explicit StackCores(const stack::SteeringOptions& how = options(2, 1), stack::StackConfig config = host_config())
        : now(time::Instant::from_nanos(1'000'000'000)), shared(std::make_shared<stack::Steering>(how)) {
        for (std::uint16_t core = 0; core < how.cores; ++core) {
            config.seat = {shared, core};
            cores.push_back(std::make_unique<Core>(config, now));
        }
        config.seat = {};
        config.mac = peer_mac;
        config.address = peer_ip;
        config.more_addresses = {};
        if (!config.address6.is_unspecified()) config.address6 = peer6;
        peer = std::make_unique<Core>(config, now);
    }

    [[nodiscard]] Core& operator[](std::size_t core) { return *cores[core]; }

    /// A frame comes by the queue of a core.
    void give(std::size_t core, std::span<const std::byte> bytes) { give(*cores[core], bytes); }

    /// What was handed over arrives, and what that makes them hand over.
    void cross() {
        bool any = true;
        while (any) {
            any = false;
            for (auto& core : cores) core->stack.steering()->flush();
            for (auto& core : cores) {
                stack::CoreSteering& steering = *core->stack.steering();
                while (steering.has_arrived()) {
                    std::array<stack::Frame*, 8> burst;
                    const std::size_t count = steering.receive(burst);
                    core->stack.input_steered(std::span(burst).first(count), now);
                    (void)steering.receive_for_wire(std::span(burst).first(1));
                    any |= count != 0;
                }
                if (core->stack.has_looped()) {
                    core->stack.input({}, now);
                    any = true;
                }
            }
        }
    }

    /// What a core has sent since the last time.
    std::vector<Bytes> taken(Core& core) {
        core.stack.advance(now);
        std::vector<Bytes> all;
        while (stack::Frame* frame = core.stack.backlog().pop()) {
            all.emplace_back(frame->bytes().begin(), frame->bytes().end());
            frame->drop();
        }
        return all;
    }
    std::vector<Bytes> taken(std::size_t core) { return taken(*cores[core]); }

    /// The cores and the peer exchange what they have, until nobody has anything to say.
    void converse() {
        for (bool any = true; any;) {
            any = false;
            cross();
            for (auto& core : cores) {
                for (const Bytes& frame : taken(*core)) {
                    give(*peer, frame);
                    any = true;
                }
                any |= core->stack.has_looped();
            }
            for (const Bytes& frame : taken(*peer)) {
                give(*cores[queue_of(frame)], frame);
                any = true;
            }
        }
    }
    void pass(std::chrono::nanoseconds time) {
        now = now + time;
        converse();
    }

    [[nodiscard]] std::uint64_t crossed() {
        std::uint64_t sum = 0;
        for (auto& core : cores) sum += core->stack.steering()->stats().received;
        return sum;
    }

    time::Instant now;
    std::shared_ptr<stack::Steering> shared;
    std::vector<std::unique_ptr<Core>> cores;
    std::unique_ptr<Core> peer;
    std::function<std::size_t(std::span<const std::byte>)> queue_of = [](auto) { return std::size_t{0}; };

private:
    void give(Core& core, std::span<const std::byte> bytes) {
        stack::Frame* const frame = core.frames.allocate();
        REQUIRE(frame != nullptr);
        REQUIRE(bytes.size() <= frame->tailroom());
        std::memcpy(frame->data, bytes.data(), bytes.size());
        frame->length = static_cast<std::uint16_t>(bytes.size());
        core.stack.input(std::span(&frame, 1), now);
    }
};

}  // namespace skerry::tests
