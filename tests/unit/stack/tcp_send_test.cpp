// The sending half: windows, losses, time-outs, and who may hold a frame.

#include "support/tcp_host.hpp"

#include <skerry/stack/tcp/info.hpp>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::tcp::Tcp;

std::string pattern(std::size_t bytes) {
    std::string text(bytes, ' ');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + i % 23);
    return text;
}

/// A connection whose peer takes segments of 1,000 bytes.
struct Sending : TcpHost {
    explicit Sending(std::uint16_t window = 65'535, const stack::StackConfig& config = host_config())
        : TcpHost(config) {
        TestSegment first;
        first.mss = 1000;
        first.window = window;
        endpoint = &establish(first);
    }
    std::size_t write(std::string_view text) { return TcpHost::write(*endpoint, text); }

    TestEndpoint* endpoint;
};

TEST_CASE("ten segments go at once, and two more for each that is acknowledged", "[stack][tcp]") {
    Sending host;
    const std::string text = pattern(40'000);
    CHECK(host.write(text) == text.size());
    const auto first = host.sent();
    REQUIRE(first.size() == 10);
    for (std::size_t i = 0; i < 10; ++i) {
        CHECK(first[i].text == text.substr(1000 * i, 1000));
        CHECK(first[i].seq == host.host_seq + 1000 * i);
    }
    host.acknowledge(host.host_seq + 2000);
    CHECK(host.sent().size() == 4);
}

TEST_CASE("no more is sent than the peer's window takes", "[stack][tcp]") {
    Sending host(2500);
    CHECK(host.write(pattern(10'000)) == 10'000);
    const auto first = host.sent();
    REQUIRE(first.size() == 2);  // and no crumb of 500
    host.acknowledge(host.host_seq + 2000, 3000);
    CHECK(host.sent().size() == 3);
}

TEST_CASE("a window that is always small gets what fits", "[stack][tcp]") {
    Sending host(300);
    const std::string text = pattern(1000);
    CHECK(host.write(text) == 1000);
    std::string got;
    for (int i = 0; i < 10 && got.size() < 1000; ++i) {
        for (const TestSegment& segment : host.sent()) {
            CHECK(segment.text.size() <= 300);
            got += segment.text;
        }
        host.acknowledge(host.host_seq + static_cast<std::uint32_t>(got.size()), 300);
    }
    CHECK(got == text);
}

TEST_CASE("short writes that cannot go yet leave together", "[stack][tcp]") {
    Sending host;
    CHECK(host.write(pattern(10'000)) == 10'000);
    CHECK(host.sent().size() == 10);
    for (int i = 0; i < 5; ++i) CHECK(host.write("ab") == 2);
    CHECK(host.sent().empty());
    host.acknowledge(host.host_seq + 10'000);
    CHECK(host.only().text == "ababababab");
}

TEST_CASE("slices are joined into full segments before any of them goes", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    const std::size_t mss = endpoint.tcb->mss;
    const std::string head(200, 'h');
    const std::string body(2 * mss, 'b');
    const auto bytes_of = [](const std::string& text) { return std::as_bytes(std::span(text)); };
    const std::vector<std::span<const std::byte>> slices{bytes_of(head), {}, bytes_of(body), bytes_of(head)};
    const auto written = host.tcp().write(*endpoint.tcb, slices, host.now);
    CHECK(written.is_all);
    CHECK(written.bytes == 400 + 2 * mss);
    const auto out = host.sent();
    REQUIRE(out.size() == 3);
    CHECK(out[0].text == head + std::string(mss - 200, 'b'));
    CHECK(out[1].text == std::string(mss, 'b'));
    CHECK(out[2].text == std::string(200, 'b') + head);
}

TEST_CASE("slices are taken as far as there is room, and it is told when there is more", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    endpoint.tcb->send_limit = 4096;
    const std::string text(3000, 'x');
    const std::vector<std::span<const std::byte>> slices(3, std::as_bytes(std::span(text)));
    const auto written = host.tcp().write(*endpoint.tcb, slices, host.now);
    CHECK_FALSE(written.is_all);
    CHECK(written.bytes == 4096);
    CHECK(endpoint.tcb->wants_room);
    CHECK_FALSE(host.tcp().has_room(*endpoint.tcb));
}

TEST_CASE("with Nagle a short segment waits for what is under way, without it it goes", "[stack][tcp]") {
    Sending host;
    CHECK(host.write("a") == 1);
    CHECK(host.write("b") == 1);
    CHECK(host.sent().size() == 2);
    host.acknowledge(host.host_seq + 2);
    host.tcp().set_no_delay(*host.endpoint->tcb, false, host.now);
    CHECK(host.write("c") == 1);
    CHECK(host.only().text == "c");
    CHECK(host.write("d") == 1);
    CHECK(host.write("e") == 1);
    CHECK(host.sent().empty());
    host.acknowledge(host.host_seq + 3);
    CHECK(host.only().text == "de");
    CHECK(host.write("f") == 1);
    CHECK(host.sent().empty());
    host.tcp().set_no_delay(*host.endpoint->tcb, true, host.now);
    CHECK(host.only().text == "f");
}

TEST_CASE("a write takes what there is room for, and is told when there is more", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.send_buffer_bytes = config.tcp.send_buffer_max = 30'000;
    Sending host(65'535, config);
    CHECK(host.write(pattern(50'000)) == 30'000);
    CHECK(host.write("x") == 0);
    const int calls = host.endpoint->calls;
    host.acknowledge(host.host_seq + 5000);
    CHECK(host.endpoint->calls == calls);  // not for a sixth of it
    host.acknowledge(host.host_seq + 10'000);
    CHECK(host.endpoint->calls == calls + 1);
    CHECK(host.write(pattern(50'000)) == 10'000);
}

TEST_CASE("many small writes are limited too: each holds a frame", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.send_segments_max = 8;
    Sending host(65'535, config);
    std::size_t taken = 0;
    for (int i = 0; i < 20; ++i) taken += host.write("x");
    CHECK(taken == 8);
}

TEST_CASE("all connections together keep so many frames, and no more", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.send_frames_max = 5;
    Sending host(65'535, config);
    CHECK(host.write(pattern(20'000)) == 5000);
    CHECK(host.dropped(Drop::tcp_frames) == 1);
    CHECK(host.tcp().frames_kept() == 5);
    host.acknowledge(host.host_seq + 2000);
    CHECK(host.write(pattern(20'000)) == 2000);
}

// --- losses

TEST_CASE("a time-out sends again after 200 ms, then 400 ms, 800 ms ..., one segment each time", "[stack][tcp]") {
    Sending host;
    CHECK(host.write(pattern(3000)) == 3000);
    CHECK(host.sent().size() == 3);
    std::vector<TestSegment> again;
    for (int i = 0; i < 12; ++i) {
        CHECK(host.until_sent(200s, again) == std::min<std::chrono::microseconds>(least_time_out * (1 << i), 120s));
        REQUIRE(again.size() == 1);
        CHECK(again[0].seq == host.host_seq);
        CHECK(again[0].text == pattern(1000));
    }
    host.acknowledge(host.host_seq + 1000);
    const auto rest = host.sent();  // a window of two segments now
    REQUIRE(rest.size() == 2);
    CHECK(rest[0].seq == host.host_seq + 1000);
    CHECK(rest[1].seq == host.host_seq + 2000);
}

TEST_CASE("only a measured round trip ends the doubling", "[stack][tcp]") {
    Sending host;
    CHECK(host.write(pattern(2000)) == 2000);
    (void)host.sent();
    std::vector<TestSegment> again;
    for (int i = 0; i < 3; ++i) (void)host.until_sent(100s, again);
    host.acknowledge(host.host_seq + 1000);  // of which copy?
    CHECK(host.sent().size() == 1);
    CHECK(host.until_sent(100s, again) == 8 * least_time_out);
    host.acknowledge(host.host_seq + 2000);
    CHECK(host.write("x") == 1);
    (void)host.only();
    host.pass(10ms);
    host.acknowledge(host.host_seq + 2001);
    CHECK(host.write("y") == 1);
    (void)host.only();
    CHECK(host.until_sent(100s, again) == 200ms + host.endpoint->tcb->rto.smoothed());
}

TEST_CASE("the time-out follows the round trip, and is 200 ms longer at least", "[stack][tcp]") {
    Sending host;
    for (std::uint32_t i = 0; i < 30; ++i) {
        CHECK(host.write("x") == 1);
        (void)host.only();
        host.pass(1ms);
        host.acknowledge(host.host_seq + i + 1);
    }
    CHECK(host.write("y") == 1);
    (void)host.only();
    std::vector<TestSegment> again;
    const std::chrono::microseconds time_out = 200ms + host.endpoint->tcb->rto.smoothed();
    CHECK(time_out > 200ms);
    CHECK(host.until_sent(10s, again) == time_out);
    CHECK(host.until_sent(10s, again) == 2 * time_out);
}

TEST_CASE("an acknowledgement of a segment that was sent twice measures nothing", "[stack][tcp]") {
    Sending host;
    CHECK(host.write("x") == 1);
    (void)host.only();
    std::vector<TestSegment> again;
    (void)host.until_sent(10s, again);
    host.pass(5ms);
    host.acknowledge(host.host_seq + 1);
    CHECK(host.endpoint->tcb->rto.smoothed() == 1us);  // the handshake's
}

TEST_CASE("a timestamp tells which of two copies was acknowledged", "[stack][tcp]") {
    TcpHost host;
    TestSegment first;
    first.timestamps = stack::wire::TcpTimestamps{1000, 0};
    TestEndpoint& endpoint = host.establish(first);
    CHECK(host.write(endpoint, "x") == 1);
    (void)host.only();
    std::vector<TestSegment> again;
    (void)host.until_sent(10s, again);
    host.pass(50ms);
    TestSegment ack;
    ack.flags = flag::ack;
    ack.seq = host.peer_seq;
    ack.ack = host.host_seq + 1;
    ack.timestamps = stack::wire::TcpTimestamps{1001, again.at(0).timestamps->value};
    host.come(ack);
    CHECK(endpoint.tcb->rto.smoothed() == 6251us);  // an eighth of 50 ms; the handshake took no time
}

TEST_CASE("three duplicates bring the lost segment at once, two do not", "[stack][tcp]") {
    Sending host;
    CHECK(host.write(pattern(10'000)) == 10'000);
    CHECK(host.sent().size() == 10);
    host.acknowledge(host.host_seq);
    host.acknowledge(host.host_seq);
    CHECK(host.sent().empty());
    host.acknowledge(host.host_seq);
    const TestSegment again = host.only();
    CHECK(again.seq == host.host_seq);
    CHECK(again.text == pattern(1000));
    host.acknowledge(host.host_seq);
    CHECK(host.sent().empty());  // one copy is enough
    host.acknowledge(host.host_seq + 10'000);
    CHECK(host.endpoint->tcb->queue.empty());
    CHECK(host.endpoint->tcb->congestion.window <= 5000 + 1000);
}

TEST_CASE("the first two duplicates let a new segment out each", "[stack][tcp]") {
    Sending host;
    CHECK(host.write(pattern(20'000)) == 20'000);
    CHECK(host.sent().size() == 10);
    for (std::uint32_t i = 0; i < 2; ++i) {
        host.acknowledge(host.host_seq);
        CHECK(host.only().seq == host.host_seq + 10'000 + 1000 * i);
    }
}

TEST_CASE("an acknowledgement of a part during recovery brings the next lost one", "[stack][tcp]") {
    Sending host;
    CHECK(host.write(pattern(10'000)) == 10'000);
    CHECK(host.sent().size() == 10);
    for (int i = 0; i < 3; ++i) host.acknowledge(host.host_seq);
    CHECK(host.only().seq == host.host_seq);
    host.acknowledge(host.host_seq + 4000);  // the fifth is lost as well
    CHECK(host.only().seq == host.host_seq + 4000);
    host.acknowledge(host.host_seq + 10'000);
    CHECK(host.endpoint->tcb->queue.empty());
    CHECK_FALSE(bool{host.endpoint->tcb->in_recovery});
}

TEST_CASE("info tells what is under way, what waits, and what was sent again", "[stack][tcp]") {
    Sending host;
    const auto info = [&] { return stack::tcp::info_of(*host.endpoint->tcb, host_config().tcp); };
    CHECK(host.write(pattern(20'000)) == 20'000);
    CHECK(host.sent().size() == 10);
    CHECK(info().unacknowledged == 10'000);
    CHECK(info().unsent == 10'000);
    CHECK(info().retransmitted == 0);
    CHECK(info().slow_start_threshold == backend::TcpInfo::no_threshold);
    for (int i = 0; i < 3; ++i) host.acknowledge(host.host_seq);
    CHECK(info().retransmitted == 1);
    CHECK(info().slow_start_threshold < backend::TcpInfo::no_threshold);
    host.acknowledge(host.host_seq + 10'000);
    CHECK(info().unacknowledged + info().unsent == 10'000);
    CHECK(info().send_mss == 1000);
}

TEST_CASE("data, or another window, makes no duplicate", "[stack][tcp]") {
    Sending host;
    CHECK(host.write(pattern(5000)) == 5000);
    CHECK(host.sent().size() == 5);
    for (std::uint16_t i = 0; i < 6; ++i) host.acknowledge(host.host_seq, static_cast<std::uint16_t>(60'000 + i));
    for (int i = 0; i < 6; ++i) host.say("data");
    for (const TestSegment& segment : host.sent()) CHECK(segment.text.empty());
}

TEST_CASE("nothing is written to a frame that somebody else holds", "[stack][tcp]") {
    Sending host;
    CHECK(host.write(pattern(1000)) == 1000);
    host.stack.advance(host.now);
    stack::Frame* const held = host.stack.backlog().pop();  // the port has it, and takes its time
    REQUIRE(held != nullptr);
    const Bytes before(held->bytes().begin(), held->bytes().end());
    std::vector<TestSegment> again;
    (void)host.until_sent(10s, again);
    REQUIRE(again.size() == 1);
    CHECK(again[0].text == pattern(1000));
    CHECK(Bytes(held->bytes().begin(), held->bytes().end()) == before);
    held->drop();
    host.acknowledge(host.host_seq + 400);  // a part of it: the rest goes from the same frame
    (void)host.until_sent(100s, again);
    REQUIRE(again.size() == 1);
    CHECK(again[0].text == pattern(1000).substr(400));
    host.acknowledge(host.host_seq + 1000);
}

TEST_CASE("a peer that never answers is given up after the user timeout", "[stack][tcp]") {
    Sending host;
    host.endpoint->tcb->user_timeout_ms = 5000;
    CHECK(host.write("x") == 1);
    (void)host.only();
    host.pass(4999ms);
    CHECK(host.endpoint->tcb->state == State::established);
    host.pass(1ms);
    CHECK(host.endpoint->tcb->state == State::closed);
    CHECK(Tcp::take_error(*host.endpoint->tcb) == Errc::timed_out);
    (void)host.sent();
}

TEST_CASE("without a user timeout a peer is given up after 15 minutes", "[stack][tcp]") {
    Sending host;
    CHECK(host.write("x") == 1);
    host.pass(15min - 1s);
    CHECK(host.endpoint->tcb->state == State::established);
    host.pass(1s);
    CHECK(host.endpoint->tcb->state == State::closed);
    (void)host.sent();
}

// --- closed windows

TEST_CASE("a closed window is asked again and again, and used when it opens", "[stack][tcp]") {
    Sending host(0);
    CHECK(host.write("waiting") == 7);
    CHECK(host.sent().empty());
    std::vector<TestSegment> probe;
    for (const int doubled : {1, 2, 4, 8}) {
        CHECK(host.until_sent(100s, probe) == doubled * least_time_out);
        REQUIRE(probe.size() == 1);
        CHECK(probe[0].text.empty());
        CHECK(probe[0].seq == host.host_seq - 1);  // old, so it has to be answered
        host.acknowledge(host.host_seq, 0);
    }
    host.acknowledge(host.host_seq, 1000);
    CHECK(host.only().text == "waiting");
}

TEST_CASE("a peer that answers probes is not given up, unless the user said when", "[stack][tcp]") {
    for (const bool has_limit : {false, true}) {
        Sending host(0);
        if (has_limit) host.endpoint->tcb->user_timeout_ms = 600'000;
        CHECK(host.write("waiting") == 7);
        std::vector<TestSegment> probe;
        for (int i = 0; i < 30 && host.endpoint->tcb->state == State::established; ++i) {
            (void)host.until_sent(200s, probe);
            if (!probe.empty()) host.acknowledge(host.host_seq, 0);
        }
        CHECK((host.endpoint->tcb->state == State::closed) == has_limit);
    }
}

TEST_CASE("a closed connection's data is not kept for ever for a peer that never opens its window", "[stack][tcp]") {
    Sending host(0);
    CHECK(host.write("waiting") == 7);
    host.tcp().close(*host.endpoint, host.now);
    std::vector<TestSegment> probe;
    for (int i = 0; i < 30 && host.tcp().sizes().connections != 0; ++i) {
        (void)host.until_sent(200s, probe);
        if (!probe.empty()) host.acknowledge(host.host_seq, 0);
    }
    CHECK(host.tcp().sizes().connections == 0);
}

TEST_CASE("a peer that answers no probe is given up", "[stack][tcp]") {
    Sending host(0);
    CHECK(host.write("waiting") == 7);
    host.pass(16min);
    CHECK(host.endpoint->tcb->state == State::closed);
    (void)host.sent();
}

TEST_CASE("a window that shrinks over data under way is lived with", "[stack][tcp]") {
    Sending host;
    CHECK(host.write(pattern(8000)) == 8000);
    CHECK(host.sent().size() == 8);
    host.acknowledge(host.host_seq + 1000, 500);
    CHECK(host.sent().empty());
    host.acknowledge(host.host_seq + 8000, 60'000);
    CHECK(host.endpoint->tcb->queue.empty());
}

// --- keepalive

TEST_CASE("keepalive asks a silent peer, and gives it up when it does not answer", "[stack][tcp]") {
    Sending host;
    stack::tcp::Tcb& tcb = *host.endpoint->tcb;
    tcb.keep_alive = true;
    tcb.keep_alive_idle_s = 10;
    tcb.keep_alive_interval_s = 2;
    tcb.keep_alive_count = 3;
    host.tcp().restart_keep_alive(tcb, host.now);
    std::vector<TestSegment> probe;
    CHECK(host.until_sent(100s, probe) == 10s);
    CHECK(probe.at(0).seq == host.host_seq - 1);
    host.acknowledge(host.host_seq);  // it lives
    CHECK(host.until_sent(100s, probe) == 10s);
    CHECK(host.until_sent(100s, probe) == 2s);
    CHECK(host.until_sent(100s, probe) == 2s);
    CHECK(tcb.state == State::established);
    CHECK(host.until_sent(100s, probe) == 2s);
    CHECK((probe.at(0).flags & flag::rst) != 0);
    CHECK(tcb.state == State::closed);
    CHECK(Tcp::take_error(tcb) == Errc::timed_out);
}

TEST_CASE("what anybody could have sent keeps no silent peer alive", "[stack][tcp]") {
    Sending host;
    stack::tcp::Tcb& tcb = *host.endpoint->tcb;
    tcb.keep_alive = true;
    tcb.keep_alive_idle_s = 10;
    host.tcp().restart_keep_alive(tcb, host.now);
    host.pass(9s);
    host.peer_seq -= 5000;
    host.acknowledge(host.host_seq);
    host.peer_seq += 5000;
    (void)host.sent();  // the challenge
    std::vector<TestSegment> probe;
    CHECK(host.until_sent(100s, probe) == 1s);
}

TEST_CASE("the sender's numbers may wrap", "[stack][tcp]") {
    // The first number is the clock's plus a secret: wait until a write of 40,000 bytes crosses the end.
    TcpHost host;
    const auto probe_isn = [&host] {
        TestSegment first;
        first.flags = flag::syn;
        first.seq = 1000;
        host.come(first, host_port, 4000);
        const std::uint32_t isn = host.only().seq;
        TestSegment reset;
        reset.flags = flag::rst;
        reset.seq = 1001;
        host.come(reset, host_port, 4000);
        return isn;
    };
    const std::uint32_t left = 0U - probe_isn() - 20'000;
    host.now = host.now + std::chrono::nanoseconds{std::int64_t{left} * 4000};
    TestEndpoint& endpoint = host.establish({}, 4000);
    REQUIRE(host.host_seq > 0xffff'0000U);
    const std::string text = pattern(40'000);
    CHECK(host.write(endpoint, text) == text.size());
    std::string got;
    while (got.size() < text.size()) {
        const auto all = host.sent();
        REQUIRE_FALSE(all.empty());
        for (const TestSegment& segment : all) {
            REQUIRE(segment.seq == host.host_seq + static_cast<std::uint32_t>(got.size()));
            got += segment.text;
        }
        TestSegment ack;
        ack.flags = flag::ack;
        ack.seq = host.peer_seq;
        ack.ack = host.host_seq + static_cast<std::uint32_t>(got.size());
        host.come(ack, host_port, 4000);
    }
    CHECK(got == text);
    CHECK(endpoint.tcb->queue.empty());
}

}  // namespace
}  // namespace skerry
