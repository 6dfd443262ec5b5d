#pragma once

// Two stacks joined by a wire in memory, on virtual time: what one sends reaches the other later, twice, out of order
// or not at all, as a seeded generator decides.

#include "support/stack_host.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <utility>

namespace skerry::tests {

/// What the wire does to a packet. Probabilities are of 1000.
struct WireFaults {
    unsigned loss = 0;
    unsigned duplicates = 0;
    unsigned reorder = 0;  ///< so many are held back by up to `held`
    std::chrono::nanoseconds delay = std::chrono::milliseconds{5};
    std::chrono::nanoseconds held = std::chrono::milliseconds{20};
    std::uint32_t pool_frames = 4096;  ///< of each host
    bool hands_over = false;  ///< the very frame reaches the other end, as between two queues of one process
};

class StackWire {
public:
    struct Host {
        Host(const stack::StackConfig& config, std::uint32_t pool_frames, time::Instant start)
            : frames(pool_of(pool_frames)), stack(config, frames, start) {}

        backend::HeapFrames frames;
        stack::Stack stack;
        bool is_full = false;  ///< its port takes nothing
    };

    StackWire(std::uint64_t seed, const WireFaults& wire_faults, stack::StackConfig config = host_config())
        : faults(wire_faults),
          now(time::Instant::from_nanos(1'000'000'000)),
          random(seed),
          a(make(config, host_mac, host_ip, seed), wire_faults.pool_frames, now),
          b(make(config, peer_mac, peer_ip, seed + 1), wire_faults.pool_frames, now) {}
    ~StackWire() {
        for (auto& [at, packet] : under_way_)
            if (packet.frame != nullptr) packet.frame->drop();
    }
    StackWire(const StackWire&) = delete;
    StackWire& operator=(const StackWire&) = delete;

    [[nodiscard]] static stack::wire::Ipv4Addr address_of_b() { return peer_ip; }
    /// How `a` names `b`: by IPv6, when they have it.
    [[nodiscard]] stack::wire::Ipv4Addr b_of_a() {
        return a.stack.hosts().has_v6() ? a.stack.hosts().name(b.stack.config().address6) : peer_ip;
    }

    /// Runs until `done` says so or `limit` is over; calls `work` whenever something may have happened.
    template <class Work, class Done>
    bool run(std::chrono::nanoseconds limit, Work&& work, Done&& done) {
        const time::Instant end = now + limit;
        for (;;) {
            work();
            transmit(a, 1);
            transmit(b, 0);
            if (done()) return true;
            time::Instant next = std::max(now, next_event());
            if (tick.count() != 0) next = std::min(next, now + tick);
            if (next > end) {
                now = end;
                return false;
            }
            now = next;
            deliver();
        }
    }
    /// Until nothing is left to happen.
    void settle(std::chrono::nanoseconds limit) {
        run(limit, [] {}, [] { return false; });
    }

    WireFaults faults;
    std::chrono::nanoseconds tick{};  ///< not 0: `work` is called at least so often
    time::Instant now;
    std::mt19937_64 random;
    Host a;
    Host b;
    /// Looks at each packet that is sent; false: it is lost.
    std::function<bool(const stack::Frame&)> filter;

private:
    struct Packet {
        stack::Frame* frame = nullptr;  // when it is handed over
        Bytes bytes;
        int to = 0;
    };

    static stack::StackConfig make(stack::StackConfig config, const stack::wire::MacAddr& mac,
                                   stack::wire::Ipv4Addr address, std::uint64_t seed) {
        config.mac = mac;
        config.address = address;
        config.gateway = {};
        if (!config.address6.is_unspecified()) config.address6.low = address.bits;
        config.seed = seed;
        return config;
    }

    /// Not lost by chance: three in a row end a connect, which is a test of its own.
    [[nodiscard]] static bool is_question(const stack::Frame& frame) {
        constexpr std::uint8_t ndp_hop_limit = 255;
        const std::uint16_t type = stack::wire::load_be16(frame.data + 12);
        return type == stack::wire::ether_type::arp ||
               (type == stack::wire::ether_type::ipv6 && stack::wire::load_8(frame.data + 21) == ndp_hop_limit);
    }
    [[nodiscard]] bool happens(unsigned of_thousand) { return random() % 1000 < of_thousand; }

    [[nodiscard]] time::Instant next_event() {
        time::Instant next = std::min(a.stack.next_deadline(), b.stack.next_deadline());
        if (a.stack.has_looped() || b.stack.has_looped()) next = now;
        if (!under_way_.empty()) next = std::min(next, time::Instant::from_nanos(under_way_.begin()->first));
        return next;
    }

    void transmit(Host& from, int to) {
        from.stack.advance(now);
        if (from.is_full) return;
        while (stack::Frame* frame = from.stack.backlog().pop()) {
            if ((filter && !filter(*frame)) || (!is_question(*frame) && happens(faults.loss))) {
                frame->drop();
                continue;
            }
            if (happens(faults.duplicates)) send(to, {nullptr, {frame->bytes().begin(), frame->bytes().end()}, to});
            if (faults.hands_over) {
                send(to, {frame, {}, to});
                continue;
            }
            send(to, {nullptr, {frame->bytes().begin(), frame->bytes().end()}, to});
            frame->drop();
        }
    }

    void send(int, Packet packet) {
        auto at = now + faults.delay;
        if (happens(faults.reorder))
            at += std::chrono::nanoseconds{random() % static_cast<std::uint64_t>(faults.held.count() + 1)};
        under_way_.emplace(at.as_nanos(), std::move(packet));
    }

    void deliver() {
        while (!under_way_.empty() && under_way_.begin()->first <= now.as_nanos()) {
            Packet packet = std::move(under_way_.begin()->second);
            under_way_.erase(under_way_.begin());
            Host& host = packet.to == 0 ? a : b;
            stack::Frame* frame = packet.frame;
            if (frame == nullptr) {
                frame = host.frames.allocate();
                if (frame == nullptr) continue;  // as a NIC without descriptors
                std::memcpy(frame->data, packet.bytes.data(), packet.bytes.size());
                frame->length = static_cast<std::uint16_t>(packet.bytes.size());
            }
            host.stack.input(std::span(&frame, 1), now);
        }
        for (Host* host : {&a, &b})
            if (host->stack.has_looped()) host->stack.input({}, now);
    }

    std::multimap<std::int64_t, Packet> under_way_;
};

}  // namespace skerry::tests
