// A port with several IPv4 addresses, of one network and of two: what is ours, what it is answered from, and which of
// them is chosen for what begins here.

#include "support/datagram.hpp"
#include "support/icmp_about.hpp"
#include "support/tcp_host.hpp"
#include "support/udp_host.hpp"

#include <skerry/stack/wire/icmp.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::ArpOperation;
using stack::wire::ArpPacket;
using stack::wire::Ipv4Addr;
using stack::wire::MacAddr;

constexpr auto udp = stack::wire::ip_protocol::udp;
constexpr auto tcp = stack::wire::ip_protocol::tcp;
constexpr auto icmp = stack::wire::ip_protocol::icmp;

constexpr Ipv4Addr second = Ipv4Addr::of(198, 18, 0, 3);   // of the first one's network
constexpr Ipv4Addr other = Ipv4Addr::of(203, 0, 113, 2);   // of a network of 16
constexpr Ipv4Addr other_peer = Ipv4Addr::of(203, 0, 113, 1);
constexpr Ipv4Addr other_broadcast = Ipv4Addr::of(203, 0, 113, 15);
constexpr Ipv4Addr stranger = Ipv4Addr::of(198, 18, 0, 9);
constexpr Ipv4Addr far_host = Ipv4Addr::of(192, 0, 2, 1);
constexpr MacAddr other_mac{{2, 0, 0, 0, 0, 9}};

stack::StackConfig config_of_several() {
    stack::StackConfig config = host_config();
    REQUIRE(config.more_addresses.add({second, 24}));
    REQUIRE(config.more_addresses.add({other, 28}));
    return config;
}

using Socket = UdpSocket;

/// A packet that left.
struct Sent {
    stack::wire::Ipv4Header ip;
    Bytes payload;
};

Sent packet_in(const Bytes& frame) {
    Sent sent;
    const auto packet = std::span(frame).subspan(stack::wire::ethernet_bytes);
    REQUIRE(stack::wire::parse(packet, sent.ip) == Drop::none);
    const auto payload = packet.subspan(sent.ip.header_bytes, sent.ip.payload_bytes());
    sent.payload.assign(payload.begin(), payload.end());
    const auto pseudo = stack::wire::pseudo_header(sent.ip.source, sent.ip.destination, sent.ip.protocol,
                                                   static_cast<std::uint32_t>(payload.size()));
    if (sent.ip.protocol == udp) CHECK(stack::wire::udp_checksum_holds(payload, pseudo));
    if (sent.ip.protocol == tcp) CHECK(stack::wire::tcp_checksum_holds(payload, pseudo));
    return sent;
}

ArpPacket arp_in(const Bytes& frame) {
    stack::wire::EthernetHeader header;
    REQUIRE(stack::wire::parse(frame, header) == Drop::none);
    REQUIRE(header.ether_type == stack::wire::ether_type::arp);
    ArpPacket packet;
    REQUIRE(parse(std::span(frame).subspan(stack::wire::ethernet_bytes), packet) == Drop::none);
    return packet;
}

Bytes echo() {
    Bytes bytes(stack::wire::icmp_bytes + 8, std::byte{7});
    stack::wire::IcmpHeader header;
    header.type = stack::wire::IcmpType::echo;
    stack::wire::write(header, bytes.data());
    stack::wire::seal_icmp(bytes);
    return bytes;
}

/// A host whose peers in both networks are known, with sockets.
struct Host : UdpHost {
    explicit Host(const stack::StackConfig& config = config_of_several()) : UdpHost(config) {
        give(arp(ArpOperation::request));
        give(arp(ArpOperation::request, other_peer, peer_mac, other));
        (void)taken();
    }
    /// A datagram comes for port 7000.
    void hear(std::string_view text, Ipv4Addr to, Ipv4Addr from = peer_ip) {
        give(ipv4(udp, sealed_datagram(5000, 7000, text, from, to), to, from));
    }
    void send(const Socket& from, Ipv4Addr to) {
        const std::string_view text = "said";
        REQUIRE(stack.udp().send(from, to, 9000, std::as_bytes(std::span(text)), now));
    }
    Bytes only() {
        auto all = taken();
        REQUIRE(all.size() == 1);
        return all.front();
    }
    /// What a datagram leaves from.
    Ipv4Addr source_of(const Socket& from, Ipv4Addr to) {
        send(from, to);
        return packet_in(only()).ip.source;
    }
};

// --- what is ours

TEST_CASE("of several addresses what is sent to each is ours, and to nobody else's", "[stack][addresses][udp]") {
    Host host;
    Socket& socket = host.bind({}, 7000);
    for (const Ipv4Addr to : {host_ip, second, other}) {
        host.hear("ours", to);
        CHECK(socket.text() == "ours");
    }
    host.hear("theirs", stranger);
    host.hear("theirs", Ipv4Addr::of(203, 0, 113, 3));
    CHECK(socket.text() == "-");
    CHECK(host.dropped(Drop::ipv4_not_ours) == 2);
}

TEST_CASE("a socket of one of several addresses hears that one alone", "[stack][addresses][udp]") {
    Host host;
    Socket& of_second = host.bind(second, 7000);
    Socket& of_other = host.bind(other, 7000);
    host.hear("one", second);
    host.hear("two", other, other_peer);
    CHECK(of_second.text() == "one");
    CHECK(of_second.text() == "-");
    CHECK(of_other.text() == "two");
    CHECK(of_other.text() == "-");
    host.hear("nobody's", host_ip);
    CHECK(host.dropped(Drop::udp_no_port) == 1);
    CHECK(packet_in(host.only()).ip.source == host_ip);  // says so
}

TEST_CASE("an address that is none of several cannot be bound", "[stack][addresses][error]") {
    Host host;
    Socket socket;
    const auto opened = host.stack.udp().open(socket, stranger, 7000);
    REQUIRE_FALSE(opened);
    CHECK(opened.error() == Errc::address_not_available);
    TestAcceptor acceptor;
    const auto listens = host.stack.tcp().listen(acceptor, stranger, 7000, 16);
    REQUIRE_FALSE(listens);
    CHECK(listens.error() == Errc::address_not_available);
}

TEST_CASE("the broadcast address of each network of ours is known", "[stack][addresses][udp]") {
    Host host;
    Socket& socket = host.bind({}, 7000);
    host.hear("all", Ipv4Addr::of(198, 18, 0, 255));
    host.hear("all of them", other_broadcast, other_peer);
    CHECK(socket.text() == "all");
    CHECK(socket.text() == "all of them");
    host.hear("a host", Ipv4Addr::of(203, 0, 113, 255), other_peer);
    CHECK(host.dropped(Drop::ipv4_not_ours) == 1);
    host.give(ipv4(icmp, echo(), other_broadcast, other_peer));
    CHECK(host.taken().empty());
    host.hear("from all", host_ip, other_broadcast);
    CHECK(host.dropped(Drop::ipv4_source) == 1);
    host.send(socket, other_broadcast);
    const Bytes frame = host.only();
    CHECK(packet_in(frame).ip.source == other);
    CHECK(std::equal(frame.begin(), frame.begin() + 6, ethernet(0, {}, MacAddr::broadcast()).begin()));
}

TEST_CASE("what says it is from another address of ours comes from nobody", "[stack][addresses][attack]") {
    Host host;
    Socket& socket = host.bind({}, 7000);
    host.hear("looped", host_ip, second);
    host.hear("looped", second, host_ip);
    host.hear("looped", other, other);
    CHECK(socket.text() == "-");
    CHECK(host.dropped(Drop::ipv4_source) == 3);
}

TEST_CASE("an echo is answered from the address that it was sent to", "[stack][addresses][icmp]") {
    Host host;
    for (const Ipv4Addr to : {host_ip, second, other, second, host_ip}) {
        host.give(ipv4(icmp, echo(), to));
        const Sent answer = packet_in(host.only());
        CHECK(answer.ip.source == to);
        CHECK(answer.ip.destination == peer_ip);
    }
}

// --- ARP

TEST_CASE("whoever asks for one of several addresses is answered from it", "[stack][addresses][arp]") {
    Host host;
    for (const Ipv4Addr asked : {host_ip, second, other}) {
        host.give(arp(ArpOperation::request, peer_ip, peer_mac, asked, {}));
        const ArpPacket answer = arp_in(host.only());
        CHECK(answer.operation == ArpOperation::reply);
        CHECK(answer.sender_ip == asked);
        CHECK(answer.sender_mac == host_mac);
        CHECK(answer.target_ip == peer_ip);
    }
    host.give(arp(ArpOperation::request, peer_ip, peer_mac, stranger, {}));
    CHECK(host.taken().empty());
}

TEST_CASE("a host is asked for from the address that lies in its network", "[stack][addresses][arp]") {
    Host host;
    Socket& of_second = host.bind(second, 7000);
    const auto asked_from = [&](Ipv4Addr to) {
        host.send(of_second, to);
        const ArpPacket question = arp_in(host.only());
        CHECK(question.operation == ArpOperation::request);
        CHECK(question.target_ip == to);
        return question.sender_ip;
    };
    CHECK(asked_from(Ipv4Addr::of(203, 0, 113, 5)) == other);
    CHECK(asked_from(stranger) == host_ip);
    for (int i = 0; i < 5; ++i) host.pass(1s);  // nobody answers
}

TEST_CASE("a router is asked for from its own network, wherever a route to it leads", "[stack][addresses][arp]") {
    stack::StackConfig config = config_of_several();
    config.gateway = Ipv4Addr::of(203, 0, 113, 6);
    REQUIRE(config.routes.add({Ipv4Addr::of(203, 0, 113, 4), 30, peer_ip}));
    Host host(config);
    Socket& socket = host.bind({}, 7000);
    CHECK(host.source_of(socket, Ipv4Addr::of(203, 0, 113, 5)) == host_ip);
    host.send(socket, far_host);
    const ArpPacket question = arp_in(host.only());
    CHECK(question.target_ip == config.gateway);
    CHECK(question.sender_ip == other);
    for (int i = 0; i < 5; ++i) host.pass(1s);  // nobody answers
}

/// Of each ARP packet that left: from which address, for which.
std::vector<std::pair<Ipv4Addr, Ipv4Addr>> said_of(StackHost& host) {
    std::vector<std::pair<Ipv4Addr, Ipv4Addr>> all;
    for (const Bytes& frame : host.taken()) {
        const ArpPacket packet = arp_in(frame);
        all.emplace_back(packet.sender_ip, packet.target_ip);
    }
    return all;
}

stack::StackConfig claiming() {
    stack::StackConfig config = config_of_several();
    config.claims_address = true;
    return config;
}

TEST_CASE("RFC 5227: each of several addresses is asked for and announced", "[stack][addresses][arp]") {
    StackHost host(claiming());
    const std::vector<std::pair<Ipv4Addr, Ipv4Addr>> announced{{host_ip, host_ip}, {second, second}, {other, other}};
    std::vector<std::pair<Ipv4Addr, Ipv4Addr>> expected{{{}, host_ip}, {{}, second}, {{}, other}};
    expected.insert(expected.end(), announced.begin(), announced.end());
    CHECK(said_of(host) == expected);
    host.pass(2s);
    CHECK(said_of(host) == announced);
    host.pass(1h);
    CHECK(said_of(host).empty());
}

TEST_CASE("RFC 5227 2.4: each of several addresses is defended for itself, and stays", "[stack][addresses][arp]") {
    StackHost host(claiming());
    host.pass(5s);
    (void)host.taken();
    const auto come = [&](Ipv4Addr address) {
        host.give(arp(ArpOperation::request, address, other_mac, address, {}));
        return said_of(host);
    };
    using Said = std::vector<std::pair<Ipv4Addr, Ipv4Addr>>;
    CHECK(come(second) == Said{{second, second}});
    CHECK(come(second).empty());  // within ten seconds
    CHECK(come(other) == Said{{other, other}});
    CHECK(come(host_ip) == Said{{host_ip, host_ip}});
    CHECK(host.dropped(Drop::arp_conflict) == 4);
    CHECK(host.stack.neighbours().size() == 0);
    for (const Ipv4Addr to : {host_ip, second, other}) {
        host.give(arp(ArpOperation::request, peer_ip, peer_mac, to, {}));
        CHECK(said_of(host) == Said{{to, peer_ip}});
    }
}

// --- what it leaves from

TEST_CASE("an unbound datagram leaves from the address in its host's network, else its first hop's",
          "[stack][addresses][udp]") {
    Host host;
    Socket& socket = host.bind({}, 7000);
    CHECK(host.source_of(socket, peer_ip) == host_ip);
    CHECK(host.source_of(socket, other_peer) == other);
    CHECK(host.source_of(socket, peer_ip) == host_ip);

    host.give(arp(ArpOperation::request, Ipv4Addr::of(198, 18, 0, 254)));
    (void)host.taken();
    CHECK(host.source_of(socket, far_host) == host_ip);

    stack::StackConfig config = config_of_several();
    config.gateway = other_peer;
    REQUIRE(config.routes.add({Ipv4Addr::of(192, 0, 2, 128), 25, peer_ip}));
    Host by_other(config);
    Socket& there = by_other.bind({}, 7000);
    CHECK(by_other.source_of(there, far_host) == other);
    CHECK(by_other.source_of(there, Ipv4Addr::of(192, 0, 2, 129)) == host_ip);
    CHECK(by_other.source_of(there, Ipv4Addr::of(239, 1, 1, 1)) == host_ip);
}

TEST_CASE("of two networks in each other the smaller one's address is chosen", "[stack][addresses][udp]") {
    stack::StackConfig config = host_config();
    config.gateway = {};
    config.prefix_bits = 15;
    REQUIRE(config.more_addresses.add({Ipv4Addr::of(198, 19, 7, 2), 24}));
    REQUIRE(config.routes.add({Ipv4Addr::of(198, 19, 0, 0), 16, peer_ip}));
    const stack::StackConfig& is = config;
    CHECK(is.source_for(Ipv4Addr::of(198, 19, 7, 1)) == Ipv4Addr::of(198, 19, 7, 2));
    CHECK(is.source_for(Ipv4Addr::of(198, 18, 7, 1)) == host_ip);
    CHECK(is.next_hop(Ipv4Addr::of(198, 19, 7, 1)) == Ipv4Addr::of(198, 19, 7, 1));
    CHECK(is.next_hop(Ipv4Addr::of(198, 19, 8, 1)) == peer_ip);  // the route has more bits than the first network
    CHECK(is.is_broadcast(Ipv4Addr::of(198, 19, 7, 255)));
    CHECK(is.is_broadcast(Ipv4Addr::of(198, 19, 255, 255)));
}

TEST_CASE("sockets of several addresses send to one host, each from its own", "[stack][addresses][udp]") {
    Host host;
    Socket& of_first = host.bind(host_ip, 7000);
    Socket& of_second = host.bind(second, 7000);
    Socket& of_any = host.bind({}, 7001);
    for (int i = 0; i < 3; ++i) {
        CHECK(host.source_of(of_second, peer_ip) == second);
        CHECK(host.source_of(of_second, peer_ip) == second);
        CHECK(host.source_of(of_first, peer_ip) == host_ip);
        CHECK(host.source_of(of_any, peer_ip) == host_ip);
    }
}

TEST_CASE("a long datagram is cut into pieces of the address that it leaves from", "[stack][addresses][udp]") {
    Host host;
    Socket& of_second = host.bind(second, 7000);
    const std::string text(4000, 'x');
    REQUIRE(host.stack.udp().send(of_second, peer_ip, 9000, std::as_bytes(std::span(text)), host.now));
    const auto pieces = host.taken();
    CHECK(pieces.size() == 3);
    for (const Bytes& piece : pieces) {
        stack::wire::Ipv4Header ip;
        REQUIRE(stack::wire::parse(std::span(piece).subspan(stack::wire::ethernet_bytes), ip) == Drop::none);
        CHECK(ip.source == second);
    }
}

TEST_CASE("what is sent to another address of ours stays inside, and comes from there", "[stack][addresses][udp]") {
    Host host;
    Socket& server = host.bind(other, 7000);
    Socket& client = host.bind({}, 7001);
    const std::string_view text = "inside";
    REQUIRE(host.stack.udp().send(client, other, 7000, std::as_bytes(std::span(text)), host.now));
    CHECK(host.taken().empty());
    host.stack.input({}, host.now);
    const stack::UdpDatagram got = server.take();
    REQUIRE(got.frame != nullptr);
    CHECK(got.source == other);
    got.frame->drop();
}

TEST_CASE("an error about what one address sent is told to that one's socket", "[stack][addresses][icmp]") {
    Host host;
    Socket& of_first = host.bind(host_ip, 7000);
    Socket& of_second = host.bind(second, 7000);
    for (Socket* each : {&of_first, &of_second}) REQUIRE(host.stack.udp().connect(*each, peer_ip, 9000));
    for (Socket* each : {&of_first, &of_second}) {
        host.send(*each, peer_ip);
        host.give(
            icmp_about(host.only(), stack::wire::IcmpType::unreachable, stack::wire::icmp_code::port_unreachable));
        CHECK(std::exchange(each->untold, Errc::ok) != Errc::ok);
    }
    CHECK(of_first.untold == Errc::ok);
}

// --- TCP

TestSegment segment_of(std::uint8_t flags, std::uint32_t seq, std::uint32_t ack = 0, std::string text = {}) {
    TestSegment segment;
    segment.flags = flags;
    segment.seq = seq;
    segment.ack = ack;
    segment.text = std::move(text);
    return segment;
}

void come(Host& host, const TestSegment& segment, Ipv4Addr to) {
    Bytes bytes = segment_bytes(segment, host_port, peer_port);
    stack::wire::seal_tcp(bytes,
                          stack::wire::pseudo_header(peer_ip, to, tcp, static_cast<std::uint32_t>(bytes.size())));
    host.give(ipv4(tcp, bytes, to));
    host.stack.advance(host.now);
}

/// The only segment that left, and from where.
std::pair<stack::wire::TcpHeader, Ipv4Addr> said(Host& host) {
    host.stack.advance(host.now);
    const Sent sent = packet_in(host.only());
    stack::wire::TcpHeader header;
    REQUIRE(stack::wire::parse(sent.payload, header) == Drop::none);
    return {header, sent.ip.source};
}

TEST_CASE("a listener of one of several addresses takes what goes there", "[stack][addresses][tcp]") {
    Host host;
    TestAcceptor acceptor;
    REQUIRE(host.stack.tcp().listen(acceptor, second, host_port, 16));
    come(host, segment_of(flag::syn, 1000), host_ip);
    const auto [refusal, refused_by] = said(host);
    CHECK((refusal.flags & flag::rst) != 0);
    CHECK(refused_by == host_ip);
    come(host, segment_of(flag::syn, 1000), second);
    const auto [answer, answered_by] = said(host);
    CHECK(answer.flags == (flag::syn | flag::ack));
    CHECK(answered_by == second);
    host.stack.tcp().close(acceptor, host.now);
    (void)host.taken();
}

TEST_CASE("connections of one peer to several addresses stay apart", "[stack][addresses][tcp]") {
    Host host;
    TestAcceptor acceptor;
    REQUIRE(host.stack.tcp().listen(acceptor, {}, host_port, 16));
    struct Side {
        Ipv4Addr address;
        TestEndpoint endpoint;
        std::uint32_t seq = 0;
    };
    std::array<Side, 3> sides;
    const std::array addresses{host_ip, second, other};
    for (std::size_t i = 0; i < sides.size(); ++i) {
        Side& side = sides[i];
        side.address = addresses[i];
        come(host, segment_of(flag::syn, 1000), side.address);
        const auto [answer, from] = said(host);
        CHECK(from == side.address);
        side.seq = answer.seq + 1;
        come(host, segment_of(flag::ack, 1001, side.seq), side.address);
        REQUIRE(host.stack.tcp().accept(acceptor, side.endpoint));
        CHECK(side.endpoint.tcb->tuple.local == side.address);
    }
    std::uint32_t peer_seq = 1001;
    for (int turn = 0; turn < 3; ++turn) {
        for (Side& side : sides) {
            const std::string_view text = "reply";
            come(host, segment_of(flag::ack | flag::psh, peer_seq, side.seq, "ask"), side.address);
            std::array<std::byte, 8> room{};
            CHECK(host.stack.tcp().read(*side.endpoint.tcb, room, host.now) == 3);
            CHECK(host.stack.tcp().write(*side.endpoint.tcb, std::as_bytes(std::span(text)), host.now) == text.size());
            const auto [reply, from] = said(host);
            CHECK(from == side.address);
            CHECK(reply.seq == side.seq);
            CHECK(reply.ack == peer_seq + 3);
            side.seq += static_cast<std::uint32_t>(text.size());
            come(host, segment_of(flag::ack, peer_seq + 3, side.seq), side.address);
            (void)host.taken();
        }
        peer_seq += 3;
    }
    for (Side& side : sides) host.stack.tcp().forget(side.endpoint);
    host.stack.tcp().close(acceptor, host.now);
    host.pass(20min);
    (void)host.taken();
}

TEST_CASE("a connect leaves from the address in its peer's network, or from the one it names",
          "[stack][addresses][tcp]") {
    Host host;
    const auto connects_from = [&](Ipv4Addr to, Ipv4Addr named) {
        TestEndpoint endpoint;
        stack::tcp::LocalEnd from;
        from.address = named;
        REQUIRE(host.stack.tcp().connect(endpoint, to, 80, host.now, from));
        const auto [syn, source] = said(host);
        CHECK(syn.flags == flag::syn);
        CHECK(endpoint.tcb->tuple.local == source);
        host.stack.tcp().forget(endpoint);
        (void)host.taken();
        return source;
    };
    CHECK(connects_from(peer_ip, {}) == host_ip);
    CHECK(connects_from(other_peer, {}) == other);
    CHECK(connects_from(peer_ip, second) == second);
    CHECK(connects_from(other_peer, second) == second);
    TestEndpoint endpoint;
    stack::tcp::LocalEnd from;
    from.address = stranger;
    const auto foreign = host.stack.tcp().connect(endpoint, peer_ip, 80, host.now, from);
    REQUIRE_FALSE(foreign);
    CHECK(foreign.error() == Errc::address_not_available);
}

}  // namespace
}  // namespace skerry
