// Buffers that grow by themselves: with what is read in a round trip, and with the congestion window.

#include "support/tcp_host.hpp"

#include <array>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::BufferGrowth;

constexpr auto round_trip = 100ms;
constexpr std::uint32_t piece = 1000;
constexpr std::uint32_t at_first = 65'536;

/// Whose peers scale windows, and answer a round trip later.
struct GrowingHost : TcpHost {
    explicit GrowingHost(const stack::StackConfig& config = host_config()) : TcpHost(config) {}

    TestEndpoint& connect(std::uint16_t from = peer_port, std::optional<std::uint8_t> scale = 7) {
        TestSegment syn;
        syn.flags = flag::syn;
        syn.seq = 1000;
        syn.mss = piece;
        syn.scale = scale;
        come(syn, host_port, from);
        const TestSegment answer = only();
        pass(round_trip);
        TestSegment ack;
        ack.flags = flag::ack;
        ack.seq = syn.seq + 1;
        ack.ack = answer.seq + 1;
        come(ack, host_port, from);
        (void)sent();
        TestEndpoint& accepted = endpoint();
        REQUIRE(tcp().accept(acceptor, accepted));
        return accepted;
    }
    /// So many segments come, from `ahead` bytes on beyond what is expected.
    void pour(TestEndpoint& to, std::uint32_t count, std::uint32_t ahead = 0) {
        const std::uint32_t first = to.tcb->rcv_nxt + ahead;
        for (std::uint32_t i = 0; i < count; ++i) {
            TestSegment segment;
            segment.flags = flag::ack;
            segment.seq = first + i * piece;
            segment.ack = to.tcb->snd_nxt;
            segment.text.assign(piece, 'x');
            come(segment, host_port, to.tcb->tuple.remote_port);
        }
    }
    /// So many come and are read, twice, with a pause between: what is read behind it was read within it.
    void pour_and_read(TestEndpoint& to, std::uint32_t count, std::chrono::nanoseconds pause = round_trip) {
        for (int i = 0; i < 2; ++i) {
            if (i != 0) pass(pause);
            pour(to, count);
            CHECK(read(to).size() == std::size_t{count} * piece);
            (void)sent();
        }
    }
    /// All is acknowledged of what was sent.
    void acknowledge_all(TestEndpoint& by) {
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = by.tcb->rcv_nxt;
        segment.ack = by.tcb->snd_nxt;
        come(segment, host_port, by.tcb->tuple.remote_port);
    }
};

TEST_CASE("the window grows to four times what is read in a round trip", "[stack][tcp]") {
    GrowingHost host;
    TestEndpoint& endpoint = host.connect();
    CHECK(endpoint.tcb->receive_limit == at_first);
    host.pour_and_read(endpoint, 10);
    CHECK(endpoint.tcb->receive_limit == at_first);
    host.pour_and_read(endpoint, 60);
    CHECK(endpoint.tcb->receive_limit == 240'000);
    host.pour(endpoint, 2);
    CHECK(host.read(endpoint).size() == 2 * piece);
    CHECK(std::uint32_t{host.only().window} << 7U > 230'000);
    host.pour_and_read(endpoint, 10);
    CHECK(endpoint.tcb->receive_limit == 240'000);  // none becomes smaller
    CHECK(host.tcp().growth().receive_bytes == 240'000 - at_first);
    CHECK(host.tcp().growth().refused == 0);
}

TEST_CASE("half of a window, read in less than a round trip, is enough for a larger one", "[stack][tcp]") {
    GrowingHost host;
    TestEndpoint& endpoint = host.connect();
    host.pour_and_read(endpoint, 32, 10ms);
    CHECK(endpoint.tcb->receive_limit == at_first);
    host.pour(endpoint, 3);
    CHECK(host.read(endpoint).size() == 3 * piece);
    (void)host.sent();
    CHECK(endpoint.tcb->receive_limit == 4 * 35'000);
}

TEST_CASE("who reads each segment as it comes gets a larger window all the same", "[stack][tcp]") {
    GrowingHost host;
    TestEndpoint& endpoint = host.connect();
    for (int i = 0; i < 120; ++i) {  // each is acknowledged, so no read makes much room
        host.pour(endpoint, 1);
        CHECK(host.read(endpoint).size() == piece);
        host.pass(round_trip / 60);
        (void)host.sent();
    }
    CHECK(endpoint.tcb->receive_limit > 2 * at_first);
}

TEST_CASE("what is read slowly makes no larger window", "[stack][tcp]") {
    GrowingHost host;
    TestEndpoint& endpoint = host.connect();
    host.pour_and_read(endpoint, 60, 900ms);
    CHECK(endpoint.tcb->receive_limit == at_first);
}

TEST_CASE("a connection whose round trip is not known keeps its window", "[stack][tcp]") {
    GrowingHost host;
    TestEndpoint& endpoint = host.connect();
    endpoint.tcb->rto = {};
    host.pour_and_read(endpoint, 60);
    CHECK(endpoint.tcb->receive_limit == at_first);
}

TEST_CASE("a buffer that a program has set does not grow", "[stack][tcp]") {
    GrowingHost host;
    SECTION("of a connection that stands") {
        TestEndpoint& endpoint = host.connect();
        host.tcp().set_receive_buffer(*endpoint.tcb, 100'000);
        host.tcp().set_send_buffer(*endpoint.tcb, 50'000);
        host.pour_and_read(endpoint, 60);
        CHECK(endpoint.tcb->receive_limit == 100'000);
        CHECK(host.write(endpoint, std::string(60'000, 'a')) == 50'000);
        endpoint.tcb->congestion.window = 1'000'000;
        host.acknowledge_all(endpoint);
        CHECK(endpoint.tcb->send_limit == 50'000);
        (void)host.sent();
    }
    SECTION("of one that has grown") {
        TestEndpoint& endpoint = host.connect();
        host.pour_and_read(endpoint, 60);
        CHECK(host.tcp().growth().receive_bytes == 240'000 - at_first);
        host.tcp().set_receive_buffer(*endpoint.tcb, 240'000);
        CHECK(host.tcp().growth().receive_bytes == 0);  // it has what it was given
        host.pour_and_read(endpoint, 80);
        CHECK(endpoint.tcb->receive_limit == 240'000);
    }
    SECTION("on its listener") {
        host.acceptor.opening.receive_buffer_bytes = 60'000;
        host.acceptor.opening.send_buffer_bytes = 50'000;
        TestEndpoint& endpoint = host.connect();
        host.pour_and_read(endpoint, 50);
        CHECK(endpoint.tcb->receive_limit == 60'000);
        CHECK(host.write(endpoint, std::string(60'000, 'a')) == 50'000);
        endpoint.tcb->congestion.window = 1'000'000;
        host.acknowledge_all(endpoint);
        CHECK(endpoint.tcb->send_limit == 50'000);
        (void)host.sent();
    }
}

TEST_CASE("a window grows no further than it may, and than it can be told", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.receive_buffer_max = 150'000;
    GrowingHost host(config);
    TestEndpoint& scaled = host.connect(peer_port);
    host.pour_and_read(scaled, 60);
    CHECK(scaled.tcb->receive_limit == 150'000);
    TestEndpoint& plain = host.connect(peer_port + 1, std::nullopt);
    host.pour_and_read(plain, 60);
    CHECK(plain.tcb->receive_limit == 65'535);
    CHECK(host.tcp().growth().receive_bytes == 150'000 - at_first);
}

TEST_CASE("all windows together grow no further than they may", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.receive_growth_max = 100'000;
    GrowingHost host(config);
    TestEndpoint& first = host.connect(peer_port);
    TestEndpoint& second = host.connect(peer_port + 1);
    host.pour_and_read(first, 60);
    CHECK(first.tcb->receive_limit == at_first + 100'000);
    CHECK(host.tcp().growth().refused == 1);
    host.pour_and_read(second, 60);
    CHECK(second.tcb->receive_limit == at_first);
    CHECK(host.tcp().growth().refused == 2);
    host.tcp().forget(first);
    CHECK(host.tcp().growth().receive_bytes == 0);
    host.pour_and_read(second, 60);
    CHECK(second.tcb->receive_limit == at_first + 100'000);
    host.tcp().forget(second);
    CHECK(host.tcp().growth().receive_bytes == 0);
}

TEST_CASE("what windows may grow by is a part of the frames that may be kept", "[stack][tcp]") {
    const GrowingHost host;
    const stack::TcpLimits& limits = host.stack.config().tcp;
    CHECK(limits.receive_growth_max == limits.receive_frames_max * 1024);
    CHECK(limits.send_growth_max == limits.send_frames_max * 1024);
    CHECK(limits.receive_buffer_max == (limits.reassembly_segments_max + limits.receive_frames_max / 2) * 1024);
}

TEST_CASE("what nobody reads any more gives back what it has grown by", "[stack][tcp]") {
    GrowingHost host;
    TestEndpoint& endpoint = host.connect();
    host.pour_and_read(endpoint, 60);
    CHECK(host.tcp().growth().receive_bytes == 240'000 - at_first);
    SECTION("when it is closed, and its peer not done") {
        host.tcp().close(endpoint, host.now);
        CHECK(host.tcp().sizes().orphans == 1);
    }
    SECTION("when it is over, and its program has not looked") {
        TestSegment reset;
        reset.flags = flag::rst;
        reset.seq = endpoint.tcb->rcv_nxt;
        host.come(reset);
    }
    CHECK(host.tcp().growth().receive_bytes == 0);
    (void)host.sent();
}

TEST_CASE("connections that share a place to measure take turns", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.receive_buffer_max = 100'000;
    GrowingHost host(config);
    std::vector<TestEndpoint*> all;
    for (std::uint16_t i = 0; i <= BufferGrowth::measured_max; ++i)
        all.push_back(&host.connect(static_cast<std::uint16_t>(peer_port + i)));
    TestEndpoint& first = *all.front();
    TestEndpoint& last = *all.back();
    REQUIRE(first.tcb->index % BufferGrowth::measured_max == last.tcb->index % BufferGrowth::measured_max);
    const auto pour = [&host](TestEndpoint& to) {
        host.pour(to, 60);
        (void)host.read(to);
        (void)host.sent();
    };
    for (int i = 0; i < 4; ++i) {
        pour(first);
        pour(last);
        host.pass(round_trip);
    }
    CHECK(first.tcb->receive_limit == 100'000);
    CHECK(last.tcb->receive_limit == 100'000);

    SECTION("and who does not come back loses it") {
        host.tcp().set_receive_buffer(*last.tcb, at_first);
        last.tcb->grows_receive = true;
        pour(first);
        host.pass(2s);
        host.pour_and_read(last, 60);
        CHECK(last.tcb->receive_limit == 100'000);
        last.tcb->grows_receive = false;
    }
}

TEST_CASE("the send buffer grows to twice the congestion window while a write waits", "[stack][tcp]") {
    GrowingHost host;
    TestEndpoint& endpoint = host.connect();
    const auto set_window = [&endpoint](std::uint32_t bytes) {
        endpoint.tcb->congestion.window = endpoint.tcb->congestion.threshold = bytes;
    };
    const std::string text(300'000, 'a');
    CHECK(host.write(endpoint, text.substr(0, 10'000)) == 10'000);
    set_window(200'000);
    host.acknowledge_all(endpoint);
    CHECK(endpoint.tcb->send_limit == 262'144);  // nobody waits
    CHECK(host.write(endpoint, text) == 262'144);
    set_window(100'000);
    host.acknowledge_all(endpoint);
    CHECK(endpoint.tcb->send_limit == 262'144);  // there is room for more than twice as much
    (void)host.write(endpoint, text);
    const int calls = endpoint.calls;
    set_window(500'000);
    host.acknowledge_all(endpoint);
    CHECK(endpoint.tcb->send_limit >= 1'000'000);
    CHECK(endpoint.calls == calls + 1);
    CHECK(host.tcp().growth().send_bytes == endpoint.tcb->send_limit - 262'144);
    (void)host.sent();
}

TEST_CASE("all send buffers together grow no further than they may, nor one further than it may", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.send_growth_max = 100'000;
    config.tcp.send_buffer_max = 330'000;
    GrowingHost host(config);
    const std::string text(300'000, 'a');
    std::array<TestEndpoint*, 2> both{&host.connect(peer_port), &host.connect(peer_port + 1)};
    for (TestEndpoint* endpoint : both) {
        CHECK(host.write(*endpoint, text) == 262'144);
        endpoint->tcb->congestion.window = 1'000'000;
        host.acknowledge_all(*endpoint);
        (void)host.sent();
    }
    CHECK(both[0]->tcb->send_limit == 330'000);
    CHECK(both[1]->tcb->send_limit == 262'144 + 100'000 - (330'000 - 262'144));
    CHECK(host.tcp().growth().send_bytes == 100'000);
    CHECK(host.tcp().growth().refused == 1);
    CHECK(host.write(*both[1], text) != 0);
    both[1]->tcb->congestion.window = 1'000'000;
    host.acknowledge_all(*both[1]);
    (void)host.sent();
    CHECK(host.tcp().growth().refused == 1);  // it goes on wanting
    host.tcp().forget(*both[0]);
    CHECK(host.tcp().growth().send_bytes == 100'000 - (330'000 - 262'144));
}

TEST_CASE("a buffer that has grown holds so many more segments", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.send_buffer_bytes = 8 * piece;
    config.tcp.send_segments_max = 8;
    config.tcp.reassembly_segments_max = 4;
    GrowingHost host(config);
    TestEndpoint& endpoint = host.connect();
    const std::string text(100 * piece, 'a');
    CHECK(host.write(endpoint, text) == 8 * piece);
    endpoint.tcb->congestion.window = 16 * piece;
    endpoint.tcb->snd_wnd = 0;  // none of what follows leaves
    host.acknowledge_all(endpoint);
    REQUIRE(endpoint.tcb->send_limit >= 32 * piece);
    CHECK(host.write(endpoint, text) + endpoint.tcb->queue.bytes() >= 32 * piece);
    CHECK(endpoint.tcb->queue.size() >= 32);

    host.pour(endpoint, 6, piece);
    CHECK(host.stack.drops()[Drop::tcp_reassembly_full] == 2);
    host.pour(endpoint, 1);
    (void)host.read(endpoint);
    host.pour_and_read(endpoint, 60);
    const std::uint64_t dropped = host.stack.drops()[Drop::tcp_reassembly_full];
    host.pour(endpoint, 40, piece);
    CHECK(host.stack.drops()[Drop::tcp_reassembly_full] == dropped);
    (void)host.sent();
}

TEST_CASE("so does one that is configured so large, or that a program has set so", "[stack][tcp]") {
    constexpr std::uint32_t large = 1'000'000;
    const bool is_configured = GENERATE(true, false);
    stack::StackConfig config = host_config();
    if (is_configured) config.tcp.send_buffer_bytes = config.tcp.receive_buffer_bytes = large;
    GrowingHost host(config);
    TestEndpoint& endpoint = host.connect();
    if (!is_configured) {
        host.tcp().set_send_buffer(*endpoint.tcb, large);
        host.tcp().set_receive_buffer(*endpoint.tcb, large);
    }
    CHECK(host.write(endpoint, std::string(large, 'a')) == large);
    (void)host.sent();
    host.pour(endpoint, 800, piece);  // more of such as are longer would not fit
    CHECK(host.stack.drops()[Drop::tcp_reassembly_full] == 0);
    (void)host.sent();
}

}  // namespace
}  // namespace skerry
