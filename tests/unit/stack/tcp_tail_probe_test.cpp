// Tail loss probes: when one goes, what it is, and what its answer says.

#include "support/tcp_sending_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using Numbers = SendingHost::Numbers;

TEST_CASE("the last segment goes again after two round trips", "[stack][tcp][tail]") {
    SendingHost host;
    (void)host.write_segments(4);
    Numbers numbers;
    CHECK(host.until_left(numbers) == 202ms);
    CHECK(numbers == Numbers{3});
    host.tell(4);
}

TEST_CASE("small writes, one by one, have the same tail as one large one", "[stack][tcp][tail]") {
    SendingHost host;
    for (int i = 0; i < 3; ++i) {
        CHECK(host.write(*host.ours, "abc") == 3);
        CHECK(host.left().size() == 1);
        host.pass(10ms);
    }
    Numbers numbers;
    CHECK(host.until_left(numbers) == 192ms);  // from the last of them
    CHECK(host.sent().empty());
    host.acknowledge(host.first + 9);
    CHECK(host.ours->tcb->queue.empty());
}

TEST_CASE("a segment that is alone has the time-out's moment, and is no time-out", "[stack][tcp][tail]") {
    SendingHost host;
    (void)host.write_segments(1);
    Numbers numbers;
    CHECK(host.until_left(numbers) == 300ms);
    CHECK_FALSE(bool{host.ours->tcb->has_timed_out});
    CHECK(host.window() == 10'000);
    numbers.clear();
    CHECK(host.until_left(numbers) == 300ms);
    CHECK(bool{host.ours->tcb->has_timed_out});
    host.tell(1);
}

TEST_CASE("what is unsent goes as the probe, in the peer's window", "[stack][tcp][tail]") {
    SendingHost host;
    const bool has_room = GENERATE(true, false);
    host.tell(0, {}, has_room ? 65'535 : 10'000);
    CHECK(host.write_segments(12).size() == 10);
    Numbers numbers;
    CHECK(host.until_left(numbers) == 202ms);
    CHECK(numbers == (has_room ? Numbers{10} : Numbers{9}));
    host.tell(has_room ? 11 : 10);
    host.tell(12);
    (void)host.left();
    host.tell(12);
}

TEST_CASE("a probe's answer that goes beyond it tells of a loss", "[stack][tcp][tail]") {
    SendingHost host;
    (void)host.write_segments(10);
    host.pass(100ms);
    host.tell(9);
    Numbers numbers;
    CHECK(host.until_left(numbers) >= 200ms);
    CHECK(numbers == Numbers{9});
    const std::uint32_t before = host.window();
    const int kind = GENERATE(0, 1, 2);
    host.tell(10);
    if (kind == 1) host.tell(10, {{9, 10}});  // both arrived
    if (kind == 2) host.tell(10);             // the same, without SACK of copies
    CHECK(host.write_segments(1) == Numbers{10});
    host.tell(11);
    CHECK((host.window() < before) == (kind == 0));
    CHECK(host.ours->tcb->board == nullptr);
}

TEST_CASE("the answer to a probe shows what is missing", "[stack][tcp][tail]") {
    SendingHost host;
    (void)host.write_segments(4);
    host.pass(210ms);
    CHECK(host.left() == Numbers{3});
    host.pass(100ms);
    host.tell(0, {{3, 4}});
    CHECK(host.left() == Numbers{0});
    CHECK(host.is_in_recovery());
    host.pass(100ms);
    host.tell(1, {{3, 4}});
    CHECK(host.left() == Numbers{1, 2});
    host.tell(4);
    CHECK_FALSE(host.is_in_recovery());
}

TEST_CASE("there is one probe, and none without SACK, or when it is switched off", "[stack][tcp][tail]") {
    stack::StackConfig config = config_of_linux();
    const int kind = GENERATE(0, 1, 2);
    config.tcp.tail_probe = kind != 2;
    SendingHost host(config, kind != 1);
    (void)host.write_segments(4);
    Numbers numbers;
    if (kind == 0) {
        CHECK(host.until_left(numbers) == 202ms);
        CHECK(numbers == Numbers{3});
        numbers.clear();
    }
    CHECK(host.until_left(numbers) == 300ms);
    CHECK(numbers == Numbers{0});
    host.tell(4);
}

TEST_CASE("what is missing ends the watch of the tail: the time-out is as far as ever", "[stack][tcp][tail]") {
    stack::StackConfig config = config_of_linux();
    config.tcp.loss_detection = stack::LossDetection::rfc6675;
    SendingHost host(config);
    (void)host.write_segments(4);
    host.pass(100ms);
    host.tell(0, {{1, 2}});
    Numbers numbers;
    CHECK(host.until_left(numbers) == 200ms);  // 300 behind the write
    CHECK(numbers == Numbers{0});
    host.tell(4);
}

}  // namespace
}  // namespace skerry
