// Attacks with the segments of a connection: sizes, blocks, pieces out of order, urgent pointers, options, ends.

#include "support/honest.hpp"
#include "support/tcp_sending_host.hpp"

#include <skerry/stack/tcp/tcp.hpp>
#include <skerry/testing/no_alloc.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::tcp::Tcp;
using stack::wire::SackBlock;

TestSegment syn_of_mss(std::uint16_t mss, std::uint8_t scale = 0) {
    TestSegment syn;
    syn.mss = mss;
    syn.scale = scale;
    syn.sack_permitted = true;
    return syn;
}

TestSegment ack_of(const TcpHost& host, std::uint32_t ack) {
    TestSegment segment;
    segment.flags = flag::ack;
    segment.seq = host.peer_seq;
    segment.ack = ack;
    return segment;
}

/// What Linux does about losses, with all of the send queue under way at once.
stack::StackConfig all_under_way() {
    stack::StackConfig config = config_of_linux();
    config.tcp.congestion_control = backend::CongestionControl::fixed;
    return config;
}

TEST_CASE("attack 1: tiny segments that are told of one by one overflow no count", "[attack]") {
    const std::uint16_t mss = GENERATE(std::uint16_t{8}, std::uint16_t{48});
    TcpHost host(all_under_way());
    TestEndpoint& ours = host.establish(syn_of_mss(mss));
    (void)host.write(ours, std::string(100'000, 'x'));
    const auto out = host.sent();
    const std::size_t limit = host.stack.config().tcp.send_segments_max;
    CHECK(out.size() <= limit);
    CHECK(ours.tcb->queue.size() <= limit);
    const std::uint32_t size = ours.tcb->mss;
    CHECK(size >= 48);
    const std::uint32_t first = host.host_seq;
    const auto count = static_cast<std::uint32_t>(out.size());
    std::size_t again = 0;
    for (std::uint32_t i = 1; i < count; i += 2) {  // every second one, alone
        TestSegment told = ack_of(host, first);
        told.sack = {{first + i * size, first + (i + 1) * size}};
        host.come(told);
        again += host.sent().size();
    }
    CHECK(again <= 2 * limit);
    TestSegment joined = ack_of(host, first);  // and all of it in one, which merges them
    joined.sack = {{first + size, first + count * size}};
    host.come(joined);
    (void)host.sent();
    host.acknowledge(ours.tcb->snd_nxt);
    while (!ours.tcb->queue.empty()) {
        (void)host.sent();
        host.acknowledge(ours.tcb->snd_nxt);
    }
    CHECK(ours.tcb->state == State::established);
    CHECK(ours.tcb->board == nullptr);
    CHECK(serves(host));
}

TEST_CASE("attack 2: blocks that carve holes cost no more than what is under way", "[attack]") {
    stack::StackConfig config = all_under_way();
    config.tcp.send_buffer_bytes = 4U << 20U;
    TcpHost host(config);
    TestEndpoint& ours = host.establish(syn_of_mss(1000, 8));
    host.acknowledge(host.host_seq);
    (void)host.write(ours, std::string(4'000'000, 'x'));
    (void)host.sent();
    const std::uint32_t first = host.host_seq;
    const std::uint32_t segments = ours.tcb->queue.sent();
    CHECK(segments <= config.tcp.send_frames_max);  // of a buffer so large
    REQUIRE(segments > 50);
    host.pass(100ms);  // a round trip: what went again in less cannot be lost again
    std::size_t again = 0;
    std::uint64_t allocations = 0;
    std::uint32_t marked = 0;
    std::uint32_t random = 1;
    for (int i = 0; i < 20'000; ++i) {
        TestSegment told = ack_of(host, first);
        for (int block = 0; block < 4; ++block) {  // anywhere, so that nothing is known of it from before
            random = random * 1'664'525 + 1'013'904'223;
            const std::uint32_t at = 1 + (random >> 8U) % (segments - 1);
            const std::uint32_t off = (random >> 4U) % 2;
            told.sack.push_back({first + at * 1000 - off, first + (at + 1) * 1000});
        }
        const Bytes frame = host.packet(told);
        {
            const testing::NoAlloc guard;
            host.give(frame);
            allocations += guard.allocations();
        }
        again += host.sent().size();
        if (ours.tcb->board != nullptr) {
            CHECK(ours.tcb->board->segments_arrived() >= marked);  // each is marked once
            marked = ours.tcb->board->segments_arrived();
        }
        REQUIRE(ours.tcb->queue.size() <= config.tcp.send_frames_max);
    }
    CHECK(marked < segments);
    CHECK(again <= 3 * segments);
    CHECK(allocations <= 64);  // a scoreboard and what it remembers; nothing for each hole
    CHECK(serves(host));
}

TEST_CASE("attack 3: the peer's MSS makes no segment without payload, and none longer than the link", "[attack]") {
    for (const std::uint16_t mss : {0, 1, 8, 47, 48, 65'535}) {
        CAPTURE(mss);
        TcpHost host(all_under_way());
        TestEndpoint& ours = host.establish(syn_of_mss(mss));
        REQUIRE(host.write(ours, std::string(9600, 'x')) == 9600);
        const auto out = host.sent();
        CHECK(out.size() <= 9600 / 48);
        for (const TestSegment& each : out) CHECK((each.text.size() >= 48 && each.text.size() <= 1460));
        CHECK(serves(host));
    }
}

TEST_CASE("attack 4: single bytes out of order hold a bounded number of frames", "[attack]") {
    TcpHost host;
    TestEndpoint& ours = host.establish(syn_of_mss(1460));
    const std::size_t limit = host.stack.config().tcp.reassembly_segments_max;
    const std::uint64_t out_before = host.frames.out();
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        TestSegment segment = ack_of(host, host.host_seq);
        segment.seq = host.peer_seq + 1 + (i * 2 + i / 32'000) % 64'000;
        segment.text = "x";
        host.come(segment);
        if (i % 64 == 0) (void)host.sent();
        REQUIRE(ours.tcb->reassembly.size() <= limit);
    }
    (void)host.sent();
    CHECK(host.frames.out() - out_before <= limit);
    CHECK(host.dropped(Drop::tcp_reassembly_full) + host.stack.drops().total() > 30'000);
    CHECK(serves(host));
    for (int i = 0; i < 64; ++i) host.say(std::string(1000, 'y'));  // what is missing comes
    CHECK(host.read(ours).size() >= 64'000);
}

TEST_CASE("attack 4: many connections with pieces out of order leave frames to others", "[attack]") {
    TcpHost host(host_config(), 64, 256);
    std::vector<TestEndpoint*> all;
    for (std::uint16_t i = 0; i < 32; ++i) {
        const auto from = static_cast<std::uint16_t>(6000 + i);
        all.push_back(&host.establish(syn_of_mss(1460), from));
        for (std::uint32_t piece = 0; piece < 100; ++piece) {
            TestSegment segment = ack_of(host, host.host_seq);
            segment.seq = host.peer_seq + 1 + 2 * piece;
            segment.text = "x";
            host.come(segment, host_port, from);
        }
        (void)host.sent();
    }
    CHECK(host.tcp().frames_kept() <= 256 / 2);
    CHECK(host.frames.available() >= 256 / 4);
    CHECK(serves(host));
}

TEST_CASE("attack 12: an urgent pointer changes nothing of the stream", "[attack]") {
    TcpHost host;
    for (const std::uint16_t on_syn : {0, 1, 65'535}) {
        TestSegment syn;
        syn.flags = flag::syn | flag::urg;
        syn.seq = 5000;
        const auto from = static_cast<std::uint16_t>(9000U + on_syn % 7U);
        host.give(raw_segment(syn, {}, on_syn, from));
        CHECK(host.sent().size() == 1);
        TestSegment reset;
        reset.flags = flag::rst;
        reset.seq = 5001;
        host.come(reset, host_port, from);  // and again, as across a reconnect
    }
    TestEndpoint& ours = host.establish();
    std::string said;
    for (const std::uint16_t urgent : {0, 1, 2, 3, 4, 1000, 65'535, 1}) {
        TestSegment segment = ack_of(host, host.host_seq);
        segment.flags = flag::ack | flag::urg;
        segment.text = "abc";
        host.give(raw_segment(segment, {}, urgent));
        host.peer_seq += 3;
        said += "abc";
        TestSegment empty = ack_of(host, host.host_seq);
        empty.flags = flag::ack | flag::urg;
        host.give(raw_segment(empty, {}, urgent));
    }
    CHECK(host.read(ours) == said);
    CHECK(ours.tcb->state == State::established);
    (void)host.sent();
    CHECK(serves(host));
}

TEST_CASE("attack 14: options that lie about the window, the blocks or themselves agree to nothing", "[attack]") {
    for (const unsigned scale : {15U, 16U, 32U, 64U, 255U}) {
        TcpHost host;
        TestSegment syn;
        syn.flags = flag::syn;
        syn.seq = 1;
        host.give(raw_segment(syn, {std::byte{3}, std::byte{3}, static_cast<std::byte>(scale), std::byte{0}}));
        TestSegment last = syn;
        last.flags = flag::ack;
        last.seq = 2;
        last.ack = host.only().seq + 1;
        host.come(last);
        TestEndpoint& ours = host.endpoint();
        REQUIRE(host.tcp().accept(host.acceptor, ours));
        CHECK(ours.tcb->send_scale == 14);
    }
    struct Case {
        const char* what;
        Bytes options;
        bool is_dropped;
    };
    const auto bytes = [](std::initializer_list<int> values) {
        Bytes all;
        for (const int value : values) all.push_back(static_cast<std::byte>(value));
        return all;
    };
    Bytes five_blocks = bytes({5, 42});  // a block count of five: 42 bytes in 40
    five_blocks.resize(40);
    const Case cases[] = {
        {"each twice", bytes({2, 4, 5, 180, 2, 4, 0, 88, 3, 3, 2, 1, 3, 3, 14, 1, 4, 2, 4, 2}), false},
        {"timestamps of 9 bytes", bytes({8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), true},
        {"five SACK blocks", five_blocks, true},
        {"SACK blocks in a SYN", bytes({5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1}), false},
        {"an unknown option to the end", bytes({254, 8, 1, 2, 3, 4, 5, 6}), false},
        {"an end and then lies", bytes({0, 3, 0, 255}), false},
    };
    for (const Case& each : cases) {
        INFO(each.what);
        TcpHost host;
        TestSegment syn;
        syn.flags = flag::syn;
        syn.seq = 1;
        host.give(raw_segment(syn, each.options));
        CHECK(host.sent().size() == (each.is_dropped ? 0 : 1));
        CHECK(host.tcp().sizes().half_open == (each.is_dropped ? 0 : 1));
        CHECK(serves(host));
    }
    // In a connection: permitted too late, and blocks that cannot be.
    TcpHost host;
    TestEndpoint& plain = host.establish();
    TestSegment late = ack_of(host, host.host_seq);
    host.give(raw_segment(late, bytes({4, 2, 1, 1})));
    CHECK_FALSE(bool{plain.tcb->has_sack});

    SendingHost sending;
    (void)sending.write_segments(8);
    for (const SackBlock block :
         {SackBlock{sending.first + 3000, sending.first + 1000},
          SackBlock{sending.first + 100'000, sending.first + 200'000},
          SackBlock{sending.first - 5000, sending.first + 0x8000'0000U}, SackBlock{sending.first, sending.first}}) {
        TestSegment told = ack_of(sending, sending.first);
        told.sack = {block};
        sending.come(told);
        CHECK(sending.left().empty());
        const auto& board = sending.ours->tcb->board;
        CHECK((board == nullptr || board->segments_arrived() == 0));
    }
    CHECK(sending.ours->tcb->state == State::established);
}

TEST_CASE("attack 28: ends out of order, twice and elsewhere end the stream once, where it ends", "[attack]") {
    TcpHost host;
    TestEndpoint& ours = host.establish();
    const std::uint32_t begin = host.peer_seq;
    const auto come = [&](std::uint32_t off, std::string_view text, std::uint8_t flags) {
        TestSegment segment = ack_of(host, host.host_seq);
        segment.seq = begin + off;
        segment.flags = flags;
        segment.text = text;
        host.come(segment);
        (void)host.sent();
    };
    come(6, "", flag::ack | flag::fin);                       // before what is in front of it
    CHECK_FALSE(Tcp::is_at_end(*ours.tcb));
    come(70'000, "beyond", flag::ack | flag::fin);            // past the window
    come(6, "behind", flag::ack);                             // data behind the end
    come(3, "def", flag::ack);
    CHECK_FALSE(Tcp::is_at_end(*ours.tcb));
    come(0, "abc", flag::ack);
    CHECK(Tcp::is_at_end(*ours.tcb));
    CHECK(host.read(ours) == "abcdef");
    come(20, "more", flag::ack | flag::fin);                  // a second end, with another number
    come(6, "", flag::ack | flag::fin);
    CHECK(ours.tcb->state == State::close_wait);
    CHECK(ours.tcb->rcv_nxt == begin + 7);
    CHECK(host.read(ours).empty());
}

TEST_CASE("attack 34: numbers that wrap inside a block and inside what came ahead are in order", "[attack]") {
    TcpHost host;
    TestSegment syn = syn_of_mss(1000, 14);
    syn.seq = 0xffff'fff0U;
    TestEndpoint& ours = host.establish(syn);
    const std::uint32_t begin = host.peer_seq;
    TestSegment ahead = ack_of(host, host.host_seq);
    ahead.seq = begin + 10;
    ahead.text = std::string(20, 'b');  // over the wrap
    host.come(ahead);
    const TestSegment answer = host.only();
    REQUIRE(answer.sack.size() == 1);
    CHECK(answer.sack[0].left == begin + 10);
    CHECK(answer.sack[0].right == begin + 30);
    CHECK(answer.sack[0].right < answer.sack[0].left);
    host.say(std::string(10, 'a'));
    CHECK(host.read(ours) == std::string(10, 'a') + std::string(20, 'b'));
    CHECK(host.only().ack == begin + 30);
}

}  // namespace
}  // namespace skerry
