// SYN cookies: RFC 4987 section 3.6, and what is done to them. Case 22 of the attacks: a flood of SYNs from addresses
// that are nobody's, forged acknowledgements, stale ones, and those that come again.

#include "support/tcp_host.hpp"

#include <skerry/stack/sequence.hpp>
#include <skerry/stack/tcp/syn_cookie.hpp>

#include <deque>
#include <functional>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::SynCookies;
using stack::tcp::CookieMint;
using stack::wire::Ipv4Addr;
using stack::wire::TcpTimestamps;

stack::StackConfig with(SynCookies when, std::uint32_t half_open_max = 1024) {
    stack::StackConfig config = host_config();
    config.tcp.syn_cookies = when;
    config.tcp.half_open_max = half_open_max;
    return config;
}

TestSegment a_syn(std::uint32_t seq = 1000) {
    TestSegment segment;
    segment.flags = flag::syn;
    segment.seq = seq;
    segment.mss = 1460;
    return segment;
}

TestSegment a_full_syn(std::uint8_t scale = 9) {
    TestSegment segment = a_syn();
    segment.timestamps = TcpTimestamps{77, 0};
    segment.scale = scale;
    segment.sack_permitted = true;
    return segment;
}

TestSegment ack_of(const TestSegment& answer) {
    TestSegment segment;
    segment.flags = flag::ack;
    segment.seq = answer.ack;
    segment.ack = answer.seq + 1;
    if (answer.timestamps) segment.timestamps = TcpTimestamps{78, answer.timestamps->value};
    return segment;
}

TestSegment answered(TcpHost& host, const TestSegment& syn, std::uint16_t from = peer_port) {
    host.come(syn, host_port, from);
    TestSegment answer = host.only();
    REQUIRE(answer.flags == (flag::syn | flag::ack));
    return answer;
}

/// Something else is answered by a cookie, so that the listener listens to cookies.
void keep_at_war(TcpHost& host) { (void)answered(host, a_syn(1), 99); }

TestEndpoint& accepted(TcpHost& host) {
    TestEndpoint& endpoint = host.endpoint();
    REQUIRE(host.tcp().accept(host.acceptor, endpoint));
    return endpoint;
}

// --- what a cookie is for

TEST_CASE("past the limit of handshakes a SYN is answered by a cookie, and nothing is kept of it",
          "[stack][tcp][cookie]") {
    TcpHost host(with(SynCookies::when_full, 2));
    std::vector<TestSegment> answers;
    for (std::uint16_t port = 1; port <= 5; ++port) answers.push_back(answered(host, a_syn(), port));
    CHECK(host.tcp().sizes().half_open == 2);
    CHECK(host.tcp().cookies().sent == 3);
    CHECK(host.dropped(Drop::tcp_half_open_full) == 0);
    for (std::uint16_t port = 5; port >= 1; --port) host.come(ack_of(answers[port - 1U]), host_port, port);
    CHECK(host.sent().empty());
    CHECK(host.tcp().sizes().connections == 5);
    CHECK(host.tcp().sizes().half_open == 0);
    CHECK(host.tcp().cookies().accepted == 3);
    CHECK(host.tcp().cookies().refused == 0);
    (void)answered(host, a_syn(), 6);
    CHECK(host.tcp().sizes().half_open == 1);  // there is room again
    CHECK(host.tcp().cookies().sent == 3);
}

TEST_CASE("a cookie is not sent again unless the SYN comes again, and then it is the same", "[stack][tcp][cookie]") {
    TcpHost host(with(SynCookies::always));
    const TestSegment first = answered(host, a_full_syn());
    std::vector<TestSegment> later;
    host.until_sent(10s, later);
    CHECK(later.empty());
    CHECK(answered(host, a_full_syn()).seq == first.seq);
    CHECK(answered(host, a_syn(1001)).seq != first.seq);
    CHECK(host.tcp().sizes().half_open == 0);
}

TEST_CASE("a connection by a cookie is the one that a kept handshake makes", "[stack][tcp][cookie]") {
    const TestSegment syn = GENERATE(a_full_syn(0), a_full_syn(9), a_full_syn(14), a_syn());
    TcpHost kept(with(SynCookies::off));
    TcpHost cooked(with(SynCookies::always));
    for (TcpHost* host : {&kept, &cooked}) {
        const TestSegment answer = answered(*host, syn);
        CHECK(host->tcp().sizes().half_open == (host == &kept ? 1 : 0));
        CHECK(answer.timestamps.has_value() == syn.timestamps.has_value());
        CHECK(answer.scale.has_value() == syn.scale.has_value());
        CHECK(answer.sack_permitted == syn.sack_permitted);
        TestSegment last = ack_of(answer);
        last.window = 100;
        last.text = "hello";
        host->come(last);
        CHECK(host->acceptor.calls == 1);
        host->peer_seq = last.seq + 5;
        host->host_seq = last.ack;
    }
    TestEndpoint& expected = accepted(kept);
    TestEndpoint& made = accepted(cooked);
    CHECK(made.tcb->state == stack::tcp::State::established);
    CHECK(made.tcb->mss == expected.tcb->mss);
    CHECK(made.tcb->snd_wnd == expected.tcb->snd_wnd);
    CHECK(made.tcb->send_scale == expected.tcb->send_scale);
    CHECK(made.tcb->receive_scale == expected.tcb->receive_scale);
    CHECK(made.tcb->has_sack == expected.tcb->has_sack);
    CHECK(made.tcb->has_timestamps == expected.tcb->has_timestamps);
    CHECK(made.tcb->ts_recent == expected.tcb->ts_recent);
    CHECK(made.tcb->ts_offset == expected.tcb->ts_offset);
    CHECK(made.tcb->rcv_nxt == expected.tcb->rcv_nxt);
    CHECK(cooked.read(made) == "hello");
    REQUIRE(cooked.write(made, "world") == 5);
    const auto sent = cooked.sent();
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].text == "world");
    CHECK(sent[0].seq == cooked.host_seq);
}

TEST_CASE("without timestamps a cookie offers neither scaling nor SACK", "[stack][tcp][cookie]") {
    TcpHost host(with(SynCookies::always));
    TestSegment syn = a_full_syn();
    syn.timestamps.reset();
    const TestSegment answer = answered(host, syn);
    CHECK_FALSE(answer.scale);
    CHECK_FALSE(answer.sack_permitted);
    CHECK_FALSE(answer.timestamps);
    TestSegment last = ack_of(answer);
    last.window = 100;
    host.come(last);
    TestEndpoint& made = accepted(host);
    CHECK(made.tcb->snd_wnd == 100);
    CHECK_FALSE(made.tcb->has_sack);
}

TEST_CASE("a cookie rounds the peer's MSS down, and never up", "[stack][tcp][cookie]") {
    for (const auto& [said, used] : {std::pair<int, int>{-1, 536},
                                     {1460, 1460},
                                     {65'535, 1460},
                                     {1459, 1440},
                                     {1452, 1440},
                                     {1380, 1360},
                                     {1219, 536},
                                     {535, 48},
                                     {0, 48}}) {
        CAPTURE(said);
        TcpHost host(with(SynCookies::always));
        TestSegment syn = a_syn();
        syn.mss.reset();
        if (said >= 0) syn.mss = static_cast<std::uint16_t>(said);
        host.come(ack_of(answered(host, syn)));
        CHECK(accepted(host).tcb->mss == used);
    }
}

TEST_CASE("the timestamp of a cookie is not newer than the clock, and hardly older", "[stack][tcp][cookie]") {
    for (int ms = 0; ms < 70; ++ms) {
        TcpHost host(with(SynCookies::always));
        host.now = host.now + ms * 1ms;
        const TestSegment answer = answered(host, a_full_syn());
        host.come(ack_of(answer));
        TestEndpoint& made = accepted(host);
        REQUIRE(host.write(made, "x") == 1);
        const TestSegment data = host.only();
        const std::uint32_t older = data.timestamps->value - answer.timestamps->value;
        REQUIRE(older < 64);
    }
}

TEST_CASE("a cookie is within a period of the number that RFC 6528 asks for, and they grow", "[stack][tcp][cookie]") {
    TcpHost kept(with(SynCookies::off));
    TcpHost cooked(with(SynCookies::always));
    std::uint32_t before = 0;
    for (int i = 0; i < 4; ++i) {
        const TestSegment cookie = answered(cooked, a_syn());
        const TestSegment number = answered(kept, a_syn());
        const std::int32_t apart = stack::seq_distance(cookie.seq, number.seq);
        CHECK(std::abs(apart) < 1 << 24);
        if (i != 0) CHECK(stack::seq_after(cookie.seq, before));
        before = cookie.seq;
        cooked.pass(135s);
        kept.pass(135s);
        (void)kept.sent();
    }
}

// --- limits

TEST_CASE("a full queue takes no cookie, and answers it when there is room again", "[stack][tcp][cookie]") {
    TcpHost host(with(SynCookies::always), 1);
    const TestSegment one = answered(host, a_syn(), 1);
    const TestSegment other = answered(host, a_syn(), 2);
    host.come(ack_of(one), host_port, 1);
    host.come(ack_of(other), host_port, 2);
    CHECK(host.sent().empty());
    CHECK(host.dropped(Drop::tcp_accept_full) == 1);
    CHECK(host.tcp().sizes().connections == 1);
    host.come(a_syn(), host_port, 3);
    CHECK(host.sent().empty());  // no cookie either
    (void)accepted(host);
    host.come(ack_of(other), host_port, 2);
    CHECK(host.tcp().sizes().connections == 2);
    CHECK(host.tcp().cookies().accepted == 2);
}

TEST_CASE("a SYN that takes the place of what is in TIME-WAIT is kept", "[stack][tcp][cookie]") {
    TcpHost host(with(SynCookies::always));
    host.come(ack_of(answered(host, a_syn())));
    TestEndpoint& made = accepted(host);
    host.tcp().close(made, host.now);
    const TestSegment fin = host.only();
    host.peer_seq = 1001;
    host.host_seq = fin.seq + 1;
    host.say("", flag::ack | flag::fin);
    (void)host.sent();
    REQUIRE(host.tcp().sizes().time_wait == 1);
    const TestSegment answer = answered(host, a_syn(500'000));
    CHECK(stack::seq_after(answer.seq, fin.seq));
    CHECK(host.tcp().sizes().half_open == 1);
    CHECK(host.tcp().cookies().sent == 1);
}

TEST_CASE("who heard the cookie is heard, though his SYN that came again was kept", "[stack][tcp][cookie]") {
    TcpHost host(with(SynCookies::when_full, 1));
    (void)answered(host, a_syn(), 1);
    TestSegment syn = a_full_syn();
    const bool has_timestamps = GENERATE(true, false);
    if (!has_timestamps) syn.timestamps.reset();
    const TestSegment cookie = answered(host, syn, 2);
    TestSegment reset;
    reset.flags = flag::rst;
    reset.seq = 1001;
    host.come(reset, host_port, 1);  // makes room
    const TestSegment kept = answered(host, syn, 2);
    REQUIRE(kept.seq != cookie.seq);
    REQUIRE(host.tcp().sizes().half_open == 1);
    TestSegment last = ack_of(cookie);
    last.window = 100;
    host.come(last, host_port, 2);
    CHECK(host.sent().empty());
    TestEndpoint& made = accepted(host);
    CHECK(made.tcb->snd_wnd == (has_timestamps ? 100U << 9U : 100U));
    CHECK(made.tcb->snd_nxt == cookie.seq + 1);
    CHECK(host.tcp().sizes().half_open == 0);
}

TEST_CASE("without cookies the oldest handshake is forgotten", "[stack][tcp][cookie]") {
    TcpHost host(with(SynCookies::off, 2));
    for (std::uint16_t port = 1; port <= 5; ++port) (void)answered(host, a_syn(), port);
    CHECK(host.tcp().cookies().sent == 0);
    CHECK(host.dropped(Drop::tcp_half_open_full) == 3);
}

// --- attacks

TEST_CASE("case 22: forged acknowledgements make nothing, are counted and reset", "[stack][tcp][cookie]") {
    TcpHost host(with(SynCookies::always));
    const TestSegment good = ack_of(answered(host, a_full_syn()));
    std::vector<TestSegment> forged;
    for (int bit = 0; bit < 32; ++bit) {
        forged.push_back(good);
        forged.back().ack ^= 1U << static_cast<unsigned>(bit);
        forged.push_back(good);
        forged.back().seq ^= 1U << static_cast<unsigned>(bit);
    }
    for (unsigned bit = 0; bit < 6; ++bit) {  // another scale, SACK, ECN
        forged.push_back(good);
        forged.back().timestamps->echo ^= 1U << bit;
    }
    forged.push_back(good);
    forged.back().timestamps.reset();
    for (const TestSegment& each : forged) {
        host.come(each);
        const TestSegment reset = host.only();
        CHECK(reset.flags == flag::rst);
        CHECK(reset.seq == each.ack);
        host.pass(10ms);
    }
    host.come(good, host_port, peer_port + 1);
    CHECK(host.only().flags == flag::rst);
    CHECK(host.tcp().sizes().connections == 0);
    CHECK(host.tcp().cookies().refused == forged.size() + 1);
    CHECK(host.dropped(Drop::tcp_cookie) == forged.size() + 1);
    host.come(good);
    CHECK(host.tcp().sizes().connections == 1);
}

TEST_CASE("case 22: a million guesses open nothing", "[stack][tcp][cookie]") {
    const CookieMint mint(7);
    const auto now = time::Instant::from_nanos(500'000'000'000);
    std::uint32_t opened = 0;
    for (std::uint32_t i = 0; i < 1'000'000; ++i)
        opened +=
            mint.read(i * 2'654'435'761U, 0x1234'5678'9abc'def0U, 1000, {}, CookieMint::period(now), now) ? 1U : 0U;
    CHECK(opened <= 1);  // one in 268 million is good
}

TEST_CASE("case 22: a cookie of another stack is worth nothing", "[stack][tcp][cookie]") {
    stack::StackConfig config = with(SynCookies::always);
    TcpHost one(config);
    config.seed = 8;
    TcpHost other(config);
    keep_at_war(other);
    other.come(ack_of(answered(one, a_syn())));
    CHECK(other.only().flags == flag::rst);
    CHECK(other.dropped(Drop::tcp_cookie) == 1);
}

TEST_CASE("case 22: a cookie is good in its period and in the next, and never again", "[stack][tcp][cookie]") {
    // 2^24 units of 4 us.
    const auto period = std::chrono::nanoseconds{std::int64_t{4000} << 24U};
    const auto [waited, is_good] = GENERATE_COPY(table<std::chrono::nanoseconds, bool>({{period - 1s, true},
                                                                                        {2 * period - 2s, true},
                                                                                        {2 * period, false},
                                                                                        {3 * period, false},
                                                                                        {256 * period, false}}));
    TcpHost host(with(SynCookies::always));
    const TestSegment last = ack_of(answered(host, a_syn()));
    host.pass(waited);
    keep_at_war(host);
    host.come(last);
    CHECK(host.tcp().sizes().connections == (is_good ? 1 : 0));
    CHECK(host.dropped(Drop::tcp_cookie) == (is_good ? 0 : 1));
}

TEST_CASE("case 22: a listener at peace takes no acknowledgement for a handshake", "[stack][tcp][cookie]") {
    TcpHost at_war(with(SynCookies::always));
    TcpHost at_peace(with(SynCookies::when_full));
    const TestSegment last = ack_of(answered(at_war, a_syn()));
    at_peace.come(last);
    CHECK(at_peace.only().flags == flag::rst);
    CHECK(at_peace.dropped(Drop::tcp_ack) == 1);
    CHECK(at_peace.tcp().cookies().refused == 0);
    // Another listener in its place knows nothing of them either.
    at_war.tcp().close(at_war.acceptor, at_war.now);
    TestAcceptor next;
    REQUIRE(at_war.tcp().listen(next, {}, host_port, 4));
    at_war.come(last);
    CHECK(at_war.only().flags == flag::rst);
    CHECK(at_war.tcp().sizes().connections == 0);
    at_war.tcp().close(next, at_war.now);
    REQUIRE(at_war.tcp().listen(at_war.acceptor, {}, host_port, 4));
}

TEST_CASE("case 22: an acknowledgement that comes again makes no second connection", "[stack][tcp][cookie]") {
    TcpHost host(with(SynCookies::always));
    const TestSegment last = ack_of(answered(host, a_syn()));
    for (int i = 0; i < 3; ++i) host.come(last);
    CHECK(host.tcp().sizes().connections == 1);
    CHECK(host.tcp().cookies().accepted == 1);
    TestSegment reset;
    reset.flags = flag::rst;
    reset.seq = 1001;
    host.come(reset);
    REQUIRE(host.tcp().sizes().connections == 0);
    // Nobody knows that it was used: who has recorded it may use it again, until it is stale.
    host.come(last);
    CHECK(host.tcp().sizes().connections == 1);
    host.come(reset);
    host.pass(135s);
    keep_at_war(host);
    host.come(last);
    CHECK(host.tcp().sizes().connections == 0);
    CHECK(host.dropped(Drop::tcp_cookie) == 1);
}

/// How many of `clients`, 20 ms away, connect among a million SYNs a second from addresses that are nobody's.
std::size_t connected_in_flood(TcpHost& host, std::size_t clients) {
    const auto gateway = Ipv4Addr::of(198, 18, 0, 254);
    host.give(arp(stack::wire::ArpOperation::request, gateway));
    (void)host.taken();
    std::deque<std::pair<time::Instant, std::function<void()>>> on_their_way;
    std::size_t connected = 0;
    Bytes spoofed = segment_bytes(a_full_syn(), host_port, 1);
    std::uint32_t next = 0;
    const auto flood = [&](std::chrono::nanoseconds time) {
        for (const time::Instant end = host.now + time; host.now < end; host.now = host.now + 1us) {
            const Ipv4Addr from{0x0a00'0000U + (next++ & 0xff'ffffU)};
            host.give(ipv4(stack::wire::ip_protocol::tcp, spoofed, host_ip, from), backend::FrameChecksum::good);
            if (next % 64 == 0) (void)host.taken();
        }
        host.stack.advance(host.now);
        (void)host.sent();
    };
    flood(10ms);  // the table is full
    for (std::size_t i = 0; i < clients + 20; ++i) {
        if (i < clients) {
            const auto port = static_cast<std::uint16_t>(1000 + i);
            const TestSegment last = ack_of(answered(host, a_full_syn(), port));
            on_their_way.emplace_back(host.now + 20ms, [&host, last, port] { host.come(last, host_port, port); });
        }
        flood(1ms);
        while (!on_their_way.empty() && on_their_way.front().first <= host.now) {
            on_their_way.front().second();
            on_their_way.pop_front();
            TestEndpoint& endpoint = host.endpoint();
            if (host.tcp().accept(host.acceptor, endpoint)) ++connected;
            (void)host.sent();
        }
    }
    return connected;
}

TEST_CASE("case 22: who is there connects among a million spoofed SYNs a second, and nothing grows",
          "[stack][tcp][cookie]") {
    TcpHost host;
    CHECK(connected_in_flood(host, 40) == 40);
    CHECK(host.tcp().sizes().half_open == 1024);
    CHECK(host.tcp().sizes().connections == 40);
    CHECK(host.tcp().cookies().sent > 60'000);
    CHECK(host.tcp().cookies().accepted == 40);
    CHECK(host.frames.out() == 0);
}

TEST_CASE("case 22: without cookies the same flood leaves nobody in", "[stack][tcp][cookie]") {
    TcpHost host(with(SynCookies::off));
    CHECK(connected_in_flood(host, 10) == 0);
    CHECK(host.tcp().sizes().half_open == 1024);
}

}  // namespace
}  // namespace skerry
