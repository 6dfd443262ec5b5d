// Attacks by timing: ends that begin or close at once while segments are lost, programs that drop what is under way,
// and devices that still read what is sent again.

#include "support/honest.hpp"
#include "support/stack_ends.hpp"

#include <skerry/stack/tcp/tcp.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::LocalEnd;
using stack::tcp::State;

bool is_tcp(const stack::Frame& frame) { return stack::wire::load_be16(frame.data + 12) == 0x0800; }

TEST_CASE("attack 26: two ends that connect at once have a connection, whichever of four segments are lost",
          "[attack]") {
    for (unsigned lost = 0; lost < 16; ++lost) {
        CAPTURE(lost);
        StackWire wire(lost + 1, {});
        unsigned count = 0;
        wire.filter = [&](const stack::Frame& frame) {
            if (!is_tcp(frame) || count >= 4) return true;
            return (lost >> count++ & 1U) == 0;
        };
        {
            WireEnd a(wire, wire.a, 1, 2, 5000);
            WireEnd b(wire, wire.b, 2, 1, 7000);
            LocalEnd from;
            from.port = 7000;
            REQUIRE(wire.a.stack.tcp().connect(a, peer_ip, 7001, wire.now, from));
            from.port = 7001;
            REQUIRE(wire.b.stack.tcp().connect(b, host_ip, 7000, wire.now, from));
            const bool is_done = wire.run(
                10min,
                [&] {
                    a.work();
                    b.work();
                },
                [&] { return a.is_done && b.is_done; });
            CHECK(is_done);
            CHECK(a.is_intact);
            CHECK(b.is_intact);
            CHECK(a.received == 7000);
            CHECK(b.received == 5000);
        }
        check_nothing_left(wire);
    }
}

TEST_CASE("attack 26: two ends that close at once are rid of it, whichever of four segments are lost", "[attack]") {
    for (unsigned lost = 0; lost < 16; ++lost) {
        CAPTURE(lost);
        StackWire wire(lost + 1, {});
        WireListener listener;
        REQUIRE(wire.b.stack.tcp().listen(listener, {}, 7000, 16));
        WireEnd a(wire, wire.a, 1, 2, 0);
        WireEnd b(wire, wire.b, 2, 1, 0);
        REQUIRE(wire.a.stack.tcp().connect(a, peer_ip, 7000, wire.now));
        REQUIRE(wire.run(
            1min,
            [&] {
                if (b.tcb == nullptr) (void)wire.b.stack.tcp().accept(listener, b);
            },
            [&] { return a.tcb->state == State::established && b.tcb != nullptr; }));
        unsigned count = 0;
        wire.filter = [&](const stack::Frame& frame) {
            if (!is_tcp(frame) || count >= 4) return true;
            return (lost >> count++ & 1U) == 0;
        };
        wire.a.stack.tcp().close(a, wire.now);
        wire.b.stack.tcp().close(b, wire.now);
        wire.b.stack.tcp().close(listener, wire.now);
        wire.settle(30min);
        check_nothing_left(wire);
    }
}

TEST_CASE("attack 49: a program that goes away in the middle leaves nothing, and its peer is told", "[attack]") {
    TcpHost host;
    // In SYN-SENT, and the answer comes after it.
    TestEndpoint& dropped = host.endpoint();
    REQUIRE(host.tcp().connect(dropped, peer_ip, 80, host.now));
    const TestSegment syn = host.only();
    const std::uint16_t port = host.last_port;
    host.tcp().close(dropped, host.now);
    CHECK(host.sent().empty());
    TestSegment answer;
    answer.flags = flag::syn | flag::ack;
    answer.seq = 900;
    answer.ack = syn.seq + 1;
    host.come(answer, port, 80);
    const TestSegment reset = host.only();
    CHECK(reset.flags == flag::rst);
    CHECK(reset.seq == syn.seq + 1);
    CHECK(host.tcp().sizes().connections == 0);
    // With data that nobody read.
    TestEndpoint& unread = host.establish();
    host.say("unread");
    host.tcp().close(unread, host.now);
    CHECK((host.only().flags & flag::rst) != 0);
    CHECK(host.tcp().sizes().connections == 0);
    CHECK(host.tcp().frames_kept() == 0);
    // In the moment in which something comes for it: behind the close.
    TestEndpoint& closed = host.establish({}, 6000);
    host.tcp().close(closed, host.now);
    (void)host.sent();
    TestSegment late;
    late.flags = flag::ack;
    late.seq = host.peer_seq;
    late.ack = host.host_seq + 1;
    late.text = "late";
    host.come(late, host_port, 6000);
    CHECK((host.only().flags & flag::rst) != 0);
    CHECK(host.tcp().sizes().connections == 0);
    CHECK(serves(host));
}

TEST_CASE("attack 50: what a device still reads is sent again as a copy, and never torn", "[attack]") {
    TcpHost host;
    TestSegment syn;
    syn.mss = 1000;
    TestEndpoint& ours = host.establish(syn);
    host.frames.are_in_flight = true;  // the ring never moves
    REQUIRE(host.write(ours, std::string(3000, 'a') + std::string(700, 'b')) == 3700);
    struct Held {
        stack::Frame* frame;
        std::byte* at;
        Bytes bytes;
    };
    std::vector<Held> ring;
    for (int round = 0; round < 12; ++round) {
        host.stack.advance(host.now);
        while (stack::Frame* frame = host.stack.backlog().pop())
            ring.push_back({frame, frame->data, {frame->bytes().begin(), frame->bytes().end()}});
        for (const Held& each : ring) CHECK(std::equal(each.bytes.begin(), each.bytes.end(), each.at));
        if (round == 4) host.acknowledge(host.host_seq + 1500);  // into the middle of one
        if (round == 5) host.acknowledge(host.host_seq + 1500, 300);  // and a window that cuts them anew
        if (round == 6) host.acknowledge(host.host_seq + 1500);
        host.now = std::max(host.now, host.stack.next_deadline());
    }
    CHECK(ring.size() >= 8);
    for (const Held& each : ring) each.frame->drop();
    host.frames.are_in_flight = false;
    host.acknowledge(ours.tcb->snd_nxt);
    for (int i = 0; i < 10 && !ours.tcb->queue.empty(); ++i) {
        (void)host.sent();
        host.acknowledge(ours.tcb->snd_nxt);
    }
    CHECK(ours.tcb->queue.empty());
    CHECK(serves(host));
}

}  // namespace
}  // namespace skerry
