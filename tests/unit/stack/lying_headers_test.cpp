// Every field of every header that can lie, one at a time, in a packet that is otherwise sound: it is counted under its
// own reason, once, and nothing comes of it. Whatever a port says of the checksums, only the checksums depend on it.

#include "support/seal.hpp"
#include "support/tcp_host.hpp"

#include <skerry/stack/wire/igmp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <initializer_list>
#include <string>

namespace skerry {
namespace {

using namespace tests;
using backend::FrameChecksum;
using stack::Drop;
using stack::wire::Ipv4Addr;

constexpr auto group = Ipv4Addr::of(239, 1, 2, 3);
constexpr std::size_t ip = 14;  // where a frame's IPv4 header begins
constexpr std::size_t transport = 34;  // and what follows it

struct Socket final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
};

enum class Kind : std::uint8_t { arp, syn, data, udp, fragment, echo, error, igmp };

/// A host with one connection, one socket and one group, and a sound packet of each kind to it.
struct Fixture : TcpHost {
    Fixture() {
        establish();
        REQUIRE(stack.udp().open(socket, {}, 53));
        REQUIRE(stack.udp().join(socket, group, now));
        (void)taken();
    }
    ~Fixture() {
        stack.udp().close(socket, now);
        (void)taken();
    }

    Bytes sound(Kind kind) {
        switch (kind) {
            case Kind::arp: return tests::arp(stack::wire::ArpOperation::request);
            case Kind::syn: {
                TestSegment syn;
                syn.flags = flag::syn;
                syn.mss = 1460;
                syn.scale = 7;
                syn.timestamps = stack::wire::TcpTimestamps{1, 0};
                return packet(syn, host_port, 6000);
            }
            case Kind::data: {
                TestSegment segment;
                segment.flags = flag::ack;
                segment.seq = peer_seq;
                segment.ack = host_seq;
                segment.text = "hello";
                return packet(segment);
            }
            case Kind::udp: return ipv4(stack::wire::ip_protocol::udp, datagram());
            case Kind::fragment: {
                Bytes frame = ipv4(stack::wire::ip_protocol::udp, datagram());
                frame[ip + 6] = std::byte{0x20};  // more of it
                return frame;
            }
            case Kind::echo: return ipv4(stack::wire::ip_protocol::icmp, message({}));
            case Kind::error: {
                stack::wire::IcmpHeader header;
                header.type = stack::wire::IcmpType::time_exceeded;
                const Bytes quoted = ipv4(stack::wire::ip_protocol::udp, datagram(), peer_ip, host_ip);
                return ipv4(stack::wire::ip_protocol::icmp, message(header, std::span(quoted).subspan(ip)));
            }
            case Kind::igmp: break;
        }
        Bytes query(stack::wire::igmp_bytes);
        stack::wire::IgmpMessage message;
        message.type = stack::wire::IgmpType::query;
        message.query_version = 2;
        message.max_response_tenths = 100;
        stack::wire::write(message, query.data());
        return ipv4(stack::wire::ip_protocol::igmp, query);
    }

    static Bytes datagram() {
        Bytes bytes(stack::wire::udp_bytes + 8);
        stack::wire::UdpHeader header;
        header.source_port = 9;
        header.destination_port = 53;
        header.bytes = static_cast<std::uint16_t>(bytes.size());
        stack::wire::write(header, bytes.data());
        return bytes;
    }
    static Bytes message(const stack::wire::IcmpHeader& header, std::span<const std::byte> quote = {}) {
        Bytes bytes(stack::wire::icmp_bytes);
        stack::wire::write(header, bytes.data());
        bytes.insert(bytes.end(), quote.begin(), quote.end());
        return bytes;
    }

    Socket socket;
};

struct Lie {
    const char* what;
    Kind in;
    std::size_t at;
    std::initializer_list<unsigned> bytes;
    Drop why;
    std::size_t cut = 0;  ///< not 0: the frame ends there
    bool about_checksum = false;
};

// clang-format off
const Lie lies[] = {
    {"a frame shorter than its header", Kind::udp, 0, {}, Drop::ethernet_short, 13},
    {"a sender that is a group", Kind::udp, 6, {1}, Drop::ethernet_source},
    {"another station", Kind::udp, 5, {9}, Drop::ethernet_not_ours},
    {"a length for a type", Kind::udp, 12, {5, 220}, Drop::ethernet_length},
    {"an unknown type", Kind::udp, 12, {0x12, 0x34}, Drop::ethernet_type},
    {"a provider's tag", Kind::udp, 12, {0x88, 0xa8}, Drop::ethernet_double_tag},
    {"a tag of VLAN 4095", Kind::udp, 12, {0x81, 0, 0x0f, 0xff}, Drop::ethernet_vid},
    {"a tag of a VLAN", Kind::udp, 12, {0x81, 0, 0, 5, 8, 0}, Drop::ethernet_vlan},
    {"a tag in a tag", Kind::udp, 12, {0x81, 0, 0, 0, 0x81, 0}, Drop::ethernet_double_tag},
    {"a tag and no more", Kind::udp, 12, {0x81, 0, 0, 5}, Drop::ethernet_short, 16},

    {"ARP: other hardware", Kind::arp, ip + 0, {0, 2}, Drop::arp_bad},
    {"ARP: another protocol", Kind::arp, ip + 2, {0x86, 0xdd}, Drop::arp_bad},
    {"ARP: hardware addresses of 7 bytes", Kind::arp, ip + 4, {7}, Drop::arp_bad},
    {"ARP: protocol addresses of 16 bytes", Kind::arp, ip + 5, {16}, Drop::arp_bad},
    {"ARP: an operation of none", Kind::arp, ip + 6, {0, 3}, Drop::arp_operation},
    {"ARP: a group sends", Kind::arp, ip + 8, {1}, Drop::arp_sender_mac},
    {"ARP: 127.0.0.1 sends", Kind::arp, ip + 14, {127, 0, 0, 1}, Drop::arp_sender_ip},
    {"ARP: cut", Kind::arp, ip, {}, Drop::arp_short, ip + 27},

    {"IPv4: nothing but Ethernet", Kind::udp, ip, {}, Drop::ipv4_short, ip},
    {"IPv4: cut", Kind::udp, ip, {}, Drop::ipv4_short, ip + 19},
    {"IPv4: version 6", Kind::udp, ip, {0x65}, Drop::ipv4_version},
    {"IPv4: a header of 16 bytes", Kind::udp, ip, {0x44}, Drop::ipv4_header_length},
    {"IPv4: a header of 60 bytes, which are not there", Kind::udp, ip, {0x4f}, Drop::ipv4_header_length},
    {"IPv4: less in all than the header", Kind::udp, ip + 2, {0, 19}, Drop::ipv4_total_length},
    {"IPv4: nothing in all", Kind::udp, ip + 2, {0, 0}, Drop::ipv4_total_length},
    {"IPv4: more in all than there is", Kind::udp, ip + 2, {0, 37}, Drop::ipv4_total_length},
    {"IPv4: 65,535 in all", Kind::udp, ip + 2, {255, 255}, Drop::ipv4_total_length},
    {"IPv4: a wrong checksum", Kind::udp, ip + 10, {1, 2}, Drop::ipv4_checksum, 0, true},
    {"IPv4: an unknown protocol", Kind::udp, ip + 9, {255}, Drop::ipv4_protocol},
    {"IPv4: nobody sends", Kind::udp, ip + 12, {0, 0, 0, 0}, Drop::ipv4_source},
    {"IPv4: a group sends", Kind::udp, ip + 12, {224, 0, 0, 1}, Drop::ipv4_source},
    {"IPv4: we send", Kind::udp, ip + 12, {198, 18, 0, 2}, Drop::ipv4_source},
    {"IPv4: for another", Kind::udp, ip + 16, {198, 18, 0, 3}, Drop::ipv4_not_ours},
    {"IPv4: a piece of 12 bytes that is not the last", Kind::fragment, ip + 2, {0, 32}, Drop::ipv4_fragment_length},
    {"IPv4: an empty piece", Kind::fragment, ip + 2, {0, 20}, Drop::ipv4_fragment_length},
    {"IPv4: a piece past 65,535", Kind::fragment, ip + 6, {0x3f, 0xff}, Drop::ipv4_fragment_end},
    {"IPv4: an option of length 0", Kind::udp, ip, {0x46, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1, 198, 18, 0,
        2, 7, 0, 0, 0}, Drop::ipv4_options},
    {"IPv4: an option of length 1", Kind::udp, ip, {0x46, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1, 198, 18, 0,
        2, 7, 1, 0, 0}, Drop::ipv4_options},
    {"IPv4: an option past the header", Kind::udp, ip, {0x46, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1, 198,
        18, 0, 2, 7, 5, 0, 0}, Drop::ipv4_options},
    {"IPv4: a source route", Kind::udp, ip, {0x46, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1, 198, 18, 0, 2,
        131, 3, 4, 0}, Drop::ipv4_source_route},

    {"UDP: cut by IPv4's length", Kind::udp, ip + 2, {0, 27}, Drop::udp_short},
    {"UDP: 7 bytes", Kind::udp, transport + 4, {0, 7}, Drop::udp_length},
    {"UDP: no bytes", Kind::udp, transport + 4, {0, 0}, Drop::udp_length},
    {"UDP: more than there is", Kind::udp, transport + 4, {0, 17}, Drop::udp_length},
    {"UDP: to port 0", Kind::udp, transport + 2, {0, 0}, Drop::udp_port},
    {"UDP: to where nobody is", Kind::udp, transport + 2, {0, 54}, Drop::udp_no_port},
    {"UDP: a wrong checksum", Kind::udp, transport + 6, {1, 2}, Drop::udp_checksum, 0, true},

    {"ICMP: cut", Kind::echo, ip + 2, {0, 27}, Drop::icmp_short},
    {"ICMP: a wrong checksum", Kind::echo, transport + 2, {1, 2}, Drop::icmp_checksum, 0, true},
    {"ICMP: a type of none", Kind::echo, transport, {99}, Drop::icmp_type},
    {"ICMP: a redirect", Kind::error, transport, {5}, Drop::icmp_type},
    {"ICMP: a code of none", Kind::error, transport + 1, {2}, Drop::icmp_code},
    {"ICMP: a quote that is cut", Kind::error, ip + 2, {0, 55}, Drop::icmp_quote_short},
    {"ICMP: a quote of IPv6", Kind::error, transport + 8, {0x65}, Drop::icmp_quote},
    {"ICMP: a quote with a short header", Kind::error, transport + 8, {0x44}, Drop::icmp_quote},
    {"ICMP: a quote whose header runs over it", Kind::error, transport + 8, {0x4f}, Drop::icmp_quote_short},
    {"ICMP: a quote of a later piece", Kind::error, transport + 8 + 6, {0, 1}, Drop::icmp_quote},
    {"ICMP: about a packet of another", Kind::error, transport + 8 + 12, {198, 18, 0, 9}, Drop::icmp_stale},
    {"ICMP: an answer to nothing", Kind::echo, transport, {0}, Drop::icmp_stale},

    {"IGMP: cut", Kind::igmp, ip + 2, {0, 27}, Drop::igmp_short},
    {"IGMP: a wrong checksum", Kind::igmp, transport + 2, {1, 2}, Drop::igmp_checksum},
    {"IGMP: a type of none", Kind::igmp, transport, {0x99}, Drop::igmp_type},
    {"IGMP: a query about no group", Kind::igmp, transport + 4, {10, 0, 0, 1}, Drop::igmp_group},
    {"IGMP: a report of a group that we are not in", Kind::igmp, transport, {0x16, 0, 0, 0, 239, 9, 9, 9},
     Drop::igmp_not_member},

    {"TCP: cut by IPv4's length", Kind::data, ip + 2, {0, 39}, Drop::tcp_short},
    {"TCP: a header of 16 bytes", Kind::data, transport + 12, {0x40}, Drop::tcp_header_length},
    {"TCP: a header past the end", Kind::data, transport + 12, {0xf0}, Drop::tcp_header_length},
    {"TCP: from port 0", Kind::data, transport, {0, 0}, Drop::tcp_port},
    {"TCP: to port 0", Kind::data, transport + 2, {0, 0}, Drop::tcp_port},
    {"TCP: to where nobody listens", Kind::data, transport + 2, {0, 1}, Drop::tcp_no_port},
    {"TCP: a wrong checksum", Kind::data, transport + 16, {1, 2}, Drop::tcp_checksum, 0, true},
    {"TCP: no flags", Kind::data, transport + 13, {0}, Drop::tcp_flags},
    {"TCP: a SYN inside a connection", Kind::data, transport + 13, {2}, Drop::tcp_syn_in_window},
    {"TCP: SYN and FIN to a listener", Kind::syn, transport + 13, {3}, Drop::tcp_flags},
    {"TCP: SYN and RST to a listener", Kind::syn, transport + 13, {6}, Drop::tcp_no_port},
    {"TCP: SYN-ACK to a listener", Kind::syn, transport + 13, {0x12}, Drop::tcp_ack},
    {"TCP: an old number", Kind::data, transport + 4, {0xff, 0, 0, 0}, Drop::tcp_sequence},
    {"TCP: an acknowledgement of the future", Kind::data, transport + 8, {0, 0, 0, 0}, Drop::tcp_ack},
    {"TCP: an option of length 0", Kind::syn, transport + 21, {0}, Drop::tcp_option_length},
    {"TCP: an option of length 1", Kind::syn, transport + 21, {1}, Drop::tcp_option_length},
    {"TCP: an option past the header", Kind::syn, transport + 21, {99}, Drop::tcp_option_length},
    {"TCP: an MSS of 3 bytes", Kind::syn, transport + 20, {2, 3, 1, 1}, Drop::tcp_option_size},
    {"TCP: a scale of 4 bytes", Kind::syn, transport + 20, {3, 4, 1, 1}, Drop::tcp_option_size},
    {"TCP: SACK-permitted of 4 bytes", Kind::syn, transport + 20, {4, 4, 1, 1}, Drop::tcp_option_size},
    {"TCP: a SACK block of 2 bytes", Kind::syn, transport + 20, {5, 4, 1, 1}, Drop::tcp_option_size},
    {"TCP: timestamps of 4 bytes", Kind::syn, transport + 20, {8, 4, 1, 1}, Drop::tcp_option_size},
};
// clang-format on

Bytes told(Fixture& host, const Lie& lie) {
    Bytes frame = host.sound(lie.in);
    if (lie.about_checksum) seal(frame);
    std::size_t at = lie.at;
    for (const unsigned byte : lie.bytes) frame[at++] = static_cast<std::byte>(byte);
    if (!lie.about_checksum && lie.why != Drop::igmp_checksum) seal(frame);
    if (lie.cut != 0) frame.resize(lie.cut);
    return frame;
}

TEST_CASE("each lie of a header is counted under its reason, and nothing comes of it", "[stack][lies]") {
    for (const Lie& lie : lies) {
        for (const FrameChecksum said : {FrameChecksum::unknown, FrameChecksum::good, FrameChecksum::bad}) {
            Fixture host;
            const Bytes frame = told(host, lie);
            const std::uint64_t before = host.stack.drops().total();
            host.give(frame, said);
            INFO(lie.what << ", the port says " << static_cast<int>(said));
            // A port looks at IPv4, UDP and TCP; ICMP's sum is looked at here whatever it says.
            const bool is_believed =
                lie.about_checksum && said == FrameChecksum::good && lie.why != Drop::icmp_checksum;
            const Drop expected = said == FrameChecksum::bad ? Drop::port_checksum : lie.why;
            CHECK(host.dropped(expected) == (is_believed ? 0 : 1));
            CHECK(host.stack.drops().total() - before == (is_believed ? 0 : 1));
            CHECK(host.tcp().sizes().half_open == 0);
            CHECK(host.tcp().sizes().connections == 1);
            CHECK(host.socket.unread() == (is_believed && lie.in == Kind::udp ? 1 : 0));
            CHECK(host.stack.reassembly().datagrams() == 0);
        }
    }
}

TEST_CASE("the packets that the lies are told with are sound", "[stack][lies]") {
    for (const Kind kind : {Kind::arp, Kind::syn, Kind::data, Kind::udp, Kind::fragment, Kind::echo, Kind::igmp}) {
        Fixture host;
        Bytes frame = host.sound(kind);
        seal(frame);
        host.give(frame);
        INFO("kind " << static_cast<int>(kind));
        CHECK(host.stack.drops().total() == 0);
    }
}

}  // namespace
}  // namespace skerry
