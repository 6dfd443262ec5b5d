// What comes by IPv6: what is for us, what is answered, what is told to whom.

#include "support/ipv6_host.hpp"
#include "support/tcp_host.hpp"

#include <string>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::Icmpv6Header;
using stack::wire::Icmpv6Type;
using stack::wire::Ipv6Addr;
using stack::wire::MacAddr;
namespace protocol = stack::wire::ip_protocol;
namespace code = stack::wire::icmpv6_code;

constexpr Ipv6Addr all_nodes = Ipv6Addr::all_nodes();

Bytes datagram(std::string_view text, const Ends6& ends = {}) {
    return ipv6(protocol::udp, udp6(9, Ipv6Host::port, text, ends), ends);
}

// --- for us or not

TEST_CASE("a datagram to an address of ours is heard, padding and all", "[stack][ipv6]") {
    Ipv6Host f;
    const Ipv6Addr to = GENERATE(host6, host6_near);
    Bytes frame = datagram("hello", {peer6, to});
    frame.resize(frame.size() + 20, std::byte{0xee});
    f.give(frame);
    CHECK(f.socket.text() == "hello");
    CHECK(f.socket.peer == net::SocketAddr(peer6.ip(), 9));
}

TEST_CASE("what is for another host is dropped", "[stack][ipv6]") {
    Ipv6Host f;
    const Ipv6Addr to = GENERATE(as<Ipv6Addr>{}, peer6, far6, Ipv6Addr::all_routers(), near6(2).solicited_node());
    f.give(datagram("hello", {near6(1), to}));
    CHECK(f.socket.text() == "-");
    CHECK(f.dropped(Drop::ipv6_not_ours) == 1);
    CHECK(f.taken().empty());
}

TEST_CASE("a host without IPv6 hears none, not even to ::", "[stack][ipv6]") {
    StackHost f;
    f.give(datagram("hello"));
    f.give(datagram("hello", {peer6, host6_near}));
    f.give(solicitation(peer6, host6_near));
    CHECK(f.dropped(Drop::ipv6_not_ours) == 3);
    CHECK(f.taken().empty());
}

TEST_CASE("a packet from an address of ours that comes from the wire is dropped", "[stack][ipv6]") {
    Ipv6Host f;
    const Ipv6Addr from = GENERATE(host6, host6_near);
    f.give(datagram("hello", {from, host6}));
    CHECK(f.socket.text() == "-");
    CHECK(f.dropped(Drop::ipv6_source) == 1);
}

TEST_CASE("what went to a group's hardware address is not for one address of ours", "[stack][ipv6]") {
    Ipv6Host f;
    f.meet();
    const MacAddr mac = GENERATE(MacAddr::broadcast(), MacAddr::of_group(Ipv6Addr::all_nodes()));
    f.give(datagram("hello", {peer6, host6, 64, mac}));
    CHECK(f.socket.text() == "-");
    CHECK(f.dropped(Drop::ipv6_not_ours) == 1);
}

TEST_CASE("what we send to an address of ours comes back to us", "[stack][ipv6]") {
    Ipv6Host f;
    const Ipv6Addr to = GENERATE(host6, host6_near);
    REQUIRE(f.stack.udp().send(f.socket, f.stack.hosts().name(to), Ipv6Host::port,
                               std::as_bytes(std::span(std::string_view("me"))), f.now));
    CHECK(f.taken().empty());
    REQUIRE(f.stack.has_looped());
    f.stack.input({}, f.now);
    CHECK(f.socket.text() == "me");
    CHECK(f.socket.peer.ip() == to.ip());
}

// --- UDP

TEST_CASE("an IPv6 datagram without a checksum, or with a wrong one, is dropped", "[stack][ipv6][udp]") {
    Ipv6Host f;
    Bytes bytes = udp6(9, Ipv6Host::port, "hello");
    bytes[6] = bytes[7] = std::byte{0};
    f.give(ipv6(protocol::udp, bytes));
    bytes = udp6(9, Ipv6Host::port, "hello");
    bytes[9] ^= std::byte{1};
    f.give(ipv6(protocol::udp, bytes));
    f.give(ipv6(protocol::udp, udp6(9, Ipv6Host::port, "hello", {near6(5), host6})));  // the addresses are summed too
    CHECK(f.socket.text() == "-");
    CHECK(f.dropped(Drop::udp_checksum) == 3);
}

TEST_CASE("an IPv6 datagram without a checksum is dropped whatever the device says", "[stack][ipv6][udp]") {
    Ipv6Host f;
    Bytes bytes = udp6(9, Ipv6Host::port, "hello");
    f.give(ipv6(protocol::udp, bytes), backend::FrameChecksum::good);
    CHECK(f.socket.text() == "hello");
    bytes[6] = bytes[7] = std::byte{0};
    f.give(ipv6(protocol::udp, bytes), backend::FrameChecksum::good);
    CHECK(f.socket.text() == "-");
    CHECK(f.dropped(Drop::udp_checksum) == 1);
}

TEST_CASE("a socket at :: shows which family each datagram came by", "[stack][ipv6][udp]") {
    Ipv6Host f;
    f.give(datagram("six"));
    f.give(ipv4(protocol::udp, sealed_datagram(9, Ipv6Host::port, "four", peer_ip, host_ip)));
    CHECK(f.socket.text() == "six");
    CHECK(f.socket.peer.ip() == peer6.ip());
    CHECK(f.socket.text() == "four");
    CHECK(f.socket.peer.ip() == peer_ip.ip());
}

TEST_CASE("a datagram keeps its source while it waits, whoever else passes", "[stack][ipv6][udp]") {
    Ipv6Host f;
    for (std::uint16_t i = 0; i < 30; ++i) f.give(datagram("x", {near6(i), host6}));
    for (std::uint16_t i = 0; i < 30; ++i) {
        CHECK(f.socket.text() == "x");
        CHECK(f.socket.peer.ip() == near6(i).ip());
    }
    CHECK(f.stack.hosts().size() == 0);
}

TEST_CASE("a socket that is connected to an IPv6 peer hears it alone", "[stack][ipv6][udp]") {
    Ipv6Host f;
    REQUIRE(f.stack.udp().connect(f.socket, f.stack.hosts().name(peer6), 9));
    CHECK(f.stack.hosts().size() == 1);
    for (std::uint16_t i = 0; i < 9; ++i) f.give(datagram("other", {near6(i), host6}));
    const std::size_t others = f.stack.hosts().size() - 1;  // who are to be told that nobody is there
    f.give(datagram("peer"));
    CHECK(f.socket.text() == "peer");
    CHECK(f.socket.text() == "-");
    REQUIRE(f.stack.udp().connect(f.socket, f.stack.hosts().name(far6), 9));
    CHECK(f.stack.hosts().size() == others + 1);
    f.give(datagram("far", {far6, host6}));
    CHECK(f.socket.text() == "far");
}

TEST_CASE("a datagram to a group is heard by no socket that is not in it", "[stack][ipv6][udp]") {
    Ipv6Host f;
    f.give(datagram("hello", {peer6, all_nodes}));
    CHECK(f.socket.text() == "-");
    CHECK(f.taken().empty());
    CHECK(f.dropped(Drop::udp_no_port) == 1);
}

TEST_CASE("a datagram to a port without a socket is answered with what came", "[stack][ipv6][icmp]") {
    Ipv6Host f;
    f.meet();
    const std::string text(GENERATE(std::size_t{5}, std::size_t{1400}), 'q');
    const Bytes frame = ipv6(protocol::udp, udp6(9, 4444, text));
    f.give(frame);
    const Bytes out = f.only();
    const Icmpv6Header error = icmp6_in(out);
    CHECK(error.type == Icmpv6Type::unreachable);
    CHECK(error.code == code::port_unreachable);
    const Sent6 sent = sent6_in(out);
    CHECK(sent.ip.source == host6);
    CHECK(sent.ip.destination == peer6);
    CHECK(sent.ip.total_bytes() <= 1280);
    const auto packet = std::span(frame).subspan(stack::wire::ethernet_bytes);
    const auto quote = std::span(sent.payload).subspan(stack::wire::icmpv6_bytes);
    CHECK(quote.size() == std::min<std::size_t>(packet.size(), 1232));
    CHECK(std::equal(quote.begin(), quote.end(), packet.begin()));
    CHECK(f.dropped(Drop::udp_no_port) == 1);
}

TEST_CASE("errors of ours are limited in a second", "[stack][ipv6][icmp]") {
    stack::StackConfig config = host6_config();
    config.icmp_per_second = 20;
    Ipv6Host f(config);
    f.meet();
    for (int i = 0; i < 200; ++i) f.give(ipv6(protocol::udp, udp6(9, 4444, "x")));
    const std::size_t sent = f.taken().size();
    CHECK(sent >= 1);
    CHECK(sent <= 40);
    CHECK(f.dropped(Drop::icmp_rate) == 200 - sent);
    f.pass(2s);
    (void)f.taken();
    f.give(ipv6(protocol::udp, udp6(9, 4444, "x")));
    CHECK(f.taken().size() == 1);
}

// --- extension headers

TEST_CASE("extension headers in front are passed over", "[stack][ipv6]") {
    Ipv6Host f;
    const Bytes udp = udp6(9, Ipv6Host::port, "hello");
    const std::uint8_t unknown = 0x1e;  // to be skipped
    f.give(ipv6(protocol::hop_by_hop, joined({option_header(protocol::udp, unknown), udp})));
    f.give(ipv6(protocol::destination_options, joined({option_header(protocol::udp, unknown), udp})));
    f.give(ipv6(protocol::hop_by_hop, joined({option_header(protocol::destination_options, unknown),
                                              option_header(protocol::udp, unknown), udp})));
    Bytes routing(8);
    routing[0] = std::byte{protocol::udp};
    routing[2] = std::byte{4};  // a type that nobody here knows, at its end
    f.give(ipv6(protocol::routing, joined({routing, udp})));
    for (int i = 0; i < 4; ++i) CHECK(f.socket.text() == "hello");
    CHECK(f.socket.peer.ip() == peer6.ip());
    CHECK(f.stack.drops().total() == 0);
}

TEST_CASE("what stands behind extension headers is verified whatever the device says", "[stack][ipv6]") {
    Ipv6Host f;
    constexpr std::uint8_t unknown = 0x1e;  // to be passed over
    const std::uint8_t header = GENERATE(protocol::hop_by_hop, protocol::destination_options);
    Bytes udp = udp6(9, Ipv6Host::port, "hello");
    f.give(ipv6(header, joined({option_header(protocol::udp, unknown), udp})), backend::FrameChecksum::good);
    CHECK(f.socket.text() == "hello");
    udp.back() ^= std::byte{1};
    f.give(ipv6(header, joined({option_header(protocol::udp, unknown), udp})), backend::FrameChecksum::good);
    CHECK(f.socket.text() == "-");
    CHECK(f.dropped(Drop::udp_checksum) == 1);
}

TEST_CASE("an unknown option that says so is answered with its place", "[stack][ipv6][icmp]") {
    Ipv6Host f;
    f.meet();
    const Bytes udp = udp6(9, Ipv6Host::port, "hello");
    f.give(ipv6(protocol::hop_by_hop,
                joined({option_header(protocol::destination_options, 0x1e), option_header(protocol::udp, 0x9e), udp})));
    const Icmpv6Header error = icmp6_in(f.only());
    CHECK(error.type == Icmpv6Type::parameter_problem);
    CHECK(error.code == code::option);
    CHECK(error.pointer == 40 + 8 + 2);
    CHECK(f.socket.text() == "-");
    CHECK(f.dropped(Drop::ipv6_option) == 1);
    f.give(ipv6(protocol::destination_options, joined({option_header(protocol::udp, 0x5e), udp})));
    CHECK(f.taken().empty());  // "discard", and no more
    CHECK(f.dropped(Drop::ipv6_option) == 2);
}

TEST_CASE("an unknown option to a group is answered from our own address, when it says so", "[stack][ipv6][icmp]") {
    Ipv6Host f;
    f.meet();
    const Ends6 ends{peer6, all_nodes};
    const Bytes udp = udp6(9, Ipv6Host::port, "hello", ends);
    f.give(ipv6(protocol::destination_options, joined({option_header(protocol::udp, 0x9e), udp}), ends));
    CHECK(sent6_in(f.only()).ip.source == host6);
    f.give(ipv6(protocol::destination_options, joined({option_header(protocol::udp, 0xde), udp}), ends));
    CHECK(f.taken().empty());
}

TEST_CASE("a next header that nobody speaks is answered with code 1 and its field", "[stack][ipv6][icmp]") {
    Ipv6Host f;
    f.meet();
    f.give(ipv6(132, Bytes(20)));  // SCTP
    Icmpv6Header error = icmp6_in(f.only());
    CHECK(error.type == Icmpv6Type::parameter_problem);
    CHECK(error.code == code::next_header);
    CHECK(error.pointer == 6);
    f.give(ipv6(protocol::destination_options, joined({option_header(132, 0x1e), Bytes(20)})));
    error = icmp6_in(f.only());
    CHECK(error.pointer == 40);
    f.give(ipv6(132, Bytes(20), {peer6, all_nodes}));
    CHECK(f.taken().empty());
    CHECK(f.dropped(Drop::ipv6_protocol) == 3);
}

TEST_CASE("a packet that says that there is nothing more is dropped without a word", "[stack][ipv6]") {
    Ipv6Host f;
    f.meet();
    f.give(ipv6(protocol::none, Bytes(20)));
    CHECK(f.taken().empty());
    CHECK(f.dropped(Drop::ipv6_protocol) == 1);
}

TEST_CASE("IPv4's ICMP is no protocol of IPv6, and the other way", "[stack][ipv6]") {
    Ipv6Host f;
    f.meet();
    f.give(ipv6(protocol::icmp, Bytes(8)));
    CHECK(icmp6_in(f.only()).code == code::next_header);
    f.give(ipv4(protocol::icmpv6, echo6("x")));
    CHECK(f.dropped(Drop::ipv4_protocol) == 1);
}

// --- echo and MLD

TEST_CASE("an echo to an address of ours is answered from it with the same bytes", "[stack][ipv6][icmp]") {
    Ipv6Host f;
    f.meet();
    const Ends6 ends{peer6, GENERATE(host6, host6_near)};
    f.give(ipv6(protocol::icmpv6, echo6("abcdefg", ends), ends));
    const Bytes out = f.only();
    const Icmpv6Header answer = icmp6_in(out);
    CHECK(answer.type == Icmpv6Type::echo_reply);
    CHECK(answer.identifier == 0x1234);
    CHECK(answer.sequence == 7);
    const Sent6 sent = sent6_in(out);
    CHECK(sent.ip.source == ends.to);
    CHECK(sent.ip.destination == peer6);
    CHECK(std::string(reinterpret_cast<const char*>(sent.payload.data()) + 8, 7) == "abcdefg");
}

TEST_CASE("an echo to all nodes is answered from the address that fits its sender", "[stack][ipv6][icmp]") {
    Ipv6Host f;
    f.meet(peer6);
    f.meet(peer6_near);
    f.give(ipv6(protocol::icmpv6, echo6("x", {peer6, all_nodes}), {peer6, all_nodes}));
    CHECK(sent6_in(f.only()).ip.source == host6);
    f.give(ipv6(protocol::icmpv6, echo6("x", {peer6_near, all_nodes}), {peer6_near, all_nodes}));
    CHECK(sent6_in(f.only()).ip.source == host6_near);
}

TEST_CASE("an echo from nobody, or with a wrong checksum, is not answered", "[stack][ipv6][icmp]") {
    Ipv6Host f;
    const Ends6 nobody{{}, all_nodes};
    f.give(ipv6(protocol::icmpv6, echo6("x", nobody), nobody));
    CHECK(f.dropped(Drop::icmp_not_answered) == 1);
    Bytes echo = echo6("x");
    echo.back() ^= std::byte{1};
    f.give(ipv6(protocol::icmpv6, echo));
    CHECK(f.dropped(Drop::icmpv6_checksum) == 1);
    f.give(ipv6(protocol::icmpv6, {}));
    CHECK(f.dropped(Drop::icmpv6_short) == 1);
    CHECK(f.taken().empty());
}

TEST_CASE("a query for groups without a router alert is dropped, and an answer to no echo of ours",
          "[stack][ipv6][icmp]") {
    Ipv6Host f;
    Bytes query(24);
    query[0] = static_cast<std::byte>(Icmpv6Type::listener_query);
    stack::wire::seal_icmpv6(query, peer6_near, all_nodes);
    f.give(ipv6(protocol::icmpv6, query, {peer6_near, all_nodes, 1}));
    CHECK(f.dropped(Drop::mld_router_alert) == 1);
    Icmpv6Header reply;
    reply.type = Icmpv6Type::echo_reply;
    f.give(ipv6(protocol::icmpv6, icmp6(reply, {})));
    CHECK(f.dropped(Drop::icmp_stale) == 1);
    CHECK(f.taken().empty());
}

// --- errors that others send us

/// A host that connects to `peer`, and the SYN that left, from its IP header on.
struct Connecting : Ipv6Host {
    Connecting() {
        meet();
        REQUIRE(stack.tcp().connect(endpoint, stack.hosts().name(peer6), 80, now));
        const Bytes frame = only();
        syn.assign(frame.begin() + stack::wire::ethernet_bytes, frame.end());
    }
    ~Connecting() { stack.tcp().close(endpoint, now); }
    [[nodiscard]] Errc error() {
        if (endpoint.tcb->state != stack::tcp::State::closed) return Errc::ok;
        return stack::tcp::Tcp::take_error(*endpoint.tcb).code();
    }

    TestEndpoint endpoint;
    Bytes syn;
};

TEST_CASE("an error about our SYN ends a connect", "[stack][ipv6][icmp][tcp]") {
    Connecting f;
    const Ends6 router{gateway6, host6};
    SECTION("nobody there") {
        f.give(error6(Icmpv6Type::unreachable, code::address_unreachable, f.syn, router));
        CHECK(f.error() == Errc::unreachable);
    }
    SECTION("no way there") {
        f.give(error6(Icmpv6Type::unreachable, code::no_route, f.syn, router));
        CHECK(f.error() == Errc::unreachable);
    }
    SECTION("nobody at the port") {
        f.give(error6(Icmpv6Type::unreachable, code::port_unreachable, f.syn));
        CHECK(f.error() == Errc::connection_refused);
    }
    SECTION("nobody who speaks TCP") {
        f.give(error6(Icmpv6Type::parameter_problem, code::next_header, f.syn));
        CHECK(f.error() != Errc::ok);
    }
    CHECK(f.endpoint.calls == 1);
}

TEST_CASE("an error that says of our SYN nothing final ends no connect", "[stack][ipv6][icmp][tcp]") {
    Connecting f;
    Bytes quote = f.syn;
    SECTION("too big") { f.give(error6(Icmpv6Type::packet_too_big, 0, quote, {gateway6, host6})); }
    SECTION("a hop limit") { f.give(error6(Icmpv6Type::time_exceeded, 0, quote, {gateway6, host6})); }
    SECTION("another problem of parameters") { f.give(error6(Icmpv6Type::parameter_problem, code::option, quote)); }
    SECTION("another port") {
        quote[41] ^= std::byte{1};
        f.give(error6(Icmpv6Type::unreachable, code::port_unreachable, quote));
        CHECK(f.dropped(Drop::icmp_stale) == 1);
    }
    SECTION("a number that we did not send") {
        quote[44] ^= std::byte{0x40};
        f.give(error6(Icmpv6Type::unreachable, code::port_unreachable, quote));
    }
    SECTION("another destination") {
        quote[39] ^= std::byte{8};
        f.give(error6(Icmpv6Type::unreachable, code::port_unreachable, quote));
        CHECK(f.dropped(Drop::icmp_stale) == 1);
    }
    SECTION("another source") {
        quote[23] ^= std::byte{8};
        f.give(error6(Icmpv6Type::unreachable, code::port_unreachable, quote));
        CHECK(f.dropped(Drop::icmp_stale) == 1);
    }
    CHECK(f.error() == Errc::ok);
    CHECK(f.endpoint.tcb->state == stack::tcp::State::syn_sent);
}

TEST_CASE("what a router takes of an IPv6 way is believed for ten minutes", "[stack][ipv6][icmp][udp]") {
    Ipv6Host f;
    f.meet();
    const std::string text(1400, 'x');
    const auto packets = [&] {
        f.send(peer6, text);
        return f.taken();
    };
    const auto whole = packets();
    REQUIRE(whole.size() == 1);
    const Bytes quote(whole.front().begin() + stack::wire::ethernet_bytes, whole.front().end());
    f.give(error6(Icmpv6Type::packet_too_big, 0, std::span(quote).first(600), {gateway6, host6}));  // 1400 bytes
    CHECK(packets().size() == 2);
    f.pass(9min);
    (void)f.taken();
    f.meet();
    CHECK(packets().size() == 2);
    f.pass(2min);
    (void)f.taken();
    f.meet();
    f.send();  // when something leaves it is looked what is too old
    (void)f.taken();
    CHECK(packets().size() == 1);
    CHECK(f.stack.hosts().size() == 1);  // the neighbour's
}

TEST_CASE("a connected UDP socket is told that nobody is at the port", "[stack][ipv6][icmp][udp]") {
    Ipv6Host f;
    f.meet();
    REQUIRE(f.stack.udp().connect(f.socket, f.stack.hosts().name(peer6), 9));
    f.send();
    const Bytes frame = f.only();
    const auto quote = std::span(frame).subspan(stack::wire::ethernet_bytes);
    f.give(error6(Icmpv6Type::unreachable, code::no_route, quote));
    CHECK(f.socket.untold == Errc::ok);
    f.give(error6(Icmpv6Type::unreachable, code::port_unreachable, quote));
    CHECK(f.socket.untold == Errc::connection_refused);
}

}  // namespace
}  // namespace skerry
