// Several cores with one address: whose a datagram, an error, a question for our hardware address or a fragment is.

#include "support/stack_cores.hpp"
#include "support/tcp_host.hpp"

#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/igmp.hpp>

#include <algorithm>
#include <set>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::Ipv4Addr;

constexpr auto udp = stack::wire::ip_protocol::udp;
constexpr auto icmp = stack::wire::ip_protocol::icmp;
constexpr auto igmp = stack::wire::ip_protocol::igmp;
constexpr Ipv4Addr group = Ipv4Addr::of(239, 255, 77, 1);
constexpr Ipv4Addr broadcast = Ipv4Addr::of(198, 18, 0, 255);

Bytes datagram(std::uint16_t to, std::string_view text, Ipv4Addr destination = host_ip, std::uint16_t from = 5000) {
    return ipv4(udp, udp_segment(from, to, text, destination), destination);
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

bool is_arp(const Bytes& frame) { return frame[13] == std::byte{6}; }

/// Cores that know where the peer is.
StackCores& introduced(StackCores& cores) {
    cores.give(0, arp(stack::wire::ArpOperation::request));
    cores.cross();
    for (auto& core : cores.cores) (void)cores.taken(*core);
    return cores;
}

void send(StackCores& cores, std::size_t core, const TextSocket& from, Ipv4Addr to, std::uint16_t port,
          std::string_view text) {
    REQUIRE(cores[core].stack.udp().send(from, to, port, bytes_of(text), cores.now));
}

TEST_CASE("a datagram reaches the core that has the socket", "[stack][steering][udp]") {
    StackCores cores;
    TextSocket& here = cores[0].bind(7000);
    TextSocket& there = cores[1].bind(7001);
    cores.give(0, datagram(7000, "near"));
    cores.give(0, datagram(7001, "far"));
    cores.cross();
    CHECK(here.text() == "near");
    CHECK(there.text() == "far");
    CHECK(cores.crossed() == 1);
    CHECK(cores[0].stack.drops().total() == 0);
}

TEST_CASE("a port that a core has alone is in use on the others until it is closed", "[stack][steering][udp]") {
    StackCores cores;
    TextSocket& first = cores[0].bind(7000);
    TextSocket second;
    CHECK(cores[1].stack.udp().open(second, {}, 7000).error() == Errc::address_in_use);
    CHECK(cores[1].stack.udp().open(second, {}, 7000, true).error() == Errc::address_in_use);
    cores[0].stack.udp().close(first, cores.now);
    cores[0].sockets.clear();
    REQUIRE(cores[1].stack.udp().open(second, {}, 7000));
    cores.give(0, datagram(7000, "moved"));
    cores.cross();
    CHECK(second.text() == "moved");
    cores[1].stack.udp().close(second, cores.now);
}

TEST_CASE("cores that share a port each get some, and a peer always the same one", "[stack][steering][udp]") {
    StackCores cores;
    TextSocket& a = cores[0].bind(7000, true);
    TextSocket& b = cores[1].bind(7000, true);
    std::array<std::size_t, 2> got{};
    for (std::uint16_t port = 5000; port < 5200; ++port)
        for (int again = 0; again < 2; ++again) {
            cores.give(0, datagram(7000, "x", host_ip, port));
            cores.cross();
            const bool is_a = a.text() == "x";
            CHECK((b.text() == "x") != is_a);
            if (again == 0) ++got[is_a ? 0 : 1];
            static bool was_a = false;
            if (again == 1) CHECK(is_a == was_a);
            was_a = is_a;
        }
    CHECK(got[0] > 60);
    CHECK(got[1] > 60);
}

TEST_CASE("a datagram to a port of nobody is refused once", "[stack][steering][udp][icmp]") {
    StackCores cores;
    introduced(cores);
    cores.give(0, datagram(7009, "anybody?"));
    cores.cross();
    CHECK(cores.taken(0).size() == 1);
    CHECK(cores.taken(1).empty());
    CHECK(cores.crossed() == 1);  // the introduction
}

TEST_CASE("who does not read on one core leaves another its frames", "[stack][steering][udp]") {
    StackCores cores;
    TextSocket& socket = cores[1].bind(7001);
    const std::size_t all = cores[0].frames.available();
    for (std::size_t i = 0; i < 1000; ++i) {
        for (int k = 0; k < 5; ++k) cores.give(0, datagram(static_cast<std::uint16_t>(7001), "kept"));
        cores.cross();
    }
    CHECK(socket.unread() == cores[1].stack.config().udp_queue_packets);
    for (std::uint16_t port = 7100; port < 7104; ++port) {
        TextSocket& other = cores[1].bind(port);
        for (std::size_t i = 0; i < 1000; ++i) {
            cores.give(0, datagram(port, "kept too"));
            cores.cross();
        }
        CHECK(other.unread() > 900);
    }
    CHECK(cores[0].frames.available() >= all / 4 - 64);
    CHECK(socket.text() == "kept");
}

TEST_CASE("what crosses as a copy on the heap is limited by the memory that it takes", "[stack][steering][udp]") {
    stack::SteeringOptions how = StackCores::options(2, 1);
    how.heap_bytes_max = 100'000;
    StackCores cores(how);
    for (std::uint16_t port = 7000; port < 7010; ++port) cores[1].bind(port);
    for (std::size_t i = 0; i < 800; ++i)
        for (std::uint16_t port = 7000; port < 7010; ++port) {
            cores.give(0, datagram(port, "kept"));
            cores.cross();
        }
    CHECK(stack::bytes_in_long_frames() >= 100'000);
    CHECK(stack::bytes_in_long_frames() <= 101'000);
    CHECK(cores[0].stack.drops()[Drop::no_frame] > 1000);
    for (const auto& socket : cores[1].sockets)
        while (socket->text() != "-") {
        }
    CHECK(stack::bytes_in_long_frames() == 0);
    cores.give(0, datagram(7000, "again"));
    cores.cross();
    CHECK(cores[1].sockets.front()->text() == "again");
}

// --- sent to many

TEST_CASE("what is sent to a group reaches the members of every core, and no core without", "[stack][steering][udp]") {
    StackCores cores(StackCores::options(3, 1));
    TextSocket& a = cores[1].bind(7000);
    TextSocket& b = cores[2].bind(7001);
    TextSocket& c = cores[2].bind(7002, false, group);
    REQUIRE(cores[1].stack.udp().join(a, group, cores.now));
    REQUIRE(cores[2].stack.udp().join(b, group, cores.now));
    REQUIRE(cores[2].stack.udp().join(c, group, cores.now));
    TextSocket& same_port = cores[0].bind(7002, false, group);
    for (const std::uint16_t port : {7000, 7001, 7002}) cores.give(0, datagram(port, std::to_string(port), group));
    cores.cross();
    CHECK(a.text() == "7000");
    CHECK(b.text() == "7001");
    CHECK(c.text() == "7002");
    CHECK(same_port.text() == "-");
    REQUIRE(cores[0].stack.udp().join(same_port, group, cores.now));
    cores.give(0, datagram(7002, "both", group));
    cores.cross();
    CHECK(c.text() == "both");
    CHECK(same_port.text() == "both");
    CHECK(a.text() == "-");
}

TEST_CASE("a broadcast reaches the sockets of every core", "[stack][steering][udp]") {
    StackCores cores(StackCores::options(3, 1));
    TextSocket& a = cores[1].bind(7000, true);
    TextSocket& b = cores[2].bind(7000, true);
    cores.give(0, datagram(7000, "all", broadcast));
    cores.cross();
    CHECK(a.text() == "all");
    CHECK(b.text() == "all");
    TextSocket& c = cores[0].bind(7000, true);
    cores.give(0, datagram(7000, "more", broadcast));
    cores.cross();
    CHECK(a.text() == "more");
    CHECK(b.text() == "more");
    CHECK(c.text() == "more");
}

TEST_CASE("members on other cores hear what a core sends to their group", "[stack][steering][udp]") {
    StackCores cores;
    TextSocket& member = cores[1].bind(7000);
    REQUIRE(cores[1].stack.udp().join(member, group, cores.now));
    TextSocket& sender = cores[0].bind(7001);
    send(cores, 0, sender, group, 7000, "to us too");
    cores.cross();
    CHECK(member.text() == "to us too");
    sender.multicast_loop = false;
    send(cores, 0, sender, group, 7000, "not to us");
    cores.cross();
    CHECK(member.text() == "-");
    cores[1].stack.udp().close(member, cores.now);
    cores[1].sockets.clear();
}

/// A report of version 3 whose first record says that nobody is left.
bool is_leave(const Bytes& frame) {
    return frame[23] == std::byte{igmp} && frame[38] == static_cast<std::byte>(stack::wire::IgmpType::report_v3) &&
           frame[46] == std::byte{3} && frame[48] == std::byte{0} && frame[49] == std::byte{0};
}

TEST_CASE("the routers hear of the last member of all cores, and of no other", "[stack][steering][igmp]") {
    StackCores cores;
    std::array<TextSocket*, 2> sockets{&cores[0].bind(7000), &cores[1].bind(7001)};
    for (std::size_t core : {0, 1}) REQUIRE(cores[core].stack.udp().join(*sockets[core], group, cores.now));
    (void)cores.taken(0);
    (void)cores.taken(1);
    REQUIRE(cores[0].stack.udp().leave(*sockets[0], group, cores.now));
    CHECK(cores.taken(0).empty());
    REQUIRE(cores[1].stack.udp().leave(*sockets[1], group, cores.now));
    const auto said = cores.taken(1);
    REQUIRE(said.size() == 1);
    CHECK(is_leave(said.front()));
}

TEST_CASE("a router's question reaches the cores with members", "[stack][steering][igmp]") {
    StackCores cores;
    TextSocket& member = cores[1].bind(7001);
    REQUIRE(cores[1].stack.udp().join(member, group, cores.now));
    cores.now = cores.now + 11s;
    (void)cores.taken(1);
    stack::wire::IgmpMessage query;
    query.type = stack::wire::IgmpType::query;
    query.max_response_tenths = 10;
    Bytes bytes(stack::wire::igmp_bytes);
    stack::wire::write(query, bytes.data());
    cores.give(0, ipv4(igmp, bytes, stack::wire::igmp_all_systems));
    cores.cross();
    cores.now = cores.now + 2s;
    CHECK(cores.taken(1).size() == 1);
    CHECK(cores.taken(0).empty());
}

// --- ARP

TEST_CASE("an answer reaches the core that asked, whichever queue it comes by", "[stack][steering][arp]") {
    StackCores cores;
    TextSocket& socket = cores[1].bind(7001);
    send(cores, 1, socket, peer_ip, 9, "waits");
    auto sent = cores.taken(1);
    REQUIRE(sent.size() == 1);
    CHECK(is_arp(sent.front()));
    cores.give(0, arp(stack::wire::ArpOperation::reply));
    cores.cross();
    sent = cores.taken(1);
    REQUIRE(sent.size() == 1);
    CHECK_FALSE(is_arp(sent.front()));
    CHECK(cores[0].stack.drops()[Drop::arp_unsolicited] == 0);
}

TEST_CASE("a question is answered once, and all learn from it", "[stack][steering][arp]") {
    StackCores cores;
    cores.give(0, arp(stack::wire::ArpOperation::request));
    cores.cross();
    CHECK(cores.taken(0).size() == 1);
    CHECK(cores.taken(1).empty());
    TextSocket& socket = cores[1].bind(7001);
    send(cores, 1, socket, peer_ip, 9, "known");
    const auto sent = cores.taken(1);
    REQUIRE(sent.size() == 1);
    CHECK_FALSE(is_arp(sent.front()));
    cores.give(0, arp(stack::wire::ArpOperation::request));
    cores.cross();
    CHECK(cores.crossed() == 1);  // the second one told nothing new
}

// --- ICMP

TEST_CASE("an echo is answered once, by the core that got it", "[stack][steering][icmp]") {
    StackCores cores;
    introduced(cores);
    Bytes echo(stack::wire::icmp_bytes);
    stack::wire::IcmpHeader header;
    header.type = stack::wire::IcmpType::echo;
    stack::wire::write(header, echo.data());
    stack::wire::seal_icmp(echo);
    cores.give(0, ipv4(icmp, echo));
    cores.cross();
    CHECK(cores.taken(0).size() == 1);
    CHECK(cores.taken(1).empty());
}

/// What the peer says of a frame that we sent.
Bytes unreachable(const Bytes& frame) {
    Bytes bytes(stack::wire::icmp_bytes + 28);
    stack::wire::IcmpHeader header;
    header.type = stack::wire::IcmpType::unreachable;
    header.code = stack::wire::icmp_code::port_unreachable;
    stack::wire::write(header, bytes.data());
    std::memcpy(bytes.data() + stack::wire::icmp_bytes, frame.data() + stack::wire::ethernet_bytes, 28);
    stack::wire::seal_icmp(bytes);
    return ipv4(icmp, bytes);
}

TEST_CASE("an error is told to the core that has what it is about", "[stack][steering][icmp]") {
    StackCores cores;
    introduced(cores);
    TextSocket& socket = cores[1].bind(7001);
    socket.remote = peer_ip;
    socket.remote_port = 9;
    send(cores, 1, socket, peer_ip, 9, "hello?");
    const auto sent = cores.taken(1);
    REQUIRE(sent.size() == 1);
    cores.give(0, unreachable(sent.front()));
    CHECK(socket.untold == Errc::ok);
    cores.cross();
    CHECK(socket.untold == Errc::connection_refused);
    CHECK(cores[0].stack.drops().total() == 0);
}

TEST_CASE("an error finds the connected one of the sockets that share a port", "[stack][steering][icmp]") {
    StackCores cores(StackCores::options(3, 1));
    introduced(cores);
    for (std::size_t core : {0, 1, 2}) cores[core].bind(7001, true);
    for (std::size_t core : {0, 1, 2}) {
        TextSocket& socket = *cores[core].sockets.front();
        socket.remote = peer_ip;
        socket.remote_port = static_cast<std::uint16_t>(9 + core);
        send(cores, core, socket, peer_ip, socket.remote_port, "hello?");
        const auto sent = cores.taken(core);
        REQUIRE(sent.size() == 1);
        cores.give(0, unreachable(sent.front()));
        cores.cross();
        CHECK(socket.untold == Errc::connection_refused);
    }
}

TEST_CASE("what comes from another link about groups is for no other core, and keeps no error from one",
          "[stack][steering][icmp][igmp]") {
    StackCores cores;
    introduced(cores);
    TextSocket& member = cores[1].bind(7001);
    REQUIRE(cores[1].stack.udp().join(member, group, cores.now));
    stack::wire::IgmpMessage report;
    report.type = stack::wire::IgmpType::report_v2;
    report.group = group;
    Bytes bytes(stack::wire::igmp_bytes);
    stack::wire::write(report, bytes.data());
    Bytes flood = ipv4(igmp, bytes, group);
    std::byte* const ip = flood.data() + stack::wire::ethernet_bytes;
    ip[8] = std::byte{64};  // not 1
    stack::wire::store_checksum(ip + 10, 0);
    stack::wire::store_checksum(ip + 10, stack::wire::fold(stack::wire::sum({ip, stack::wire::ipv4_bytes})));
    (void)cores.taken(1);
    send(cores, 1, member, peer_ip, 9, "hello?");
    const Bytes error = unreachable(cores.taken(1).front());
    const std::uint64_t before = cores.crossed();
    for (std::size_t i = 0; i < 2000; ++i) cores.give(0, flood);
    cores.cross();
    CHECK(cores.crossed() == before);
    CHECK(cores[0].stack.drops()[Drop::igmp_ttl] == 2000);
    cores.give(0, error);
    cores.cross();
    CHECK(cores.crossed() == before + 1);
}

TEST_CASE("a flood of errors, reports or ARP reaches the other cores in bounded numbers",
          "[stack][steering][icmp][igmp][arp]") {
    std::size_t at_once = 20;  // a hundredth of what may come in a second, and half as much again
    StackCores cores;
    introduced(cores);
    TestEndpoint endpoint;
    Bytes flood;
    SECTION("errors about datagrams") {
        TextSocket& socket = cores[1].bind(7001);
        send(cores, 1, socket, peer_ip, 9, "hello?");
        flood = unreachable(cores.taken(1).front());
    }
    SECTION("errors about segments") {
        REQUIRE(cores[1].stack.tcp().connect(endpoint, peer_ip, 80, cores.now));
        Bytes segment = cores.taken(1).front();
        stack::wire::store_be32(&segment[stack::wire::ethernet_bytes + 24], endpoint.tcb->iss + 1);  // not its SYN
        flood = unreachable(segment);
    }
    SECTION("reports of a group's other members") {
        TextSocket& member = cores[1].bind(7001);
        REQUIRE(cores[1].stack.udp().join(member, group, cores.now));
        stack::wire::IgmpMessage report;
        report.type = stack::wire::IgmpType::report_v2;
        report.group = group;
        Bytes bytes(stack::wire::igmp_bytes);
        stack::wire::write(report, bytes.data());
        flood = ipv4(igmp, bytes, group);
    }
    SECTION("answers that nobody has asked for") {
        flood = arp(stack::wire::ArpOperation::reply);
        at_once = 200;
    }
    const std::uint64_t before = cores.crossed();
    for (std::size_t i = 0; i < 1000; ++i) {
        cores.give(0, flood);
        cores.cross();
    }
    const std::uint64_t crossed = cores.crossed() - before;
    CHECK(crossed >= 1);
    CHECK(crossed < at_once);
    const auto& drops = cores[0].stack.drops();
    CHECK(drops[Drop::steering_rate] + drops[Drop::igmp_rate] == 1000 - crossed);
    cores.now = cores.now + 1s;
    cores.give(0, flood);
    cores.cross();
    CHECK(cores.crossed() == before + crossed + 1);
    if (endpoint.tcb != nullptr) cores[1].stack.tcp().forget(endpoint);
}

TEST_CASE("an error about a connection of nobody crosses to no core that listens", "[stack][steering][icmp][tcp]") {
    StackCores cores;
    TestAcceptor acceptor;
    REQUIRE(cores[1].stack.tcp().listen(acceptor, {}, 7000, 16));
    Bytes quoted = ipv4(stack::wire::ip_protocol::tcp, Bytes(20), peer_ip, host_ip);
    stack::wire::store_be16(&quoted[stack::wire::ethernet_bytes + 20], 7000);
    stack::wire::store_be16(&quoted[stack::wire::ethernet_bytes + 22], 4000);
    cores.give(0, unreachable(quoted));
    cores.cross();
    CHECK(cores.crossed() == 0);
    CHECK(cores[0].stack.drops()[Drop::icmp_stale] == 1);
    cores[1].stack.tcp().close(acceptor, cores.now);
}

// --- fragments

/// A datagram in two pieces.
std::array<Bytes, 2> pieces(const Bytes& segment, std::uint16_t id) {
    const std::size_t cut = segment.size() / 16 * 8;
    std::array<Bytes, 2> both;
    for (std::size_t i = 0; i < 2; ++i) {
        const auto part = std::span(segment).subspan(i * cut, i == 0 ? cut : segment.size() - cut);
        Bytes packet(stack::wire::ipv4_bytes + part.size());
        stack::wire::Ipv4Header header;
        header.total_bytes = static_cast<std::uint16_t>(packet.size());
        header.id = id;
        header.protocol = udp;
        header.source = peer_ip;
        header.destination = host_ip;
        header.more_fragments = i == 0;
        header.fragment_offset_bytes = static_cast<std::uint16_t>(i * cut);
        stack::wire::write(header, packet.data());
        std::memcpy(packet.data() + stack::wire::ipv4_bytes, part.data(), part.size());
        both[i] = ethernet(stack::wire::ether_type::ipv4, packet);
    }
    return both;
}

TEST_CASE("pieces that come by different queues meet, and the whole reaches the socket", "[stack][steering][ip]") {
    StackCores cores(StackCores::options(3, 3));
    TextSocket& socket = cores[1].bind(7001);
    const std::string text(3000, 'p');
    const Bytes segment = udp_segment(5000, 7001, text);
    for (std::uint16_t id = 0; id < 30; ++id) {
        const auto both = pieces(segment, id);
        cores.give(id % 3U, both[id % 2U]);
        cores.give((id + 1U) % 3U, both[1 - id % 2U]);
        cores.cross();
        CHECK((socket.text() == text));
        CHECK((socket.text() == "-"));
    }
    for (auto& core : cores.cores) {
        CHECK(core->stack.drops().total() == 0);
        CHECK(core->stack.reassembly().datagrams() == 0);
    }
}

/// Where the pieces of a datagram from the peer meet.
std::uint16_t owner_of_piece(StackCores& cores, std::uint16_t id) {
    stack::wire::Ipv4Header header;
    header.source = peer_ip;
    header.destination = host_ip;
    header.protocol = stack::wire::ip_protocol::udp;
    return cores[0].stack.steering()->owner_of_piece(header, id);
}

TEST_CASE("datagrams in pieces spread over the cores, whatever step a sender's numbers go by",
          "[stack][steering][ip]") {
    StackCores cores(StackCores::options(4, 4));
    const std::uint16_t step = GENERATE(std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{4}, std::uint16_t{64});
    std::array<int, 4> counts{};
    for (unsigned i = 0; i < 400; ++i) ++counts.at(owner_of_piece(cores, static_cast<std::uint16_t>(i * step)));
    CAPTURE(step);
    for (const int count : counts) CHECK(count > 40);
}

TEST_CASE("pieces take half of a ring, and the rest is for what is somebody's", "[stack][steering][ip][limits]") {
    stack::SteeringOptions how = StackCores::options(2, 2);
    how.ring_frames = 16;
    StackCores cores(how);
    TextSocket& socket = cores[1].bind(7001);
    const Bytes segment = udp_segment(5000, 7001, std::string(100, 'p'));
    std::uint64_t theirs = 0;
    for (std::uint16_t id = 0; id < 100; ++id) {
        theirs += owner_of_piece(cores, id);
        cores.give(0, pieces(segment, id)[0]);
    }
    const auto& drops = cores[0].stack.drops();
    const std::uint64_t crossed = cores[0].stack.steering()->stats().sent;
    CHECK(crossed == 8);
    CHECK(drops[Drop::steering_full] == theirs - crossed);  // the others meet here
    for (int i = 0; i < 8; ++i) cores.give(0, datagram(7001, "whole"));
    cores.cross();
    for (int i = 0; i < 8; ++i) CHECK(socket.text() == "whole");
    CHECK(drops[Drop::steering_full] == theirs - crossed);
    CHECK(cores[1].stack.reassembly().datagrams() == crossed);
    std::uint16_t id = 100;
    while (owner_of_piece(cores, id) == 0) ++id;
    cores.give(0, pieces(segment, id)[0]);  // there is room again
    CHECK(cores[0].stack.steering()->stats().sent == 8 + 8 + 1);
    cores.cross();
}

/// Datagrams of 60 flows, each whole and in pieces, as a NIC spreads them by our key.
void send_flows_both_ways(StackCores& cores, bool hashes_udp_ports) {
    const stack::Toeplitz& hash = cores.shared->toeplitz();
    const std::size_t by_addresses = cores.shared->core_of(hash.hash(peer_ip, host_ip));
    for (std::uint16_t port = 5000; port < 5060; ++port) {
        const std::size_t core =
            hashes_udp_ports ? cores.shared->core_of(hash.hash({host_ip, peer_ip, 7000, port})) : by_addresses;
        cores.give(core, datagram(7000, std::to_string(port), host_ip, port));
        for (const Bytes& piece : pieces(udp_segment(port, 7000, std::to_string(port) + " in pieces"), port))
            cores.give(by_addresses, piece);
        cores.cross();
    }
}

/// What the sockets got: of each flow the whole one and the pieces, together. Returns how many flows each has.
std::vector<std::size_t> flows_together(std::span<TextSocket* const> sockets) {
    std::vector<std::size_t> counts;
    for (TextSocket* const socket : sockets) {
        std::set<std::string> texts;
        for (std::string text = socket->text(); text != "-"; text = socket->text()) texts.insert(text);
        counts.push_back(texts.size() / 2);
        for (const std::string& text : texts)
            if (!text.ends_with(" in pieces")) CHECK(texts.contains(text + " in pieces"));
    }
    return counts;
}

TEST_CASE("of a shared port a flow reaches one core, whole or in pieces", "[stack][steering][ip][udp]") {
    const bool hashes_udp_ports = GENERATE(true, false);
    const bool is_predicted = GENERATE(true, false);
    const std::uint16_t queues = GENERATE(3, 5);
    CAPTURE(hashes_udp_ports, is_predicted, queues);
    stack::SteeringOptions how = StackCores::options(3, queues);
    how.hash_predicts = is_predicted;
    how.hashes_udp_ports = hashes_udp_ports;
    StackCores cores(how);
    std::vector<TextSocket*> sockets;
    for (std::size_t core : {0, 1, 2}) sockets.push_back(&cores[core].bind(7000, true));
    SECTION("each core has a socket") {
        send_flows_both_ways(cores, hashes_udp_ports);
        const auto counts = flows_together(sockets);
        CHECK(counts[0] + counts[1] + counts[2] == 60);
        if (hashes_udp_ports) CHECK(std::ranges::min(counts) > 2);  // one may have a fifth of the queues
    }
    SECTION("the core by whose queue some come has none") {
        cores[1].stack.udp().close(*sockets[1], cores.now);
        cores[1].sockets.clear();
        sockets.erase(sockets.begin() + 1);
        send_flows_both_ways(cores, hashes_udp_ports);
        const auto counts = flows_together(sockets);
        CHECK(counts[0] + counts[1] == 60);
    }
}

TEST_CASE("a core's sockets are nobody's when it has gone", "[stack][steering][udp]") {
    StackCores cores;
    cores[1].bind(7001);
    cores.cores.pop_back();
    cores.give(0, datagram(7001, "late"));
    CHECK(cores[0].stack.drops()[Drop::udp_no_port] == 1);
    TextSocket& again = cores[0].bind(7001);
    cores.give(0, datagram(7001, "here"));
    CHECK(again.text() == "here");
}

}  // namespace
}  // namespace skerry
