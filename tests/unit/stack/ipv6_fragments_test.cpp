// Packets that come in pieces by IPv6: RFC 8200 section 4.5, with RFC 5722's rule for pieces that overlap.

#include "support/ipv6_host.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::Icmpv6Type;
using stack::wire::Ipv6Addr;
namespace protocol = stack::wire::ip_protocol;

std::string text_of(std::size_t bytes) {
    std::string text(bytes, ' ');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('!' + i % 90);
    return text;
}

/// Bytes [begin, end) of a packet, of which `next` is the first header behind the fragment header.
Bytes piece(std::span<const std::byte> whole, std::size_t begin, std::size_t end, std::uint32_t id = 1,
            std::uint8_t next = protocol::udp, const Ends6& ends = {}) {
    end = std::min(end, whole.size());
    const auto part = whole.subspan(begin, end - begin);
    const Bytes header = fragment_header(next, static_cast<std::uint16_t>(begin), end < whole.size(), id);
    return ipv6(protocol::fragment, joined({header, Bytes(part.begin(), part.end())}), ends);
}

Bytes datagram(std::size_t bytes, const Ends6& ends = {}) { return udp6(9, Ipv6Host::port, text_of(bytes), ends); }

void check_empty(Ipv6Host& f) {
    CHECK(f.stack.reassembly().datagrams() == 0);
    CHECK(f.stack.reassembly().bytes() == 0);
    CHECK(f.stack.hosts().size() == f.stack.neighbours().size());
}

TEST_CASE("two pieces make the datagram, in either order", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    const Bytes whole = datagram(1000);
    const bool is_turned = GENERATE(false, true);
    f.give(is_turned ? piece(whole, 504, 2000) : piece(whole, 0, 504));
    CHECK(f.socket.text() == "-");
    CHECK(f.stack.reassembly().datagrams() == 1);
    for (std::uint16_t i = 0; i < 20; ++i) (void)f.stack.hosts().name(near6(i));  // others pass meanwhile
    f.give(is_turned ? piece(whole, 0, 504) : piece(whole, 504, 2000));
    CHECK(f.socket.text() == text_of(1000));
    CHECK(f.socket.peer == net::SocketAddr(peer6.ip(), 9));
    check_empty(f);
}

TEST_CASE("many pieces in any order, some of them twice, make the datagram", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    std::mt19937 random(5);
    std::size_t copies = 0;
    for (std::uint32_t id = 0; id < 50; ++id) {
        const std::size_t bytes = 500 + random() % 8000;
        const std::size_t step = 8 * (20 + random() % 100);
        const Bytes whole = datagram(bytes);
        std::vector<std::size_t> begins;
        for (std::size_t begin = 0; begin < whole.size(); begin += step) begins.push_back(begin);
        std::shuffle(begins.begin(), begins.end(), random);
        if (begins.size() < 2 || begins.size() > 60) continue;
        for (std::size_t i = 0; i < begins.size(); ++i) {
            f.give(piece(whole, begins[i], begins[i] + step, id));
            if (i + 1 == begins.size() || random() % 4 != 0) continue;
            f.give(piece(whole, begins[i], begins[i] + step, id));
            ++copies;
        }
        REQUIRE(f.socket.text() == text_of(bytes));
    }
    CHECK(copies > 10);
    CHECK(f.dropped(Drop::ipv6_fragment_copy) == copies);
    check_empty(f);
}

TEST_CASE("pieces that overlap take all of the packet with them", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    const Bytes whole = datagram(1000);
    f.give(piece(whole, 0, 504));
    SECTION("by eight bytes") { f.give(piece(whole, 496, 800)); }
    SECTION("within another") { f.give(piece(whole, 8, 160)); }
    SECTION("from the same place, but longer") { f.give(piece(whole, 0, 512)); }
    CHECK(f.dropped(Drop::ipv6_fragment_overlap) == 2);
    CHECK(f.stack.reassembly().bytes() == 0);
    f.give(piece(whole, 504, 2000));  // and what comes later
    f.give(piece(whole, 0, 504));
    CHECK(f.socket.text() == "-");
    CHECK(f.dropped(Drop::ipv6_fragment_overlap) == 4);
    CHECK(f.stack.reassembly().bytes() == 0);
    f.pass(60s);
    check_empty(f);
    f.give(piece(whole, 504, 2000));  // another packet, which has the same number
    f.give(piece(whole, 0, 504));
    CHECK(f.socket.text() == text_of(1000));
}

/// The same with bits of ECN.
Bytes with_ecn(Bytes frame, std::uint8_t ecn) {
    frame[stack::wire::ethernet_bytes + 1] |= static_cast<std::byte>(ecn << 4U);
    return frame;
}

TEST_CASE("a mark on any piece is one on the whole packet", "[stack][ipv6][reassembly][ecn]") {
    Ipv6Host f;
    f.socket.keep_arrivals(true);
    const Bytes whole = datagram(1000);
    const std::uint8_t last = GENERATE(2, 3);
    f.give(with_ecn(piece(whole, 0, 504), 2));
    f.give(with_ecn(piece(whole, 504, 2000), last));
    const stack::UdpDatagram got = f.socket.take();
    REQUIRE(got.frame != nullptr);
    CHECK(got.frame->length == 1000);
    stack::UdpArrival arrival;
    CHECK(f.socket.arrival_of(*got.frame, arrival));
    CHECK(arrival.traffic_class == last);
    got.frame->drop();
    check_empty(f);
}

TEST_CASE("a packet of which one piece is marked and another cannot be is dropped", "[stack][ipv6][reassembly][ecn]") {
    Ipv6Host f;
    const Bytes whole = datagram(1000);
    f.give(with_ecn(piece(whole, 0, 504), 0));
    f.give(with_ecn(piece(whole, 504, 2000), 3));
    CHECK(f.socket.text() == "-");
    CHECK(f.dropped(Drop::ipv6_fragment_overlap) == 2);
    check_empty(f);
}

TEST_CASE("a whole packet with a fragment header meets no pieces of its number", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    const Bytes whole = datagram(1000);
    f.give(piece(whole, 0, 504));
    const Bytes small = datagram(10);
    f.give(piece(small, 0, 1000));
    CHECK(f.socket.text() == text_of(10));
    CHECK(f.stack.reassembly().datagrams() == 1);
    f.give(piece(whole, 504, 2000));
    CHECK(f.socket.text() == text_of(1000));
    check_empty(f);
}

TEST_CASE("pieces of other numbers and of other hosts do not mix", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    const Bytes mine = datagram(100);
    const Bytes other = datagram(200);
    const Ends6 from_other{near6(1), host6};
    const Bytes of_other = datagram(300, from_other);
    f.give(piece(mine, 0, 56, 1));
    f.give(piece(other, 0, 56, 2));
    f.give(piece(of_other, 0, 56, 1, protocol::udp, from_other));
    CHECK(f.stack.reassembly().datagrams() == 3);
    CHECK(f.stack.hosts().size() == 2);
    f.give(piece(of_other, 56, 1000, 1, protocol::udp, from_other));
    CHECK(f.socket.text() == text_of(300));
    CHECK(f.socket.peer.ip() == near6(1).ip());
    f.give(piece(other, 56, 1000, 2));
    CHECK(f.socket.text() == text_of(200));
    f.give(piece(mine, 56, 1000, 1));
    CHECK(f.socket.text() == text_of(100));
    check_empty(f);
}

TEST_CASE("headers behind the fragment header of the first piece are passed over", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    const Bytes whole = joined({option_header(protocol::udp, 0x1e), datagram(600)});
    f.give(piece(whole, 0, 200, 1, protocol::destination_options));
    f.give(piece(whole, 200, 1000, 1, protocol::destination_options));
    CHECK(f.socket.text() == text_of(600));
    check_empty(f);
}

TEST_CASE("headers in front of the fragment header are passed over", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    const Bytes whole = datagram(600);
    const auto with_headers = [&](std::size_t begin, std::size_t end, std::size_t header_bytes) {
        Bytes header(header_bytes);
        header[0] = std::byte{protocol::fragment};
        header[1] = static_cast<std::byte>(header_bytes / 8 - 1);
        header[2] = std::byte{0x1e};
        header[3] = static_cast<std::byte>(header_bytes - 4);
        const Bytes bare = piece(whole, begin, end);
        const auto rest = std::span(bare).subspan(stack::wire::ethernet_bytes + stack::wire::ipv6_bytes);
        return ipv6(protocol::hop_by_hop, joined({header, Bytes(rest.begin(), rest.end())}));
    };
    SECTION("as many as the whole has room for in front") {
        f.give(with_headers(0, 304, 64));
        f.give(with_headers(304, 1000, 8));
        CHECK(f.socket.text() == text_of(600));
    }
    SECTION("more than that") {
        f.give(with_headers(0, 304, 72));
        CHECK(f.dropped(Drop::ipv6_extension_bytes) == 1);
        f.give(piece(whole, 0, 304));
        f.give(piece(whole, 304, 1000));
        CHECK(f.socket.text() == text_of(600));
    }
    check_empty(f);
}

TEST_CASE("a whole that is for a port without a socket is quoted from its first header", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    f.meet();
    const Bytes whole = udp6(9, 4444, text_of(2000));
    f.give(piece(whole, 0, 1200));
    f.give(piece(whole, 1200, 3000));
    const Bytes out = f.only();
    CHECK(icmp6_in(out).code == stack::wire::icmpv6_code::port_unreachable);
    CHECK(icmp6_in(out).quote.source == peer6);
    CHECK(icmp6_in(out).quote.destination_port == 4444);
    CHECK(sent6_in(out).ip.total_bytes() == 1280);
}

TEST_CASE("a first piece without all headers is answered and not kept", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    f.meet();
    const Bytes whole = joined({option_header(protocol::udp, 0x1e), datagram(100)});
    f.give(piece(whole, 0, 8, 1, protocol::destination_options));
    const Sent6 sent = sent6_in(f.only());  // its quote is too short to be read
    CHECK(sent.payload.at(0) == static_cast<std::byte>(Icmpv6Type::parameter_problem));
    CHECK(sent.payload.at(1) == std::byte{stack::wire::icmpv6_code::first_fragment_chain});
    CHECK(f.dropped(Drop::ipv6_fragment_chain) == 1);
    check_empty(f);
}

TEST_CASE("the checksum is looked at when the pieces are one", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    Bytes whole = datagram(1000);
    whole.back() ^= std::byte{1};
    f.give(piece(whole, 0, 504));
    f.give(piece(whole, 504, 2000));
    CHECK(f.socket.text() == "-");
    CHECK(f.dropped(Drop::udp_checksum) == 1);
    check_empty(f);
}

TEST_CASE("what is not whole after 60 s goes, with all its pieces", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    const Bytes whole = datagram(1000);
    f.give(piece(whole, 0, 504));
    f.pass(50s);
    f.give(piece(whole, 504, 800));
    f.pass(9'999ms);
    CHECK(f.stack.reassembly().datagrams() == 1);
    f.pass(1ms);
    CHECK(f.dropped(Drop::ipv6_reassembly_timeout) == 2);
    CHECK(f.dropped(Drop::ipv4_reassembly_timeout) == 0);
    check_empty(f);
}

TEST_CASE("who sent a first piece is told that the rest did not come, unless it went to a group",
          "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    f.meet();
    const bool to_group = GENERATE(false, true);
    const Ends6 ends{peer6, to_group ? Ipv6Addr::all_nodes() : host6};
    const Bytes whole = datagram(1000, ends);
    f.give(piece(whole, 0, 504, 1, protocol::udp, ends));
    f.give(piece(whole, 504, 800, 2, protocol::udp, ends));  // no first piece: nobody is named
    f.pass(61s);
    f.stack.advance(f.now);
    CHECK(f.dropped(Drop::ipv6_reassembly_timeout) == 2);
    if (to_group) {
        CHECK(f.taken().empty());
        return;
    }
    const Bytes out = f.only();
    CHECK(icmp6_in(out).type == Icmpv6Type::time_exceeded);
    CHECK(icmp6_in(out).code == stack::wire::icmpv6_code::reassembly_timeout);
    CHECK(icmp6_in(out).quote.destination_port == Ipv6Host::port);
    CHECK(sent6_in(out).ip.source == host6);
    CHECK(sent6_in(out).ip.destination == peer6);
}

TEST_CASE("of an error whose rest did not come nobody is told", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    f.meet();
    const bool is_error = GENERATE(false, true);
    Bytes message(64);
    message[0] = std::byte{static_cast<std::uint8_t>(is_error ? Icmpv6Type::unreachable : Icmpv6Type::echo)};
    f.give(piece(message, 0, 56, 1, protocol::icmpv6));
    f.pass(61s);
    f.stack.advance(f.now);
    CHECK(f.dropped(Drop::ipv6_reassembly_timeout) == 1);
    CHECK(f.taken().size() == (is_error ? 0 : 1));
}

TEST_CASE("at the limit of packets in pieces the oldest goes, and its sender's address", "[stack][ipv6][reassembly]") {
    stack::StackConfig config = host6_config();
    config.reassembly.datagrams_max = 4;
    Ipv6Host f(config);
    for (std::uint16_t i = 0; i < 6; ++i) {
        const Ends6 ends{near6(i), host6};
        f.give(piece(datagram(100, ends), 0, 56, 1, protocol::udp, ends));
    }
    CHECK(f.stack.reassembly().datagrams() == 4);
    CHECK(f.stack.hosts().size() == 4);
    CHECK(f.dropped(Drop::ipv6_reassembly_full) == 2);
    const Ends6 newest{near6(5), host6};
    f.give(piece(datagram(100, newest), 56, 1000, 1, protocol::udp, newest));
    CHECK(f.socket.text() == text_of(100));
    const Ends6 oldest{near6(0), host6};
    f.give(piece(datagram(100, oldest), 56, 1000, 1, protocol::udp, oldest));
    CHECK(f.socket.text() == "-");
}

TEST_CASE("a packet of more than 64 pieces is dropped", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    const Bytes whole = datagram(1000);
    for (std::size_t begin = 0; begin < 65 * 8; begin += 8) f.give(piece(whole, begin, begin + 8));
    CHECK(f.dropped(Drop::ipv6_reassembly_full) == 65);
    check_empty(f);
}

TEST_CASE("an echo to all nodes that comes in pieces is put together", "[stack][ipv6][reassembly]") {
    Ipv6Host f;
    f.meet();
    const Ends6 ends{peer6, Ipv6Addr::all_nodes()};
    const Bytes echo = echo6(text_of(400), ends);
    f.give(piece(echo, 0, 200, 1, protocol::icmpv6, ends));
    f.give(piece(echo, 200, 1000, 1, protocol::icmpv6, ends));
    const Bytes out = f.only();
    CHECK(icmp6_in(out).type == Icmpv6Type::echo_reply);
    CHECK(sent6_in(out).payload.size() == echo.size());
    check_empty(f);
}

TEST_CASE("a packet in pieces that pushes out another of the same ends is put together", "[stack][ipv6][reassembly]") {
    stack::StackConfig config = host6_config();
    config.reassembly.datagrams_max = 1;
    Ipv6Host f(config);
    const Ends6 ends{near6(1), Ipv6Addr::all_nodes()};
    const Bytes echo = echo6(text_of(400), ends);
    f.give(piece(echo, 0, 200, 1, protocol::icmpv6, ends));
    f.give(piece(echo, 0, 200, 2, protocol::icmpv6, ends));
    CHECK(f.dropped(Drop::ipv6_reassembly_full) == 1);
    f.give(piece(echo, 200, 1000, 2, protocol::icmpv6, ends));
    CHECK(asks_in_group(f.only(), near6(1)));  // to answer it
    check_empty(f);
}

TEST_CASE("neighbours are not discovered in pieces", "[stack][ipv6][reassembly][ndp]") {
    Ipv6Host f;
    const Bytes frame = solicitation();
    const auto message = std::span(frame).subspan(stack::wire::ethernet_bytes + stack::wire::ipv6_bytes);
    const Ends6 ends{peer6, host6.solicited_node(), 255};
    f.give(piece(message, 0, 1000, 1, protocol::icmpv6, ends));
    CHECK(f.dropped(Drop::ndp_fragment) == 1);
    f.give(piece(message, 0, 24, 2, protocol::icmpv6, ends));
    f.give(piece(message, 24, 1000, 2, protocol::icmpv6, ends));
    CHECK(f.dropped(Drop::ndp_fragment) == 2);
    CHECK(f.taken().empty());
    CHECK(f.stack.neighbours().size() == 0);
}

}  // namespace
}  // namespace skerry
