// Checksums that a port takes over, both ways: what is left to it is what it needs, and what it cannot know is verified
// by the stack.

#include "support/tcp_host.hpp"

#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <cstring>
#include <string_view>

namespace skerry {
namespace {

using namespace tests;
using backend::FrameChecksum;
using stack::Drop;
namespace wire = stack::wire;

constexpr std::size_t transport_at = wire::ethernet_bytes + wire::ipv4_bytes;

stack::StackConfig offloading() {
    stack::StackConfig config = host_config();
    config.checksums_sent = true;
    return config;
}

/// What a card does with a frame that asks for it: adds up what the transport's checksum covers, the field too.
Bytes finished(const stack::Frame& frame) {
    Bytes bytes(frame.bytes().begin(), frame.bytes().end());
    const bool is_tcp = wire::load_8(bytes.data() + wire::ethernet_bytes + 9) == wire::ip_protocol::tcp;
    const auto segment = std::span(bytes).subspan(transport_at);
    wire::store_checksum(segment.data() + (is_tcp ? 16 : 6), wire::fold(wire::sum(segment)));
    return bytes;
}

bool holds(const Bytes& frame) {
    wire::Ipv4Header ip;
    const auto packet = std::span(frame).subspan(wire::ethernet_bytes);
    REQUIRE(wire::parse(packet, ip) == Drop::none);
    const auto segment = packet.subspan(ip.header_bytes, ip.payload_bytes());
    return wire::fold(wire::sum(segment, wire::pseudo_header(ip.source, ip.destination, ip.protocol,
                                                             static_cast<std::uint32_t>(segment.size())))) == 0;
}

struct Sender final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
};

TEST_CASE("a port that finishes checksums finds the pseudo header's sum in every TCP segment", "[stack][checksum]") {
    TcpHost host(offloading());
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 100;
    host.come(syn);
    std::size_t segments = 0;
    while (stack::Frame* frame = host.stack.backlog().pop()) {
        CHECK((frame->flags & backend::frame_flag::sum_missing) != 0);
        CHECK_FALSE(holds(Bytes(frame->bytes().begin(), frame->bytes().end())));
        CHECK(holds(finished(*frame)));
        frame->drop();
        ++segments;
    }
    CHECK(segments == 1);
}

TEST_CASE("a port that finishes checksums finds the pseudo header's sum in every datagram", "[stack][checksum]") {
    StackHost host(offloading());
    host.give(arp(wire::ArpOperation::request));
    (void)host.taken();
    Sender sender;
    REQUIRE(host.stack.udp().open(sender, {}, 7000));
    for (const std::string_view text : {"", "x", "some text of odd length"}) {
        REQUIRE(host.stack.udp().send(sender, peer_ip, 5000, std::as_bytes(std::span(text)), host.now));
        stack::Frame* const frame = host.stack.backlog().pop();
        REQUIRE(frame != nullptr);
        CHECK((frame->flags & backend::frame_flag::sum_missing) != 0);
        CHECK(holds(finished(*frame)));
        frame->drop();
    }
    host.stack.udp().close(sender, host.now);
}

TEST_CASE("what is no TCP and no UDP leaves with its own checksum, whatever the port does", "[stack][checksum]") {
    StackHost host(offloading());
    Bytes echo(wire::icmp_bytes + 4);
    wire::IcmpHeader header;
    header.type = wire::IcmpType::echo;
    wire::write(header, echo.data());
    wire::seal_icmp(echo);
    host.give(ipv4(wire::ip_protocol::icmp, echo));
    host.give(arp(wire::ArpOperation::reply));
    std::size_t replies = 0;
    while (stack::Frame* frame = host.stack.backlog().pop()) {
        CHECK((frame->flags & backend::frame_flag::sum_missing) == 0);
        frame->drop();
        ++replies;
    }
    CHECK(replies != 0);
}

TEST_CASE("an ICMP message that a port calls good is verified", "[stack][checksum]") {
    StackHost host;
    Bytes echo(wire::icmp_bytes + 4);
    wire::IcmpHeader header;
    header.type = wire::IcmpType::echo;
    wire::write(header, echo.data());
    wire::seal_icmp(echo);
    echo.back() ^= std::byte{1};
    host.give(ipv4(wire::ip_protocol::icmp, echo), FrameChecksum::good);
    CHECK(host.dropped(Drop::icmp_checksum) == 1);
}

TEST_CASE("a datagram in pieces that a port calls good is verified", "[stack][checksum]") {
    StackHost host;
    Sender socket;
    REQUIRE(host.stack.udp().open(socket, {}, 7000));
    Bytes whole(wire::udp_bytes + 24, std::byte{'x'});
    wire::UdpHeader udp;
    udp.source_port = 5000;
    udp.destination_port = 7000;
    udp.bytes = static_cast<std::uint16_t>(whole.size());
    wire::write(udp, whole.data());
    wire::seal_udp(whole, wire::pseudo_header(peer_ip, host_ip, wire::ip_protocol::udp, udp.bytes));
    whole.back() ^= std::byte{1};
    for (const std::size_t at : {std::size_t{0}, std::size_t{16}}) {
        Bytes frame = ipv4(wire::ip_protocol::udp, std::span(whole).subspan(at, 16));
        wire::Ipv4Header ip;
        REQUIRE(wire::parse(std::span(frame).subspan(wire::ethernet_bytes), ip) == Drop::none);
        ip.id = 1;
        ip.fragment_offset_bytes = static_cast<std::uint16_t>(at);
        ip.more_fragments = at == 0;
        wire::write(ip, frame.data() + wire::ethernet_bytes);
        host.give(frame, FrameChecksum::good);
    }
    CHECK(host.dropped(Drop::udp_checksum) == 1);
    CHECK(socket.unread() == 0);
    host.stack.udp().close(socket, host.now);
}

}  // namespace
}  // namespace skerry
