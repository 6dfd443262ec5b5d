// Attacks of somebody who sees nothing of a connection: resets, SYNs, acknowledgements, old timestamps; and two ends
// that answer each other for ever.

#include "support/honest.hpp"

#include <skerry/stack/tcp/tcp.hpp>

#include <functional>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::tcp::Tcp;
using stack::wire::TcpTimestamps;

TestSegment at(const TcpHost& host, std::uint8_t flags, std::int64_t off = 0) {
    TestSegment segment;
    segment.flags = flags;
    segment.seq = host.peer_seq + static_cast<std::uint32_t>(off);
    segment.ack = host.host_seq;
    return segment;
}

/// A connection in `state`; the numbers are those of its peer.
TestEndpoint& in_state(TcpHost& host, State state) {
    TestEndpoint& ours = host.establish();
    if (state == State::close_wait || state == State::last_ack) host.say("", flag::ack | flag::fin);
    if (state != State::established && state != State::close_wait) host.tcp().finish(*ours.tcb, host.now);
    (void)host.sent();
    if (state == State::fin_wait_2) host.acknowledge(++host.host_seq);
    if (state == State::closing) host.say("", flag::ack | flag::fin);
    (void)host.sent();
    REQUIRE(ours.tcb->state == state);
    return ours;
}

TEST_CASE("attack 17: only a reset at exactly the next number ends a connection, in every state", "[attack]") {
    for (const State state : {State::established, State::fin_wait_1, State::fin_wait_2, State::close_wait,
                              State::closing, State::last_ack}) {
        CAPTURE(static_cast<int>(state));
        TcpHost host;
        TestEndpoint& ours = in_state(host, state);
        for (const std::int64_t off : {-1, -60'000, 66'000, 1 << 30, -(1 << 30)}) {
            host.come(at(host, flag::rst, off));
            host.come(at(host, flag::rst | flag::ack, off));
        }
        CHECK(host.sent().empty());
        CHECK(ours.tcb->state == state);
        for (const std::int64_t off : {1, 2, 1000, 60'000}) host.come(at(host, flag::rst, off));
        CHECK(host.sent().size() == 1);  // one challenge in half a second
        CHECK(ours.tcb->state == state);
        host.come(at(host, flag::rst));
        CHECK((ours.tcb == nullptr || ours.tcb->state == State::closed));
        CHECK(host.sent().empty());
        CHECK(serves(host));
    }
}

TEST_CASE("attack 17: a handshake of either end is not ended by a guess", "[attack]") {
    TcpHost host;
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 1000;
    host.come(syn);
    (void)host.sent();
    host.peer_seq = 1001;
    for (const std::int64_t off : {-1000, 70'000, 1}) host.come(at(host, flag::rst, off));
    CHECK(host.tcp().sizes().half_open == 1);
    (void)host.sent();

    TestEndpoint& ours = host.endpoint();
    REQUIRE(host.tcp().connect(ours, peer_ip, 80, host.now));
    const TestSegment first = host.only();
    const std::uint16_t port = host.last_port;
    for (const std::uint32_t ack : {first.seq, first.seq + 2, first.seq - 100, 0U}) {
        TestSegment guess;
        guess.flags = flag::rst | flag::ack;
        guess.ack = ack;
        host.come(guess, port, 80);
        guess.flags = flag::rst;  // without an acknowledgement it says nothing
        host.come(guess, port, 80);
    }
    CHECK(ours.tcb->state == State::syn_sent);
    CHECK(serves(host));
}

TEST_CASE("attack 18: a SYN anywhere in a connection is challenged and changes nothing", "[attack]") {
    TcpHost host;
    TestEndpoint& ours = host.establish();
    std::size_t challenges = 0;
    for (int i = 0; i < 1000; ++i) {
        TestSegment syn = at(host, flag::syn, (i - 500) * 1000);
        syn.mss = 88;
        syn.text = i % 2 == 0 ? "x" : "";
        host.come(syn);
        challenges += host.sent().size();
    }
    CHECK(challenges == 1);
    CHECK(host.dropped(Drop::tcp_syn_in_window) + host.dropped(Drop::tcp_sequence) == 1000);
    host.say("alive");
    CHECK(host.read(ours) == "alive");
    CHECK(ours.tcb->state == State::established);
}

TEST_CASE("attack 19: data behind an acknowledgement of the future or of long ago is not taken", "[attack]") {
    TcpHost host;
    TestEndpoint& ours = host.establish();
    (void)host.write(ours, "sent");
    (void)host.sent();
    std::uint64_t dropped = 0;
    for (const std::int64_t off : {5, 1000, 1 << 30, -66'000, -(1 << 30)}) {
        TestSegment data = at(host, flag::ack);
        data.ack = host.host_seq + static_cast<std::uint32_t>(off);
        data.text = "forged";
        host.come(data);
        CHECK(host.dropped(Drop::tcp_ack) == ++dropped);
        CHECK(ours.tcb->received_bytes == 0);
    }
    CHECK(host.sent().size() <= 1);
    CHECK(ours.tcb->snd_una == host.host_seq);
    TestSegment old = at(host, flag::ack);  // within the largest window that the peer had: an honest delay
    old.ack = host.host_seq - 1;
    old.text = "late";
    host.come(old);
    CHECK(host.read(ours) == "late");
}

TEST_CASE("attack 20: how many challenges leave in a second says nothing about others", "[attack]") {
    stack::StackConfig config = host_config();
    config.tcp.challenges_per_second = 1000;
    TcpHost host(config, 2000);
    std::vector<TestEndpoint*> all;
    std::vector<std::uint32_t> next;
    for (std::uint16_t i = 0; i < 1500; ++i) {
        all.push_back(&host.establish({}, static_cast<std::uint16_t>(10'000 + i)));
        next.push_back(host.peer_seq);
    }
    std::vector<std::size_t> counts;
    for (int second = 0; second < 6; ++second) {
        std::size_t count = 0;
        for (int slice = 0; slice < 100; ++slice) {
            host.pass(10ms);
            for (std::size_t i = 0; i < 15; ++i) {  // each connection once a second
                const std::size_t which = static_cast<std::size_t>(slice) * 15 + i;
                TestSegment reset;
                reset.flags = flag::rst;
                reset.seq = next[which] + 1;
                host.come(reset, host_port, static_cast<std::uint16_t>(10'000 + which));
            }
            count += host.sent().size();
        }
        CHECK(count > 500);
        CHECK(count < 1300);
        counts.push_back(count);
    }
    std::sort(counts.begin(), counts.end());
    CHECK(counts.front() != counts.back());
}

/// Counts what a peer of the same kind, which answers everything a millisecond later, hears in ten seconds.
std::size_t echoes_in_ten_seconds(TcpHost& host, const std::function<TestSegment(const TestSegment&)>& answer) {
    std::size_t count = 0;
    host.come(answer({}));
    for (int ms = 0; ms < 10'000; ++ms) {
        for (const TestSegment& each : host.sent()) {
            ++count;
            host.come(answer(each));
        }
        host.pass(1ms);
    }
    return count;
}

TEST_CASE("attack 31: two ends outside each other's window answer twice a second at most", "[attack]") {
    struct Peer {
        const char* what;
        std::int64_t seq_off;  // without data: what has some is sent by a timer, and its answer may have been lost
        std::int64_t ack_off;
        std::uint8_t flags = flag::ack;
    };
    for (const Peer& peer :
         {Peer{"ahead of the window", 1 << 20, 0}, Peer{"long behind it", -(1 << 20), 0},
          Peer{"acknowledges the future", 0, 1 << 20}, Peer{"acknowledges the past", 0, -(1 << 20)},
          Peer{"both", 1 << 20, 1 << 20}, Peer{"SYN", 100, 0, flag::syn}, Peer{"SYN-ACK", 0, 0, flag::syn | flag::ack},
          Peer{"RST in the window", 5, 0, flag::rst}, Peer{"FIN ahead", 1 << 20, 0, flag::ack | flag::fin}}) {
        INFO(peer.what);
        TcpHost host;
        TestEndpoint& ours = host.establish();
        const std::size_t count = echoes_in_ten_seconds(host, [&](const TestSegment&) {
            TestSegment segment = at(host, peer.flags, peer.seq_off);
            segment.ack = host.host_seq + static_cast<std::uint32_t>(peer.ack_off);
            return segment;
        });
        CHECK(count <= 21);
        CHECK(ours.tcb->state == State::established);
    }
}

TEST_CASE("attack 31: old timestamps and a foreign end in TIME-WAIT answer twice a second at most", "[attack]") {
    {
        TcpHost host;
        TestSegment syn;
        syn.timestamps = TcpTimestamps{1'000'000, 0};
        (void)host.establish(syn);
        CHECK(echoes_in_ten_seconds(host, [&](const TestSegment&) {
                  TestSegment segment = at(host, flag::ack);
                  segment.timestamps = TcpTimestamps{1, 0};
                  return segment;
              }) <= 21);
    }
    TcpHost host;
    TestEndpoint& ours = in_state(host, State::fin_wait_2);
    host.say("", flag::ack | flag::fin);
    (void)host.sent();
    (void)ours;
    REQUIRE(host.tcp().sizes().time_wait == 1);
    CHECK(echoes_in_ten_seconds(host, [&](const TestSegment&) { return at(host, flag::ack, 1 << 20); }) <= 21);
}

TEST_CASE("attack 27: nothing that is old ends TIME-WAIT, and its table is bounded", "[attack]") {
    stack::StackConfig config = host_config();
    config.tcp.time_wait_max = 8;
    TcpHost host(config);
    for (std::uint16_t i = 0; i < 20; ++i) {
        const auto from = static_cast<std::uint16_t>(6000 + i);
        TestEndpoint& ours = host.establish({}, from);
        host.tcp().close(ours, host.now);
        (void)host.sent();
        TestSegment fin = at(host, flag::ack | flag::fin);
        fin.ack = host.host_seq + 1;
        host.come(fin, host_port, from);
        (void)host.sent();
        CHECK(host.tcp().sizes().time_wait <= 8);
    }
    CHECK(host.dropped(Drop::tcp_time_wait_full) == 12);
    const std::uint16_t last = 6019;
    TestSegment old = at(host, flag::rst, 1);  // RFC 1337: a reset, old data, an old SYN
    host.come(old, host_port, last);
    old = at(host, flag::ack, -5);
    old.text = "old";
    host.come(old, host_port, last);
    old = at(host, flag::syn, -5000);
    host.come(old, host_port, last);
    for (const TestSegment& answer : host.sent()) CHECK((answer.flags & (flag::rst | flag::syn)) == 0);
    CHECK(host.tcp().sizes().time_wait == 8);
    CHECK(host.tcp().sizes().half_open == 0);
    host.come(at(host, flag::syn, 100'000), host_port, last);  // a newer one begins anew
    CHECK(host.tcp().sizes().half_open == 1);
    (void)host.sent();
    CHECK(serves(host));
}

TEST_CASE("attack 33: timestamps that are old, missing, far ahead or of the future harm no measure", "[attack]") {
    TcpHost host;
    TestSegment syn;
    syn.timestamps = TcpTimestamps{1'000'000, 0};
    TestEndpoint& ours = host.establish(syn);
    const auto say = [&](std::uint32_t value, std::uint32_t echo, bool has = true) {
        TestSegment segment = at(host, flag::ack);
        if (has) segment.timestamps = TcpTimestamps{value, echo};
        segment.text = "x";
        host.come(segment);
        (void)host.sent();
        return host.read(ours) == "x";
    };
    CHECK_FALSE(say(999'999, 0));
    CHECK_FALSE(say(1'000'000 + 0x8000'0001U, 0));
    CHECK_FALSE(say(0, 0, false));
    CHECK(host.dropped(Drop::tcp_timestamp) == 3);
    CHECK(ours.tcb->ts_recent == 1'000'000);
    for (const std::uint32_t echo : {0U, 1U, 0x7fff'ffffU, 0xffff'ffffU}) {
        (void)host.write(ours, "measure");
        const auto out = host.sent();
        REQUIRE_FALSE(out.empty());
        host.pass(50ms);
        (void)host.sent();
        TestSegment ack = at(host, flag::ack);
        ack.ack = host.host_seq += 7;
        ack.timestamps = TcpTimestamps{1'000'001, out.back().timestamps->value + echo + 1};
        host.come(ack);
        CHECK(ours.tcb->rto.value(host.stack.config().tcp) <= 2s);
        CHECK(ours.tcb->rto.value(host.stack.config().tcp) >= 200ms);
    }
    CHECK(ours.tcb->state == State::established);
}

}  // namespace
}  // namespace skerry
