// ECN: RFC 3168. What a peer sees of it, the scripts of tests/pkt/rfc3168 say; here is what they cannot see.

#include "support/tcp_host.hpp"

#include <skerry/stack/tcp/info.hpp>

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using backend::CongestionControl;
using stack::StackConfig;

constexpr std::uint8_t ect0 = 2;
constexpr std::uint8_t experienced = 3;

StackConfig with(CongestionControl algorithm, bool proportional_rate) {
    StackConfig config = host_config();
    config.tcp.congestion_control = algorithm;
    config.tcp.proportional_rate = proportional_rate;
    return config;
}

/// A host whose peer has asked for ECN and got it; ten segments of 1,000 bytes fit its first window.
struct EcnHost : TcpHost {
    explicit EcnHost(const StackConfig& config = with(CongestionControl::reno, false), bool has_sack = true)
        : TcpHost(config) {
        TestSegment syn;
        syn.flags = flag::syn | flag::ece | flag::cwr;
        syn.seq = 1000;
        syn.mss = 1000;
        syn.sack_permitted = has_sack;
        come(syn);
        const TestSegment answer = only();
        REQUIRE(answer.flags == (flag::syn | flag::ack | flag::ece));
        peer_seq = syn.seq + 1;
        host_seq = first = answer.seq + 1;
        pass(100ms);
        acknowledge(host_seq);
        REQUIRE(sent().empty());
        ours = &endpoint();
        REQUIRE(tcp().accept(acceptor, *ours));
        tcb = ours->tcb;
    }
    std::vector<TestSegment> write_segments(std::uint32_t count) {
        const std::string text(1000 * std::size_t{count}, 'a');
        CHECK(write(*ours, text) == text.size());
        return sent();
    }
    /// So many segments are acknowledged, and of the rest those from one to before another.
    void tell(std::uint32_t count, bool is_echo = false,
              std::initializer_list<std::pair<std::uint32_t, std::uint32_t>> blocks = {}) {
        TestSegment segment;
        segment.flags = static_cast<std::uint8_t>(flag::ack | (is_echo ? flag::ece : 0));
        segment.seq = peer_seq;
        segment.ack = first + 1000 * count;
        for (const auto& [from, to] : blocks) segment.sack.push_back({first + 1000 * from, first + 1000 * to});
        come(segment);
    }
    /// Data of the peer's, whose IP header says so of ECN.
    void say_marked(std::string_view text, std::uint8_t ecn, std::uint8_t more_flags = 0) {
        TestSegment segment;
        segment.flags = static_cast<std::uint8_t>(flag::ack | flag::psh | more_flags);
        segment.seq = peer_seq;
        segment.ack = host_seq;
        segment.text = text;
        Bytes frame = packet(segment);
        std::byte* const ip = frame.data() + stack::wire::ethernet_bytes;
        ip[1] = std::byte{ecn};
        stack::wire::store_checksum(ip + 10, 0);
        stack::wire::store_checksum(ip + 10, stack::wire::fold(stack::wire::sum({ip, stack::wire::ipv4_bytes})));
        give(frame);
        peer_seq += static_cast<std::uint32_t>(text.size());
    }
    [[nodiscard]] std::uint32_t window() const { return tcb->congestion.window; }
    [[nodiscard]] std::uint32_t threshold() const { return tcb->congestion.threshold; }

    TestEndpoint* ours = nullptr;
    stack::tcp::Tcb* tcb = nullptr;
    std::uint32_t first = 0;
};

bool has_cwr(const TestSegment& segment) { return (segment.flags & flag::cwr) != 0; }

TEST_CASE("without a rate a mark halves the window at once, and it does not grow in that round trip",
          "[stack][tcp][ecn]") {
    EcnHost host;
    REQUIRE(host.write_segments(10).size() == 10);
    host.pass(100ms);
    host.tell(1, true);
    CHECK(host.threshold() == 5000);
    CHECK(host.window() == 5000);
    for (std::uint32_t i = 2; i <= 10; ++i) host.tell(i, true);
    CHECK(host.window() == 5000);
    CHECK(host.tcp().ecn().reduced == 1);
    const auto next = host.write_segments(20);
    REQUIRE(next.size() == 5);
    CHECK(has_cwr(next[0]));
    CHECK_FALSE(has_cwr(next[1]));
    host.pass(100ms);
    for (std::uint32_t i = 11; i <= 15; ++i) host.tell(i);
    CHECK(host.window() == 6000);  // it grows again, by a segment a round trip
    for (std::uint32_t i = 16; i <= 30; ++i) host.tell(i);
}

/// Twenty segments are written, of which ten leave; a mark on the first one halves the window, and `count` of them
/// arrive. Those behind the tenth are the next window's.
void let_reduce(EcnHost& host, std::uint32_t count) {
    REQUIRE(host.write_segments(20).size() == 10);
    host.pass(100ms);
    host.tell(1, true);
    REQUIRE(host.threshold() == 5000);
    for (std::uint32_t i = 2; i <= count; ++i) host.tell(i);
    CHECK(host.sent().size() == (count > 5 ? count - 5 : 0));
    CHECK(bool{host.tcb->is_reducing});
}

/// All that has left arrives, until nothing is left.
void end(EcnHost& host) {
    while (!host.tcb->queue.empty()) {
        host.tell((host.tcb->snd_nxt - host.first) / 1000);
        (void)host.sent();
    }
}

bool has_left(const std::vector<TestSegment>& sent, std::uint32_t seq) {
    return std::any_of(sent.begin(), sent.end(), [&](const TestSegment& one) { return one.seq == seq; });
}

TEST_CASE("a recovery within a mark's window ends when all is there that was under way, and halves nothing again",
          "[stack][tcp][ecn]") {
    EcnHost host(with(CongestionControl::reno, false), false);
    let_reduce(host, 8);
    for (int i = 0; i < 3; ++i) host.tell(8);  // the ninth is lost, and the eleventh
    CHECK(has_left(host.sent(), host.first + 8000));
    const std::uint32_t under_way = (host.tcb->snd_nxt - host.first) / 1000;
    host.tell(10);  // a part of what was under way: RFC 6582 section 3.2
    CHECK(has_left(host.sent(), host.first + 10'000));
    CHECK(bool{host.tcb->in_recovery});
    CHECK(host.threshold() == 5000);
    host.tell(under_way);
    CHECK_FALSE(bool{host.tcb->in_recovery});
    CHECK(host.threshold() == 5000);
    CHECK(host.tcp().ecn().reduced == 1);
    end(host);
}

TEST_CASE("a loss behind a mark's window is of the next one, and halves it", "[stack][tcp][ecn]") {
    const bool has_sack = GENERATE(true, false);
    EcnHost host(with(CongestionControl::reno, false), has_sack);
    let_reduce(host, 10);
    REQUIRE(host.window() == 5000);
    if (has_sack)
        host.tell(10, false, {{11, 14}});
    else
        for (int i = 0; i < 3; ++i) host.tell(10);
    CHECK(has_left(host.sent(), host.first + 10'000));
    CHECK(bool{host.tcb->in_recovery});
    CHECK(host.threshold() < 5000);
    end(host);
}

TEST_CASE("CUBIC answers a mark by seven tenths of its window", "[stack][tcp][ecn][cubic]") {
    EcnHost host(with(CongestionControl::cubic, false));
    REQUIRE(host.write_segments(10).size() == 10);
    host.pass(100ms);
    host.tell(1, true);
    CHECK(host.threshold() == 7000);
    CHECK(host.window() == 7000);
    host.tell(10);
}

StackConfig with_undo(CongestionControl algorithm) {
    StackConfig config = with(algorithm, false);
    config.tcp.undoes_spurious = true;
    config.tcp.forward_after_time_out = true;
    return config;
}

TEST_CASE("a time-out that was none takes nothing back of what a mark did", "[stack][tcp][ecn][cubic][undo]") {
    EcnHost host(with_undo(CongestionControl::cubic));
    host.tcb->congestion.threshold = host.window();
    std::uint32_t told = 0;
    for (int i = 0; i < 5; ++i) {
        told += static_cast<std::uint32_t>(host.write_segments(host.window() / 1000).size());
        host.pass(100ms);
        host.tell(told);
    }
    REQUIRE(host.window() >= 10'000);
    REQUIRE(host.write_segments(40).size() >= 10);
    host.pass(100ms);
    host.tell(told + 1, true);
    const std::uint32_t halved = host.threshold();
    CHECK(halved < 8 * host.window() / 7);
    CHECK(host.window() == halved);
    std::vector<TestSegment> again;
    host.until_sent(10s, again);
    REQUIRE(again.size() == 1);
    CHECK(host.window() == 1000);
    host.tell(told + 2);
    CHECK(host.sent().size() == 2);
    host.tell(told + 3);  // what was sent once: no loss
    CHECK(host.window() == halved);
    for (std::uint32_t i = 4; i <= 8; ++i) {
        host.pass(1ms);
        host.tell(told + i);
        (void)host.sent();
    }
    CHECK(host.window() <= halved + 2000);
}

TEST_CASE("CWR is taken back with the loss that it told of", "[stack][tcp][ecn][undo]") {
    const bool is_loss = GENERATE(true, false);
    EcnHost host(with_undo(CongestionControl::reno));
    REQUIRE(host.write_segments(10).size() == 10);
    host.pass(100ms);
    host.tell(0, false, {{1, 4}});
    CHECK(host.sent().size() == 1);
    host.tell(10);
    if (!is_loss) host.tell(10, false, {{0, 1}});  // it came twice
    CHECK((host.window() == 10'000) != is_loss);
    const auto next = host.write_segments(1);
    REQUIRE(next.size() == 1);
    CHECK(has_cwr(next[0]) == is_loss);
    host.tell(11);
}

TEST_CASE("a fixed window stays, and the peer is told all the same", "[stack][tcp][ecn]") {
    EcnHost host(with(CongestionControl::fixed, true));
    REQUIRE(host.write_segments(10).size() == 10);
    const std::uint32_t before = host.window();
    host.tell(1, true);
    CHECK(host.window() == before);
    const auto next = host.write_segments(1);
    REQUIRE(next.size() == 1);
    CHECK(has_cwr(next[0]));
    host.tell(11);
}

TEST_CASE("a window that comes down at its rate is the threshold in the end", "[stack][tcp][ecn]") {
    EcnHost host(with(CongestionControl::reno, true));
    REQUIRE(host.write_segments(10).size() == 10);
    host.pass(100ms);
    host.tell(2, true);
    CHECK(host.threshold() == 5000);
    CHECK(host.window() == 9000);
    CHECK(bool{host.tcb->is_reducing});
    SECTION("when more is acknowledged than was under way") {
        REQUIRE(host.write_segments(3).size() == 1);
        host.tell(10, true);
        CHECK(bool{host.tcb->is_reducing});
        host.tell(13);
    }
    SECTION("when nothing is under way") { host.tell(10, true); }
    SECTION("and at last, when nothing is heard") {
        std::vector<TestSegment> again;
        host.until_sent(10s, again);
        REQUIRE(again.size() == 1);
        CHECK(host.window() == 1000);
        CHECK(host.threshold() == 5000);  // once for the window of the mark
        host.tell(10);
        CHECK_FALSE(bool{host.tcb->is_reducing});
        return;
    }
    CHECK_FALSE(bool{host.tcb->is_reducing});
    CHECK(host.window() == 5000);
    CHECK(host.tcp().ecn().reduced == 1);
}

TEST_CASE("behind the peer's first mark its segments are usual ones, but while the window comes down",
          "[stack][tcp][ecn]") {
    EcnHost host;
    CHECK_FALSE(host.tcb->receives_as_usual());
    host.say_marked("hello", ect0);
    CHECK(host.tcb->receives_as_usual());
    CHECK(bool{host.tcb->has_seen_ect});
    host.pass(100ms);
    REQUIRE(host.sent().size() == 1);
    REQUIRE(host.write_segments(2).size() == 2);
    host.tell(1, true);
    CHECK_FALSE(host.tcb->receives_as_usual());
    host.tell(2);
    CHECK(host.tcb->receives_as_usual());
}

TEST_CASE("a peer without marks is not looked at for ever", "[stack][tcp][ecn]") {
    EcnHost host;
    for (int i = 0; i < 20; ++i) host.say("hello");
    CHECK(host.tcb->receives_as_usual());
    const auto info = stack::tcp::info_of(*host.tcb, host.stack.config().tcp);
    CHECK(info.has_ecn);
    CHECK_FALSE(info.has_seen_ecn);
    (void)host.read(*host.ours);
    (void)host.sent();
}

TEST_CASE("marks are counted, and told of by all that is sent", "[stack][tcp][ecn]") {
    EcnHost host;
    host.say_marked("hello", experienced);
    CHECK((host.only().flags & flag::ece) != 0);
    host.say_marked("hello", experienced);
    CHECK((host.only().flags & flag::ece) != 0);
    CHECK(host.tcp().ecn().agreed == 1);
    CHECK(host.tcp().ecn().marked == 2);
    CHECK((host.write_segments(1).at(0).flags & flag::ece) != 0);
    host.say_marked("hello", ect0, flag::cwr);
    CHECK((host.only().flags & flag::ece) == 0);
    CHECK(stack::tcp::info_of(*host.tcb, host.stack.config().tcp).has_seen_ecn);
    host.tell(1);
}

}  // namespace
}  // namespace skerry
