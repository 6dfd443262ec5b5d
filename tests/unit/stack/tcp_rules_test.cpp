// Corners of the standards that a dialogue never meets, one rule a case.

#include "support/seal.hpp"
#include "support/tcp_host.hpp"

#include <array>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::tcp::Tcp;
using stack::wire::TcpTimestamps;

TestSegment segment_of(TcpHost& host, std::uint8_t flags, std::uint32_t ahead = 0) {
    TestSegment segment;
    segment.flags = flags;
    segment.seq = host.peer_seq + ahead;
    segment.ack = host.host_seq;
    return segment;
}

TestSegment first_with(std::optional<TcpTimestamps> timestamps) {
    TestSegment syn;
    syn.mss = 1000;
    syn.timestamps = timestamps;
    return syn;
}

// --- what a segment that is not believed must leave alone

TEST_CASE("a segment whose acknowledgement cannot be ours moves no timestamp", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish(first_with(TcpTimestamps{1000, 0}));
    TestSegment guess = segment_of(host, flag::ack);
    guess.ack = host.host_seq + 5'000'000;
    guess.timestamps = TcpTimestamps{0x4000'0000, 0};
    host.come(guess);
    CHECK(host.dropped(Drop::tcp_ack) == 1);
    (void)host.sent();
    TestSegment next = segment_of(host, flag::ack);
    next.text = "x";
    next.timestamps = TcpTimestamps{1001, 0};
    host.come(next);
    CHECK(host.read(endpoint) == "x");
}

TEST_CASE("an old acknowledgement says nothing about the window", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish(first_with({}));
    CHECK(host.write(endpoint, std::string(1000, 'x')) == 1000);
    (void)host.only();
    host.acknowledge(host.host_seq + 1000);
    TestSegment odd = segment_of(host, flag::ack, 1);  // a newer number, and acknowledges nothing of the 1,000
    odd.text = "y";
    odd.window = 0;
    host.come(odd);
    host.say("x");
    CHECK(host.read(endpoint) == "xy");  // its data counts all the same
    (void)host.sent();
    CHECK(host.write(endpoint, "z") == 1);
    CHECK(host.only().text == "z");
}

TEST_CASE("the window is that of the newest segment, not of the one that came last", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish(first_with({}));
    TestSegment newer = segment_of(host, flag::ack, 1);  // the byte before it is late
    newer.text = "b";
    newer.window = 3000;
    host.come(newer);
    TestSegment older = segment_of(host, flag::ack);
    older.text = "a";
    older.window = 0;
    host.come(older);
    (void)host.sent();
    CHECK(host.read(endpoint) == "ab");
    CHECK(host.write(endpoint, "c") == 1);
    CHECK(host.only().text == "c");
}

TEST_CASE("what only a SYN may say means nothing in another segment", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish(first_with({}));
    for (const std::uint32_t ahead : {1U, 0U}) {
        TestSegment segment = segment_of(host, flag::ack, ahead);
        segment.text = "x";
        segment.window = 5000;
        segment.timestamps = TcpTimestamps{};  // room for others
        Bytes frame = host.packet(segment);
        const std::array<unsigned char, 12> options{2, 4, 0, 100, 3, 3, 14, 1, 4, 2, 1, 1};  // MSS, scale, SACK
        std::memcpy(frame.data() + 54, options.data(), options.size());
        seal(frame);
        host.give(frame);
    }
    CHECK(host.read(endpoint) == "xx");
    (void)host.sent();
    CHECK(host.write(endpoint, std::string(20'000, 'y')) == 20'000);
    const auto sent = host.sent();
    REQUIRE(sent.size() == 5);
    CHECK(sent[0].text.size() == 1000);
    CHECK_FALSE(sent[0].timestamps);
}

TEST_CASE("the peer's window is scaled as its SYN said", "[stack][tcp]") {
    for (const std::uint8_t scale : {0, 2}) {
        TcpHost host;
        TestSegment syn = first_with({});
        syn.scale = scale;
        TestEndpoint& endpoint = host.establish(syn);
        host.acknowledge(host.host_seq, 1000);
        CHECK(host.write(endpoint, std::string(8000, 'x')) == 8000);
        CHECK(host.sent().size() == std::size_t{1} << scale);
    }
}

// --- probes are answered, whoever else is busy

TEST_CASE("a keepalive is answered also when the budget of challenges is spent", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.challenges_per_second = 1;
    TcpHost host(config);
    host.establish({}, peer_port);
    for (int i = 0; i < 3; ++i) {  // spends it
        TestSegment syn = segment_of(host, flag::syn);
        host.come(syn);
        host.now = host.now + 1ms;
    }
    (void)host.sent();
    host.establish({}, peer_port + 1);
    TestSegment probe = segment_of(host, flag::ack, 0);
    probe.seq -= 1;
    host.come(probe, host_port, peer_port + 1);
    const TestSegment answer = host.only();
    CHECK(answer.flags == flag::ack);
    CHECK(answer.ack == host.peer_seq);
    host.come(probe, host_port, peer_port + 1);
    CHECK(host.sent().empty());  // but once in half a second
}

// --- time-outs

TEST_CASE("what is sent into a window that has opened is sent again in time", "[stack][tcp]") {
    TcpHost host;
    TestSegment syn = first_with({});
    syn.window = 0;
    TestEndpoint& endpoint = host.establish(syn);
    CHECK(host.write(endpoint, "hello") == 5);
    std::vector<TestSegment> out;
    for (int i = 0; i < 5; ++i) {
        (void)host.until_sent(100s, out);
        host.acknowledge(host.host_seq, 0);
    }
    host.acknowledge(host.host_seq, 1000);
    CHECK(host.only().text == "hello");
    CHECK(host.until_sent(100s, out) == least_time_out);  // not 6.4 s, as the probes had it
    CHECK(out.at(0).text == "hello");
}

TEST_CASE("a second lost SYN leaves one segment to begin with, and each three seconds to wait", "[stack][tcp]") {
    const bool is_forgiving = GENERATE(true, false);
    const int losses = GENERATE(1, 2);
    stack::StackConfig config = host_config();
    if (!is_forgiving) config.tcp.lost_syns_forgiven = 0;  // RFC 5681 section 3.1
    const std::size_t expected = is_forgiving && losses == 1 ? 5 : 1;
    TcpHost host(config);
    SECTION("ours") {
        TestEndpoint& endpoint = host.endpoint();
        REQUIRE(host.tcp().connect(endpoint, peer_ip, 80, host.now));
        const TestSegment syn = host.only();
        std::vector<TestSegment> again;
        for (int i = 0; i < losses; ++i) (void)host.until_sent(10s, again);
        TestSegment answer = first_with({});
        answer.flags = flag::syn | flag::ack;
        answer.seq = 9000;
        answer.ack = syn.seq + 1;
        host.come(answer, host.last_port, 80);
        (void)host.sent();
        CHECK(host.write(endpoint, std::string(5000, 'x')) == 5000);
        CHECK(host.sent().size() == expected);
        CHECK(host.until_sent(10s, again) == 3s);
    }
    SECTION("the answer") {
        TestSegment syn = first_with({});
        syn.flags = flag::syn;
        syn.seq = 1000;
        host.come(syn);
        const TestSegment answer = host.only();
        std::vector<TestSegment> again;
        for (int i = 0; i < losses; ++i) (void)host.until_sent(10s, again);
        TestSegment ack;
        ack.flags = flag::ack;
        ack.seq = 1001;
        ack.ack = answer.seq + 1;
        ack.window = 60'000;
        host.come(ack);
        TestEndpoint& endpoint = host.endpoint();
        REQUIRE(host.tcp().accept(host.acceptor, endpoint));
        CHECK(host.write(endpoint, std::string(5000, 'x')) == 5000);
        CHECK(host.sent().size() == expected);
        CHECK(host.until_sent(10s, again) == 3s);
    }
    SECTION("but a timestamp says how long it took") {
        TestSegment syn = first_with(TcpTimestamps{5, 0});
        syn.flags = flag::syn;
        syn.seq = 1000;
        host.come(syn);
        std::vector<TestSegment> again;
        (void)host.sent();
        (void)host.until_sent(10s, again);
        host.pass(20ms);
        TestSegment ack;
        ack.flags = flag::ack;
        ack.seq = 1001;
        ack.ack = again.at(0).seq + 1;
        ack.timestamps = TcpTimestamps{6, again.at(0).timestamps->value};
        host.come(ack);
        TestEndpoint& endpoint = host.endpoint();
        REQUIRE(host.tcp().accept(host.acceptor, endpoint));
        CHECK(endpoint.tcb->rto.smoothed() == 20ms);
    }
}

TEST_CASE("after a silence the first window counts again", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish(first_with({}));
    std::uint32_t acked = 0;
    for (int i = 0; i < 4; ++i) {
        CHECK(host.write(endpoint, std::string(40'000, 'x')) == 40'000);
        for (acked += 1000; acked % 40'000 != 0; acked += 1000) host.acknowledge(host.host_seq + acked);
        host.acknowledge(host.host_seq + acked);
        (void)host.sent();
    }
    CHECK(host.write(endpoint, std::string(40'000, 'x')) == 40'000);
    CHECK(host.sent().size() == 40);
    host.acknowledge(host.host_seq + acked + 40'000);
    host.pass(10s);
    CHECK(host.write(endpoint, std::string(40'000, 'x')) == 40'000);
    CHECK(host.sent().size() == 10);
}

TEST_CASE("duplicates that nobody can have sent open no window", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish(first_with({}));
    CHECK(host.write(endpoint, std::string(200'000, 'x')) == 200'000);
    CHECK(host.sent().size() == 10);
    for (int i = 0; i < 1000; ++i) host.acknowledge(host.host_seq);
    CHECK(host.sent().size() <= 10);
}

// --- TIME-WAIT

/// The host closed first; both directions are over.
TestEndpoint& into_time_wait(TcpHost& host, std::optional<TcpTimestamps> timestamps) {
    TestEndpoint& endpoint = host.establish(first_with(timestamps));
    host.tcp().close(endpoint, host.now);
    (void)host.only();
    TestSegment fin = segment_of(host, flag::fin | flag::ack);
    fin.ack = host.host_seq + 1;
    fin.timestamps = timestamps;
    host.come(fin);
    (void)host.only();
    CHECK(host.tcp().sizes().time_wait == 1);
    return endpoint;
}

TEST_CASE("a SYN with an older timestamp does not end TIME-WAIT, however high its number is", "[stack][tcp]") {
    TcpHost host;
    into_time_wait(host, TcpTimestamps{1000, 0});
    TestSegment syn = segment_of(host, flag::syn, 100'000);
    syn.timestamps = TcpTimestamps{999, 0};
    host.come(syn);
    CHECK(host.only().flags == flag::ack);
    CHECK(host.tcp().sizes().time_wait == 1);
    syn.timestamps = TcpTimestamps{1001, 0};
    host.come(syn);
    CHECK(host.only().flags == (flag::syn | flag::ack));
    CHECK(host.tcp().sizes().time_wait == 0);
}

TEST_CASE("a SYN to where nobody listens does not end TIME-WAIT", "[stack][tcp]") {
    TcpHost host;
    into_time_wait(host, {});
    host.tcp().close(host.acceptor, host.now);
    host.come(segment_of(host, flag::syn, 100'000));
    CHECK(host.only().flags == flag::ack);
    CHECK(host.tcp().sizes().time_wait == 1);
}

// --- ends, in every order

/// What the peer's next segment says, as far as a close goes.
struct Step {
    bool has_fin = false;
    bool acknowledges_ours = false;
};

TEST_CASE("the peer's FIN and its acknowledgement of ours end both directions in every order", "[stack][tcp]") {
    const std::vector<std::vector<Step>> orders{{{true, true}},
                                                {{false, true}, {true, true}},
                                                {{true, false}, {false, true}},
                                                {{true, false}, {true, false}, {true, true}},
                                                {{false, true}, {false, true}, {true, true}, {true, true}}};
    for (const auto& order : orders) {
        TcpHost host;
        TestEndpoint& endpoint = host.establish();
        host.tcp().finish(*endpoint.tcb, host.now);
        CHECK(host.only().flags == (flag::fin | flag::ack));
        bool was_said = false;
        for (const Step& step : order) {
            TestSegment segment =
                segment_of(host, static_cast<std::uint8_t>(flag::ack | (step.has_fin ? flag::fin : 0)),
                           was_said && !step.has_fin ? 1 : 0);
            segment.ack = host.host_seq + (step.acknowledges_ours ? 1 : 0);
            was_said |= step.has_fin;
            host.come(segment);
            (void)host.sent();
        }
        CHECK(Tcp::is_at_end(*endpoint.tcb));
        CHECK(host.tcp().sizes().time_wait == 1);
        CHECK(Tcp::take_error(*endpoint.tcb) == Errc::ok);
        host.tcp().close(endpoint, host.now);
    }
}

TEST_CASE("a FIN that was lost goes again, from the end that closes second too", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.say("", flag::fin | flag::ack);
    (void)host.sent();
    host.tcp().close(endpoint, host.now);
    const TestSegment fin = host.only();
    std::vector<TestSegment> again;
    CHECK(host.until_sent(10s, again) == least_time_out);
    CHECK(again.at(0).flags == fin.flags);
    CHECK(again.at(0).seq == fin.seq);
    host.acknowledge(host.host_seq + 1);
    CHECK(host.tcp().sizes().connections == 0);
}

// --- others

TEST_CASE("a connect never chooses the port that would make it its own peer", "[stack][tcp]") {
    StackHost host;
    bool is_own_peer = false;
    for (int i = 0; i < 120'000; ++i) {  // each of 28,232 ports comes up
        TestEndpoint endpoint;
        REQUIRE(host.stack.tcp().connect(endpoint, host_ip, 40'000, host.now));
        is_own_peer |= endpoint.tcb->tuple.local_port == 40'000;
        host.stack.tcp().forget(endpoint);
        while (host.stack.has_looped()) host.stack.input({}, host.now);
    }
    CHECK_FALSE(is_own_peer);
}

}  // namespace
}  // namespace skerry
