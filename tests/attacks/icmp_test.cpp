// Attacks by ICMP: errors about connections that a stranger guesses, and limits as an oracle.

#include "support/honest.hpp"
#include "support/ipv6_host.hpp"

#include <skerry/stack/tcp/tcp.hpp>
#include <skerry/stack/wire/icmp.hpp>

#include <set>
#include <string>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::wire::IcmpHeader;
using stack::wire::IcmpType;
using stack::wire::Icmpv6Type;
namespace code = stack::wire::icmp_code;
namespace protocol = stack::wire::ip_protocol;

/// An error about 1,500 bytes of ours to `remote`, whose header ends with `rest`.
Bytes error_about(const IcmpHeader& header, std::uint8_t about, stack::wire::Ipv4Addr remote, std::uint16_t from,
                  std::uint16_t to, std::uint32_t rest) {
    Bytes message(stack::wire::icmp_bytes + stack::wire::ipv4_bytes + 8);
    stack::wire::write(header, message.data());
    stack::wire::Ipv4Header ip;
    ip.total_bytes = 1500;
    ip.protocol = about;
    ip.source = host_ip;
    ip.destination = remote;
    std::byte* const quote = message.data() + stack::wire::icmp_bytes;
    stack::wire::write(ip, quote);
    stack::wire::store_be16(quote + 20, from);
    stack::wire::store_be16(quote + 22, to);
    stack::wire::store_be32(quote + 24, rest);
    stack::wire::seal_icmp(message);
    return ipv4(protocol::icmp, message);
}

/// One that quotes a segment at `seq`.
Bytes error_about(std::uint32_t seq, const IcmpHeader& header, std::uint16_t from = host_port,
                  std::uint16_t to = peer_port) {
    return error_about(header, protocol::tcp, peer_ip, from, to, seq);
}

IcmpHeader unreachable(std::uint8_t what, std::uint16_t mtu = 0) {
    IcmpHeader header;
    header.type = IcmpType::unreachable;
    header.code = what;
    header.next_hop_mtu = mtu;
    return header;
}

/// A connection with segments of 1,448 bytes under way.
struct Sending : TcpHost {
    Sending() {
        TestSegment syn;
        syn.mss = 1460;
        ours = &establish(syn);
        REQUIRE(write(*ours, std::string(14'600, 'x')) == 14'600);
        (void)sent();
    }
    TestEndpoint* ours = nullptr;
};

TEST_CASE("attack 35: what is said to be too long shrinks no segment below what anybody needs, or when it is a guess",
          "[attack]") {
    for (const std::uint16_t mtu : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{68}, std::uint16_t{551},
                                    std::uint16_t{1500}, std::uint16_t{9000}, std::uint16_t{65'535}}) {
        CAPTURE(mtu);
        Sending host;
        const std::uint16_t before = host.ours->tcb->mss;
        for (const std::uint32_t guess : {0U - 1U, 1U << 20U, 0U - (1U << 20U), 15'000U}) {
            host.give(error_about(host.host_seq + guess, unreachable(code::fragmentation_needed, mtu)));
            CHECK(host.ours->tcb->mss == before);
            CHECK(host.sent().empty());
        }
        CHECK(host.dropped(Drop::icmp_stale) == 4);
        host.give(error_about(host.host_seq, unreachable(code::fragmentation_needed, mtu)));
        CHECK(host.ours->tcb->mss >= 552 - 40);
        CHECK((mtu < 1500 || host.ours->tcb->mss == before));
        std::size_t repaired = host.sent().size();
        for (int i = 0; i < 1000; ++i) {  // the same again and again
            host.give(error_about(host.host_seq, unreachable(code::fragmentation_needed, mtu)));
            repaired += host.sent().size();
        }
        CHECK(repaired <= 14'600 / 512 + 4);
        CHECK(host.ours->tcb->mss >= 552 - 40);
        CHECK(host.ours->tcb->state == State::established);
        CHECK(serves(host));
    }
}

TEST_CASE("attack 35: no error ends a connection that stands, nor does quench or redirect", "[attack]") {
    Sending host;
    const std::uint32_t window = host.ours->tcb->congestion.window;
    for (unsigned what = 0; what < 16; ++what) {
        if (what == code::fragmentation_needed) continue;
        host.give(error_about(host.host_seq, unreachable(static_cast<std::uint8_t>(what))));
    }
    for (const unsigned type : {4U, 5U, 11U, 12U}) {  // quench, redirect, time exceeded, parameter problem
        Bytes frame = error_about(host.host_seq, unreachable(0));
        frame[34] = static_cast<std::byte>(type);
        seal(frame);
        host.give(frame);
    }
    CHECK(host.sent().empty());
    CHECK(host.ours->tcb->state == State::established);
    CHECK(host.ours->tcb->congestion.window == window);
    CHECK(serves(host));
}

TEST_CASE("attack 35: a connect is ended by an error about its own SYN alone", "[attack]") {
    TcpHost host;
    TestEndpoint& ours = host.endpoint();
    REQUIRE(host.tcp().connect(ours, peer_ip, 80, host.now));
    const TestSegment syn = host.only();
    for (const std::uint32_t guess : {1U, 0U - 1U, 0x8000'0000U})
        host.give(error_about(syn.seq + guess, unreachable(code::port_unreachable), host.last_port, 80));
    host.give(error_about(syn.seq, unreachable(code::port_unreachable), host.last_port, 81));
    CHECK(ours.tcb->state == State::syn_sent);
    CHECK(host.dropped(Drop::icmp_stale) == 4);
    host.give(error_about(syn.seq, unreachable(code::port_unreachable), host.last_port, 80));
    CHECK(ours.tcb->state == State::closed);
}

TEST_CASE("attack 35: an IPv6 router that takes less than 1280 bytes is not believed", "[attack]") {
    Ipv6Host host;
    host.meet();
    for (const std::uint16_t mtu : {std::uint16_t{0}, std::uint16_t{68}, std::uint16_t{1279}}) {
        Bytes quote(stack::wire::ipv6_bytes + 8);
        stack::wire::Ipv6Header ip;
        ip.payload_bytes = 1000;
        ip.next_header = protocol::udp;
        ip.source = host6;
        ip.destination = peer6;
        stack::wire::write(ip, quote.data());
        stack::wire::store_be16(quote.data() + 40, Ipv6Host::port);
        stack::wire::store_be16(quote.data() + 42, 9);
        stack::wire::Icmpv6Header header;
        header.type = Icmpv6Type::packet_too_big;
        header.mtu = mtu;
        host.give(ipv6(protocol::icmpv6, icmp6(header, quote)));
    }
    CHECK(host.dropped(Drop::icmpv6_mtu) == 3);
    host.send(peer6, std::string(1200, 'x'));
    CHECK(host.taken().size() == 1);  // in one
}

/// One that says that a datagram to `remote` was too long.
Bytes error_about_datagram(std::uint16_t from, stack::wire::Ipv4Addr remote, std::uint16_t to, std::uint16_t mtu) {
    return error_about(unreachable(code::fragmentation_needed, mtu), protocol::udp, remote, from, to, 1480U << 16U);
}

TEST_CASE("attack 35: a connection is shortened though its host is known to take less, or the table is full",
          "[attack]") {
    const bool is_full = GENERATE(false, true);
    Sending host;
    TextSocket6 socket;  // at any address
    REQUIRE(host.stack.udp().open(socket, {}, 53));
    // A stranger who knows of one socket says so of the peer, or of 10,000 hosts that nobody speaks to.
    if (is_full) {
        for (std::uint32_t i = 0; i < 10'000; ++i) host.give(error_about_datagram(53, {0x0a00'0001U + i}, 9, 1400));
        CHECK(host.dropped(Drop::path_mtus_full) == 10'000 - 1024);
    } else {
        host.give(error_about_datagram(53, peer_ip, 9, 1300));
    }
    CHECK(host.ours->tcb->mss == 1460);
    CHECK(host.sent().empty());
    // Then a router speaks the truth about the connection.
    host.give(error_about(host.host_seq, unreachable(code::fragmentation_needed, 1300)));
    CHECK(host.ours->tcb->mss <= 1260);
    const auto again = host.sent();
    CHECK_FALSE(again.empty());
    for (const TestSegment& each : again) CHECK(each.text.size() <= 1260);
    host.stack.udp().close(socket, host.now);
    CHECK(serves(host));
}

TEST_CASE("attack 35: an error about a datagram that no socket can have sent is not believed", "[attack]") {
    TcpHost host;
    TextSocket6 socket;
    REQUIRE(host.stack.udp().open(socket, {}, 53));
    socket.remote = peer_ip;
    socket.remote_port = 9;
    host.give(error_about_datagram(53, {0x0a00'0001U}, 9, 600));
    host.give(error_about_datagram(53, peer_ip, 10, 600));
    host.give(error_about_datagram(54, peer_ip, 9, 600));
    CHECK(host.dropped(Drop::icmp_stale) == 3);
    REQUIRE(host.stack.udp().send(socket, peer_ip, 9, Bytes(1400), host.now));
    CHECK(host.taken().size() == 1);
    host.give(error_about_datagram(53, peer_ip, 9, 600));
    REQUIRE(host.stack.udp().send(socket, peer_ip, 9, Bytes(1400), host.now));
    CHECK(host.taken().size() == 3);
    host.stack.udp().close(socket, host.now);
}

TEST_CASE("attack 36: how many errors leave in a slice of time tells no port", "[attack]") {
    // An attacker asks 1,000 closed ports as the resolver's server, and then one as itself: whether that one is
    // answered must not tell whether the 1,000 used up a number that is known. CVE-2020-25705.
    TcpHost host;
    std::set<std::size_t> counts;
    std::size_t total = 0;
    for (int slice = 0; slice < 100; ++slice) {
        host.pass(10ms);
        for (std::uint16_t port = 0; port < 50; ++port) {
            const auto closed = static_cast<std::uint16_t>(20'000 + port);
            host.give(ipv4(protocol::udp, sealed_datagram(53, closed, "x", peer_ip, host_ip)));
        }
        const std::size_t count = host.taken().size();
        counts.insert(count);
        total += count;
    }
    CHECK(counts.size() > 3);
    CHECK(total < 1600);
    CHECK(total > 400);
    CHECK(host.dropped(Drop::icmp_rate) == 5000 - total);
    CHECK(serves(host));
}

}  // namespace
}  // namespace skerry
