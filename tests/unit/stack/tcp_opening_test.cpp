// What of a connection's beginning can be set: what a SYN offers and in which order, and when it comes again.

#include "support/tcp_host.hpp"
#include "wire_support.hpp"

#include <skerry/stack/tcp/syn_schedule.hpp>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::tcp::State;
using stack::wire::SynLayout;
using stack::wire::TcpTimestamps;

TestSegment full_syn() {
    TestSegment segment;
    segment.flags = flag::syn;
    segment.seq = 1000;
    segment.mss = 1460;
    segment.scale = 2;
    segment.sack_permitted = true;
    segment.timestamps = TcpTimestamps{77, 0};
    return segment;
}

/// The peer's answer to `syn`, which agrees to everything.
TestSegment full_answer(const TestSegment& syn) {
    TestSegment segment = full_syn();
    segment.flags = flag::syn | flag::ack;
    segment.ack = syn.seq + 1;
    return segment;
}

TestEndpoint& connect(TcpHost& host, stack::tcp::LocalEnd from = {}) {
    TestEndpoint& endpoint = host.endpoint();
    REQUIRE(host.tcp().connect(endpoint, peer_ip, peer_port, host.now, from));
    return endpoint;
}

// --- the options

/// The layout of options, whatever is in them: kinds, and an option's bytes behind its length as dots.
std::string layout_of(const Bytes& options) {
    std::string text;
    for (std::size_t i = 0; i < options.size();) {
        const auto kind = std::to_integer<unsigned>(options[i]);
        text += std::to_string(kind) + ' ';
        i += kind < 2 ? 1 : std::to_integer<std::size_t>(options[i + 1]);
    }
    return text;
}

TEST_CASE("a SYN and a SYN-ACK have their options in the order that is configured", "[stack][tcp][opening]") {
    const bool is_freebsd = GENERATE(false, true);
    const std::string expected = is_freebsd ? "2 1 3 4 8 " : "2 4 8 1 3 ";
    stack::StackConfig config = host_config();
    if (is_freebsd) config.tcp.syn_layout = SynLayout::freebsd;
    TcpHost host(config);
    (void)connect(host);
    CHECK(layout_of(host.only().options) == expected);
    host.come(full_syn());
    const TestSegment answer = host.only();
    CHECK(answer.flags == (flag::syn | flag::ack));
    CHECK(layout_of(answer.options) == expected);
    TestSegment short_syn = full_syn();
    short_syn.timestamps.reset();
    short_syn.scale.reset();
    host.come(short_syn, host_port, 5001);
    CHECK(host.only().options == hex(is_freebsd ? "020405b4 0402 0000" : "020405b4 0101 0402"));
}

TEST_CASE("what is switched off is neither offered nor agreed to", "[stack][tcp][opening]") {
    const bool timestamps = GENERATE(false, true);
    const bool scaling = GENERATE(false, true);
    const bool sack = GENERATE(false, true);
    CAPTURE(timestamps, scaling, sack);
    stack::StackConfig config = host_config();
    config.tcp.timestamps = timestamps;
    config.tcp.window_scaling = scaling;
    config.tcp.sack = sack;
    TcpHost host(config);
    const auto has_what_is_on = [&](const TestSegment& segment) {
        CHECK(segment.timestamps.has_value() == timestamps);
        CHECK(segment.scale.has_value() == scaling);
        CHECK(segment.sack_permitted == sack);
        CHECK(segment.mss == 1460);
    };
    TestEndpoint& endpoint = connect(host);
    const TestSegment syn = host.only();
    has_what_is_on(syn);
    host.come(full_syn());
    has_what_is_on(host.only());

    host.come(full_answer(syn), endpoint.tcb->tuple.local_port);
    REQUIRE(endpoint.tcb->state == State::established);
    const TestSegment ack = host.only();
    CHECK(ack.timestamps.has_value() == timestamps);
    CHECK(endpoint.tcb->has_sack == sack);
    CHECK(endpoint.tcb->mss == (timestamps ? 1448 : 1460));
    CHECK(endpoint.tcb->send_scale == (scaling ? 2 : 0));
    CHECK(endpoint.tcb->receive_scale == (scaling ? 7 : 0));
}

TEST_CASE("a peer that offers what is switched off gets segments without it", "[stack][tcp][opening]") {
    stack::StackConfig config = host_config();
    config.tcp.timestamps = false;
    config.tcp.window_scaling = false;
    TcpHost host(config);
    host.come(full_syn());
    const TestSegment answer = host.only();
    TestSegment last;
    last.flags = flag::ack;
    last.seq = 1001;
    last.ack = answer.seq + 1;
    last.window = 2000;
    host.come(last);
    TestEndpoint& endpoint = host.endpoint();
    REQUIRE(host.tcp().accept(host.acceptor, endpoint));
    CHECK(endpoint.tcb->snd_wnd == 2000);
    CHECK(host.write(endpoint, std::string(1500, 'x')) == 1500);
    const auto sent = host.sent();
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].text.size() == 1460);
    CHECK(sent[0].options.empty());
}

// --- the schedule

/// FreeBSD's: five times one second, then doubling, and 75 s in all.
stack::StackConfig steady_config() {
    stack::StackConfig config = host_config();
    config.tcp.syn_steady_retries = 4;
    config.tcp.syn_doublings_max = 6;
    config.tcp.syn_retries = 12;
    config.tcp.syn_timeout = 75s;
    config.tcp.rto_max = 64s;
    return config;
}

TEST_CASE("SYNs come at even distances first, then the wait doubles, and a time ends it", "[stack][tcp][opening]") {
    TcpHost host(steady_config());
    TestEndpoint& endpoint = connect(host);
    const TestSegment first = host.only();
    std::vector<TestSegment> again;
    for (const auto expected : {1s, 1s, 1s, 1s, 1s, 2s, 4s, 8s, 16s, 32s}) {
        CHECK(host.until_sent(200s, again) == expected);
        REQUIRE(again.size() == 1);
        CHECK(again[0].seq == first.seq);
        CHECK(again[0].timestamps);
    }
    host.pass(8s - 1ns);  // 67 s were before
    CHECK(endpoint.tcb->state == State::syn_sent);
    host.pass(1ns);
    CHECK(endpoint.tcb->state == State::closed);
    CHECK(stack::tcp::Tcp::take_error(*endpoint.tcb) == Errc::timed_out);
}

TEST_CASE("the user's timeout ends the SYNs if it is the shorter one", "[stack][tcp][opening]") {
    TcpHost host(steady_config());
    stack::tcp::LocalEnd from;
    from.user_timeout_ms = 3500;
    TestEndpoint& endpoint = connect(host, from);
    host.pass(3500ms - 1ns);
    CHECK(endpoint.tcb->state == State::syn_sent);
    host.pass(1ns);
    CHECK(endpoint.tcb->state == State::closed);
    CHECK(host.sent().size() == 4);
}

TEST_CASE("a wait grows to the longest time-out and no further", "[stack][tcp][opening]") {
    stack::TcpLimits limits;
    CHECK(stack::tcp::syn_wait(limits, 6) == 64s);
    CHECK(stack::tcp::syn_wait(limits, 7) == 120s);
    CHECK(stack::tcp::syn_wait(limits, 127) == 120s);
    CHECK(stack::tcp::syn_ack_wait(limits, 255) == 120s);
    limits.syn_steady_retries = 4;
    limits.syn_doublings_max = 6;
    limits.rto_initial = 100ms;
    CHECK(stack::tcp::syn_wait(limits, 4) == 100ms);
    CHECK(stack::tcp::syn_wait(limits, 5) == 200ms);
    CHECK(stack::tcp::syn_wait(limits, 10) == 6400ms);
    CHECK(stack::tcp::syn_wait(limits, 12) == 6400ms);
    CHECK(stack::tcp::syn_ack_wait(limits, 4) == 1600ms);
}

TEST_CASE("SYNs after the first few have the MSS alone, and no answer brings more", "[stack][tcp][opening]") {
    stack::StackConfig config = steady_config();
    config.tcp.syns_with_options = 3;
    TcpHost host(config);
    TestEndpoint& endpoint = connect(host);
    std::vector<TestSegment> syn{host.only()};
    for (const bool has_options : {true, true, false, false}) {
        CHECK(host.until_sent(2s, syn) == 1s);
        REQUIRE(syn.size() == 1);
        CHECK((syn[0].options.size() == 20) == has_options);
        CHECK((syn[0].options == hex("020405b4")) == !has_options);
    }
    host.come(full_answer(syn[0]), host.last_port);
    REQUIRE(endpoint.tcb->state == State::established);
    CHECK_FALSE(endpoint.tcb->has_timestamps);
    CHECK_FALSE(endpoint.tcb->has_sack);
    CHECK(endpoint.tcb->send_scale == 0);
    CHECK(host.only().options.empty());
}

// --- what a program sets

stack::tcp::Opening small_opening() {
    stack::tcp::Opening opening;
    opening.receive_buffer_bytes = 10'000;
    opening.send_buffer_bytes = 5'000;
    opening.mss_max = 1'000;
    opening.window_scale = std::uint8_t{1};
    return opening;
}

void is_small(TcpHost& host, TestEndpoint& endpoint) {
    CHECK(endpoint.tcb->receive_limit == 10'000);
    CHECK(endpoint.tcb->receive_scale == 1);
    CHECK(endpoint.tcb->mss == 988);
    CHECK(host.write(endpoint, std::string(20'000, 'x')) == 5'000);
    const auto sent = host.sent();
    REQUIRE(sent.size() == 6);
    CHECK(sent[0].text.size() == 988);
    CHECK(sent[0].window == 5'000);
}

TEST_CASE("a connect may have buffers, a segment and a scale of its own", "[stack][tcp][opening]") {
    TcpHost host;
    stack::tcp::LocalEnd from;
    from.opening = small_opening();
    TestEndpoint& endpoint = connect(host, from);
    const TestSegment syn = host.only();
    CHECK(syn.window == 10'000);
    CHECK(syn.mss == 1'000);
    CHECK(syn.scale == 1);
    host.come(full_answer(syn), host.last_port);
    (void)host.only();
    is_small(host, endpoint);
    (void)connect(host);
    const TestSegment other = host.only();
    CHECK(other.window == 65'535);
    CHECK(other.mss == 1460);
    CHECK(other.scale == 7);
}

TEST_CASE("a peer's smaller segment counts, and a larger one than ours does not", "[stack][tcp][opening]") {
    const auto theirs = GENERATE(std::uint16_t{700}, std::uint16_t{1'460}, std::uint16_t{0});
    TcpHost host;
    host.acceptor.opening.mss_max = 1'000;
    TestSegment syn = full_syn();
    syn.timestamps.reset();
    syn.mss.reset();
    if (theirs != 0) syn.mss = theirs;
    TestEndpoint& endpoint = host.establish(syn);
    CHECK(endpoint.tcb->mss == (theirs == 0 ? 536 : std::min<int>(theirs, 1'000)));
}

TEST_CASE("no segment is bounded to less than 88 bytes, nor to more than fits the link", "[stack][tcp][opening]") {
    TcpHost host;
    stack::tcp::LocalEnd from;
    from.opening.mss_max = 1;
    (void)connect(host, from);
    CHECK(host.only().mss == 88);
    from.opening.mss_max = 9'000;
    (void)connect(host, from);
    CHECK(host.only().mss == 1460);
}

TEST_CASE("accepted connections begin as their listener says", "[stack][tcp][opening]") {
    TcpHost host;
    host.acceptor.opening = small_opening();
    host.come(full_syn());
    const TestSegment answer = host.only();
    CHECK(answer.window == 10'000);
    CHECK(answer.mss == 1'000);
    CHECK(answer.scale == 1);
    host.acceptor.opening.window_scale = std::uint8_t{9};  // what was offered stands
    TestSegment last;
    last.flags = flag::ack;
    last.seq = 1001;
    last.ack = answer.seq + 1;
    last.timestamps = TcpTimestamps{78, answer.timestamps->value};
    host.come(last);
    TestEndpoint& endpoint = host.endpoint();
    REQUIRE(host.tcp().accept(host.acceptor, endpoint));
    is_small(host, endpoint);
}

TEST_CASE("two ends that connect at once are answered as the SYN offered", "[stack][tcp][opening]") {
    TcpHost host;
    stack::tcp::LocalEnd from;
    from.opening = small_opening();
    TestEndpoint& endpoint = connect(host, from);
    (void)host.only();
    host.come(full_syn(), host.last_port);
    const TestSegment answer = host.only();
    CHECK(endpoint.tcb->state == State::syn_received);
    CHECK(answer.flags == (flag::syn | flag::ack));
    CHECK(answer.window == 10'000);
    CHECK(answer.mss == 1'000);
    CHECK(answer.scale == 1);
}

TEST_CASE("buffers may be rounded up to whole segments, and the first acknowledgement says so",
          "[stack][tcp][opening]") {
    const bool has_timestamps = GENERATE(false, true);
    stack::StackConfig config = host_config();
    config.tcp.receive_buffer_bytes = 65'536;
    config.tcp.send_buffer_bytes = 32'768;
    config.tcp.window_scale = 6;
    config.tcp.timestamps = has_timestamps;
    config.tcp.buffers_in_segments = true;
    TcpHost host(config);
    TestEndpoint& endpoint = connect(host);
    const TestSegment syn = host.only();
    CHECK(syn.window == 65'535);
    host.come(full_answer(syn), host.last_port);
    CHECK(host.only().window == 65'700 >> 6);
    CHECK(endpoint.tcb->receive_limit == 65'700);
    CHECK(endpoint.tcb->send_limit == 33'580);
}

TEST_CASE("buffers are as long as they were asked for", "[stack][tcp][opening]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish(full_syn());
    CHECK(endpoint.tcb->receive_limit == 65'536);
    CHECK(endpoint.tcb->send_limit == 262'144);
}

// --- the first segments

TEST_CASE("the first window is so many segments, and no more than so many bytes or two segments",
          "[stack][tcp][opening]") {
    stack::TcpLimits limits;
    CHECK(stack::tcp::initial_window(limits, 536) == 5'360);
    CHECK(stack::tcp::initial_window(limits, 1'460) == 14'600);
    CHECK(stack::tcp::initial_window(limits, 1'461) == 14'600);
    CHECK(stack::tcp::initial_window(limits, 8'960) == 17'920);
    limits.initial_window_segments = 4;
    limits.initial_window_bytes = 4'380;
    CHECK(stack::tcp::initial_window(limits, 1'460) == 4'380);
    CHECK(stack::tcp::initial_window(limits, 536) == 2'144);
    limits.initial_window_bytes = 0xffff'ffff;
    CHECK(stack::tcp::initial_window(limits, 8'960) == 35'840);
}

TEST_CASE("a connection sends its first window at once, and has it again after a silence", "[stack][tcp][opening]") {
    stack::StackConfig config = host_config();
    config.tcp.initial_window_segments = 3;
    TcpHost host(config);
    TestSegment syn;
    syn.mss = 1'000;
    TestEndpoint& endpoint = host.establish(syn);
    CHECK(host.write(endpoint, std::string(20'000, 'x')) == 20'000);
    for (std::size_t expected = 3; host.host_seq < endpoint.tcb->iss + 20'001; expected *= 2) {
        const auto sent = host.sent();
        CHECK(sent.size() <= expected);
        REQUIRE_FALSE(sent.empty());
        for (const TestSegment& segment : sent) host.host_seq += static_cast<std::uint32_t>(segment.text.size());
        host.acknowledge(host.host_seq);
    }
    CHECK(host.sent().empty());
    CHECK(endpoint.tcb->congestion.window > 3'000);
    host.pass(10s);
    CHECK(host.write(endpoint, std::string(20'000, 'x')) == 20'000);
    CHECK(host.sent().size() == 3);
}

stack::StackConfig quick_config(std::uint8_t count) {
    stack::StackConfig config = host_config();
    config.tcp.quick_acks = count;
    return config;
}

TEST_CASE("segments of a beginning are acknowledged each, then every second one", "[stack][tcp][opening]") {
    TcpHost host(quick_config(3));
    (void)host.establish();
    for (int i = 0; i < 3; ++i) {
        host.say("bulk");
        CHECK(host.only().ack == host.peer_seq);
    }
    host.say("four");
    CHECK(host.sent().empty());
    host.say("five");
    CHECK(host.only().ack == host.peer_seq);
    host.say("six");
    std::vector<TestSegment> acks;
    CHECK(host.until_sent(1s, acks) == 40ms);
}

TEST_CASE("a reply soon after data ends the quick acknowledgements, a late one does not", "[stack][tcp][opening]") {
    const bool is_soon = GENERATE(true, false);
    const bool has_delay = GENERATE(true, false);  // the usual write, or the long way
    CAPTURE(is_soon, has_delay);
    TcpHost host(quick_config(16));
    TestEndpoint& endpoint = host.establish();
    if (has_delay) host.tcp().set_no_delay(*endpoint.tcb, false, host.now);
    host.say("ask");
    CHECK(host.only().ack == host.peer_seq);
    host.pass(is_soon ? 39ms : 40ms);
    CHECK(host.write(endpoint, "answer") == 6);
    CHECK(host.only().text == "answer");
    host.host_seq += 6;
    host.say("next");
    CHECK(host.sent().size() == (is_soon ? 0U : 1U));
    host.pass(40ms);
    CHECK(host.sent().size() == (is_soon ? 1U : 0U));
}

TEST_CASE("what is sent before anything came is no reply", "[stack][tcp][opening]") {
    TcpHost host(quick_config(16));
    const bool is_round = GENERATE(false, true);  // the milliseconds that are remembered come to 0 again
    if (is_round) host.pass(std::chrono::milliseconds{(std::int64_t{1} << 32U) - 1'000});
    TestEndpoint& endpoint = connect(host);
    const TestSegment syn = host.only();
    host.come(full_answer(syn), host.last_port);
    (void)host.only();
    CHECK(host.write(endpoint, "ask") == 3);
    const TestSegment ask = host.only();
    TestSegment data;
    data.flags = flag::ack | flag::psh;
    data.seq = 1001;
    data.ack = ask.seq + 3;
    data.text = "answer";
    data.timestamps = TcpTimestamps{78, ask.timestamps->value};
    host.come(data, host.last_port);
    CHECK(host.only().ack == 1007);
}

TEST_CASE("a small window begins with fewer quick acknowledgements, two at least", "[stack][tcp][opening]") {
    stack::StackConfig config = quick_config(16);
    config.tcp.receive_buffer_bytes = GENERATE(1'000U, 5'360U);
    const int expected = config.tcp.receive_buffer_bytes == 1'000 ? 2 : 5;
    TcpHost host(config);
    (void)host.establish();
    for (int i = 0; i < expected; ++i) {
        host.say("x");
        CHECK(host.sent().size() == 1);
    }
    host.say("x");
    CHECK(host.sent().empty());
}

TEST_CASE("who sets quick acknowledgements on or off ends those of the beginning", "[stack][tcp][opening]") {
    TcpHost host(quick_config(2));
    TestEndpoint& endpoint = host.establish();
    host.tcp().set_quick_ack(*endpoint.tcb, false);
    host.say("one");
    CHECK(host.sent().empty());
    host.tcp().set_quick_ack(*endpoint.tcb, true);
    CHECK(host.sent().size() == 1);
    for (int i = 0; i < 5; ++i) {
        host.say("x");
        CHECK(host.sent().size() == 1);
    }
}

TEST_CASE("an acknowledgement may be due for each segment, replies or not", "[stack][tcp][opening]") {
    stack::StackConfig config = host_config();
    config.tcp.segments_per_ack = 1;
    config.tcp.quick_acks = GENERATE(std::uint8_t{0}, std::uint8_t{2});
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    for (int i = 0; i < 5; ++i) {
        host.say("x");
        CHECK(host.only().ack == host.peer_seq);
        CHECK(host.write(endpoint, "y") == 1);
        CHECK(host.only().text == "y");
        ++host.host_seq;
    }
}

}  // namespace
}  // namespace skerry
