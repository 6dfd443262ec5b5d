// How a recovery's window comes down.

#include "support/tcp_sending_host.hpp"

#include <skerry/stack/tcp/proportional_rate.hpp>

#include <set>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::tcp::ProportionalRate;
using Numbers = SendingHost::Numbers;

TEST_CASE("above the threshold as much may go as its share of what arrives", "[stack][tcp][prr]") {
    ProportionalRate rate;
    rate.begin(20'000);
    CHECK(rate.window(4000, 15'000, 10'000, 1000, false) == 17'000);
    rate.on_sent(2000);
    CHECK(rate.window(1000, 16'000, 10'000, 1000, false) == 16'500);
    CHECK(rate.window(1000, 15'000, 10'000, 1000, true) == 16'000);
    rate.on_sent(1000);
    CHECK(rate.window(1, 15'000, 10'000, 1000, true) == 15'001);  // rounded up
}

TEST_CASE("the first may go, however little its share is", "[stack][tcp][prr]") {
    ProportionalRate rate;
    rate.begin(20'000);
    CHECK(rate.window(100, 19'000, 10'000, 1000, false) == 20'000);
    rate.on_sent(1000);
    CHECK(rate.window(100, 19'900, 10'000, 1000, false) == 19'900);
}

TEST_CASE("below it as much may go as arrived, a segment more when all is well, and never more than it",
          "[stack][tcp][prr]") {
    ProportionalRate rate;
    rate.begin(20'000);
    CHECK(rate.window(3000, 0, 10'000, 1000, false) == 3000);
    rate.on_sent(3000);
    CHECK(rate.window(1000, 2000, 10'000, 1000, false) == 3000);
    rate.on_sent(1000);
    CHECK(rate.window(1000, 2000, 10'000, 1000, true) == 4000);
    CHECK(rate.window(1000, 2000, 10'000, 1000, false) == 4000);  // nothing went for the one before
    CHECK(rate.window(9000, 9500, 10'000, 1000, true) == 10'000);
}

TEST_CASE("a recovery sends one for two, and ends with the threshold", "[stack][tcp][prr]") {
    const bool is_on = GENERATE(true, false);
    const bool is_asked = GENERATE(false, true);  // of this connection alone, against what is configured
    stack::StackConfig config = config_of_linux();
    config.tcp.proportional_rate = is_on != is_asked;
    config.tcp.tail_probe = false;
    SendingHost host(config);
    if (is_asked) host.ours->tcb->has_rate = is_on;
    (void)host.write_segments(10);
    host.pass(100ms);
    host.tell(10);
    CHECK(host.write_segments(30).size() == 20);
    host.pass(100ms);
    host.tell(10, {{11, 15}});
    CHECK(host.left() == (is_on ? Numbers{10, 30} : Numbers{10}));
    host.tell(10, {{11, 17}});
    CHECK(host.left() == (is_on ? Numbers{31} : Numbers{}));
    host.tell(10, {{11, 19}});
    CHECK(host.left() == (is_on ? Numbers{32} : Numbers{}));
    host.tell(is_on ? 33 : 30);
    CHECK_FALSE(host.is_in_recovery());
    CHECK((host.window() == 10'000) == is_on);
    (void)host.left();
    host.tell(40);
}

// The peer of the next case: the first copy of every second segment is lost, and each that comes is told of at once.
struct LosingPeer {
    explicit LosingPeer(SendingHost& sender) : host(sender) {}

    void take(const SendingHost::Numbers& sent) {
        for (const std::uint32_t number : sent) {
            if (number % 2 == 0 && lost.insert(number).second) continue;
            here.insert(number);
            while (here.count(expected) != 0) ++expected;
            if (number < expected) {
                host.tell(expected);
                continue;
            }
            std::uint32_t first = number;
            std::uint32_t behind = number + 1;
            while (here.count(first - 1) != 0) --first;
            while (here.count(behind) != 0) ++behind;
            host.tell(expected, {{first, behind}});
        }
    }

    SendingHost& host;
    std::set<std::uint32_t> lost;
    std::set<std::uint32_t> here;
    std::uint32_t expected = 0;
};

TEST_CASE("a recovery that follows another one comes down from its window, and not from what had arrived behind a hole",
          "[stack][tcp][sack]") {
    stack::StackConfig config = config_of_linux();
    config.tcp.initial_window_segments = 40;
    config.tcp.initial_window_bytes = 40'000;
    SendingHost host(config);
    LosingPeer peer(host);
    SendingHost::Numbers sent = host.write_segments(200);
    REQUIRE(sent.size() == 40);
    std::vector<std::uint32_t> thresholds;
    std::uint32_t recover = host.ours->tcb->recover;
    for (int round = 0; round < 30 && thresholds.size() < 3 && !sent.empty(); ++round) {
        host.pass(SendingHost::round_trip);
        peer.take(sent);
        sent = host.left();
        if (host.ours->tcb->recover == recover) continue;
        recover = host.ours->tcb->recover;
        thresholds.push_back(host.ours->tcb->congestion.threshold);
    }
    REQUIRE(thresholds.size() == 3);
    CHECK(thresholds[0] == 20'000);
    CHECK(thresholds[1] <= 10'000);
    CHECK(thresholds[2] <= 5'000);
}

}  // namespace
}  // namespace skerry
