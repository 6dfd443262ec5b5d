// The receiving half: acknowledgements, order, windows.

#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::tcp::Tcp;

TEST_CASE("a segment is acknowledged after 40 ms, every second one at the end of the turn", "[stack][tcp]") {
    TcpHost host;
    (void)host.establish();
    host.say("one");
    std::vector<TestSegment> acks;
    CHECK(host.until_sent(1s, acks) == 40ms);
    REQUIRE(acks.size() == 1);
    CHECK(acks[0].ack == host.peer_seq);
    host.say("two");
    CHECK(host.sent().empty());
    host.say("three");
    CHECK(host.only().ack == host.peer_seq);
    host.pass(1s);
    CHECK(host.sent().empty());
}

TEST_CASE("with quick acknowledgements each segment is acknowledged at the end of its turn", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.say("one");  // not yet
    CHECK(host.sent().empty());
    host.tcp().set_quick_ack(*endpoint.tcb, true);
    CHECK(host.only().ack == host.peer_seq);
    for (const char* text : {"two", "three"}) {
        host.say(text);
        CHECK(host.only().ack == host.peer_seq);
    }
    host.tcp().set_quick_ack(*endpoint.tcb, false);
    host.say("four");
    CHECK(host.sent().empty());
    host.say("five");
    CHECK(host.only().ack == host.peer_seq);
}

TEST_CASE("many segments of one burst are acknowledged once", "[stack][tcp]") {
    TcpHost host;
    (void)host.establish();
    for (int i = 0; i < 20; ++i) host.say("abcd");
    CHECK(host.only().ack == host.peer_seq);
}

TEST_CASE("a reply carries the acknowledgement", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.say("ask");
    host.say("more");
    CHECK(host.write(endpoint, "answer") == 6);
    const TestSegment reply = host.only();
    CHECK(reply.text == "answer");
    CHECK(reply.ack == host.peer_seq);
    host.acknowledge(host.host_seq + 6);
    host.pass(1s);
    CHECK(host.sent().empty());
}

TEST_CASE("data ahead is kept, and asked for at once with each segment", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.peer_seq += 3;
    for (int i = 0; i < 3; ++i) {
        host.say("xyz");
        CHECK(host.only().ack == 1001);
    }
    CHECK(endpoint.tcb->received_bytes == 0);
    host.peer_seq = 1001;
    host.say("abc");
    CHECK(host.only().ack == 1013);  // at once: a gap was filled
    CHECK(host.read(endpoint) == "abcxyzxyzxyz");
}

TEST_CASE("the part of a segment that is known already is cut off", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.say("abc");
    host.peer_seq -= 2;
    host.say("XXdef");
    CHECK(host.read(endpoint) == "abcdef");
}

TEST_CASE("the numbers may wrap in the middle of a segment, or of a gap", "[stack][tcp]") {
    TcpHost host;
    TestSegment first;
    first.seq = 0xffff'fff0U;
    TestEndpoint& endpoint = host.establish(first);
    host.say("0123456789abcdef+wrapped");
    host.peer_seq += 4;
    host.say("later");
    host.peer_seq -= 9;
    host.say("then");
    CHECK(host.read(endpoint) == "0123456789abcdef+wrappedthenlater");
    CHECK(host.peer_seq == 13);
}

TEST_CASE("so many segments may come out of order, and no more", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.reassembly_segments_max = 4;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    for (int i = 0; i < 6; ++i) {
        host.peer_seq += 2;
        host.say("x");
    }
    CHECK(host.dropped(Drop::tcp_reassembly_full) == 2);
    CHECK(endpoint.tcb->reassembly.size() == 4);
    (void)host.sent();
}

TEST_CASE("256 of every second byte fill the limit, however many come", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    for (int i = 0; i < 1000; ++i) {
        host.peer_seq += 1;
        host.say("x");
        (void)host.taken();
    }
    CHECK(endpoint.tcb->reassembly.size() == 256);
    CHECK(host.dropped(Drop::tcp_reassembly_full) == 744);
}

// --- windows

TEST_CASE("the window is 64 KiB at first and shrinks with what is not read", "[stack][tcp]") {
    TcpHost host;
    TestSegment first;
    first.scale = 3;
    (void)host.establish(first);
    host.say(std::string(1000, 'x'));
    host.say(std::string(1000, 'x'));
    CHECK(host.only().window == (65'536 - 2000) / 128);
}

TEST_CASE("what comes past the window is cut off; a closed one is opened when there is room", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.receive_buffer_bytes = 4000;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    for (int i = 0; i < 4; ++i) host.say(std::string(1000, static_cast<char>('a' + i)));
    CHECK(host.only().window == 0);
    host.say(std::string(10, 'X'));
    host.peer_seq -= 10;
    CHECK(host.dropped(Drop::tcp_window_full) == 1);
    CHECK(host.only().ack == host.peer_seq);
    std::array<std::byte, 1000> part;
    CHECK(host.tcp().read(*endpoint.tcb, part, host.now) == 1000);
    CHECK(host.sent().empty());  // too little to tell
    CHECK(host.tcp().read(*endpoint.tcb, part, host.now) == 1000);
    const TestSegment opened = host.only();
    CHECK(opened.window == 2000);
    CHECK(opened.ack == host.peer_seq);
    host.say(std::string(1200, 'Y'));
    host.say(std::string(1200, 'Y'));
    CHECK(endpoint.tcb->received_bytes == 4000);
}

TEST_CASE("a little room is not offered, not even with a reply", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.receive_buffer_bytes = 4000;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    for (int i = 0; i < 4; ++i) host.say(std::string(1000, 'x'));
    (void)host.sent();
    std::array<std::byte, 100> part;
    CHECK(host.tcp().read(*endpoint.tcb, part, host.now) == 100);
    CHECK(host.write(endpoint, "reply") == 5);
    CHECK(host.only().window == 0);
}

// As Linux (__tcp_cleanup_rbuf) and FreeBSD (tcp_output): a segment for it costs both ends more than it is worth.
TEST_CASE("room that was read is told of alone where the window was less than half of it", "[stack][tcp]") {
    const bool is_freebsd = GENERATE(false, true);
    CAPTURE(is_freebsd);
    stack::StackConfig config = host_config();
    config.tcp.tells_all_room = is_freebsd;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    std::array<std::byte, 65'536> bytes;
    const auto say_and_read = [&](std::uint32_t segments) {
        for (std::uint32_t i = 0; i < segments; ++i) host.say(std::string(1000, 'x'));
        host.pass(40ms);
        (void)host.sent();
        CHECK(host.tcp().read(*endpoint.tcb, bytes, host.now) == 1000 * segments);
        return host.sent();
    };
    CHECK(say_and_read(3).empty());
    CHECK(host.write(endpoint, "reply") == 5);
    const TestSegment reply = host.only();
    CHECK(reply.text == "reply");
    CHECK(reply.window == 65'535);  // it tells of all of it
    host.host_seq += 5;
    const std::uint32_t least = is_freebsd ? 17 : 33;  // a quarter of 65,536 in one read; half of it
    CHECK(say_and_read(least - 1).empty());
    const auto told = say_and_read(least);
    REQUIRE(told.size() == 1);
    CHECK(told[0].text.empty());
    CHECK(told[0].window == 65'535);
}

TEST_CASE("a window that closed is told of when two segments are read, whoever else is full", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.tells_all_room = GENERATE(false, true);
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    for (int i = 0; i < 66; ++i) host.say(std::string(1000, 'x'));
    CHECK(host.sent().back().window < 1000);
    host.peer_seq = endpoint.tcb->rcv_nxt;
    std::array<std::byte, 1500> part;
    CHECK(host.tcp().read(*endpoint.tcb, part, host.now) == 1500);
    CHECK(host.sent().empty());
    CHECK(host.tcp().read(*endpoint.tcb, part, host.now) == 1500);
    CHECK(host.only().window >= 2 * 1460);
}

TEST_CASE("an acknowledgement counts also when the window is closed", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.receive_buffer_bytes = 1000;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    CHECK(host.write(endpoint, "data") == 4);
    (void)host.sent();
    host.say(std::string(1000, 'x'));
    host.host_seq += 4;
    host.say("beyond");
    CHECK(endpoint.tcb->queue.empty());
    CHECK(endpoint.tcb->received_bytes == 1000);
}

TEST_CASE("a thousand small segments that nobody reads hold few frames", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    const auto before = host.frames.out();
    for (int i = 0; i < 1000; ++i) host.say("abcd");
    (void)host.sent();
    CHECK(host.frames.out() - before < 20);
    std::string expected;
    for (int i = 0; i < 1000; ++i) expected += "abcd";
    CHECK(host.read(endpoint) == expected);
}

TEST_CASE("all connections together keep so many unread frames, and no more", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.receive_frames_max = 3;
    config.assured_frames = 0;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    for (int i = 0; i < 3; ++i) host.say("abc");
    host.say("lost");
    host.peer_seq -= 4;
    CHECK(host.dropped(Drop::tcp_frames) == 1);
    host.peer_seq += 10;
    host.say("ahead");
    host.peer_seq -= 15;
    CHECK(host.dropped(Drop::tcp_frames) == 2);
    CHECK(host.tcp().frames_kept() == 3);
    CHECK(host.read(endpoint) == "abcabcabc");
    host.say("back");
    CHECK(host.read(endpoint) == "back");
    (void)host.sent();
}

TEST_CASE("a window that is told of from before what was dropped is no old one", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.receive_frames_max = 1;
    config.assured_frames = 0;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    host.say("kept");
    TestSegment dropped;
    dropped.flags = flag::ack;
    dropped.ack = host.host_seq;
    dropped.text = "dropped";
    dropped.window = 0;  // its own is closed, too
    const bool is_ahead = GENERATE(false, true);
    for (std::uint32_t ahead : {0U, is_ahead ? 100U : 0U}) {
        dropped.seq = host.peer_seq + ahead;
        host.come(dropped);
    }
    CHECK(host.dropped(Drop::tcp_frames) == 2);
    (void)host.sent();
    CHECK(endpoint.tcb->snd_wnd == 0);
    host.acknowledge(host.host_seq, 1000);  // it has gone back to what was acknowledged
    CHECK(endpoint.tcb->snd_wnd == 1000);
    CHECK(host.read(endpoint) == "kept");
    (void)host.sent();
}

TEST_CASE("a segment is read as the very frame it came in", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.say("zero copy");
    const stack::Frame* const frame = endpoint.tcb->received.front();
    const IoBuf buffer = host.tcp().read_buf(*endpoint.tcb, host.now);
    CHECK(buffer.data() == frame->data);
    CHECK(buffer.size() == 9);
    CHECK(endpoint.tcb->received_bytes == 0);
    CHECK(host.tcp().read_buf(*endpoint.tcb, host.now).empty());
}

TEST_CASE("peeking takes nothing", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    host.say("ab");
    host.say("cd");
    std::array<char, 3> part{};
    for (int i = 0; i < 2; ++i) {
        CHECK(Tcp::peek(*endpoint.tcb, std::as_writable_bytes(std::span(part))) == 3);
        CHECK(std::string_view(part.data(), 3) == "abc");
    }
    CHECK(host.read(endpoint) == "abcd");
}

TEST_CASE("an idle connection has no frame and no ring", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    const auto before = host.frames.out();
    const std::string much(20'000, 'x');
    CHECK(host.write(endpoint, much) == much.size());
    for (int i = 0; i < 20; ++i) {
        std::uint32_t end = endpoint.tcb->snd_nxt;
        (void)host.sent();
        host.acknowledge(end);
    }
    host.say("abc");
    CHECK(host.read(endpoint) == "abc");
    host.pass(20s);  // the neighbour's timer ends too
    (void)host.sent();
    CHECK(host.frames.out() == before);
    CHECK(endpoint.tcb->queue.capacity() == 2);
    CHECK(sizeof(stack::tcp::Tcb) <= 512);
    CHECK(host.stack.next_deadline() == time::Instant::max());
}

}  // namespace
}  // namespace skerry
