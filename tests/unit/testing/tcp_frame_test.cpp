// Segments in their frames, by either IP: how they are read, cut anew, and lost by hand.

#include "support/catch.hpp"

#include "testing/sim/recut.hpp"
#include "testing/sim/tcp_frame.hpp"

#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/testing/frame_filter.hpp>

#include <set>
#include <span>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace stack::wire;
using testing::Fate;
using testing::TcpFrame;
using Bytes = std::vector<std::byte>;

constexpr Ipv4Addr one = Ipv4Addr::of(10, 0, 0, 1);
constexpr Ipv4Addr two = Ipv4Addr::of(10, 0, 0, 2);
constexpr Ipv6Addr one6 = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
constexpr Ipv6Addr two6 = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

std::size_t header_bytes(bool by_ipv6) { return by_ipv6 ? ipv6_bytes : ipv4_bytes; }

void write_ip(std::byte* at, std::size_t segment_bytes, bool by_ipv6) {
    Ipv4Header ip;
    ip.total_bytes = static_cast<std::uint16_t>(ipv4_bytes + segment_bytes);
    ip.protocol = ip_protocol::tcp;
    ip.source = one;
    ip.destination = two;
    if (!by_ipv6) return write(ip, at);
    Ipv6Header ip6;
    ip6.payload_bytes = static_cast<std::uint16_t>(segment_bytes);
    ip6.next_header = ip_protocol::tcp;
    ip6.source = one6;
    ip6.destination = two6;
    write(ip6, at);
}

/// Data of a stream whose byte at `seq` is that number's lowest.
Bytes segment(bool by_ipv6, std::uint32_t seq, std::size_t bytes, std::uint8_t flags = tcp_flag::ack) {
    const std::size_t tcp_at = ethernet_bytes + header_bytes(by_ipv6);
    Bytes frame(tcp_at + tcp_bytes + bytes);
    EthernetHeader ethernet;
    ethernet.ether_type = by_ipv6 ? ether_type::ipv6 : ether_type::ipv4;
    write(ethernet, frame.data());
    write_ip(frame.data() + ethernet_bytes, tcp_bytes + bytes, by_ipv6);
    TcpHeader tcp;
    tcp.source_port = 1000;
    tcp.destination_port = 80;
    tcp.seq = seq;
    tcp.flags = flags;
    write(tcp, frame.data() + tcp_at);
    for (std::size_t i = 0; i < bytes; ++i) frame[tcp_at + tcp_bytes + i] = static_cast<std::byte>(seq + i);
    const auto length = static_cast<std::uint32_t>(tcp_bytes + bytes);
    seal_tcp(std::span(frame).subspan(tcp_at), by_ipv6 ? pseudo_header(one6, two6, ip_protocol::tcp, length)
                                                       : pseudo_header(one, two, ip_protocol::tcp, length));
    return frame;
}

bool checksum_holds(const TcpFrame& read, std::span<const std::byte> frame) {
    const auto bytes = frame.subspan(read.tcp_at);
    return tcp_checksum_holds(bytes, read.pseudo_header(static_cast<std::uint32_t>(bytes.size())));
}

TEST_CASE("a segment is found in its frame by either IP", "[testing][tcp_frame]") {
    const bool by_ipv6 = GENERATE(false, true);
    const Bytes frame = segment(by_ipv6, 100, 10);
    TcpFrame read;
    REQUIRE(read.read(frame));
    CHECK(read.is_ipv6() == by_ipv6);
    CHECK(read.source == (by_ipv6 ? one6 : Ipv6Addr::mapped(one)));
    CHECK(read.destination == (by_ipv6 ? two6 : Ipv6Addr::mapped(two)));
    CHECK(read.tcp.seq == 100);
    CHECK(read.ip_at == ethernet_bytes);
    CHECK(read.tcp_at == ethernet_bytes + header_bytes(by_ipv6));
    CHECK(read.headers.size() == read.tcp_at + tcp_bytes);
    CHECK(read.payload.size() == 10);
    CHECK(checksum_holds(read, frame));
}

TEST_CASE("what is no TCP or behind extension headers is not read", "[testing][tcp_frame]") {
    const std::uint8_t next = GENERATE(ip_protocol::udp, ip_protocol::hop_by_hop, ip_protocol::fragment);
    Bytes frame = segment(true, 100, 10);
    frame[ethernet_bytes + ipv6_next_header_at] = static_cast<std::byte>(next);
    TcpFrame read;
    CHECK_FALSE(read.read(frame));
    CHECK_FALSE(read.read({}));
    store_be16(frame.data() + 12, ether_type::arp);
    CHECK_FALSE(read.read(frame));
}

TEST_CASE("a segment that is cut anew is whole by either IP", "[testing][tcp_frame]") {
    const bool by_ipv6 = GENERATE(false, true);
    constexpr std::uint32_t cut = 1000;
    const Bytes before = segment(by_ipv6, cut - 10, 10);
    const Bytes behind = segment(by_ipv6, cut, 30, tcp_flag::ack | tcp_flag::fin);
    std::set<std::pair<std::uint32_t, std::uint32_t>> cuts;
    testing::Random random(1);
    for (int i = 0; i < 100; ++i) {
        const Bytes made = testing::recut(before, behind, random);
        TcpFrame read;
        REQUIRE(read.read(made));
        CHECK(read.is_ipv6() == by_ipv6);
        CHECK(read.headers.size() + read.payload.size() == made.size());  // the length of the IP header is its own
        CHECK(checksum_holds(read, made));
        const std::uint32_t end = read.tcp.seq + static_cast<std::uint32_t>(read.payload.size());
        for (std::size_t at = 0; at < read.payload.size(); ++at)
            CHECK(read.payload[at] == static_cast<std::byte>(read.tcp.seq + at));
        CHECK(read.tcp.has(tcp_flag::fin) == (end == cut + 30));
        cuts.emplace(cut - read.tcp.seq, end - cut);
    }
    CHECK(cuts.size() > 40);
    CHECK(testing::recut(segment(!by_ipv6, cut - 10, 10), behind, random).empty());
}

TEST_CASE("a byte of a stream is lost once by either IP", "[testing][tcp_frame]") {
    const bool by_ipv6 = GENERATE(false, true);
    const testing::FrameFilter filter = testing::drop_data_once(15);
    CHECK(filter(segment(by_ipv6, 100, 0, tcp_flag::syn)) == Fate::pass);
    CHECK(filter(segment(by_ipv6, 101, 10)) == Fate::pass);
    CHECK(filter(segment(!by_ipv6, 111, 10)) == Fate::pass);  // of another connection
    CHECK(filter(segment(by_ipv6, 111, 10)) == Fate::drop);
    CHECK(filter(segment(by_ipv6, 111, 10)) == Fate::pass);
}

}  // namespace
}  // namespace skerry
