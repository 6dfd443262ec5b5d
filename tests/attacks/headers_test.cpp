// Attacks with what headers say: lengths, options, flags, addresses, cuts. [lies] of the unit tests has each field.

#include "support/honest.hpp"
#include "support/ipv6_host.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;
using stack::wire::MacAddr;
namespace protocol = stack::wire::ip_protocol;

Bytes bytes_of(std::initializer_list<int> values) {
    Bytes all;
    for (const int value : values) all.push_back(static_cast<std::byte>(value));
    return all;
}

TestSegment segment_of(std::uint8_t flags, std::uint32_t seq = 1, std::uint32_t ack = 0) {
    TestSegment segment;
    segment.flags = flags;
    segment.seq = seq;
    segment.ack = ack;
    return segment;
}

/// The packet with IPv4 options in front of its payload.
Bytes with_options(const Bytes& frame, const Bytes& options) {
    Bytes longer = frame;
    longer.insert(longer.begin() + 34, options.begin(), options.end());
    longer[14] = static_cast<std::byte>(0x45U + options.size() / 4);
    stack::wire::store_be16(longer.data() + 16, static_cast<std::uint16_t>(longer.size() - 14));
    seal(longer);
    return longer;
}

TEST_CASE("attack 11: IPv4 options that lie, or route, are dropped; others are passed over", "[attack]") {
    TcpHost host;
    const Bytes syn = host.packet(segment_of(flag::syn), host_port, 6000);
    std::uint64_t dropped = 0;
    for (const Bytes& options :
         {bytes_of({7, 0, 0, 0}), bytes_of({7, 1, 0, 0}), bytes_of({7, 5, 4, 0}), bytes_of({68, 255, 5, 0}),
          bytes_of({131, 7, 4, 10, 0, 0, 1, 0}), bytes_of({137, 7, 4, 10, 0, 0, 1, 0}), bytes_of({131, 3, 255, 0}),
          bytes_of({1, 1, 1, 131}), bytes_of({131, 0, 0, 0})}) {
        host.give(with_options(syn, options));
        CHECK(host.stack.drops().total() == ++dropped);
        CHECK(host.sent().empty());
    }
    CHECK(host.tcp().sizes().half_open == 0);
    host.give(with_options(syn, bytes_of({1, 1, 1, 0})));
    CHECK(host.sent().size() == 1);
    CHECK(serves(host));
}

/// A sound frame of each protocol.
std::vector<Bytes> sound_frames(TcpHost& host) {
    std::vector<Bytes> all;
    TestSegment syn = segment_of(flag::syn);
    syn.mss = 1460;
    syn.scale = 7;
    syn.sack_permitted = true;
    syn.timestamps = stack::wire::TcpTimestamps{1, 0};
    all.push_back(host.packet(syn, host_port, 6000));
    all.push_back(ipv4(protocol::udp, sealed_datagram(9, 53, "text", peer_ip, host_ip)));
    Bytes echo(stack::wire::icmp_bytes + 8);
    stack::wire::IcmpHeader header;
    header.type = stack::wire::IcmpType::echo;
    stack::wire::write(header, echo.data());
    stack::wire::seal_icmp(echo);
    all.push_back(ipv4(protocol::icmp, echo));
    all.push_back(arp(stack::wire::ArpOperation::request));
    all.push_back(ipv6(protocol::udp, udp6(9, 53, "text")));
    all.push_back(ipv6(protocol::icmpv6, echo6("text")));
    all.push_back(solicitation());
    return all;
}

TEST_CASE("attack 13: a frame that is cut at any byte is dropped, whatever its lengths say", "[attack]") {
    TcpHost host(host6_config());
    for (const Bytes& frame : sound_frames(host)) {
        const bool is_v4 = stack::wire::load_be16(frame.data() + 12) == stack::wire::ether_type::ipv4;
        for (std::size_t size = 0; size < frame.size(); ++size) {
            CAPTURE(frame.size(), size);
            const std::uint64_t before = host.stack.drops().total();
            host.give(std::span(frame).first(size));
            CHECK(host.stack.drops().total() == before + 1);
            if (!is_v4 || size < 35) continue;
            Bytes honest(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));  // IP's length as it is now
            stack::wire::store_be16(honest.data() + 16, static_cast<std::uint16_t>(size - 14));
            seal(honest);
            host.give(honest);
            host.stack.advance(host.now);
            (void)host.taken();  // an error among it
        }
    }
    CHECK(host.tcp().sizes().connections == 0);
    CHECK(serves(host));
}

TEST_CASE("attack 13: options of TCP that run in place or out of the header end the reading", "[attack]") {
    TcpHost host;
    std::uint64_t dropped = 0;
    for (const Bytes& options :
         {bytes_of({3, 0, 0, 0}), bytes_of({3, 1, 0, 0}), bytes_of({3, 3, 17, 3}), bytes_of({1, 1, 1, 8}),
          bytes_of({2, 5, 0, 0}), bytes_of({254, 0, 254, 0}), bytes_of({8, 255, 0, 0})}) {
        host.give(raw_segment(segment_of(flag::syn), options));
        CHECK(host.dropped(Drop::tcp_option_length) + host.dropped(Drop::tcp_option_size) == ++dropped);
    }
    for (const unsigned words : {0U, 1U, 4U, 6U, 15U}) {  // the data offset of a header of five words
        Bytes frame = host.packet(segment_of(flag::syn), host_port, 6000);
        frame[46] = static_cast<std::byte>(words << 4U);
        seal(frame);
        host.give(frame);
    }
    CHECK(host.dropped(Drop::tcp_header_length) == 5);
    CHECK(host.tcp().sizes().half_open == 0);
    CHECK(host.sent().empty());
    CHECK(serves(host));
}

TEST_CASE("attack 15: what Ethernet puts behind a short packet is no payload, what IP lies about is dropped",
          "[attack]") {
    TcpHost host;
    TestEndpoint& ours = host.establish();
    TestSegment data = segment_of(flag::ack, host.peer_seq, host.host_seq);
    data.text = "ab";
    Bytes padded = host.packet(data);
    padded.resize(60, std::byte{0x55});
    host.give(padded);
    CHECK(host.read(ours) == "ab");
    (void)host.sent();
    for (const unsigned words : {0U, 1U, 4U, 15U}) {  // IHL
        Bytes frame = host.packet(data);
        frame[14] = static_cast<std::byte>(0x40U | words);
        host.give(frame);
    }
    for (const unsigned total : {0U, 19U, 43U, 65'535U}) {
        Bytes frame = host.packet(data);
        stack::wire::store_be16(frame.data() + 16, static_cast<std::uint16_t>(total));
        seal(frame);
        host.give(frame);
    }
    CHECK(host.dropped(Drop::ipv4_header_length) + host.dropped(Drop::ipv4_options) == 4);
    CHECK(host.dropped(Drop::ipv4_total_length) == 4);
    CHECK(ours.tcb->received_bytes == 0);
    (void)host.sent();
    CHECK(serves(host));
}

TEST_CASE("attack 16: a wrong sum is dropped unless the port calls it good, and a missing one only of IPv4",
          "[attack]") {
    using backend::FrameChecksum;
    for (const FrameChecksum said : {FrameChecksum::unknown, FrameChecksum::good, FrameChecksum::bad}) {
        Ipv6Host host;
        host.meet();
        Bytes missing = ipv4(protocol::udp, sealed_datagram(9, Ipv6Host::port, "x", peer_ip, host_ip));
        stack::wire::store_be16(missing.data() + 40, 0);
        host.give(missing, said);
        CHECK(host.socket.text() == (said == FrameChecksum::bad ? "-" : "x"));
        Bytes missing6 = ipv6(protocol::udp, udp6(9, Ipv6Host::port, "x"));
        stack::wire::store_be16(missing6.data() + 60, 0);
        host.give(missing6, said);
        CHECK(host.socket.text() == "-");
        Bytes wrong = ipv4(protocol::udp, sealed_datagram(9, Ipv6Host::port, "x", peer_ip, host_ip));
        wrong[41] ^= std::byte{1};
        host.give(wrong, said);
        CHECK(host.socket.text() == (said == FrameChecksum::good ? "x" : "-"));
    }
}

TEST_CASE("attack 23: flags that contradict each other make no state", "[attack]") {
    TcpHost host;
    constexpr std::uint8_t xmas = flag::fin | flag::urg | flag::psh;
    for (const unsigned flags : {0U, unsigned{xmas}, 0x3fU, 0xffU, unsigned{flag::fin}, unsigned{flag::syn | flag::fin},
                                 unsigned{flag::syn | flag::rst}, unsigned{flag::syn | flag::fin | flag::ack},
                                 unsigned{flag::syn | flag::ack}, unsigned{flag::syn | flag::rst | flag::ack}}) {
        CAPTURE(flags);
        host.come(segment_of(static_cast<std::uint8_t>(flags), 9, 9), host_port, 6000);
        CHECK(host.tcp().sizes().half_open == 0);
        for (const TestSegment& answer : host.sent()) CHECK((answer.flags & flag::rst) != 0);
    }
    // Data with a SYN is not taken before the handshake ends, and comes again.
    TestSegment syn = segment_of(flag::syn, 500);
    syn.text = "early";
    host.come(syn, host_port, 6001);
    const TestSegment answer = host.only();
    CHECK(answer.ack == 501);
    host.come(segment_of(flag::rst, 501), host_port, 6001);
    // In a connection.
    TestEndpoint& ours = host.establish();
    for (const unsigned flags : {0U, unsigned{xmas}, unsigned{flag::fin}, 0xffU, unsigned{flag::syn | flag::fin}}) {
        CAPTURE(flags);
        TestSegment segment = segment_of(static_cast<std::uint8_t>(flags), host.peer_seq, host.host_seq);
        if ((flags & flag::rst) != 0) segment.seq += 9;  // not exact
        segment.text = "x";
        host.come(segment);
        CHECK(ours.tcb->state == State::established);
        CHECK(ours.tcb->received_bytes == 0);
        (void)host.sent();
    }
    CHECK(serves(host));
}

TEST_CASE("attack 24: what claims to come from us, from many or from nobody is dropped", "[attack]") {
    TcpHost host(host6_config());
    const auto syn_from = [](Ipv4Addr from) {
        Bytes bytes = segment_bytes(segment_of(flag::syn), host_port, host_port);
        stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(from, host_ip, protocol::tcp, 20));
        return ipv4(protocol::tcp, bytes, host_ip, from);
    };
    std::uint64_t dropped = 0;
    for (const Ipv4Addr from :
         {host_ip, Ipv4Addr::of(0, 0, 0, 0), Ipv4Addr::of(0, 0, 0, 7), Ipv4Addr::of(127, 0, 0, 1),
          Ipv4Addr::of(224, 0, 0, 1), Ipv4Addr::of(255, 255, 255, 255), Ipv4Addr::of(198, 18, 0, 255)}) {
        CAPTURE(from.bits);
        host.give(syn_from(from));
        CHECK(host.dropped(Drop::ipv4_source) == ++dropped);
    }
    const auto syn6_from = [](const Ipv6Addr& from) {
        Bytes bytes = segment_bytes(segment_of(flag::syn), host_port, host_port);
        stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(from, host6, protocol::tcp, 20));
        return ipv6(protocol::tcp, bytes, {from, host6, 64, host_mac});
    };
    dropped = 0;
    for (const Ipv6Addr& from :
         {host6, host6_near, Ipv6Addr{}, Ipv6Addr::of(0, 0, 0, 0, 0, 0, 0, 1),
          Ipv6Addr::of(0, 0, 0, 0, 0, 0xffff, 0xc612, 1), Ipv6Addr::of(0xff02, 0, 0, 0, 0, 0, 0, 1)}) {
        host.give(syn6_from(from));
        CHECK(host.dropped(Drop::ipv6_source) == ++dropped);
    }
    CHECK(host.tcp().sizes().half_open == 0);
    Bytes own_mac = host.packet(segment_of(flag::syn), host_port, 6000);  // from our own hardware address
    stack::wire::store_mac(own_mac.data() + 6, host_mac);
    host.give(own_mac);
    CHECK(host.sent().size() <= 1);
    CHECK_FALSE(host.stack.has_looped());
    CHECK(serves(host));
}

TEST_CASE("attack 25: no segment to many is answered", "[attack]") {
    TcpHost host(host6_config());
    for (const unsigned flags : {unsigned{flag::syn}, unsigned{flag::ack}, unsigned{flag::syn | flag::ack}, 0U}) {
        for (const Ipv4Addr to : {Ipv4Addr::of(255, 255, 255, 255), Ipv4Addr::of(198, 18, 0, 255),
                                  Ipv4Addr::of(224, 0, 0, 1), Ipv4Addr::of(239, 1, 1, 1)}) {
            for (const std::uint16_t port : {host_port, std::uint16_t{1}}) {
                Bytes bytes = segment_bytes(segment_of(static_cast<std::uint8_t>(flags)), port, peer_port);
                stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(peer_ip, to, protocol::tcp, 20));
                const Bytes packet = ipv4(protocol::tcp, bytes, to);
                host.give(packet);
                Bytes by_group = packet;
                stack::wire::store_mac(by_group.data(),
                                       to.is_multicast() ? MacAddr::of_group(to) : MacAddr::broadcast());
                host.give(by_group);
            }
        }
        Bytes ours_by_broadcast = host.packet(segment_of(static_cast<std::uint8_t>(flags)), host_port, 6000);
        stack::wire::store_mac(ours_by_broadcast.data(), MacAddr::broadcast());
        host.give(ours_by_broadcast);
        const Ends6 all_nodes{peer6, Ipv6Addr::all_nodes(), 64, host_mac};
        Bytes bytes = segment_bytes(segment_of(static_cast<std::uint8_t>(flags)), host_port, peer_port);
        stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(all_nodes.from, all_nodes.to, protocol::tcp, 20));
        host.give(ipv6(protocol::tcp, bytes, all_nodes));
    }
    CHECK(host.sent().empty());
    CHECK(host.tcp().sizes().half_open == 0);
    CHECK(host.stack.drops().total() == 4 * (4 * 2 * 2 + 2));
    CHECK(serves(host));
}

TEST_CASE("attack 44: runts, lengths for types, cut tags and frames past the MTU break nothing", "[attack]") {
    TcpHost host;
    const Bytes sound = host.packet(segment_of(flag::syn), host_port, 6000);
    std::uint64_t drops = 0;
    for (std::size_t size = 0; size <= 14; ++size) {
        host.give(std::span(sound).first(size));
        CHECK(host.stack.drops().total() == ++drops);
    }
    for (const unsigned type : {0U, 46U, 1500U, 1501U, 1535U}) {
        Bytes frame = sound;
        stack::wire::store_be16(frame.data() + 12, static_cast<std::uint16_t>(type));
        host.give(frame);
        CHECK(host.stack.drops().total() == ++drops);
    }
    for (const unsigned type : {0x8100U, 0x88a8U, 0x9100U}) {  // a tag, and a second one, cut everywhere
        Bytes frame = sound;
        for (int tags = 0; tags < 2; ++tags) {
            const Bytes tag = bytes_of({static_cast<int>(type >> 8U), static_cast<int>(type & 0xffU), 0, 5});
            frame.insert(frame.begin() + 12, tag.begin(), tag.end());
        }
        for (std::size_t size = 14; size <= 26; ++size) host.give(std::span(frame).first(size));
        host.give(frame);
        drops += 14;
        CHECK(host.stack.drops().total() == drops);
    }
    CHECK(host.sent().empty());
    Bytes jumbo = ipv4(protocol::udp, sealed_datagram(9, 53, std::string(1800, 'j'), peer_ip, host_ip));
    host.give(jumbo);
    (void)host.taken();
    CHECK(serves(host));
}

TEST_CASE("attack 46: datagrams that lie, that ask for loops, or that are as long as can be", "[attack]") {
    Ipv6Host host;
    host.meet();
    host.give(arp(stack::wire::ArpOperation::request));
    (void)host.taken();
    const Bytes sound = sealed_datagram(9, Ipv6Host::port, "text", peer_ip, host_ip);
    std::uint64_t drops = host.stack.drops().total();
    for (const unsigned length : {0U, 7U, 13U, 65'535U}) {
        Bytes lie = sound;
        stack::wire::store_be16(lie.data() + 4, static_cast<std::uint16_t>(length));
        host.give(ipv4(protocol::udp, lie));
        CHECK(host.stack.drops().total() == ++drops);
    }
    host.give(ipv4(protocol::udp, sealed_datagram(9, 0, "x", peer_ip, host_ip)));
    CHECK(host.stack.drops().total() == ++drops);
    CHECK(host.taken().empty());
    CHECK(host.socket.text() == "-");
    // To all: nobody hears it at a closed port, and nobody is told.
    for (const Ipv4Addr to : {Ipv4Addr::of(255, 255, 255, 255), Ipv4Addr::of(198, 18, 0, 255)}) {
        Bytes frame = ipv4(protocol::udp, sealed_datagram(7, 7, "loop", peer_ip, to), to);
        stack::wire::store_mac(frame.data(), MacAddr::broadcast());
        for (int i = 0; i < 100; ++i) host.give(frame);
    }
    CHECK(host.taken().empty());
    // From port 0: it is heard, and no answer is owed.
    host.give(ipv4(protocol::udp, sealed_datagram(0, Ipv6Host::port, "nobody", peer_ip, host_ip)));
    CHECK(host.socket.text() == "nobody");
    const std::string text(65'507, 'l');
    const Bytes whole = sealed_datagram(9, Ipv6Host::port, text, peer_ip, host_ip);
    for (std::size_t at = 0; at < whole.size(); at += 1480) {
        const std::size_t size = std::min<std::size_t>(1480, whole.size() - at);
        Bytes frame = ipv4(protocol::udp, std::span(whole).subspan(at, size));
        const unsigned more = at + size < whole.size() ? 0x2000U : 0U;
        stack::wire::store_be16(frame.data() + 20, static_cast<std::uint16_t>(at / 8 | more));
        stack::wire::store_checksum(frame.data() + 24, 0);
        stack::wire::store_checksum(frame.data() + 24, stack::wire::fold(stack::wire::sum({frame.data() + 14, 20})));
        host.give(frame);
    }
    CHECK(host.socket.text() == text);
}

TEST_CASE("attack 48: packets inside packets and protocols of nobody are dropped", "[attack]") {
    TcpHost host(host6_config());
    const Bytes inner = host.packet(segment_of(flag::syn), host_port, 6000);
    const auto packet = std::span(inner).subspan(14);
    std::uint64_t drops = 0;
    for (const unsigned proto : {4U, 41U, 47U, 50U, 51U, 108U, 132U, 255U}) {
        for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{20}, packet.size()}) {
            Bytes lie(packet.begin(), packet.end() - static_cast<std::ptrdiff_t>(cut));
            host.give(ipv4(static_cast<std::uint8_t>(proto), lie));  // what is inside says more than there is
            CHECK(host.dropped(Drop::ipv4_protocol) == ++drops);
        }
    }
    CHECK(host.taken().size() <= drops);
    for (const unsigned proto : {4U, 41U, 47U}) host.give(ipv6(static_cast<std::uint8_t>(proto), packet));
    CHECK(host.dropped(Drop::ipv6_protocol) == 3);
    (void)host.taken();
    CHECK(host.tcp().sizes().half_open == 0);
    CHECK(serves(host));
}

}  // namespace
}  // namespace skerry
