// What ends a connection and what does not: RFC 5961, PAWS, and numbers outside the window.

#include "support/tcp_host.hpp"

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

TEST_CASE("a reset at exactly the next number ends the connection", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.say("unread");
    host.come(at(host, flag::rst));
    CHECK(host.sent().empty());
    CHECK(endpoint.tcb->state == State::closed);
    CHECK(endpoint.calls >= 1);
    CHECK(host.read(endpoint) == "unread");  // what came before it is still there
    CHECK(Tcp::take_error(*endpoint.tcb) == Errc::connection_reset);
}

TEST_CASE("a reset elsewhere in the window is challenged, outside of it it is nothing", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.come(at(host, flag::rst, 1));
    const TestSegment challenge = host.only();
    CHECK(challenge.flags == flag::ack);
    CHECK(challenge.seq == host.host_seq);
    CHECK(challenge.ack == host.peer_seq);
    host.come(at(host, flag::rst, -1));
    host.come(at(host, flag::rst, 70'000));
    CHECK(host.sent().empty());
    CHECK(host.dropped(Drop::tcp_reset) == 3);
    CHECK(endpoint.tcb->state == State::established);
}

TEST_CASE("a reset of a peer that has ended may have its end's own number, where that is asked for", "[stack][tcp]") {
    const bool is_asked = GENERATE(false, true);
    const bool is_closed = GENERATE(false, true);
    CAPTURE(is_asked, is_closed);
    stack::StackConfig config = host_config();
    config.tcp.takes_late_resets = is_asked;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    host.say("", flag::ack | flag::fin);
    (void)host.sent();
    if (is_closed) {
        host.tcp().finish(*endpoint.tcb, host.now);
        CHECK((host.only().flags & flag::fin) != 0);
    }
    host.come(at(host, flag::rst, -2));
    CHECK(endpoint.tcb->state != State::closed);
    host.come(at(host, flag::rst, -1));
    CHECK(host.sent().empty());
    CHECK((endpoint.tcb->state == State::closed) == is_asked);
    if (is_asked) CHECK(Tcp::take_error(*endpoint.tcb) == (is_closed ? Errc::connection_reset : Errc::broken_pipe));
}

TEST_CASE("before its end a peer's reset has no other number than the next", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.takes_late_resets = true;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    host.say("a");
    host.say("b");
    (void)host.only();
    host.come(at(host, flag::rst, -1));
    CHECK(endpoint.tcb->state == State::established);
}

TEST_CASE("a reset behind the last block that waits ends the connection, where that is asked for", "[stack][tcp]") {
    const bool is_asked = GENERATE(false, true);
    const bool has_sack = GENERATE(false, true);
    CAPTURE(is_asked, has_sack);
    stack::StackConfig config = host_config();
    config.tcp.takes_late_resets = is_asked;
    TcpHost host(config);
    TestSegment first;
    first.sack_permitted = has_sack;
    TestEndpoint& endpoint = host.establish(first);
    for (const std::int64_t ahead : {4000, 1000}) {
        TestSegment segment = at(host, flag::ack, ahead);
        segment.text = std::string(1000, 'x');
        host.come(segment);
        (void)host.only();
    }
    host.come(at(host, flag::rst, 2000));  // behind one, but not the last
    CHECK(endpoint.tcb->state == State::established);
    host.come(at(host, flag::rst, 5000));
    CHECK((endpoint.tcb->state == State::closed) == (is_asked && has_sack));
    (void)host.sent();
}

TEST_CASE("a SYN inside a connection is challenged, wherever it is", "[stack][tcp]") {
    for (const int off : {0, 100, -1, -5000, 1'000'000}) {
        TcpHost host;
        TestEndpoint& endpoint = host.establish();
        host.come(at(host, flag::syn, off));
        const TestSegment challenge = host.only();
        CHECK(challenge.flags == flag::ack);
        CHECK(challenge.ack == host.peer_seq);
        CHECK(endpoint.tcb->state == State::established);
    }
}

TEST_CASE("one connection challenges once in half a second", "[stack][tcp]") {
    TcpHost host;
    (void)host.establish();
    for (int i = 0; i < 20; ++i) host.come(at(host, flag::rst, 1));
    CHECK(host.sent().size() == 1);
    host.pass(499ms);
    host.come(at(host, flag::rst, 1));
    CHECK(host.sent().empty());
    host.pass(1ms);
    host.come(at(host, flag::rst, 1));
    CHECK(host.sent().size() == 1);
}

TEST_CASE("all connections together challenge about a thousand times a second", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.challenge_interval = 0ms;
    TcpHost host(config);
    (void)host.establish();
    std::size_t challenges = 0;
    for (int i = 0; i < 100; ++i) {
        for (int j = 0; j < 100; ++j) host.come(at(host, flag::rst, 1));
        challenges += host.sent().size();
        host.pass(10ms);
    }
    CHECK(challenges > 700);
    CHECK(challenges < 1300);
}

TEST_CASE("an acknowledgement of what was not sent, or is long gone, is challenged", "[stack][tcp]") {
    for (const int off : {1, -100'000}) {
        TcpHost host;
        TestEndpoint& endpoint = host.establish();
        TestSegment segment = at(host, flag::ack);
        segment.ack += static_cast<std::uint32_t>(off);
        segment.text = "data";
        host.come(segment);
        CHECK(host.only().ack == host.peer_seq);
        CHECK(host.dropped(Drop::tcp_ack) == 1);
        CHECK(endpoint.tcb->received_bytes == 0);
    }
}

TEST_CASE("data outside the window is acknowledged as it stands, and dropped", "[stack][tcp]") {
    for (const int off : {-10, 100'000}) {
        TcpHost host;
        TestEndpoint& endpoint = host.establish();
        TestSegment segment = at(host, flag::ack, off);
        segment.text = "data";
        host.come(segment);
        CHECK(host.only().ack == host.peer_seq);
        CHECK(host.dropped(Drop::tcp_sequence) == 1);
        CHECK(endpoint.tcb->received_bytes == 0);
    }
}

TEST_CASE("two ends outside each other's window do not answer each other for ever", "[stack][tcp]") {
    TcpHost host;
    (void)host.establish();
    std::size_t answers = 0;
    for (int i = 0; i < 100; ++i) {
        host.come(at(host, flag::ack, -10));
        answers += host.sent().size();
        host.pass(10ms);
    }
    CHECK(answers <= 3);
}

TEST_CASE("a segment without ACK is nothing to a connection", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    TestSegment segment = at(host, 0);
    segment.text = "data";
    host.come(segment);
    CHECK(host.sent().empty());
    CHECK(host.dropped(Drop::tcp_flags) == 1);
    CHECK(endpoint.tcb->received_bytes == 0);
}

// --- timestamps

struct Stamped : TcpHost {
    Stamped() {
        TestSegment first;
        first.timestamps = TcpTimestamps{1000, 0};
        endpoint = &establish(first);
    }
    void come_at(std::uint32_t value, std::string_view text, std::uint8_t flags = flag::ack) {
        TestSegment segment = at(*this, flags);
        segment.text = text;
        segment.timestamps = TcpTimestamps{value, 0};
        come(segment);
    }
    TestEndpoint* endpoint;
};

TEST_CASE("a segment with an older timestamp is acknowledged and dropped", "[stack][tcp]") {
    Stamped host;
    host.come_at(2000, "a");
    host.peer_seq += 1;
    host.come_at(1999, "X");
    const TestSegment answer = host.only();
    CHECK(answer.ack == host.peer_seq);
    CHECK(answer.timestamps->echo == 2000);
    CHECK(host.dropped(Drop::tcp_timestamp) == 1);
    host.come_at(2000, "b");
    CHECK(host.read(*host.endpoint) == "ab");
}

TEST_CASE("a timestamp of 0 says nothing about the next one", "[stack][tcp]") {
    const std::uint32_t next = GENERATE(5U, 0x9000'0000U);
    CAPTURE(next);
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 1000;
    syn.timestamps = TcpTimestamps{0, 0};
    TestSegment ack;
    ack.flags = flag::ack;
    ack.seq = 1001;
    ack.timestamps = TcpTimestamps{next, 0};
    SECTION("of a SYN") {
        TcpHost host;
        host.come(syn);
        ack.ack = host.only().seq + 1;
        host.come(ack);
        CHECK(host.sent().empty());
        TestEndpoint& endpoint = host.endpoint();
        REQUIRE(host.tcp().accept(host.acceptor, endpoint));
        CHECK(endpoint.tcb->ts_recent == next);
    }
    SECTION("of a SYN-ACK") {
        TcpHost host;
        TestEndpoint& endpoint = host.endpoint();
        REQUIRE(host.tcp().connect(endpoint, peer_ip, peer_port, host.now));
        ack.ack = syn.ack = host.only().seq + 1;
        syn.flags = flag::syn | flag::ack;
        host.come(syn, host.last_port);
        (void)host.only();
        ack.text = "a";
        host.come(ack, host.last_port);
        CHECK(host.read(endpoint) == "a");
        CHECK(endpoint.tcb->ts_recent == next);
    }
}

TEST_CASE("a timestamp may be older by as much as is said, and is not remembered then", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.paws_slack = 1;
    TcpHost host(config);
    TestSegment first;
    first.timestamps = TcpTimestamps{1000, 0};
    TestEndpoint& endpoint = host.establish(first);
    for (const auto& [value, text] : {std::pair{2000U, "a"}, {1999U, "b"}, {1998U, "X"}}) {
        TestSegment segment = at(host, flag::ack);
        segment.text = text;
        segment.timestamps = TcpTimestamps{value, 0};
        host.come(segment);
        host.pass(40ms);  // what is acknowledged is what may be remembered
        host.peer_seq = endpoint.tcb->rcv_nxt;
        CHECK(endpoint.tcb->ts_recent == 2000);
    }
    CHECK(host.read(endpoint) == "ab");
    CHECK(host.dropped(Drop::tcp_timestamp) == 1);
    TestSegment ahead = at(host, flag::ack | flag::urg);  // so that it goes the long way
    ahead.timestamps = TcpTimestamps{2000 + 0x7fff'ffffU, 0};
    host.come(ahead);
    CHECK(endpoint.tcb->ts_recent == 2000 + 0x7fff'ffffU);  // as far ahead as can be
    (void)host.sent();
}

TEST_CASE("timestamps wrap as sequence numbers do", "[stack][tcp]") {
    TcpHost host;
    TestSegment first;
    first.timestamps = TcpTimestamps{0xffff'fff0U, 0};
    TestEndpoint& endpoint = host.establish(first);
    TestSegment segment = at(host, flag::ack);
    segment.text = "a";
    segment.timestamps = TcpTimestamps{5, 0};
    host.come(segment);
    CHECK(host.read(endpoint) == "a");
    CHECK(endpoint.tcb->ts_recent == 5);
}

TEST_CASE("after 24 days of silence any timestamp is new", "[stack][tcp]") {
    Stamped host;
    host.pass(std::chrono::hours{24 * 24 + 1});
    host.come_at(999, "a");
    CHECK(host.read(*host.endpoint) == "a");
}

TEST_CASE("a segment without the timestamp that was agreed on is dropped, a reset is not", "[stack][tcp]") {
    Stamped host;
    host.come(at(host, flag::ack | flag::psh));
    CHECK(host.dropped(Drop::tcp_timestamp) == 1);
    CHECK(host.sent().empty());
    host.come(at(host, flag::rst));
    CHECK(host.endpoint->tcb->state == State::closed);
}

TEST_CASE("every segment of a connection with timestamps has one, from a clock that runs", "[stack][tcp]") {
    Stamped host;
    CHECK(host.write(*host.endpoint, "x") == 1);
    const TestSegment first = host.only();
    REQUIRE(first.timestamps);
    CHECK(first.timestamps->echo == 1000);
    std::vector<TestSegment> again;
    const auto took = host.until_sent(10s, again);
    REQUIRE(again.size() == 1);
    CHECK(again[0].timestamps->value - first.timestamps->value ==
          std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
}

TEST_CASE("two connections have clocks that say nothing about each other", "[stack][tcp]") {
    TcpHost host;
    TestSegment first;
    first.timestamps = TcpTimestamps{1, 0};
    const std::uint32_t one = host.establish(first, 1).tcb->ts_offset;
    const std::uint32_t other = host.establish(first, 2).tcb->ts_offset;
    CHECK(one != other);
}

}  // namespace
}  // namespace skerry
