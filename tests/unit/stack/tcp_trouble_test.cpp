// The peer vanishes, the link goes down and comes back, the port takes nothing: every connection goes on or ends, by
// its timers and with an error, and nothing stays behind.

#include "support/stack_ends.hpp"

#include <string>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::tcp::State;
using stack::tcp::Tcp;

/// A connection between two stacks, on a wire that can be cut.
struct Pair {
    explicit Pair(const WireFaults& faults = {}) : wire(3, faults) {
        REQUIRE(wire.b.stack.tcp().listen(listener, {}, 7000, 16));
        REQUIRE(wire.a.stack.tcp().connect(client, StackWire::address_of_b(), 7000, wire.now));
        REQUIRE(wire.run(
            10s, [&] { (void)(server.tcb == nullptr && wire.b.stack.tcp().accept(listener, server)); },
            [&] { return server.tcb != nullptr && client.tcb->state == State::established; }));
        wire.filter = [this](const stack::Frame&) { return is_up; };
    }
    ~Pair() {
        is_up = true;
        wire.a.is_full = wire.b.is_full = false;
        if (client.tcb != nullptr) wire.a.stack.tcp().close(client, wire.now);
        if (server.tcb != nullptr) wire.b.stack.tcp().close(server, wire.now);
        wire.b.stack.tcp().close(listener, wire.now);
        wire.settle(20min);
        check_nothing_left(wire);
    }
    void pass(std::chrono::nanoseconds time) { wire.settle(time); }
    std::size_t write(std::string_view text) {
        return wire.a.stack.tcp().write(*client.tcb, std::as_bytes(std::span(text)), wire.now);
    }

    struct Endpoint final : stack::tcp::Endpoint {
        void on_ready() noexcept override {}
    };

    bool is_up = true;
    StackWire wire;
    WireListener listener;
    Endpoint client;
    Endpoint server;
};

TEST_CASE("a peer that vanishes under data is given up after the user timeout", "[stack][tcp]") {
    Pair pair;
    pair.client.tcb->user_timeout_ms = 30'000;
    pair.is_up = false;
    CHECK(pair.write("hello") == 5);
    pair.pass(29s);
    CHECK(pair.client.tcb->state == State::established);
    pair.pass(2s);
    CHECK(pair.client.tcb->state == State::closed);
    CHECK(Tcp::take_error(*pair.client.tcb) == Errc::timed_out);
    CHECK(pair.wire.a.stack.tcp().frames_kept() == 0);
}

TEST_CASE("a silent peer that vanished is found by keepalive, and by nothing else", "[stack][tcp]") {
    Pair pair;
    pair.client.tcb->keep_alive = true;
    pair.client.tcb->keep_alive_idle_s = 10;
    pair.client.tcb->keep_alive_interval_s = 1;
    pair.client.tcb->keep_alive_count = 3;
    pair.wire.a.stack.tcp().restart_keep_alive(*pair.client.tcb, pair.wire.now);
    pair.pass(60s);
    CHECK(pair.client.tcb->state == State::established);  // it is there
    pair.is_up = false;
    pair.pass(30s);
    CHECK(pair.client.tcb->state == State::closed);
    CHECK(Tcp::take_error(*pair.client.tcb) == Errc::timed_out);
    CHECK(pair.server.tcb->state == State::established);
    pair.is_up = true;  // the peer's next word is answered by a reset
    CHECK(pair.wire.b.stack.tcp().write(*pair.server.tcb, std::as_bytes(std::span("x", 1)), pair.wire.now) == 1);
    pair.pass(10s);
    CHECK(pair.server.tcb->state == State::closed);
    CHECK(Tcp::take_error(*pair.server.tcb) == Errc::connection_reset);
}

TEST_CASE("whoever closes towards a peer that vanished is rid of the connection", "[stack][tcp]") {
    for (const bool peer_closed : {false, true}) {
        Pair pair;
        if (peer_closed) {
            pair.wire.b.stack.tcp().finish(*pair.server.tcb, pair.wire.now);
            pair.pass(1s);
        }
        pair.is_up = false;
        CHECK(pair.write("hello") == 5);
        pair.wire.a.stack.tcp().close(pair.client, pair.wire.now);
        pair.pass(16min);
        CHECK(pair.wire.a.stack.tcp().sizes().connections == 0);
        CHECK(pair.wire.a.stack.tcp().frames_kept() == 0);
        CHECK(pair.wire.a.frames.out() == 0);
    }
}

TEST_CASE("a peer that vanishes before its FIN is forgotten after a minute", "[stack][tcp]") {
    Pair pair;
    pair.wire.a.stack.tcp().close(pair.client, pair.wire.now);
    pair.pass(1s);
    pair.is_up = false;
    pair.pass(61s);
    CHECK(pair.wire.a.stack.tcp().sizes().connections == 0);
}

TEST_CASE("a link that is down for a while loses nothing", "[stack][tcp]") {
    for (const auto down : {1s, 30s, 300s}) {
        StackWire wire(5, {});
        int packets = 0;
        time::Instant up_again = time::Instant::max();
        wire.filter = [&](const stack::Frame&) {
            if (++packets == 60) up_again = wire.now + down;
            return packets < 60 || wire.now >= up_again;
        };
        exchange(wire, 200'000, 200'000);
    }
}

TEST_CASE("a port that takes nothing for a while loses nothing", "[stack][tcp]") {
    for (const bool both : {false, true}) {
        Pair pair;
        const std::string text(40'000, 'x');
        pair.wire.a.is_full = true;
        pair.wire.b.is_full = both;
        CHECK(pair.write(text) == text.size());
        pair.pass(20s);
        CHECK(pair.wire.a.stack.backlog().size() < 100);  // not one copy more for each moment that goes by
        CHECK(pair.client.tcb->state == State::established);
        pair.wire.a.is_full = pair.wire.b.is_full = false;
        pair.pass(60s);
        CHECK(pair.server.tcb->received_bytes == text.size());
    }
}

TEST_CASE("a port that never takes anything again ends its connections too", "[stack][tcp]") {
    Pair pair;
    pair.wire.a.is_full = true;
    CHECK(pair.write("hello") == 5);
    pair.pass(16min);
    CHECK(pair.client.tcb->state == State::closed);
    CHECK(Tcp::take_error(*pair.client.tcb) == Errc::unreachable);  // nor is the peer found
    CHECK(pair.wire.a.stack.tcp().frames_kept() == 0);
}

TEST_CASE("a flood that a stuck port cannot answer leaves frames to receive with", "[stack][limits]") {
    WireFaults faults;
    faults.pool_frames = 256;
    Pair pair(faults);
    pair.wire.b.is_full = true;
    for (int i = 0; i < 500; ++i) {
        stack::Frame* const frame = pair.wire.b.frames.allocate();
        REQUIRE(frame != nullptr);
        const Bytes ask = arp(stack::wire::ArpOperation::request, host_ip, host_mac, peer_ip, peer_mac);
        std::memcpy(frame->data, ask.data(), ask.size());
        std::memcpy(frame->data, peer_mac.octets.data(), stack::wire::mac_bytes);
        frame->length = static_cast<std::uint16_t>(ask.size());
        pair.wire.b.stack.input(std::span(&frame, 1), pair.wire.now);
    }
    CHECK(pair.wire.b.stack.backlog().size() <= 128);
    CHECK(pair.wire.b.stack.drops()[stack::Drop::transmit_full] > 0);
    pair.wire.b.is_full = false;
    pair.pass(1s);
    CHECK(pair.write("hello") == 5);
    pair.pass(1s);
    CHECK(pair.server.tcb->received_bytes == 5);
}

}  // namespace
}  // namespace skerry
