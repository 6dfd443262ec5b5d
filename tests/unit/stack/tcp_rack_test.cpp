// RACK: which segments are lost by what was sent after them. The class by itself, then a connection that has one.

#include "support/tcp_sending_host.hpp"

#include <skerry/stack/tcp/scoreboard.hpp>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::tcp::Delivered;
using stack::tcp::Rack;
using stack::tcp::Scoreboard;
using stack::tcp::SendQueue;
using stack::tcp::SendSegment;
using Numbers = SendingHost::Numbers;

/// Segments of 100 bytes that were sent 1 ms apart, over a way whose least round trip is 40 ms.
struct Row {
    explicit Row(std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            SendSegment segment;
            segment.seq = 100 * i;
            segment.length = 100;
            segment.sent_ns = std::chrono::nanoseconds{1ms * i}.count();
            REQUIRE(queue.push_sent(segment));
        }
    }
    /// Segments [from, to) have arrived, as is told now.
    void arrive(std::uint32_t from, std::uint32_t to, std::chrono::nanoseconds now) {
        Delivered delivered(&rack, at(now), 0, 0, 0);
        const stack::wire::SackBlock block{100 * from, 100 * to};
        board.mark_arrived(queue, std::span(&block, 1), &delivered);
    }
    void send_again(std::uint32_t number, std::chrono::nanoseconds now) {
        queue[number].flags |= stack::tcp::sent_flag::again;
        queue[number].sent_ns = now.count();
        board.on_sent_again(queue[number]);
    }
    std::chrono::nanoseconds judge(std::chrono::nanoseconds window, std::chrono::nanoseconds now) {
        return rack.mark_lost(queue, board, window, at(now));
    }
    /// Those that are to be sent again.
    Numbers lost() {
        Numbers numbers;
        for (std::uint32_t i = 0; i < queue.sent(); ++i) {
            const std::uint8_t flags = queue[i].flags;
            if ((flags & stack::tcp::sent_flag::lost) != 0 && (flags & stack::tcp::sent_flag::sent_for_loss) == 0)
                numbers.push_back(i);
        }
        return numbers;
    }
    static time::Instant at(std::chrono::nanoseconds now) { return time::Instant::from_nanos(now.count()); }

    SendQueue queue;
    Rack rack{0, 40ms, at(0ns)};
    Scoreboard board{0};
};

TEST_CASE("what was sent before one that arrived is lost a round trip and the window later", "[stack][tcp][rack]") {
    Row row(10);
    row.arrive(5, 6, 50ms);  // it took 45 ms
    CHECK(row.judge(10ms, 50ms) == 9ms);  // what was sent last before it, at 4 ms
    CHECK(row.lost().empty());
    CHECK(row.judge(10ms, 55ms) == 4ms);
    CHECK(row.lost() == Numbers{0});
    CHECK(row.judge(10ms, 59ms) == 0ns);
    CHECK(row.lost() == Numbers{0, 1, 2, 3, 4});
}

TEST_CASE("what was sent later than all that arrived is not judged", "[stack][tcp][rack]") {
    Row row(10);
    row.arrive(2, 3, 1s);
    CHECK(row.judge(0ns, 1s) == 0ns);
    CHECK(row.lost() == Numbers{0, 1});
}

TEST_CASE("of segments that left at once the one behind counts as later", "[stack][tcp][rack]") {
    Row row(3);
    for (std::uint32_t i = 0; i < 3; ++i) row.queue[i].sent_ns = 0;
    row.arrive(1, 2, 40ms);
    CHECK(row.judge(0ns, 40ms) == 0ns);
    CHECK(row.lost() == Numbers{0});
}

TEST_CASE("what was sent again is lost again, by what was sent after that", "[stack][tcp][rack]") {
    Row row(10);
    row.arrive(1, 4, 50ms);
    CHECK(row.judge(0ns, 50ms) == 0ns);
    row.send_again(0, 50ms);
    CHECK(row.lost().empty());
    row.arrive(9, 10, 52ms);  // that left before
    CHECK(row.judge(0ns, 52ms) == 0ns);
    CHECK(row.lost() == Numbers{4, 5, 6, 7, 8});
    row.send_again(4, 53ms);
    row.arrive(4, 5, 100ms);
    CHECK(row.judge(0ns, 100ms) == 0ns);
    CHECK(row.lost() == Numbers{0, 5, 6, 7, 8});
    CHECK(row.board.next_lost(row.queue) == &row.queue[0]);
}

TEST_CASE("what arrives sooner than a round trip after it was sent again says nothing of that", "[stack][tcp][rack]") {
    Row row(10);
    row.arrive(1, 4, 50ms);
    CHECK(row.judge(0ns, 50ms) == 0ns);
    row.send_again(0, 50ms);
    row.arrive(0, 1, 60ms);
    CHECK(row.judge(0ns, 60ms) == 0ns);
    CHECK(row.lost().empty());  // not those that were sent before 50 ms
}

TEST_CASE("an old timestamp says that it was the first that arrived", "[stack][tcp][rack]") {
    Row row(10);
    row.arrive(1, 2, 50ms);
    row.send_again(0, 50ms);
    const std::uint32_t echo = GENERATE(49U, 50U);
    Delivered delivered(&row.rack, Row::at(95ms), echo, 0, 0);
    const stack::wire::SackBlock block{0, 100};
    row.board.mark_arrived(row.queue, std::span(&block, 1), &delivered);
    CHECK(row.judge(0ns, 95ms) == 0ns);
    CHECK(row.lost().empty() == (echo == 49));
}

TEST_CASE("the window is a quarter of the least round trip, unless three or a recovery tell", "[stack][tcp][rack]") {
    Row row(10);
    CHECK(row.rack.window(false, 0, 60ms) == 10ms);
    CHECK(row.rack.window(false, 2, 60ms) == 10ms);
    CHECK(row.rack.window(false, 3, 60ms) == 0ns);
    CHECK(row.rack.window(true, 0, 60ms) == 0ns);
    CHECK(row.rack.window(false, 0, 5ms) == 5ms);  // no more than the smoothed one
    row.arrive(4, 5, 50ms);
    row.arrive(2, 3, 50ms);  // overtaken
    CHECK(row.rack.window(false, 3, 60ms) == 10ms);
    CHECK(row.rack.window(true, 9, 60ms) == 10ms);
    row.arrive(7, 8, 20ms);
    CHECK(row.rack.window(false, 0, 60ms) == 3250us);
}

TEST_CASE("copies widen the window once a round, and 16 recoveries narrow it", "[stack][tcp][rack]") {
    Row row(0);
    row.rack.adapt(0, 1000, true);
    CHECK(row.rack.window(false, 0, 60ms) == 20ms);
    row.rack.adapt(999, 2000, true);  // the same round
    CHECK(row.rack.window(false, 0, 60ms) == 20ms);
    row.rack.adapt(1000, 2000, false);
    row.rack.adapt(1000, 2000, true);
    CHECK(row.rack.window(false, 0, 60ms) == 30ms);
    for (int i = 0; i < 15; ++i) row.rack.on_recovery_over();
    CHECK(row.rack.window(false, 0, 60ms) == 30ms);
    row.rack.on_recovery_over();
    CHECK(row.rack.window(false, 0, 60ms) == 10ms);
}

TEST_CASE("the least round trip is forgotten in five minutes", "[stack][tcp][rack]") {
    Row row(3);
    row.queue[1].sent_ns = std::chrono::nanoseconds{299s}.count();
    row.queue[2].sent_ns = std::chrono::nanoseconds{300s}.count();
    row.arrive(1, 2, 299s + 80ms);
    CHECK(row.rack.window(false, 0, 1s) == 10ms);
    row.arrive(2, 3, 300s + 80ms);
    CHECK(row.rack.window(false, 0, 1s) == 20ms);
}

// --- a connection

TEST_CASE("a late segment is waited for, and sent again when it does not come", "[stack][tcp][rack]") {
    SendingHost host;
    (void)host.write_segments(10);
    host.pass(host.round_trip);
    host.tell(0, {{1, 2}});
    CHECK(host.left().empty());
    Numbers numbers;
    SECTION("it is lost") {
        CHECK(host.until_left(numbers) == 25ms);
        CHECK(numbers == Numbers{0});
        CHECK(host.is_in_recovery());
    }
    SECTION("it comes") {
        host.pass(24ms);
        host.tell(2);
        host.pass(20ms);
        CHECK(host.left().empty());
        CHECK_FALSE(host.is_in_recovery());
    }
    host.tell(10);
}

TEST_CASE("recoveries from time-outs narrow the window, too", "[stack][tcp][rack]") {
    stack::StackConfig config = config_of_linux();
    config.tcp.tail_probe = false;
    SendingHost host(config);
    (void)host.write_segments(2);
    host.pass(host.round_trip);
    host.tell(0, {{1, 2}});
    const auto rack = [&host]() -> Rack& { return *host.ours->tcb->board.record()->rack; };
    rack().adapt(host.first, host.first + 2000, true);  // a copy was told of
    host.tell(2);
    std::uint32_t number = 2;
    for (int recoveries = 0; recoveries < 16; ++recoveries) {
        REQUIRE(host.ours->tcb->board.record() != nullptr);
        CHECK(rack().window(false, 0, 1s) == 50ms);
        CHECK(host.write_segments(1) == Numbers{number});
        Numbers numbers;
        (void)host.until_left(numbers);
        CHECK(numbers == Numbers{number});
        host.tell(++number);
        (void)host.write_segments(1);  // one that measures, so that the time-out is short again
        host.pass(host.round_trip);
        host.tell(++number);
    }
    const auto* const record = host.ours->tcb->board.record();  // it may go when nothing is left that was learned
    CHECK((record == nullptr || record->rack->window(false, 0, 1s) == 25ms));
}

TEST_CASE("blocks of one acknowledgement, the newest first, did not overtake", "[stack][tcp][rack]") {
    SendingHost host;
    (void)host.write_segments(10);
    host.pass(host.round_trip);
    host.tell(0, {{8, 9}, {5, 6}, {2, 3}});
    CHECK(host.left() == Numbers{0, 1, 3});
    host.tell(10);
}

TEST_CASE("the time-out comes when nothing is waited for any more", "[stack][tcp][rack]") {
    stack::StackConfig config = config_of_linux();
    config.tcp.tail_probe = false;
    SendingHost host(config);
    (void)host.write_segments(10);
    host.pass(host.round_trip);
    host.tell(0, {{1, 2}});
    host.pass(10ms);
    host.tell(2);  // the rest is lost
    Numbers numbers;
    CHECK(host.until_left(numbers) >= 190ms);
    CHECK(numbers == Numbers{2});
    host.tell(10);
}

TEST_CASE("one socket may find its losses otherwise than the others", "[stack][tcp][rack]") {
    stack::StackConfig config = config_of_linux();
    const bool is_configured = GENERATE(false, true);
    config.tcp.loss_detection = is_configured ? stack::LossDetection::rack : stack::LossDetection::rfc6675;
    config.tcp.tail_probe = is_configured;
    config.tcp.proportional_rate = is_configured;
    TcpHost host(config);
    TestEndpoint& endpoint = host.endpoint();
    stack::tcp::LocalEnd from;
    from.opening.loss_detection = is_configured ? stack::LossDetection::rfc6675 : stack::LossDetection::rack;
    from.opening.tail_probe = !is_configured;
    from.opening.proportional_rate = !is_configured;
    REQUIRE(host.tcp().connect(endpoint, peer_ip, 80, host.now, from));
    const TestSegment syn = host.only();
    TestSegment answer;
    answer.flags = flag::syn | flag::ack;
    answer.seq = 5000;
    answer.ack = syn.seq + 1;
    answer.sack_permitted = true;
    host.come(answer, host.last_port, 80);
    (void)host.sent();
    CHECK(bool{endpoint.tcb->uses_rack} == !is_configured);
    CHECK(bool{endpoint.tcb->probes_tail} == !is_configured);
    CHECK(bool{endpoint.tcb->has_rate} == !is_configured);
}

TEST_CASE("at a time-out what was just sent is not lost", "[stack][tcp][rack]") {
    stack::StackConfig config = config_of_linux();
    config.tcp.tail_probe = false;
    SendingHost host(config);
    (void)host.write_segments(2);
    host.pass(250ms);
    CHECK(host.write_segments(2) == Numbers{2, 3});
    Numbers numbers;
    CHECK(host.until_left(numbers) == 50ms);
    CHECK(numbers == Numbers{0});
    const auto& queue = host.ours->tcb->queue;
    auto& segments = const_cast<stack::tcp::SendQueue&>(queue);
    CHECK((segments[1].flags & stack::tcp::sent_flag::lost) != 0);
    CHECK((segments[2].flags & stack::tcp::sent_flag::lost) == 0);
    CHECK((segments[3].flags & stack::tcp::sent_flag::lost) == 0);
    host.tell(4);
}

}  // namespace
}  // namespace skerry
