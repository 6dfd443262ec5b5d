// How connections begin: RFC 9293 section 3.10.7, RFC 5961, and the limits.

#include "support/tcp_host.hpp"

#include <skerry/stack/wire/icmp.hpp>

#include <set>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::wire::TcpTimestamps;

TestSegment syn(std::uint32_t seq = 1000) {
    TestSegment segment;
    segment.flags = flag::syn;
    segment.seq = seq;
    return segment;
}

TestSegment ack_of(const TestSegment& answer, std::uint32_t seq) {
    TestSegment segment;
    segment.flags = flag::ack;
    segment.seq = seq;
    segment.ack = answer.seq + 1;
    return segment;
}

// --- from the peer

TEST_CASE("a SYN is answered, and the connection exists with the final acknowledgement", "[stack][tcp]") {
    TcpHost host;
    host.come(syn());
    const TestSegment answer = host.only();
    CHECK(answer.flags == (flag::syn | flag::ack));
    CHECK(answer.ack == 1001);
    CHECK(answer.mss == 1460);
    CHECK(host.tcp().sizes().half_open == 1);
    CHECK(host.tcp().sizes().connections == 0);
    host.come(ack_of(answer, 1001));
    CHECK(host.tcp().sizes().half_open == 0);
    CHECK(host.tcp().sizes().connections == 1);
    CHECK(host.acceptor.calls == 1);
    CHECK(host.sent().empty());
    TestEndpoint& endpoint = host.endpoint();
    REQUIRE(host.tcp().accept(host.acceptor, endpoint));
    CHECK(endpoint.tcb->state == State::established);
    CHECK_FALSE(host.tcp().accept(host.acceptor, host.endpoint()));
}

TEST_CASE("an option that the peer did not offer is not agreed on", "[stack][tcp]") {
    TcpHost host;
    host.come(syn());
    const TestSegment plain = host.only();
    CHECK_FALSE(plain.timestamps);
    CHECK_FALSE(plain.scale);
    TestSegment full = syn();
    full.timestamps = TcpTimestamps{77, 0};
    full.scale = 9;
    full.mss = 1000;
    host.come(full, host_port, 5001);
    const TestSegment answer = host.only();
    REQUIRE(answer.timestamps);
    CHECK(answer.timestamps->echo == 77);
    CHECK(answer.scale == 7);
}

TEST_CASE("the final acknowledgement may bring data, and an end", "[stack][tcp]") {
    TcpHost host;
    host.come(syn());
    const TestSegment answer = host.only();
    TestSegment last = ack_of(answer, 1001);
    last.text = "hello";
    last.flags |= flag::fin;
    host.come(last);
    TestEndpoint& endpoint = host.endpoint();
    REQUIRE(host.tcp().accept(host.acceptor, endpoint));
    CHECK(host.read(endpoint) == "hello");
    CHECK(endpoint.tcb->state == State::close_wait);
    CHECK(host.only().ack == 1007);
}

TEST_CASE("a SYN-ACK is sent again after 1, 2, 4, 8 and 16 s, and given up after 63 s", "[stack][tcp]") {
    TcpHost host;
    host.come(syn());
    const TestSegment first = host.only();
    std::vector<TestSegment> again;
    for (const auto expected : {1s, 2s, 4s, 8s, 16s}) {
        CHECK(host.until_sent(100s, again) == expected);
        REQUIRE(again.size() == 1);
        CHECK(again[0].seq == first.seq);
        CHECK(again[0].flags == first.flags);
    }
    host.pass(31s);
    CHECK(host.tcp().sizes().half_open == 1);
    host.pass(1s);
    CHECK(host.tcp().sizes().half_open == 0);
    CHECK(host.sent().empty());
}

TEST_CASE("a SYN that comes again is answered again with the same numbers", "[stack][tcp]") {
    TcpHost host;
    host.come(syn());
    const TestSegment first = host.only();
    host.come(syn());
    const TestSegment second = host.only();
    CHECK(second.seq == first.seq);
    CHECK(host.tcp().sizes().half_open == 1);
}

TEST_CASE("another SYN for a handshake is challenged and changes nothing", "[stack][tcp]") {
    TcpHost host;
    host.come(syn(1000));
    const TestSegment first = host.only();
    host.come(syn(5000));
    const TestSegment challenge = host.only();
    CHECK(challenge.flags == flag::ack);
    CHECK(challenge.ack == 1001);
    CHECK(host.dropped(Drop::tcp_syn_in_window) == 1);
    host.come(ack_of(first, 1001));
    CHECK(host.tcp().sizes().connections == 1);
}

TEST_CASE("a reset ends a handshake when it is exact, and is challenged in the window", "[stack][tcp]") {
    TcpHost host;
    host.come(syn());
    (void)host.only();
    TestSegment reset;
    reset.flags = flag::rst;
    reset.seq = 1500;
    host.come(reset);
    CHECK(host.only().flags == flag::ack);
    reset.seq = 500;
    host.come(reset);
    CHECK(host.sent().empty());
    CHECK(host.dropped(Drop::tcp_reset) == 2);
    CHECK(host.tcp().sizes().half_open == 1);
    reset.seq = 1001;
    host.come(reset);
    CHECK(host.sent().empty());
    CHECK(host.tcp().sizes().half_open == 0);
}

TEST_CASE("one handshake challenges once in half a second", "[stack][tcp]") {
    const int later_ms = GENERATE(0, 1);
    TcpHost host;
    host.pass(later_ms * 1ms);
    host.come(syn(1000));
    (void)host.only();
    const auto challenges = [&host] {
        for (int i = 0; i < 20; ++i) host.come(syn(5000));
        return host.sent().size();
    };
    CHECK(challenges() == 1);
    host.pass(499ms);
    CHECK(challenges() == 0);
    host.pass(1ms);
    CHECK(challenges() == 1);
    CHECK(host.tcp().sizes().half_open == 1);
}

TEST_CASE("a final acknowledgement of something else is reset", "[stack][tcp]") {
    TcpHost host;
    host.come(syn());
    TestSegment wrong = ack_of(host.only(), 1001);
    wrong.ack += 1;
    host.come(wrong);
    const TestSegment reset = host.only();
    CHECK(reset.flags == flag::rst);
    CHECK(reset.seq == wrong.ack);
    CHECK(host.dropped(Drop::tcp_ack) == 1);
    CHECK(host.tcp().sizes().half_open == 1);
}

TEST_CASE("a port where nobody listens answers with a reset that acknowledges", "[stack][tcp]") {
    TcpHost host;
    TestSegment first = syn();
    first.text = "abc";
    host.come(first, 7001);
    const TestSegment reset = host.only();
    CHECK(reset.flags == (flag::rst | flag::ack));
    CHECK(reset.seq == 0);
    CHECK(reset.ack == 1004);  // SYN and three bytes
    TestSegment other;
    other.flags = flag::ack;
    other.ack = 77;
    host.come(other, 7001);
    const TestSegment bare = host.only();
    CHECK(bare.flags == flag::rst);
    CHECK(bare.seq == 77);
    CHECK(host.dropped(Drop::tcp_no_port) == 2);
    other.flags = flag::rst;
    host.come(other, 7001);
    CHECK(host.sent().empty());
}

TEST_CASE("a listener resets an acknowledgement, and drops what is no SYN", "[stack][tcp]") {
    TcpHost host;
    TestSegment segment;
    segment.flags = flag::ack;
    segment.ack = 5;
    host.come(segment);
    CHECK(host.only().flags == flag::rst);
    for (const int flags : {0, int{flag::fin}, flag::syn | flag::fin, flag::fin | flag::psh | flag::urg}) {
        segment.flags = static_cast<std::uint8_t>(flags);
        host.come(segment);
    }
    CHECK(host.sent().empty());
    CHECK(host.dropped(Drop::tcp_flags) == 4);
    CHECK(host.tcp().sizes().half_open == 0);
}

TEST_CASE("resets for segments of nothing are limited", "[stack][tcp]") {
    TcpHost host;
    std::size_t resets = 0;
    for (int i = 0; i < 500; ++i) {
        host.come(syn(), 7001);
        resets += host.sent().size();
    }
    CHECK(resets > 0);
    CHECK(resets <= 15);  // a hundredth of a second's share
}

TEST_CASE("no segment to a group or a broadcast address is answered", "[stack][tcp]") {
    TcpHost host;
    const Bytes whole = host.packet(syn());
    const std::span<const std::byte> segment = std::span(whole).subspan(14 + 20);
    host.give(ipv4(stack::wire::ip_protocol::tcp, segment, stack::wire::Ipv4Addr::of(198, 18, 0, 255)));
    CHECK(host.sent().empty());
    CHECK(host.dropped(Drop::tcp_not_unicast) == 1);
}

TEST_CASE("a SYN from ourselves to the port it came from begins nothing", "[stack][tcp]") {
    TcpHost host;
    const Bytes whole = host.packet(syn(), host_port, host_port);
    Bytes segment(whole.begin() + 14 + 20, whole.end());
    stack::wire::seal_tcp(segment, stack::wire::pseudo_header(host_ip, host_ip, stack::wire::ip_protocol::tcp,
                                                              static_cast<std::uint32_t>(segment.size())));
    host.give(ipv4(stack::wire::ip_protocol::tcp, segment, host_ip, host_ip));
    CHECK(host.tcp().sizes().half_open == 0);
    CHECK(host.dropped(Drop::ipv4_source) == 1);
    CHECK_FALSE(host.stack.has_looped());
}

TEST_CASE("a segment with a wrong checksum or wrong options is dropped", "[stack][tcp]") {
    TcpHost host;
    Bytes bytes = host.packet(syn());
    bytes.back() ^= std::byte{1};
    host.give(bytes);
    CHECK(host.dropped(Drop::tcp_checksum) == 1);
    CHECK(host.sent().empty());
    TestSegment with_mss = syn();
    with_mss.mss = 1460;
    bytes = host.packet(with_mss);
    bytes[14 + 20 + 21] = std::byte{0};  // the option's length
    host.give(bytes, backend::FrameChecksum::good);
    CHECK(host.dropped(Drop::tcp_option_length) == 1);
}

TEST_CASE("handshakes are limited for each listener, and without cookies the oldest makes room", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.tcp.half_open_max = 3;
    config.tcp.syn_cookies = stack::SynCookies::off;
    TcpHost host(config);
    std::vector<TestSegment> answers;
    for (std::uint16_t port = 1; port <= 5; ++port) {
        host.come(syn(), host_port, port);
        answers.push_back(host.only());
        CHECK(host.tcp().sizes().half_open <= 3);
    }
    CHECK(host.dropped(Drop::tcp_half_open_full) == 2);
    host.come(ack_of(answers[1], 1001), host_port, 2);
    CHECK((host.only().flags & flag::rst) != 0);  // forgotten
    host.come(ack_of(answers[4], 1001), host_port, 5);
    CHECK(host.sent().empty());
    CHECK(host.acceptor.has_waiting());
    host.pass(100s);
    (void)host.sent();
    host.come(syn(), host_port, 9);
    CHECK(host.only().flags == (flag::syn | flag::ack));
}

TEST_CASE("a full queue takes no handshake on, and leaves the ones under way waiting", "[stack][tcp]") {
    TcpHost host(host_config(), 1);
    host.come(syn(), host_port, 1);
    const TestSegment one = host.only();
    host.come(syn(), host_port, 2);
    const TestSegment other = host.only();
    host.come(ack_of(one, 1001), host_port, 1);
    host.come(ack_of(other, 1001), host_port, 2);
    CHECK(host.dropped(Drop::tcp_accept_full) == 1);
    CHECK(host.tcp().sizes().half_open == 1);
    host.come(syn(), host_port, 3);
    CHECK(host.sent().empty());
    CHECK(host.dropped(Drop::tcp_accept_full) == 2);
    REQUIRE(host.tcp().accept(host.acceptor, host.endpoint()));
    host.come(ack_of(other, 1001), host_port, 2);
    CHECK(host.tcp().sizes().connections == 2);
}

TEST_CASE("a connection that is reset before it was accepted leaves the queue", "[stack][tcp]") {
    TcpHost host;
    host.come(syn());
    const TestSegment answer = host.only();
    host.come(ack_of(answer, 1001));
    TestSegment reset;
    reset.flags = flag::rst;
    reset.seq = 1001;
    host.come(reset);
    CHECK(host.tcp().sizes().connections == 0);
    CHECK_FALSE(host.tcp().accept(host.acceptor, host.endpoint()));
}

TEST_CASE("a listener that closes resets what nobody accepted and forgets its handshakes", "[stack][tcp]") {
    TcpHost host;
    host.come(syn(), host_port, 1);
    host.come(ack_of(host.only(), 1001), host_port, 1);
    host.come(syn(), host_port, 2);
    (void)host.sent();
    host.tcp().close(host.acceptor, host.now);
    CHECK((host.only().flags & flag::rst) != 0);
    CHECK(host.tcp().sizes().half_open == 0);
    CHECK(host.tcp().sizes().connections == 0);
    REQUIRE(host.tcp().listen(host.acceptor, {}, host_port, 4));
}

TEST_CASE("an address has one listener, and an address of others none", "[stack][tcp]") {
    TcpHost host;
    TestAcceptor other;
    CHECK(host.tcp().listen(other, host_ip, host_port, 4).error() == Errc::address_in_use);
    CHECK(host.tcp().listen(other, peer_ip, 1, 4).error() == Errc::address_not_available);
    REQUIRE(host.tcp().listen(other, host_ip, 0, 4));
    CHECK(other.port >= 32'768);
    host.tcp().close(other, host.now);
}

TEST_CASE("the SYN's MSS bounds what is sent, within limits", "[stack][tcp]") {
    for (const auto& [offered, used] :
         {std::pair<int, int>{-1, 536}, {1000, 1000}, {65'535, 1460}, {60, 60}, {0, 48}, {47, 48}}) {
        TcpHost host;
        TestSegment first;
        if (offered >= 0) first.mss = static_cast<std::uint16_t>(offered);
        TestEndpoint& endpoint = host.establish(first);
        CHECK(endpoint.tcb->mss == used);
        CHECK(host.write(endpoint, std::string(3000, 'x')) == 3000);
        CHECK(host.sent().front().text.size() == static_cast<std::size_t>(used));
    }
}

// --- from the host

TestEndpoint& connect(TcpHost& host) {
    TestEndpoint& endpoint = host.endpoint();
    REQUIRE(host.tcp().connect(endpoint, peer_ip, peer_port, host.now));
    return endpoint;
}

TEST_CASE("a connect sends a SYN with every option, and is made by the SYN-ACK", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = connect(host);
    const TestSegment first = host.only();
    CHECK(first.flags == flag::syn);
    CHECK(first.mss == 1460);
    CHECK(first.scale == 7);
    REQUIRE(first.timestamps);
    CHECK(host.last_port >= 32'768);
    TestSegment answer = ack_of(first, 9000);
    answer.flags |= flag::syn;
    answer.timestamps = TcpTimestamps{5, first.timestamps->value};
    answer.scale = 2;
    host.come(answer, host.last_port);
    CHECK(endpoint.calls == 1);
    CHECK(endpoint.tcb->state == State::established);
    const TestSegment last = host.only();
    CHECK(last.flags == flag::ack);
    CHECK(last.ack == 9001);
    CHECK(last.seq == first.seq + 1);
    REQUIRE(last.timestamps);
    CHECK(last.timestamps->echo == 5);
}

TEST_CASE("what is written at once carries the final acknowledgement", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = connect(host);
    TestSegment answer = ack_of(host.only(), 9000);
    answer.flags |= flag::syn;
    host.come(answer, host.last_port);
    CHECK(host.write(endpoint, "hi") == 2);
    const TestSegment data = host.only();
    CHECK(data.text == "hi");
    CHECK(data.ack == 9001);
}

TEST_CASE("a reset that acknowledges the SYN refuses the connection, another one does not", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = connect(host);
    TestSegment reset = ack_of(host.only(), 0);
    const std::uint32_t right = reset.ack;
    reset.flags = flag::rst;
    host.come(reset, host.last_port);
    reset.flags = flag::rst | flag::ack;
    reset.ack = right + 1;
    host.come(reset, host.last_port);
    CHECK(endpoint.tcb->state == State::syn_sent);
    CHECK(host.sent().empty());
    reset.ack = right;
    host.come(reset, host.last_port);
    CHECK(endpoint.tcb->state == State::closed);
    CHECK(stack::tcp::Tcp::take_error(*endpoint.tcb) == Errc::connection_refused);
    CHECK(stack::tcp::Tcp::take_error(*endpoint.tcb) == Errc::ok);
}

TEST_CASE("an acknowledgement of no SYN of ours is reset and changes nothing", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = connect(host);
    TestSegment wrong = ack_of(host.only(), 50);
    wrong.ack += 7;
    wrong.flags |= flag::syn;
    host.come(wrong, host.last_port);
    const TestSegment reset = host.only();
    CHECK(reset.flags == flag::rst);
    CHECK(reset.seq == wrong.ack);
    CHECK(endpoint.tcb->state == State::syn_sent);
}

TEST_CASE("a SYN is sent again after 1, 2, 4 ... 32 s, and given up after 127 s", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = connect(host);
    const TestSegment first = host.only();
    std::vector<TestSegment> again;
    for (const auto expected : {1s, 2s, 4s, 8s, 16s, 32s}) {
        CHECK(host.until_sent(200s, again) == expected);
        REQUIRE(again.size() == 1);
        CHECK(again[0].seq == first.seq);
    }
    host.pass(63s);
    CHECK(endpoint.tcb->state == State::syn_sent);
    host.pass(1s);
    CHECK(endpoint.tcb->state == State::closed);
    CHECK(stack::tcp::Tcp::take_error(*endpoint.tcb) == Errc::timed_out);
    CHECK(endpoint.calls == 1);
}

TEST_CASE("a connect to a neighbour that does not answer fails after three seconds", "[stack][tcp]") {
    StackHost host;
    const auto silent = stack::wire::Ipv4Addr::of(198, 18, 0, 77);
    TestEndpoint first;
    TestEndpoint second;
    REQUIRE(host.stack.tcp().connect(first, silent, 80, host.now));
    REQUIRE(host.stack.tcp().connect(second, stack::wire::Ipv4Addr::of(10, 0, 0, 1), 80, host.now));  // by the gateway
    for (int ms = 0; ms < 2900; ms += 100) host.pass(100ms);
    CHECK(first.tcb->state == State::syn_sent);
    CHECK(second.tcb->state == State::syn_sent);
    host.pass(100ms);
    host.pass(1ms);
    for (TestEndpoint* each : {&first, &second}) {
        CHECK(each->tcb->state == State::closed);
        CHECK(each->calls == 1);
        CHECK(stack::tcp::Tcp::take_error(*each->tcb) == Errc::unreachable);
        host.stack.tcp().close(*each, host.now);
    }
    CHECK(host.dropped(Drop::neighbour_unreachable) >= 2);
    CHECK(host.dropped(Drop::icmp_stale) == 0);
    CHECK(host.stack.tcp().sizes().connections == 0);
    (void)host.taken();
    CHECK(host.frames.out() == 0);
}

TEST_CASE("a connection that stands outlives a neighbour that does not answer for a while", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.neighbours.entries_max = 1;
    TcpHost host(config);
    TestEndpoint& endpoint = host.establish();
    host.give(arp(stack::wire::ArpOperation::request, stack::wire::Ipv4Addr::of(198, 18, 0, 3)));  // the entry is gone
    (void)host.taken();
    REQUIRE(host.write(endpoint, "hello") == 5);
    for (int i = 0; i < 35; ++i) {
        host.now = host.now + 100ms;
        host.stack.advance(host.now);
        (void)host.taken();
    }
    CHECK(host.dropped(Drop::neighbour_unreachable) >= 1);
    CHECK(endpoint.tcb->state == State::established);
    std::vector<TestSegment> again;
    host.until_sent(60s, again);
    CHECK(again.at(0).text == "hello");
}

Bytes unreachable(const Bytes& quoted_frame, std::uint8_t code) {
    const auto quote = std::span(quoted_frame).subspan(14, 28);
    Bytes message(stack::wire::icmp_bytes + quote.size());
    stack::wire::IcmpHeader header;
    header.type = stack::wire::IcmpType::unreachable;
    header.code = code;
    stack::wire::write(header, message.data());
    std::memcpy(message.data() + stack::wire::icmp_bytes, quote.data(), quote.size());
    stack::wire::seal_icmp(message);
    return ipv4(stack::wire::ip_protocol::icmp, message);
}

TEST_CASE("an ICMP error about the SYN ends the connect, about another number it does not", "[stack][tcp]") {
    namespace code = stack::wire::icmp_code;
    for (const auto& [why, error] :
         {std::pair{code::port_unreachable, Errc::connection_refused}, {code::host_unreachable, Errc::unreachable}}) {
        TcpHost host;
        TestEndpoint& endpoint = connect(host);
        const auto frames_sent = host.taken();
        REQUIRE(frames_sent.size() == 1);
        Bytes other = frames_sent[0];
        other[14 + 20 + 4] ^= std::byte{1};  // its sequence number
        host.give(unreachable(other, why));
        CHECK(endpoint.tcb->state == State::syn_sent);
        CHECK(host.dropped(Drop::icmp_stale) == 1);
        host.give(unreachable(frames_sent[0], why));
        CHECK(endpoint.tcb->state == State::closed);
        CHECK(stack::tcp::Tcp::take_error(*endpoint.tcb) == error);
    }
}

TEST_CASE("two ends that connect to each other at once have one connection", "[stack][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = connect(host);
    const TestSegment first = host.only();
    const std::uint16_t port = host.last_port;
    TestSegment theirs = syn(9000);
    theirs.timestamps = TcpTimestamps{5, 0};
    host.come(theirs, port);
    const TestSegment answer = host.only();
    CHECK(answer.flags == (flag::syn | flag::ack));
    CHECK(answer.seq == first.seq);
    CHECK(answer.ack == 9001);
    CHECK(endpoint.tcb->state == State::syn_received);
    TestSegment last = ack_of(first, 9001);
    last.timestamps = TcpTimestamps{6, answer.timestamps->value};
    host.come(last, port);
    CHECK(endpoint.tcb->state == State::established);
    CHECK(endpoint.calls == 1);
}

TEST_CASE("two ends that connect at once scale windows when both said so, be it by no bit", "[stack][tcp]") {
    const std::uint8_t bits = GENERATE(std::uint8_t{0}, std::uint8_t{3});
    const bool is_offered = GENERATE(true, false);
    CAPTURE(int{bits}, is_offered);
    stack::StackConfig config = host_config();
    config.tcp.window_scale = bits;
    TcpHost host(config);
    TestEndpoint& endpoint = connect(host);
    const TestSegment first = host.only();
    CHECK(first.scale == bits);
    TestSegment theirs = syn(9000);
    theirs.scale = is_offered ? std::optional<std::uint8_t>{2} : std::nullopt;
    host.come(theirs, host.last_port);
    for (const int time : {1, 2}) {  // and again, when it was lost
        CAPTURE(time);
        const TestSegment answer = host.only();
        CHECK(answer.flags == (flag::syn | flag::ack));
        CHECK(answer.scale == (is_offered ? std::optional{bits} : std::nullopt));
        if (time == 1) host.pass(1s);
    }
    TestSegment last = ack_of(first, 9001);
    last.window = 1000;
    host.come(last, host.last_port);
    CHECK(endpoint.tcb->state == State::established);
    CHECK(endpoint.tcb->snd_wnd == (is_offered ? 4000U : 1000U));
}

TEST_CASE("a connect to where no route leads fails at once", "[stack][tcp]") {
    stack::StackConfig config = host_config();
    config.gateway = {};
    TcpHost host(config);
    TestEndpoint& endpoint = host.endpoint();
    const auto far = stack::wire::Ipv4Addr::of(192, 0, 2, 1);
    CHECK(host.tcp().connect(endpoint, far, 1, host.now).error() == Errc::unreachable);
    CHECK(host.tcp().connect(endpoint, stack::wire::Ipv4Addr::of(198, 18, 0, 255), 1, host.now).error() ==
          Errc::unreachable);
    CHECK(host.tcp().sizes().connections == 0);
}

TEST_CASE("connections to one peer have ports of their own, in no order", "[stack][tcp]") {
    TcpHost host;
    std::set<std::uint16_t> ports;
    bool is_in_order = true;
    std::uint16_t before = 0;
    for (int i = 0; i < 50; ++i) {
        (void)connect(host);
        (void)host.only();
        ports.insert(host.last_port);
        is_in_order &= host.last_port > before;
        before = host.last_port;
    }
    CHECK(ports.size() == 50);
    CHECK_FALSE(is_in_order);
}

}  // namespace
}  // namespace skerry
