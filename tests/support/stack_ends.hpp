#pragma once

// Programs at the two ends of a StackWire: each sends its own stream, and reads and judges the other's.

#include "support/stack_wire.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

namespace skerry::tests {

inline std::byte byte_at(std::uint64_t stream, std::uint64_t offset) {
    std::uint64_t x = stream * 0x9e3779b97f4a7c15U + offset / 8;
    x = (x ^ x >> 30U) * 0xbf58476d1ce4e5b9U;
    return static_cast<std::byte>((x ^ x >> 27U) >> (offset % 8 * 8));
}

/// One end with a program: sends `to_send` bytes of its own stream, ends its direction, reads until the peer's ends.
struct WireEnd final : stack::tcp::Endpoint {
    WireEnd(StackWire& wire_of, StackWire::Host& host_of, std::uint64_t sends, std::uint64_t receives,
            std::size_t count)
        : wire(wire_of), host(host_of), stream_out(sends), stream_in(receives), to_send(count) {}
    ~WireEnd() override {
        if (tcb != nullptr) host.stack.tcp().close(*this, wire.now);
    }

    void on_ready() noexcept override { ++calls; }

    [[nodiscard]] stack::tcp::Tcp& tcp() const { return host.stack.tcp(); }

    void work() {
        if (tcb == nullptr || tcb->state == stack::tcp::State::syn_sent ||
            tcb->state == stack::tcp::State::syn_received)
            return;
        read();
        write();
        if (stack::tcp::Tcp::is_at_end(*tcb) && tcb->received_bytes == 0 && is_sent()) {
            error = stack::tcp::Tcp::take_error(*tcb);
            is_done = true;
            if (!keeps_socket) tcp().close(*this, wire.now);
        }
    }

    [[nodiscard]] bool is_sent() const { return sent == to_send && has_finished; }

    void read() {
        if (reads_slowly && wire.random() % 4 != 0) return;
        while (tcb->received_bytes != 0) {
            if (wire.random() % 3 == 0) {
                const IoBuf buffer = tcp().read_buf(*tcb, wire.now);
                take(buffer.bytes());
            } else {
                std::array<std::byte, 3000> into;
                const std::size_t most = 1 + wire.random() % into.size();
                const std::size_t peeked = stack::tcp::Tcp::peek(*tcb, std::span(into).first(most));
                const std::array<std::byte, 3000> copy = into;
                const std::size_t count = tcp().read(*tcb, std::span(into).first(most), wire.now);
                is_intact &= count == peeked && std::memcmp(copy.data(), into.data(), count) == 0;
                take(std::span(into).first(count));
            }
        }
    }
    void take(std::span<const std::byte> bytes) {
        for (const std::byte byte : bytes) is_intact &= byte == byte_at(stream_in, received++);
    }
    void write() {
        while (sent < to_send && stack::tcp::Tcp::is_writable(*tcb)) {
            std::vector<std::byte> chunk(std::min<std::size_t>(to_send - sent, 1 + wire.random() % 6000));
            for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = byte_at(stream_out, sent + i);
            const std::size_t count = tcp().write(*tcb, chunk, wire.now);
            sent += count;
            if (count < chunk.size()) break;
        }
        if (sent == to_send && !has_finished) {
            has_finished = true;
            tcp().finish(*tcb, wire.now);
        }
    }

    StackWire& wire;
    StackWire::Host& host;
    std::uint64_t stream_out;
    std::uint64_t stream_in;
    std::uint64_t to_send;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    int calls = 0;
    Error error;
    bool is_intact = true;
    bool has_finished = false;
    bool is_done = false;
    bool reads_slowly = false;
    bool keeps_socket = false;
};

struct WireListener final : stack::tcp::Acceptor {
    void on_ready() noexcept override { ++calls; }
    int calls = 0;
};

inline void check_nothing_left(StackWire& wire) {
    wire.settle(std::chrono::minutes{10});
    for (StackWire::Host* host : {&wire.a, &wire.b}) {
        const auto sizes = host->stack.tcp().sizes();
        CHECK(sizes.connections == 0);
        CHECK(sizes.half_open == 0);
        CHECK(sizes.time_wait == 0);
        CHECK(host->stack.tcp().frames_kept() == 0);
        CHECK(host->frames.out() == 0);
        CHECK(host->stack.hosts().size() <= host->stack.neighbours().size());
        CHECK(host->stack.next_deadline() == time::Instant::max());
    }
}

/// Both ends send and end; whether all came through.
inline void exchange(StackWire& wire, std::size_t from_client, std::size_t from_server, bool slow = false) {
    WireListener listener;
    REQUIRE(wire.b.stack.tcp().listen(listener, stack::Hosts::any_v6, 7000, 16));
    {
        WireEnd client(wire, wire.a, 1, 2, from_client);
        WireEnd server(wire, wire.b, 2, 1, from_server);
        client.reads_slowly = server.reads_slowly = slow;
        wire.tick = std::chrono::milliseconds{slow ? 7 : 0};
        REQUIRE(wire.a.stack.tcp().connect(client, wire.b_of_a(), 7000, wire.now));
        const bool is_done = wire.run(
            std::chrono::hours{4},
            [&] {
                if (server.tcb == nullptr && !server.is_done) (void)wire.b.stack.tcp().accept(listener, server);
                client.work();
                server.work();
            },
            [&] { return client.is_done && server.is_done; });
        CHECK(is_done);
        CHECK(client.is_intact);
        CHECK(server.is_intact);
        CHECK(client.received == from_server);
        CHECK(server.received == from_client);
        CHECK(client.error == Errc::ok);
        CHECK(server.error == Errc::ok);
    }
    wire.tick = {};
    wire.b.stack.tcp().close(listener, wire.now);
    check_nothing_left(wire);
}

}  // namespace skerry::tests
