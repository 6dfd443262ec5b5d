// How the packets of a TCP connection are marked: TTL or hop limit, and traffic class.

#include "support/ipv6_host.hpp"
#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::IpMarks;

constexpr IpMarks wanted{9, 0x48};

/// What the header of a packet that left says.
IpMarks marks_in(const Bytes& frame) {
    const std::byte* const ip = frame.data() + stack::wire::ethernet_bytes;
    if (!is_ipv6(frame)) return {stack::wire::load_8(ip + 8), stack::wire::load_8(ip + 1)};
    const stack::wire::Ipv6Header header = sent6_in(frame).ip;
    return {header.hop_limit, header.traffic_class};
}

void check_all(const std::vector<Bytes>& frames, IpMarks marks, std::size_t count) {
    REQUIRE(frames.size() == count);
    for (const Bytes& each : frames) {
        CHECK(int{marks_in(each).ttl} == int{marks.ttl});
        CHECK(int{marks_in(each).traffic_class} == int{marks.traffic_class});
    }
}

TEST_CASE("a connection's segments are marked as it is, and no other's", "[stack][tcp][marks]") {
    TcpHost host;
    TestEndpoint& other = host.establish();
    TestEndpoint& endpoint = host.establish({}, peer_port + 1);
    endpoint.tcb->mark(wanted);
    REQUIRE(host.write(endpoint, "hello") == 5);
    check_all(host.taken(), wanted, 1);
    REQUIRE(host.write(other, "hello") == 5);
    check_all(host.taken(), {}, 1);
    REQUIRE(host.write(endpoint, "again") == 5);
    check_all(host.taken(), wanted, 1);
    host.now = host.now + 1s;
    host.stack.advance(host.now);  // sent again, both
    std::size_t marked = 0;
    const auto frames = host.taken();
    for (const Bytes& each : frames) marked += marks_in(each) == wanted ? 1 : 0;
    CHECK(frames.size() >= 2);
    CHECK(marked >= 1);
    CHECK(marked < frames.size());
    endpoint.tcb->mark({});
    REQUIRE(host.write(endpoint, "plain") == 5);
    check_all(host.taken(), {}, 1);
}

TEST_CASE("a connect is marked from its SYN on", "[stack][tcp][marks]") {
    Ipv6Host f;
    f.meet();
    f.give(arp(stack::wire::ArpOperation::request));
    (void)f.taken();
    for (const stack::wire::Ipv4Addr to : {peer_ip, f.stack.hosts().name(peer6)}) {
        TestEndpoint endpoint;
        stack::tcp::LocalEnd from;
        from.opening.marks = wanted;
        REQUIRE(f.stack.tcp().connect(endpoint, to, 80, f.now, from));
        check_all(f.taken(), wanted, 1);
        f.pass(1s);
        check_all(f.taken(), wanted, 1);
        f.stack.tcp().forget(endpoint);
    }
}

TEST_CASE("who is accepted is marked as its listener, from the SYN-ACK on", "[stack][tcp][marks]") {
    TcpHost host;
    host.acceptor.opening.marks = wanted;
    TestSegment first;
    first.flags = flag::syn;
    first.seq = 100;
    host.come(first);
    const auto answer = host.taken();
    check_all(answer, wanted, 1);
    TestEndpoint& endpoint = host.establish({}, peer_port + 2);
    (void)host.taken();
    CHECK(endpoint.tcb->marks == wanted);
    REQUIRE(host.write(endpoint, "hello") == 5);
    check_all(host.taken(), wanted, 1);
}

}  // namespace
}  // namespace skerry
