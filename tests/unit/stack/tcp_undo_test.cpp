// Losses that were none: what says so, and that the window is as it was.

#include "support/tcp_sending_host.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using Numbers = SendingHost::Numbers;

stack::StackConfig config_without_probes() {
    stack::StackConfig config = config_of_linux();
    config.tcp.tail_probe = false;
    return config;
}

TEST_CASE("a copy of all that was sent again undoes a recovery", "[stack][tcp][undo]") {
    SendingHost host(config_without_probes());
    (void)host.write_segments(10);
    host.pass(100ms);
    host.tell(0, {{1, 2}, {4, 6}});
    CHECK(host.left() == Numbers{0});
    host.tell(0, {{4, 8}, {1, 2}});
    CHECK(host.left() == Numbers{2, 3});
    host.tell(10);
    CHECK(host.window() == 5000);
    host.tell(10, {{0, 1}});
    CHECK(host.window() == 5000);
    SECTION("all") {
        host.tell(10, {{2, 4}});
        CHECK(host.window() == 10'000);
        CHECK(host.ours->tcb->congestion.threshold > 1'000'000);
    }
    SECTION("one of another time") {
        CHECK(host.write_segments(3) == Numbers{10, 11, 12});
        host.tell(13);
        host.tell(13, {{10, 13}});
        CHECK(host.ours->tcb->congestion.threshold == 5000);
    }
}

TEST_CASE("a copy that an overtaken acknowledgement tells of counts", "[stack][tcp][undo]") {
    SendingHost host(config_without_probes());
    (void)host.write_segments(10);
    host.pass(100ms);
    host.tell(1);
    host.tell(1, {{2, 5}});
    CHECK(host.left() == Numbers{1});
    host.tell(9);
    CHECK(host.window() < 10'000);
    host.tell(5, {{1, 2}});
    CHECK(host.window() >= 10'000);
}

TEST_CASE("nothing is undone where that is switched off", "[stack][tcp][undo]") {
    stack::StackConfig config = config_without_probes();
    config.tcp.undoes_spurious = false;
    SendingHost host(config);
    (void)host.write_segments(10);
    host.pass(100ms);
    host.tell(0, {{1, 4}});
    CHECK(host.left() == Numbers{0});
    host.tell(10);
    host.tell(10, {{0, 1}});
    CHECK(host.window() == 5000);
}

TEST_CASE("behind a time-out what was sent once tells that it was none", "[stack][tcp][undo]") {
    const bool has_sack = GENERATE(false, true);
    SendingHost host(config_without_probes(), has_sack);
    CHECK(host.write_segments(12).size() == 10);
    Numbers numbers;
    CHECK(host.until_left(numbers) == 300ms);
    CHECK(numbers == Numbers{0});
    CHECK(host.window() == 1000);
    host.tell(1);
    CHECK(host.left() == Numbers{10, 11});
    SECTION("it was none") {
        host.tell(2);
        CHECK(host.window() >= 10'000);
        CHECK_FALSE(bool{host.ours->tcb->repairs_time_out});
        CHECK(host.left().empty());
    }
    SECTION("it was one") {
        if (has_sack)
            host.tell(1, {{10, 11}});
        else
            host.tell(1);
        CHECK(host.left().at(0) == 1);
        CHECK(host.window() <= 3000);
    }
    host.tell(12);
}

TEST_CASE("a duplicate behind a time-out says that it was one", "[stack][tcp][undo]") {
    SendingHost host(config_without_probes(), false);
    CHECK(host.write_segments(12).size() == 10);
    host.pass(301ms);
    CHECK(host.left() == Numbers{0});
    host.tell(0);
    CHECK(host.left().empty());  // the oldest is on its way
    host.tell(1);
    CHECK(host.left() == Numbers{1, 2});
    host.tell(12);
}

/// The peer echoes what it likes.
struct StampingHost : TcpHost {
    explicit StampingHost(bool has_sack = true) : TcpHost(config_without_probes()) {
        TestSegment syn;
        syn.flags = flag::syn;
        syn.seq = 1000;
        syn.mss = 1012;
        syn.sack_permitted = has_sack;
        syn.timestamps = stack::wire::TcpTimestamps{1, 0};
        come(syn);
        const TestSegment answer = only();
        clock = answer.timestamps->value;
        peer_seq = 1001;
        first = answer.seq + 1;
        pass(100ms);
        tell(0, clock);
        ours = &endpoint();
        REQUIRE(tcp().accept(acceptor, *ours));
        CHECK(write(*ours, std::string(10'000, 'a')) == 10'000);
        CHECK(sent().size() == 10);
        clock += 100;  // of the ten
    }
    using Blocks = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
    void tell(std::uint32_t ack, std::uint32_t echo, const Blocks& arrived = {}) {
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = peer_seq;
        segment.ack = first + 1000 * ack;
        segment.timestamps = stack::wire::TcpTimestamps{2, echo};
        for (const auto& [from, to] : arrived) segment.sack.push_back({first + 1000 * from, first + 1000 * to});
        come(segment);
    }
    TestEndpoint* ours = nullptr;
    std::uint32_t first = 0;
    std::uint32_t clock = 0;
};

TEST_CASE("an old timestamp behind a recovery says that nothing was lost", "[stack][tcp][undo]") {
    StampingHost host;
    const bool is_old = GENERATE(true, false);
    host.pass(100ms);
    host.tell(0, host.clock, {{1, 4}});
    CHECK(host.only().seq == host.first);
    host.pass(10ms);
    host.tell(10, is_old ? host.clock : host.clock + 100);
    CHECK((host.ours->tcb->congestion.window >= 10'000) == is_old);
}

TEST_CASE("one that came late takes nothing back while others are sent again", "[stack][tcp][undo]") {
    StampingHost host;
    host.pass(100ms);
    host.tell(0, host.clock, {{3, 10}, {1, 2}});
    CHECK(host.sent().size() == 2);  // 0 and 2
    host.pass(10ms);
    host.tell(2, host.clock, {{3, 10}});  // 0 as it was sent first
    CHECK(host.ours->tcb->congestion.window < 10'000);
    host.pass(90ms);
    host.tell(10, host.clock + 100);
    CHECK(host.ours->tcb->congestion.threshold < 10'000);
}

TEST_CASE("a window that duplicates have swollen is what it was before them", "[stack][tcp][undo]") {
    StampingHost host(false);
    host.pass(100ms);
    for (int i = 0; i < 9; ++i) host.tell(0, host.clock);
    CHECK(host.only().seq == host.first);
    CHECK(host.ours->tcb->congestion.window > 10'000);
    host.pass(10ms);
    host.tell(10, host.clock);
    CHECK(host.ours->tcb->congestion.window == 10'000);
    CHECK(host.ours->tcb->congestion.threshold > 1'000'000);
}

TEST_CASE("an old timestamp behind a time-out says that it was none", "[stack][tcp][undo]") {
    StampingHost host;
    const bool is_old = GENERATE(true, false);
    host.pass(300ms);
    CHECK(host.only().seq == host.first);
    host.pass(10ms);
    host.tell(1, is_old ? host.clock : host.clock + 300);
    CHECK((host.ours->tcb->congestion.window >= 10'000) == is_old);
    CHECK(host.sent().empty() == is_old);
    host.tell(10, host.clock);
}

}  // namespace
}  // namespace skerry
