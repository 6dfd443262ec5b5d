// Peers that keep to the RFCs, or nearly, and with which both ends could wait for each other.

#include "support/tcp_host.hpp"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;

/// A window, and the number behind the peer's SND.UNA that what has no data comes with.
using Told = std::pair<std::uint16_t, std::uint32_t>;

TestSegment hello(const TcpHost& host, std::uint32_t una, std::uint16_t window) {
    TestSegment data;
    data.flags = flag::ack | flag::psh;
    data.seq = host.peer_seq;
    data.ack = una;
    data.window = window;
    data.text = "hello";
    return data;
}

TEST_CASE("what has no data lies in the window of a peer that took it back", "[stack][tcp][standstill]") {
    TcpHost host;
    TestSegment syn;
    syn.mss = 1000;
    syn.window = 5000;
    TestEndpoint& endpoint = host.establish(syn);
    const std::uint32_t una = host.host_seq;
    CHECK(host.write(endpoint, std::string(5000, 'x')) == 5000);
    CHECK(host.sent().size() == 5);
    const auto [window, number] = GENERATE(Told{0, 0}, Told{1500, 1500}, Told{4999, 4999}, Told{6000, 5000});
    host.acknowledge(una, window);
    CHECK(host.sent().empty());
    const TestSegment data = hello(host, una, window);
    host.come(data);
    host.pass(60ms);
    const TestSegment answer = host.only();
    CHECK(answer.ack == host.peer_seq + 5);
    CHECK(answer.seq == una + number);
    host.come(data);  // again, of which it tells
    CHECK(host.only().seq == una + number);
}

TEST_CASE("a unit of the peer's scale is what was rounded off its window", "[stack][tcp][standstill]") {
    TcpHost host;
    TestSegment syn;
    syn.mss = 1000;
    syn.window = 5000;
    syn.scale = 7;
    TestEndpoint& endpoint = host.establish(syn);
    const std::uint32_t una = host.host_seq;
    host.acknowledge(una, 10);  // 1,280
    CHECK(host.write(endpoint, std::string(1000, 'x')) == 1000);
    CHECK(host.only().text.size() == 1000);
    const auto [window, number] = GENERATE(Told{7, 1000}, Told{6, 768});
    host.come(hello(host, una, window));
    host.pass(60ms);
    CHECK(host.only().seq == una + number);
}

/// Full of what nobody reads, with four bytes of its own under way.
struct Full : TcpHost {
    explicit Full(const stack::StackConfig& config, const TestSegment& syn, std::size_t left = 0)
        : TcpHost(config), endpoint(establish(syn)) {
        CHECK(write(endpoint, "data") == 4);
        const TestSegment data = only();
        if (data.timestamps) stamp = data.timestamps->value;
        for (std::size_t bytes = config.tcp.receive_buffer_bytes - left; bytes != 0;) {
            const std::size_t part = std::min<std::size_t>(bytes, 1000);
            come_from(peer_seq, 10, std::string(part, 'x'));
            peer_seq += static_cast<std::uint32_t>(part);
            bytes -= part;
        }
        (void)sent();
    }
    void come_from(std::uint32_t seq, std::uint32_t value, const std::string& text = {}, std::uint32_t acked = 0) {
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = seq;
        segment.ack = host_seq + acked;
        segment.window = 2000;
        segment.text = text;
        if (stamp) segment.timestamps = stack::wire::TcpTimestamps{value, *stamp};
        come(segment);
    }

    std::optional<std::uint32_t> stamp;
    TestEndpoint& endpoint;
};

stack::StackConfig with_buffer(std::uint32_t bytes) {
    stack::StackConfig config = host_config();
    config.tcp.receive_buffer_bytes = bytes;
    return config;
}

TEST_CASE("an acknowledgement from beyond a closed window counts, but not from further than any window",
          "[stack][tcp][standstill]") {
    Full host(with_buffer(1000), TestSegment{});
    const stack::tcp::Tcb& tcb = *host.endpoint.tcb;
    const std::uint32_t next = tcb.rcv_nxt;
    host.come_from(next + 0x10000, 0, {}, 4);
    CHECK(tcb.queue.sent() == 1);
    host.come_from(next + 3000, 0, {}, 5);  // of what was never sent
    CHECK(tcb.queue.sent() == 1);
    host.come_from(next + 3000, 0, {}, 4);
    CHECK(tcb.queue.empty());
    CHECK(tcb.snd_wnd == 2000);
    CHECK(host.sent().back().ack == next);  // which the peer does not know yet
    host.come_from(next, 0, {}, 4);         // and its own number is no old one
    CHECK(tcb.snd_wl1 == next);
    CHECK(tcb.received_bytes == 1000);
}

TEST_CASE("a window that is told of as none is closed, whatever its scale cuts off", "[stack][tcp][standstill]") {
    TestSegment syn;
    syn.scale = 7;
    Full host(with_buffer(6000), syn, 100);
    CHECK(host.endpoint.tcb->rcv_right - host.endpoint.tcb->rcv_nxt == 100);
    host.come_from(host.peer_seq + 3000, 0, {}, 4);
    CHECK(host.endpoint.tcb->queue.empty());
}

TEST_CASE("so it counts while the window is open by less than the peer went too far", "[stack][tcp][standstill]") {
    Full host(with_buffer(6000), TestSegment{});
    std::array<std::byte, 2500> part;
    CHECK(host.tcp().read(*host.endpoint.tcb, part, host.now) == part.size());
    (void)host.sent();
    host.come_from(host.peer_seq + 5000, 0, {}, 4);
    CHECK(host.endpoint.tcb->queue.empty());
}

TEST_CASE("an acknowledgement from beyond moves no timestamp: what is older is still to come",
          "[stack][tcp][standstill]") {
    TestSegment syn;
    syn.timestamps = stack::wire::TcpTimestamps{5, 0};
    Full host(with_buffer(6000), syn);
    host.come_from(host.peer_seq + 3000, 1000, {}, 4);
    CHECK(host.endpoint.tcb->queue.empty());
    CHECK(host.read(host.endpoint).size() == 6000);
    (void)host.sent();
    host.come_from(host.peer_seq, 20, std::string(1000, 'y'));
    CHECK(host.endpoint.tcb->received_bytes == 1000);
}

TEST_CASE("whose data finds no frame is told of no window, and when there are frames again",
          "[stack][tcp][standstill]") {
    stack::StackConfig config = host_config();
    config.tcp.receive_frames_max = 4;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    for (int i = 0; i < 4; ++i) host.say(std::string(1000, 'x'));
    CHECK(host.sent().back().window != 0);
    host.say(std::string(1000, 'y'));
    host.peer_seq -= 1000;
    const TestSegment answer = host.only();
    CHECK(answer.ack == host.peer_seq);
    CHECK(answer.window == 0);
    SECTION("by who reads") {
        CHECK(host.read(endpoint).size() == 4000);
        CHECK(host.only().window != 0);
    }
    SECTION("when it is asked for") {
        --host.peer_seq;
        host.say("");
        CHECK(host.only().window == 0);
        CHECK(host.read(endpoint).size() == 4000);
        host.pass(1s);
        (void)host.sent();
        host.say("");
        CHECK(host.only().window != 0);
    }
    SECTION("by what it sends again") {
        CHECK(host.read(endpoint).size() == 4000);
        (void)host.sent();
        host.say(std::string(1000, 'y'));
        CHECK(host.read(endpoint) == std::string(1000, 'y'));
    }
}

TEST_CASE("a SYN that comes again without options has none", "[stack][tcp][standstill]") {
    TcpHost host;
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 1000;
    syn.mss = 1460;
    syn.scale = 7;
    syn.sack_permitted = true;
    syn.timestamps = stack::wire::TcpTimestamps{5, 0};
    host.come(syn);
    TestSegment answer = host.only();
    CHECK((answer.timestamps && answer.scale && answer.sack_permitted));
    SECTION("and is answered so") {
        syn.scale.reset();
        syn.sack_permitted = false;
        syn.timestamps.reset();
        host.come(syn);
        answer = host.only();
        CHECK_FALSE((answer.timestamps || answer.scale || answer.sack_permitted));
    }
    SECTION("which one that has them all keeps") {
        host.come(syn);
        answer = host.only();
        CHECK((answer.timestamps && answer.scale && answer.sack_permitted));
    }
}

TEST_CASE("a buffer of less than a segment is told of, too", "[stack][tcp][standstill]") {
    stack::StackConfig config = with_buffer(8192);
    config.tcp.tells_all_room = true;
    config.mtu = 9000;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    std::uint32_t took = 0;
    for (int i = 0; i < 40; ++i) {
        host.say(std::string(536, 'x'));
        took += static_cast<std::uint32_t>(host.read(endpoint).size());
        (void)host.sent();
    }
    CHECK(took == 40 * 536);
}

TEST_CASE("a scale leaves a small buffer a window", "[stack][tcp][standstill]") {
    stack::StackConfig config = with_buffer(8192);
    config.tcp.window_scale = 14;
    TcpHost host(config);
    TestSegment syn;
    syn.scale = 0;
    TestEndpoint& endpoint = host.establish(syn);
    CHECK(endpoint.tcb->receive_scale == 12);
    host.say("x");
    host.pass(1s);
    CHECK(host.only().window == 1);
}

TEST_CASE("probes by data that was taken leave no longer time-out behind", "[stack][tcp][standstill]") {
    stack::StackConfig config = host_config();
    config.tcp.probes_with_data = true;
    config.tcp.window_probe_min = 5s;
    config.tcp.window_probe_max = 60s;
    TcpHost host(config);
    TestSegment syn;
    syn.mss = 1000;
    syn.window = 2000;
    TestEndpoint& endpoint = host.establish(syn);
    CHECK(host.write(endpoint, std::string(4000, 'x')) == 4000);
    (void)host.sent();
    host.acknowledge(endpoint.tcb->snd_nxt, 0);
    std::vector<TestSegment> out;
    for (int i = 0; i < 9; ++i) {
        (void)host.until_sent(100s, out);
        host.acknowledge(out.at(0).seq, 0);
    }
    (void)host.until_sent(100s, out);
    host.acknowledge(out.at(0).seq + 1, 2000);
    CHECK(host.sent().size() == 2);
    CHECK(host.until_sent(300s, out) <= 2s);
}

}  // namespace
}  // namespace skerry
