// How connections end: FINs in every order, half close, resets by the owner, TIME-WAIT.

#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::tcp::Tcp;
using stack::wire::TcpTimestamps;

constexpr std::uint8_t fin_ack = flag::fin | flag::ack;

TEST_CASE("unread data may be thrown away by a close, whose FIN tells of the room", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.resets_unread = false;
    config.tcp.receive_buffer_bytes = 4'000;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    for (int i = 0; i < 4; ++i) host.say(std::string(1'000, 'x'));
    CHECK(host.only().window == 0);
    host.tcp().close(endpoint, host.now);
    CHECK(host.tcp().frames_kept() == 1);  // the FIN's place
    const TestSegment fin = host.only();
    CHECK(fin.flags == (flag::fin | flag::ack));
    CHECK(fin.ack == host.peer_seq);
    CHECK(fin.window == 4'000);
    host.host_seq = fin.seq + 1;
    host.say("", flag::ack | flag::fin);
    CHECK(host.tcp().sizes().time_wait == 1);
}

TEST_CASE("a linger of nothing resets also where unread data does not", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.resets_unread = false;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    host.say("unread");
    endpoint.tcb->resets_on_close = true;
    host.tcp().close(endpoint, host.now);
    CHECK((host.only().flags & flag::rst) != 0);
    CHECK(host.tcp().sizes().connections == 0);
}

TEST_CASE("the end that closes first waits in TIME-WAIT", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.tcp().close(endpoint, host.now);
    const TestSegment fin = host.only();
    CHECK(fin.flags == fin_ack);
    host.acknowledge(host.host_seq + 1);
    CHECK(host.sent().empty());
    host.host_seq += 1;
    host.say("", fin_ack);
    const TestSegment last = host.only();
    CHECK(last.flags == flag::ack);
    CHECK(last.ack == host.peer_seq);
    CHECK(host.tcp().sizes().connections == 0);
    CHECK(host.tcp().sizes().time_wait == 1);
    host.pass(60s);
    CHECK(host.tcp().sizes().time_wait == 0);
}

TEST_CASE("the end that closes second is done with the last acknowledgement", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.say("", fin_ack);
    CHECK(host.only().ack == host.peer_seq);
    CHECK(endpoint.tcb->state == State::close_wait);
    CHECK(Tcp::is_at_end(*endpoint.tcb));
    host.tcp().close(endpoint, host.now);
    CHECK(host.only().flags == fin_ack);
    host.acknowledge(host.host_seq + 1);
    CHECK(host.sent().empty());
    CHECK(host.tcp().sizes().connections == 0);
    CHECK(host.tcp().sizes().time_wait == 0);
}

TEST_CASE("both ends may close at once", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.tcp().close(endpoint, host.now);
    CHECK(host.only().flags == fin_ack);
    host.say("", fin_ack);  // it has not seen ours
    CHECK(host.only().ack == host.peer_seq);
    CHECK(host.tcp().sizes().connections == 1);
    host.acknowledge(host.host_seq + 1);
    CHECK(host.tcp().sizes().connections == 0);
    CHECK(host.tcp().sizes().time_wait == 1);
}

TEST_CASE("a FIN that acknowledges ours ends both directions", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.tcp().close(endpoint, host.now);
    (void)host.only();
    host.host_seq += 1;
    host.say("", fin_ack);
    CHECK(host.only().ack == host.peer_seq);
    CHECK(host.tcp().sizes().time_wait == 1);
}

TEST_CASE("an end that closed its direction still receives, and is told of the peer's end", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.tcp().finish(*endpoint.tcb, host.now);
    (void)host.only();
    host.host_seq += 1;
    host.acknowledge(host.host_seq);
    CHECK(endpoint.tcb->state == State::fin_wait_2);
    host.pass(1h);  // as long as the peer likes
    host.say("still here");
    CHECK(host.read(endpoint) == "still here");
    CHECK_FALSE(Tcp::is_at_end(*endpoint.tcb));
    host.say("and gone", fin_ack);
    CHECK(host.read(endpoint) == "and gone");
    CHECK(Tcp::is_at_end(*endpoint.tcb));
    CHECK(Tcp::take_error(*endpoint.tcb) == Errc::ok);
    CHECK(host.tcp().sizes().time_wait == 1);
}

TEST_CASE("a FIN that comes before the data in front of it counts when that has come", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.peer_seq += 5;
    host.say("world", fin_ack);
    CHECK(endpoint.tcb->state == State::established);
    CHECK(host.only().ack == 1001);
    host.peer_seq = 1001;
    host.say("hello");
    CHECK(host.read(endpoint) == "helloworld");
    CHECK(endpoint.tcb->state == State::close_wait);
    CHECK(host.only().ack == 1012);
}

TEST_CASE("a FIN alone before the data counts too, and data behind it never", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.peer_seq += 5;
    host.say("", fin_ack);
    host.say("beyond");
    host.peer_seq = 1001;
    host.say("hello and more");
    CHECK(host.read(endpoint) == "hello");
    CHECK(endpoint.tcb->state == State::close_wait);
    CHECK(host.dropped(Drop::tcp_window_full) >= 1);
}

TEST_CASE("what came ahead from behind the FIN is cut off", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.peer_seq += 3;
    host.say("defXXX");  // the end will be behind "def"
    host.peer_seq = 1001;
    TestSegment fin;
    fin.flags = fin_ack;
    fin.seq = 1007;
    fin.ack = host.host_seq;
    host.come(fin);
    host.say("abc");
    CHECK(host.read(endpoint) == "abcdef");
    CHECK(endpoint.tcb->state == State::close_wait);
    (void)host.sent();
}

TEST_CASE("a FIN that comes again is acknowledged again", "[stack][tcp]") {
    TcpHost host;
    (void)host.establish();
    host.say("x", fin_ack);
    CHECK(host.only().ack == 1003);
    host.peer_seq = 1001;
    host.say("x", fin_ack);
    CHECK(host.only().ack == 1003);
}

TEST_CASE("a FIN leaves with the data in front of it, and is sent again until it is acknowledged", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    CHECK(host.write(endpoint, "bye") == 3);
    host.tcp().close(endpoint, host.now);
    const auto all = host.sent();
    REQUIRE(all.size() == 2);
    CHECK(all[1].flags == fin_ack);
    host.acknowledge(host.host_seq + 3);
    std::vector<TestSegment> again;
    (void)host.until_sent(10s, again);
    REQUIRE(again.size() == 1);
    CHECK(again[0].flags == fin_ack);
    CHECK(again[0].seq == host.host_seq + 3);
}

TEST_CASE("closing with unread data resets the peer", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.say("unread");
    host.tcp().close(endpoint, host.now);
    const TestSegment reset = host.only();
    CHECK((reset.flags & flag::rst) != 0);
    CHECK(reset.seq == host.host_seq);
    CHECK(host.tcp().sizes().connections == 0);
    CHECK(host.tcp().sizes().time_wait == 0);
}

TEST_CASE("data for an end that was closed resets the peer", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.tcp().close(endpoint, host.now);
    (void)host.only();
    host.say("too late");
    CHECK((host.only().flags & flag::rst) != 0);
    CHECK(host.dropped(Drop::tcp_closed) == 1);
    CHECK(host.tcp().sizes().connections == 0);
}

TEST_CASE("data for an end that shut both directions resets the peer", "[stack][tcp]") {
    const bool is_acknowledged = GENERATE(false, true);
    const bool resets = GENERATE(false, true);
    CAPTURE(is_acknowledged, resets);
    stack::StackConfig config = host_config();
    config.tcp.resets_unread = resets;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    Tcp::shut_read(*endpoint.tcb);
    host.say("still read");  // half of it is open: Linux has it read
    CHECK(host.read(endpoint) == "still read");
    host.tcp().finish(*endpoint.tcb, host.now);
    CHECK((host.only().flags & flag::fin) != 0);
    if (is_acknowledged) host.acknowledge(++host.host_seq);
    host.say("too late");
    host.pass(40ms);
    CHECK(((host.only().flags & flag::rst) != 0) == resets);
    CHECK((endpoint.tcb->state == State::closed) == resets);
    CHECK((Tcp::take_error(*endpoint.tcb) == Errc::connection_reset) == resets);
}

TEST_CASE("an end that shut both directions hears its peer's end", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    Tcp::shut_read(*endpoint.tcb);
    host.tcp().finish(*endpoint.tcb, host.now);
    (void)host.only();
    host.acknowledge(++host.host_seq);
    host.say("", flag::ack | flag::fin);
    CHECK(host.only().flags == flag::ack);
    CHECK(host.tcp().sizes().time_wait == 1);
}

TEST_CASE("what was written before the close is still sent", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    const std::string text(40'000, 'z');
    CHECK(host.write(endpoint, text) == text.size());
    host.tcp().close(endpoint, host.now);
    std::string got;
    for (int i = 0; i < 100 && got.size() < text.size(); ++i) {
        for (const TestSegment& segment : host.sent()) got += segment.text;
        host.acknowledge(host.host_seq + static_cast<std::uint32_t>(got.size()));
    }
    CHECK(got == text);
}

TEST_CASE("a peer that never ends its direction is forgotten after a minute", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.tcp().close(endpoint, host.now);
    (void)host.only();
    host.acknowledge(host.host_seq + 1);
    host.pass(59s);
    CHECK(host.tcp().sizes().connections == 1);
    host.pass(1s);
    CHECK(host.tcp().sizes().connections == 0);
}

TEST_CASE("a reset after the peer's end is a broken pipe", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.say("", fin_ack);
    host.say("", flag::rst);
    CHECK(Tcp::take_error(*endpoint.tcb) == Errc::broken_pipe);
}

// --- TIME-WAIT

struct Waiting : TcpHost {
    explicit Waiting(const stack::StackConfig& config = host_config()) : TcpHost(config) {
        TestSegment first;
        first.timestamps = TcpTimestamps{1000, 0};
        TestEndpoint& endpoint = establish(first);
        tcp().close(endpoint, now);
        our_fin = only();
        come(stamped(fin_ack, 1000));
        (void)only();
        REQUIRE(tcp().sizes().time_wait == 1);
    }
    TestSegment stamped(std::uint8_t flags, std::uint32_t value, std::int64_t off = 0) {
        TestSegment segment;
        segment.flags = flags;
        segment.seq = peer_seq + static_cast<std::uint32_t>(off);
        segment.ack = host_seq + 1;
        segment.timestamps = TcpTimestamps{value, 0};
        return segment;
    }
    TestSegment our_fin;
};

TEST_CASE("in TIME-WAIT the peer's FIN is acknowledged again, and the wait begins anew", "[stack][tcp]") {
    Waiting host;
    host.pass(50s);
    host.come(host.stamped(fin_ack, 1001));
    const TestSegment answer = host.only();
    CHECK(answer.flags == flag::ack);
    CHECK(answer.ack == host.peer_seq + 1);
    CHECK(answer.seq == host.host_seq + 1);
    host.pass(59s);
    CHECK(host.tcp().sizes().time_wait == 1);
    host.pass(1s);
    CHECK(host.tcp().sizes().time_wait == 0);
}

TEST_CASE("a FIN with another number does not prolong TIME-WAIT", "[stack][tcp]") {
    Waiting host;
    const std::int64_t off = GENERATE(-1000, -1, 1, 1000);
    host.pass(50s);
    host.come(host.stamped(fin_ack, 1001, off));
    CHECK(host.only().flags == flag::ack);
    host.pass(10s);
    CHECK(host.tcp().sizes().time_wait == 0);
}

TEST_CASE("a reset does not end TIME-WAIT", "[stack][tcp]") {
    Waiting host;
    host.come(host.stamped(flag::rst, 1001, 1));
    CHECK(host.tcp().sizes().time_wait == 1);
    CHECK(host.dropped(Drop::tcp_reset) == 1);
}

TEST_CASE("a SYN that is newer begins a new connection out of TIME-WAIT", "[stack][tcp]") {
    Waiting host;
    host.come(host.stamped(flag::syn, 1001, -500));  // by its timestamp
    const TestSegment answer = host.only();
    CHECK(answer.flags == (flag::syn | flag::ack));
    CHECK(static_cast<std::int32_t>(answer.seq - host.host_seq) > 0);  // beyond the old numbers
    CHECK(host.tcp().sizes().time_wait == 0);
    CHECK(host.tcp().sizes().half_open == 1);
}

TEST_CASE("a SYN with a higher number begins one too, an old one is answered as what it is", "[stack][tcp]") {
    Waiting host;
    host.come(host.stamped(flag::syn, 1000, -500));
    CHECK(host.only().flags == flag::ack);
    CHECK(host.tcp().sizes().time_wait == 1);
    host.come(host.stamped(flag::syn, 1000, 500));
    CHECK(host.only().flags == (flag::syn | flag::ack));
}

TEST_CASE("a SYN that a full listener does not take leaves TIME-WAIT, and what it knows", "[stack][tcp]") {
    Waiting host;
    for (std::uint16_t from = 1; from <= 16; ++from) {  // the whole backlog
        TestSegment syn;
        syn.flags = flag::syn;
        host.come(syn, host_port, from);
        TestSegment ack;
        ack.flags = flag::ack;
        ack.seq = 1;
        ack.ack = host.only().seq + 1;
        host.come(ack, host_port, from);
    }
    host.come(host.stamped(flag::syn, 1001, 500));
    CHECK(host.only().flags == flag::ack);
    CHECK(host.tcp().sizes().time_wait == 1);
    REQUIRE(host.tcp().accept(host.acceptor, host.endpoint()));
    host.come(host.stamped(flag::syn, 1002, 500));
    const TestSegment answer = host.only();
    CHECK(answer.flags == (flag::syn | flag::ack));
    CHECK(answer.seq == host.host_seq + 1 + 0x1'0002);
}

TEST_CASE("TIME-WAIT answers one peer twice a second at most", "[stack][tcp]") {
    const int later_ms = GENERATE(0, 1);
    Waiting host;
    host.pass(later_ms * 1ms);
    std::size_t answers = 0;
    for (int i = 0; i < 100; ++i) {
        for (int j = 0; j < 3; ++j) host.come(host.stamped(flag::ack, 1001, -50));
        answers += host.sent().size();
        host.pass(10ms);
    }
    CHECK(answers == 2);
}

TEST_CASE("beyond the limit of TIME-WAIT the oldest goes", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.time_wait_max = 2;
    TcpHost host(config);
    for (std::uint16_t port = 1; port <= 3; ++port) {
        TestEndpoint& endpoint = host.establish({}, port);
        host.tcp().close(endpoint, host.now);
        (void)host.only();
        TestSegment fin;
        fin.flags = fin_ack;
        fin.seq = host.peer_seq;
        fin.ack = host.host_seq + 1;
        host.come(fin, host_port, port);
        CHECK(host.only().flags == flag::ack);
    }
    CHECK(host.tcp().sizes().time_wait == 2);
    CHECK(host.dropped(Drop::tcp_time_wait_full) == 1);
    TestSegment old;
    old.flags = flag::ack;
    old.seq = 1;
    host.come(old, host_port, 1);
    CHECK((host.only().flags & flag::rst) != 0);  // nobody remembers the first
}

TEST_CASE("beyond the limit of connections that nobody has one is reset when it is closed", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.orphans_max = 2;
    TcpHost host(config);
    const auto close = [&host](std::uint16_t port) {
        host.tcp().close(host.establish({}, port), host.now);
        return host.only().flags;
    };
    CHECK(close(1) == fin_ack);
    TestSegment answer;  // the first is waited for in FIN-WAIT-2, the second in FIN-WAIT-1
    answer.flags = flag::ack;
    answer.seq = host.peer_seq;
    answer.ack = host.host_seq + 1;
    host.come(answer, host_port, 1);
    CHECK(close(2) == fin_ack);
    CHECK(host.tcp().sizes().orphans == 2);
    CHECK((close(3) & flag::rst) != 0);
    CHECK(host.dropped(Drop::tcp_orphans_full) == 1);
    CHECK(host.tcp().sizes().connections == 2);

    host.pass(config.tcp.fin_wait_2 + 1s);  // and the first is over
    (void)host.sent();
    CHECK(host.tcp().sizes().orphans == 1);
    CHECK(close(4) == fin_ack);
    host.pass(config.tcp.user_timeout + 5min);
    (void)host.sent();
    CHECK(host.tcp().sizes().orphans == 0);
    CHECK(host.tcp().sizes().connections == 0);
}

}  // namespace
}  // namespace skerry
