// UDP and ICMP of the stack: which socket gets a datagram, what is told to whom, and that nothing stays behind.

#include "support/datagram.hpp"
#include "support/stack_host.hpp"
#include "support/udp_host.hpp"

#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::Ipv4Addr;

constexpr auto udp = stack::wire::ip_protocol::udp;
constexpr auto icmp = stack::wire::ip_protocol::icmp;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

Bytes datagram(std::uint16_t from, std::uint16_t to, std::string_view text, Ipv4Addr source = peer_ip,
               Ipv4Addr destination = host_ip) {
    return sealed_datagram(from, to, text, source, destination);
}

using Socket = UdpSocket;

/// A host whose peer is known.
struct Fixture : UdpHost {
    explicit Fixture(const stack::StackConfig& config = host_config()) : UdpHost(config) {
        give(arp(stack::wire::ArpOperation::request));
        (void)taken();
    }
};

std::span<const std::byte> ip_payload(const Bytes& frame) {
    stack::wire::Ipv4Header header;
    const auto packet = std::span(frame).subspan(stack::wire::ethernet_bytes);
    REQUIRE(stack::wire::parse(packet, header) == Drop::none);
    CHECK(header.source == host_ip);
    CHECK(header.destination == peer_ip);
    return packet.subspan(header.header_bytes, header.payload_bytes());
}

TEST_CASE("a datagram reaches the socket on its port, whole and with its sender", "[stack][udp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    f.give(ipv4(udp, datagram(5000, 7000, "hello")));
    CHECK(socket.calls == 1);
    CHECK(socket.text() == "hello");
    CHECK(socket.peer == peer_ip);
    CHECK(socket.peer_port == 5000);
    f.give(ipv4(udp, datagram(5000, 7000, "")));
    CHECK(socket.text().empty());
}

TEST_CASE("the padding of a short Ethernet frame is no payload", "[stack][udp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    Bytes frame = ipv4(udp, datagram(5000, 7000, "x"));
    frame.resize(60, std::byte{0xee});
    f.give(frame);
    CHECK(socket.text() == "x");
}

TEST_CASE("the socket that says most about its peer gets the datagram", "[stack][udp]") {
    Fixture f;
    Socket& connected = f.bind({}, 7000);
    connected.remote = peer_ip;
    connected.remote_port = 5000;
    f.give(ipv4(udp, datagram(5000, 7000, "mine")));
    f.give(ipv4(udp, datagram(5001, 7000, "other port")));
    CHECK(connected.text() == "mine");
    CHECK(connected.text() == "-");
    CHECK(f.dropped(Drop::udp_no_port) == 1);
}

TEST_CASE("a socket's TTL and traffic class stand in what it sends, and in that alone", "[stack][udp]") {
    Fixture f;
    Socket& usual = f.bind({}, 7000);
    Socket& marked = f.bind({}, 7001);
    marked.marks.ttl = 3;
    marked.marks.traffic_class = 0xb9;
    marked.is_marked = true;
    const auto sent_by = [&](const Socket& socket) {
        REQUIRE(f.stack.udp().send(socket, peer_ip, 5000, bytes_of("hello"), f.now));
        const auto frames = f.taken();
        REQUIRE(frames.size() == 1);
        stack::wire::Ipv4Header header;
        const auto packet = std::span(frames[0]).subspan(stack::wire::ethernet_bytes);
        REQUIRE(stack::wire::parse(packet, header) == Drop::none);
        CHECK(ip_payload(frames[0]).size() == stack::wire::udp_bytes + 5);
        return header;
    };
    for (int round = 0; round < 2; ++round) {  // the way there is known, and then prepared
        CHECK(sent_by(marked).ttl == 3);
        CHECK(sent_by(marked).tos == 0xb9);
        CHECK(sent_by(usual).ttl == 64);
        CHECK(sent_by(usual).tos == 0);
    }
}

TEST_CASE("what a datagram's header said is kept for who asks, from then on", "[stack][udp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    const auto arrival = [&](stack::UdpArrival& out) {
        const stack::UdpDatagram got = socket.take();
        REQUIRE(got.frame != nullptr);
        const bool has = socket.arrival_of(*got.frame, out);
        got.frame->drop();
        return has;
    };
    f.give(ipv4(udp, datagram(5000, 7000, "before")));
    socket.keep_arrivals(true);
    f.give(ipv4(udp, datagram(5000, 7000, "after")));
    stack::UdpArrival told;
    CHECK_FALSE(arrival(told));
    REQUIRE(arrival(told));
    CHECK(told.destination == host_ip);
    CHECK(told.ttl == 64);
    CHECK(told.traffic_class == 0);
}

TEST_CASE("a port is given once, and 0 takes a free one", "[stack][udp]") {
    Fixture f;
    f.bind({}, 7000);
    Socket refused;
    auto taken = f.stack.udp().open(refused, host_ip, 7000);
    REQUIRE_FALSE(taken);
    CHECK(taken.error() == Errc::address_in_use);
    auto foreign = f.stack.udp().open(refused, peer_ip, 7001);
    REQUIRE_FALSE(foreign);
    CHECK(foreign.error() == Errc::address_not_available);
    Socket& second = f.bind({}, 0);
    Socket& third = f.bind({}, 0);
    CHECK(second.port >= 32'768);
    CHECK(second.port != third.port);
}

TEST_CASE("a damaged datagram is counted and dropped, whichever way it is damaged", "[stack][udp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    Bytes spoiled = datagram(5000, 7000, "hello");
    spoiled.back() ^= std::byte{1};
    f.give(ipv4(udp, spoiled));
    CHECK(f.dropped(Drop::udp_checksum) == 1);
    f.give(ipv4(udp, spoiled), backend::FrameChecksum::good);  // the port says otherwise
    CHECK(socket.text() == "helln");
    f.give(ipv4(udp, datagram(5000, 7000, "x")), backend::FrameChecksum::bad);
    CHECK(socket.text() == "-");
    Bytes unsummed = datagram(5000, 7000, "no sum");
    unsummed[6] = unsummed[7] = std::byte{0};
    f.give(ipv4(udp, unsummed));
    CHECK(socket.text() == "no sum");
    const Bytes cut = datagram(5000, 7000, "hello");
    f.give(ipv4(udp, std::span(cut).first(7)));
    CHECK(f.dropped(Drop::udp_short) == 1);
}

TEST_CASE("a socket keeps a limited number of datagrams", "[stack][udp]") {
    stack::StackConfig config = host_config();
    config.udp_queue_packets = 10;
    Fixture f(config);
    Socket& socket = f.bind({}, 7000);
    for (int i = 0; i < 13; ++i) f.give(ipv4(udp, datagram(5000, 7000, std::to_string(i))));
    CHECK(f.dropped(Drop::udp_queue_full) == 3);
    for (int i = 0; i < 10; ++i) CHECK(socket.text() == std::to_string(i));
    CHECK(socket.text() == "-");
}

TEST_CASE("what is sent is what the peer's stack would accept", "[stack][udp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    const std::string text = GENERATE(std::string(), std::string("hi"), std::string(1472, 'x'));
    REQUIRE(f.stack.udp().send(socket, peer_ip, 5000, bytes_of(text), f.now));
    const auto out = f.taken();
    REQUIRE(out.size() == 1);
    const auto payload = ip_payload(out[0]);
    stack::wire::UdpHeader header;
    REQUIRE(stack::wire::parse(payload, header) == Drop::none);
    CHECK(header.source_port == 7000);
    CHECK(header.destination_port == 5000);
    CHECK(header.has_checksum);
    CHECK(stack::wire::udp_checksum_holds(payload, stack::wire::pseudo_header(host_ip, peer_ip, udp, header.bytes)));
    CHECK(std::string(reinterpret_cast<const char*>(payload.data()) + 8, payload.size() - 8) == text);
}

TEST_CASE("what cannot be sent says why", "[stack][udp]") {
    stack::StackConfig config = host_config();
    config.gateway = {};
    Fixture f(config);
    Socket& socket = f.bind({}, 7000);
    auto too_long = f.stack.udp().send(socket, peer_ip, 1, bytes_of(std::string(65'508, 'x')), f.now);
    REQUIRE_FALSE(too_long);
    CHECK(too_long.error() == Errc::message_too_long);
    auto nowhere = f.stack.udp().send(socket, Ipv4Addr::of(192, 0, 2, 1), 1, bytes_of("x"), f.now);
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error() == Errc::unreachable);
    CHECK(f.taken().empty());
}

TEST_CASE("a datagram to ourselves arrives, and two sockets that answer each other do not hold a burst",
          "[stack][udp]") {
    Fixture f;
    Socket& one = f.bind({}, 7000);
    Socket& other = f.bind({}, 7001);
    REQUIRE(f.stack.udp().send(one, host_ip, 7001, bytes_of("to me"), f.now));
    CHECK(f.stack.has_looped());
    f.stack.input({}, f.now);
    CHECK(other.text() == "to me");
    CHECK(other.peer == host_ip);
    CHECK_FALSE(f.stack.has_looped());
    CHECK(f.taken().empty());
}

TEST_CASE("a datagram to ourselves leaves by the port where it is not looped, and comes in by it", "[stack][udp]") {
    stack::StackConfig config = host_config();
    config.loops_own_address = false;
    Fixture f(config);
    Socket& socket = f.bind({}, 7001);
    REQUIRE(f.stack.udp().send(socket, host_ip, 7001, bytes_of("to me"), f.now));
    CHECK_FALSE(f.stack.has_looped());
    const auto sent = f.taken();
    REQUIRE(sent.size() == 1);
    CHECK(socket.calls == 0);
    f.give(sent.front());
    CHECK(socket.text() == "to me");
    const std::string longer(1473, 'x');
    REQUIRE(f.stack.udp().send(socket, host_ip, 7001, bytes_of(longer), f.now));
    const auto pieces = f.taken();
    REQUIRE(pieces.size() == 2);
    for (const Bytes& piece : pieces) f.give(piece);
    CHECK(socket.text() == longer);
}

TEST_CASE("a datagram that is longer than the link takes leaves in pieces, each of them sound", "[stack][udp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    socket.marks.ttl = 9;
    socket.is_marked = true;
    REQUIRE(f.stack.udp().send(socket, peer_ip, 1, bytes_of(std::string(3000, 'x')), f.now));
    const auto pieces = f.taken();
    REQUIRE(pieces.size() == 3);
    std::uint32_t at = 0;
    std::optional<std::uint16_t> id;
    for (const Bytes& frame : pieces) {
        stack::wire::Ipv4Header ip;
        REQUIRE(stack::wire::parse(std::span(frame).subspan(14), ip) == Drop::none);
        CHECK(ip.fragment_offset_bytes == at);
        CHECK(ip.ttl == 9);
        CHECK_FALSE(ip.dont_fragment);
        CHECK(ip.id == id.value_or(ip.id));
        id = ip.id;
        at += ip.payload_bytes();
        CHECK(ip.more_fragments == (at < 3008));
    }
    CHECK(at == 3008);
    REQUIRE(f.stack.udp().send(socket, peer_ip, 1, bytes_of(std::string(3000, 'x')), f.now));
    stack::wire::Ipv4Header next;
    REQUIRE(stack::wire::parse(std::span(f.taken().front()).subspan(14), next) == Drop::none);
    CHECK(next.id != *id);
}

TEST_CASE("the sender to a port without a socket is told, with its own packet", "[stack][icmp]") {
    Fixture f;
    const Bytes sent = ipv4(udp, datagram(5000, 7009, "anybody?"));
    f.give(sent);
    const auto out = f.taken();
    REQUIRE(out.size() == 1);
    stack::wire::IcmpHeader header;
    REQUIRE(stack::wire::parse(ip_payload(out[0]), header) == Drop::none);
    CHECK(header.type == stack::wire::IcmpType::unreachable);
    CHECK(header.code == stack::wire::icmp_code::port_unreachable);
    CHECK(header.quote.source == peer_ip);
    CHECK(header.quote.source_port == 5000);
    CHECK(header.quote.destination_port == 7009);
    const auto quote = ip_payload(out[0]).subspan(stack::wire::icmp_bytes);
    CHECK(std::equal(quote.begin(), quote.end(), sent.begin() + stack::wire::ethernet_bytes));
}

TEST_CASE("nobody is told about what was sent to all", "[stack][icmp]") {
    Fixture f;
    f.give(
        ipv4(udp, datagram(5000, 7009, "all", peer_ip, Ipv4Addr::of(198, 18, 0, 255)), Ipv4Addr::of(198, 18, 0, 255)));
    f.give(ipv4(99, bytes_of("what"), Ipv4Addr::of(198, 18, 0, 255)));
    CHECK(f.taken().empty());
    f.give(ipv4(99, bytes_of("what")));
    CHECK(f.taken().size() == 1);
}

TEST_CASE("errors are limited, by a limit that nobody can count on", "[stack][icmp]") {
    Fixture f;
    std::vector<std::size_t> counts;
    for (int window = 0; window < 100; ++window) {
        for (int i = 0; i < 50; ++i) f.give(ipv4(udp, datagram(5000, 7009, "x")));
        counts.push_back(f.taken().size());
        f.pass(10ms);
    }
    std::size_t total = 0;
    for (const std::size_t count : counts) total += count;
    CHECK(total > 500);
    CHECK(total < 1600);
    CHECK(std::set<std::size_t>(counts.begin(), counts.end()).size() > 3);
    CHECK(f.dropped(Drop::icmp_rate) == 5000 - total);
}

TEST_CASE("an error about a datagram of a connected socket reaches it, and no other", "[stack][icmp]") {
    Fixture f;
    Socket& connected = f.bind({}, 7000);
    Socket& other = f.bind({}, 7001);
    connected.remote = peer_ip;
    connected.remote_port = 9;
    const auto error_about = [&](std::uint16_t from, std::uint16_t to,
                                 std::uint8_t code = stack::wire::icmp_code::port_unreachable,
                                 stack::wire::IcmpType type = stack::wire::IcmpType::unreachable) {
        Bytes quoted(stack::wire::ipv4_bytes);
        stack::wire::Ipv4Header ip;
        ip.total_bytes = 29;
        ip.protocol = udp;
        ip.source = host_ip;
        ip.destination = peer_ip;
        stack::wire::write(ip, quoted.data());
        const Bytes inner = datagram(from, to, "x", host_ip, peer_ip);
        quoted.insert(quoted.end(), inner.begin(), inner.begin() + 8);
        Bytes message(stack::wire::icmp_bytes);
        stack::wire::IcmpHeader header;
        header.type = type;
        header.code = code;
        stack::wire::write(header, message.data());
        message.insert(message.end(), quoted.begin(), quoted.end());
        stack::wire::seal_icmp(message);
        return ipv4(icmp, message);
    };
    f.give(error_about(7000, 9));
    CHECK(connected.untold == Errc::connection_refused);
    CHECK(connected.calls == 1);
    f.give(error_about(7001, 9));
    f.give(error_about(7002, 9));
    CHECK(other.untold == Errc::ok);
    CHECK(f.dropped(Drop::icmp_stale) == 2);
    // What may pass is no error of the socket's: as Linux.
    connected.untold = Errc::ok;
    f.give(error_about(7000, 9, stack::wire::icmp_code::host_unreachable));
    f.give(error_about(7000, 9, stack::wire::icmp_code::ttl_exceeded, stack::wire::IcmpType::time_exceeded));
    CHECK(connected.untold == Errc::ok);
    CHECK(f.dropped(Drop::icmp_stale) == 4);
    f.give(error_about(7000, 9, stack::wire::icmp_code::protocol_unreachable));
    CHECK(connected.untold == Errc::unsupported);
}

Bytes echo(std::size_t payload_bytes) {
    Bytes message(stack::wire::icmp_bytes);
    stack::wire::IcmpHeader header;
    header.type = stack::wire::IcmpType::echo;
    header.identifier = 0x1234;
    header.sequence = 7;
    stack::wire::write(header, message.data());
    message.resize(stack::wire::icmp_bytes + payload_bytes, std::byte{0xa5});
    stack::wire::seal_icmp(message);
    return message;
}

TEST_CASE("an echo is answered with what it carried, and not with the padding of its frame", "[stack][icmp]") {
    Fixture f;
    const auto bytes = GENERATE(0U, 1U, 56U, 1472U);
    Bytes frame = ipv4(icmp, echo(bytes));
    frame.resize(std::max<std::size_t>(frame.size(), 60), std::byte{0xee});
    f.give(frame);
    const auto out = f.taken();
    REQUIRE(out.size() == 1);
    const auto answer = ip_payload(out[0]);
    stack::wire::IcmpHeader header;
    REQUIRE(stack::wire::parse(answer, header) == Drop::none);
    CHECK(header.type == stack::wire::IcmpType::echo_reply);
    CHECK(header.identifier == 0x1234);
    CHECK(header.sequence == 7);
    CHECK(answer.size() == stack::wire::icmp_bytes + bytes);
    for (std::size_t i = stack::wire::icmp_bytes; i < answer.size(); ++i) REQUIRE(answer[i] == std::byte{0xa5});
}

TEST_CASE("who sent a first piece is told that the rest did not come, unless it is an error itself",
          "[stack][icmp][reassembly]") {
    Fixture f;
    const auto [protocol, first_octet, is_told] =
        GENERATE(table<std::uint8_t, unsigned, bool>({{udp, 0, true}, {icmp, 8, true}, {icmp, 3, false}}));
    Bytes payload(64);
    payload[0] = std::byte{static_cast<std::uint8_t>(first_octet)};
    Bytes frame = ipv4(protocol, payload);
    std::byte* const ip = frame.data() + stack::wire::ethernet_bytes;
    stack::wire::store_be16(ip + 6, 0x2000);  // more of them
    stack::wire::store_checksum(ip + 10, 0);
    stack::wire::store_checksum(ip + 10, stack::wire::fold(stack::wire::sum_of_20(ip)));
    f.give(frame);
    f.pass(31s);
    f.stack.advance(f.now);
    CHECK(f.dropped(Drop::ipv4_reassembly_timeout) == 1);
    const auto out = f.taken();
    REQUIRE(out.size() == (is_told ? 1U : 0U));
    if (!is_told) return;
    stack::wire::IcmpHeader header;
    constexpr std::size_t in_front = stack::wire::ethernet_bytes + stack::wire::ipv4_bytes;
    REQUIRE(stack::wire::parse(std::span(out.front()).subspan(in_front), header) == Drop::none);
    CHECK(header.type == stack::wire::IcmpType::time_exceeded);
    CHECK(header.code == stack::wire::icmp_code::reassembly_timeout);
}

TEST_CASE("an echo to all is not answered", "[stack][icmp]") {
    Fixture f;
    f.give(ipv4(icmp, echo(8), Ipv4Addr::of(198, 18, 0, 255)));
    CHECK(f.taken().empty());
    CHECK(f.dropped(Drop::icmp_not_answered) == 1);
}

TEST_CASE("packets for others and from nobody are dropped, each with its reason", "[stack][ipv4]") {
    Fixture f;
    f.give(ipv4(icmp, echo(8), Ipv4Addr::of(198, 18, 0, 3)));
    CHECK(f.dropped(Drop::ipv4_not_ours) == 1);
    f.give(ipv4(icmp, echo(8), host_ip, Ipv4Addr::of(198, 18, 0, 255)));
    f.give(ipv4(icmp, echo(8), host_ip, Ipv4Addr::of(127, 0, 0, 1)));
    CHECK(f.dropped(Drop::ipv4_source) == 2);
    f.give(ethernet(0x88cc, Bytes(40)));
    CHECK(f.dropped(Drop::ethernet_type) == 1);
    f.give(ethernet(stack::wire::ether_type::ipv4, Bytes(40), {{2, 0, 0, 0, 0, 77}}));
    CHECK(f.dropped(Drop::ethernet_not_ours) == 1);
    CHECK(f.taken().empty());
}

TEST_CASE("a stack without frames drops, counts, and goes on when there are some", "[stack][limits]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    const Bytes incoming = ipv4(udp, datagram(5000, 7009, "x"));
    std::vector<stack::Frame*> held;
    stack::Frame* last = f.frames.allocate();
    while (stack::Frame* frame = f.frames.allocate()) held.push_back(frame);
    auto refused = f.stack.udp().send(socket, peer_ip, 5000, bytes_of("x"), f.now);
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == Errc::no_buffers);
    last->drop();
    f.give(incoming);  // takes the last one; the error that is due finds none
    CHECK(f.dropped(Drop::no_frame) == 2);
    for (stack::Frame* frame : held) frame->drop();
    CHECK(f.stack.udp().send(socket, peer_ip, 5000, bytes_of("x"), f.now));
    CHECK(f.taken().size() == 1);
}

TEST_CASE("random bytes in a frame break nothing and lose no frame", "[stack][limits]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    std::uint64_t random = 42;
    const auto next = [&] {
        return random = random * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U, random >> 33U;
    };
    const std::vector<Bytes> seeds{ipv4(udp, datagram(5000, 7000, "hello")), ipv4(icmp, echo(20)),
                                   arp(stack::wire::ArpOperation::request), ipv4(udp, datagram(5000, 7009, "none"))};
    for (int i = 0; i < 20'000; ++i) {
        Bytes frame = seeds[next() % seeds.size()];
        for (std::uint64_t spoiled = next() % 6; spoiled > 0; --spoiled)
            frame[next() % frame.size()] = static_cast<std::byte>(next());
        frame.resize(next() % 4 == 0 ? next() % (frame.size() + 1) : frame.size());
        f.give(frame, next() % 2 == 0 ? backend::FrameChecksum::good : backend::FrameChecksum::unknown);
        while (socket.text() != "-") {
        }
        (void)f.taken();
        f.pass(1ms);
    }
    while (f.stack.next_deadline() != time::Instant::max()) f.pass(1s);
    (void)f.taken();
    CHECK(f.frames.out() == 0);
}

}  // namespace
}  // namespace skerry
