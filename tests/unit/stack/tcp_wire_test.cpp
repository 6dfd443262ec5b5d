// Two stacks that talk over a bad wire: every byte arrives once, in order, and nothing stays behind.

#include "support/stack_wire.hpp"

#include <cstdint>
#include <cstring>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::tcp::Tcp;

std::byte byte_at(std::uint64_t stream, std::uint64_t offset) {
    std::uint64_t x = stream * 0x9e3779b97f4a7c15U + offset / 8;
    x = (x ^ x >> 30U) * 0xbf58476d1ce4e5b9U;
    return static_cast<std::byte>((x ^ x >> 27U) >> (offset % 8 * 8));
}

/// One end with a program: sends `to_send` bytes of its own stream, ends its direction, reads until the peer's ends.
struct End final : stack::tcp::Endpoint {
    End(StackWire& wire_of, StackWire::Host& host_of, std::uint64_t sends, std::uint64_t receives, std::size_t count)
        : wire(wire_of), host(host_of), stream_out(sends), stream_in(receives), to_send(count) {}
    ~End() override {
        if (tcb != nullptr) host.stack.tcp().close(*this, wire.now);
    }

    void on_ready() noexcept override { ++calls; }

    [[nodiscard]] Tcp& tcp() const { return host.stack.tcp(); }

    void work() {
        if (tcb == nullptr || tcb->state == State::syn_sent || tcb->state == State::syn_received) return;
        read();
        write();
        if (Tcp::is_at_end(*tcb) && tcb->received_bytes == 0 && is_sent()) {
            error = Tcp::take_error(*tcb);
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
                const std::size_t peeked = Tcp::peek(*tcb, std::span(into).first(most));
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
        while (sent < to_send && Tcp::is_writable(*tcb)) {
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

struct Listener final : stack::tcp::Acceptor {
    void on_ready() noexcept override { ++calls; }
    int calls = 0;
};

void check_nothing_left(StackWire& wire) {
    wire.settle(10min);
    for (StackWire::Host* host : {&wire.a, &wire.b}) {
        const auto sizes = host->stack.tcp().sizes();
        CHECK(sizes.connections == 0);
        CHECK(sizes.half_open == 0);
        CHECK(sizes.time_wait == 0);
        CHECK(host->stack.tcp().frames_kept() == 0);
        CHECK(host->frames.out() == 0);
        CHECK(host->stack.next_deadline() == time::Instant::max());
    }
}

/// Both ends send and end; whether all came through.
void exchange(StackWire& wire, std::size_t from_client, std::size_t from_server, bool slow = false) {
    Listener listener;
    REQUIRE(wire.b.stack.tcp().listen(listener, {}, 7000, 16));
    {
        End client(wire, wire.a, 1, 2, from_client);
        End server(wire, wire.b, 2, 1, from_server);
        client.reads_slowly = server.reads_slowly = slow;
        wire.tick = slow ? 7ms : 0ms;
        REQUIRE(wire.a.stack.tcp().connect(client, StackWire::address_of_b(), 7000, wire.now));
        const bool is_done = wire.run(
            4h,
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
    wire.tick = 0ms;
    wire.b.stack.tcp().close(listener, wire.now);
    check_nothing_left(wire);
}

TEST_CASE("two stacks exchange bytes on a good wire", "[stack][tcp]") {
    StackWire wire(1, {});
    exchange(wire, 1'000'000, 10);
    CHECK(wire.a.stack.drops().total() == 0);
    CHECK(wire.b.stack.drops().total() == 0);
}

TEST_CASE("two stacks that pass the very frames exchange bytes too", "[stack][tcp]") {
    WireFaults faults;
    faults.hands_over = true;
    StackWire wire(2, faults);
    exchange(wire, 300'000, 300'000);
}

TEST_CASE("every byte arrives once and in order, whatever the wire does", "[stack][tcp]") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        INFO("seed " << seed);
        std::mt19937_64 random(seed * 7919);
        WireFaults faults;
        faults.loss = seed % 3 == 0 ? 0 : static_cast<unsigned>(random() % 200);
        faults.duplicates = static_cast<unsigned>(random() % 100);
        faults.reorder = static_cast<unsigned>(random() % 300);
        faults.delay = std::chrono::microseconds{1 + random() % 50'000};
        faults.held = std::chrono::microseconds{random() % 100'000};
        faults.hands_over = seed % 4 == 0;
        stack::StackConfig config = host_config();
        if (seed % 5 == 0) config.tcp.receive_buffer_bytes = 1000 + static_cast<std::uint32_t>(random() % 8000);
        if (seed % 7 == 0) config.tcp.send_buffer_bytes = 500 + static_cast<std::uint32_t>(random() % 20'000);
        StackWire wire(seed, faults, config);
        exchange(wire, random() % 60'000, random() % 60'000, seed % 6 == 0);
    }
}

}  // namespace
}  // namespace skerry
