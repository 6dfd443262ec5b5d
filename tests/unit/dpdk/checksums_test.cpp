// What a device's flags say of a frame, and what a frame's flags ask of a device.

#include "support/catch.hpp"

#include "checksums.hpp"

#include <skerry/stack/wire/tcp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace skerry {
namespace {

using backend::FrameChecksum;
namespace wire = stack::wire;

/// A UDP or TCP packet with a sound IPv4 header.
struct Received {
    explicit Received(std::uint64_t flags, std::uint8_t protocol = wire::ip_protocol::udp) {
        wire::EthernetHeader ethernet;
        ethernet.ether_type = wire::ether_type::ipv4;
        wire::write(ethernet, bytes.data());
        wire::Ipv4Header ip;
        ip.total_bytes = static_cast<std::uint16_t>(bytes.size() - wire::ethernet_bytes);
        ip.protocol = protocol;
        ip.source = wire::Ipv4Addr::of(198, 18, 0, 1);
        ip.destination = wire::Ipv4Addr::of(198, 18, 0, 2);
        wire::write(ip, bytes.data() + wire::ethernet_bytes);
        mbuf.buf_addr = bytes.data();
        mbuf.data_len = static_cast<std::uint16_t>(bytes.size());
        mbuf.ol_flags = flags;
    }

    [[nodiscard]] FrameChecksum verdict() const { return dpdk::checksum_of(mbuf); }

    std::array<std::byte, wire::ethernet_bytes + wire::ipv4_bytes + 8> bytes{};
    rte_mbuf mbuf{};
};

constexpr std::uint64_t ip_good = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
constexpr std::uint64_t ip_bad = RTE_MBUF_F_RX_IP_CKSUM_BAD;
constexpr std::uint64_t udp_good = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
constexpr std::uint64_t udp_bad = RTE_MBUF_F_RX_L4_CKSUM_BAD;
constexpr std::uint64_t udp_not_there = RTE_MBUF_F_RX_L4_CKSUM_NONE;

TEST_CASE("one bad checksum makes a frame bad, whatever the other is", "[dpdk][checksum]") {
    CHECK(Received(ip_bad).verdict() == FrameChecksum::bad);
    CHECK(Received(udp_bad).verdict() == FrameChecksum::bad);
    CHECK(Received(ip_bad | udp_good).verdict() == FrameChecksum::bad);
    CHECK(Received(ip_good | udp_bad).verdict() == FrameChecksum::bad);
}

TEST_CASE("a frame is good when the device says so of both", "[dpdk][checksum]") {
    CHECK(Received(ip_good | udp_good).verdict() == FrameChecksum::good);
    CHECK(Received(ip_good).verdict() == FrameChecksum::unknown);
    CHECK(Received(0).verdict() == FrameChecksum::unknown);
}

TEST_CASE("data that are sound without a checksum are good, when the header is", "[dpdk][checksum]") {
    CHECK(Received(ip_good | udp_not_there).verdict() == FrameChecksum::good);
    Received frame(udp_not_there);
    CHECK(frame.verdict() == FrameChecksum::good);
    frame.bytes[wire::ethernet_bytes + 8] ^= std::byte{1};  // its time to live
    CHECK(frame.verdict() == FrameChecksum::unknown);
}

TEST_CASE("a device that looks at the transport only is believed about that", "[dpdk][checksum]") {
    Received frame(udp_good);
    CHECK(frame.verdict() == FrameChecksum::good);
    frame.mbuf.data_len = wire::ethernet_bytes + 10;
    CHECK(frame.verdict() == FrameChecksum::unknown);
}

TEST_CASE("a frame asks for the checksum of its own protocol", "[dpdk][checksum]") {
    Received udp(0);
    dpdk::ask_for_checksum(udp.mbuf);
    CHECK((udp.mbuf.ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM);
    Received tcp(0, wire::ip_protocol::tcp);
    dpdk::ask_for_checksum(tcp.mbuf);
    CHECK((tcp.mbuf.ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM);
    CHECK(tcp.mbuf.l2_len == 14);
    CHECK(tcp.mbuf.l3_len == 20);
    CHECK((tcp.mbuf.ol_flags & (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6)) == RTE_MBUF_F_TX_IPV4);
}

TEST_CASE("a frame of IPv6 asks for the checksum behind its longer header", "[dpdk][checksum]") {
    const std::uint8_t protocol = GENERATE(wire::ip_protocol::tcp, wire::ip_protocol::udp);
    std::array<std::byte, wire::ethernet_bytes + wire::ipv6_bytes + wire::tcp_bytes> bytes{};
    wire::EthernetHeader ethernet;
    ethernet.ether_type = wire::ether_type::ipv6;
    wire::write(ethernet, bytes.data());
    wire::Ipv6Header ip;
    ip.payload_bytes = wire::tcp_bytes;
    ip.next_header = protocol;
    ip.source = wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    wire::write(ip, bytes.data() + wire::ethernet_bytes);
    rte_mbuf mbuf{};
    mbuf.buf_addr = bytes.data();
    mbuf.data_len = static_cast<std::uint16_t>(bytes.size());
    dpdk::ask_for_checksum(mbuf);
    CHECK((mbuf.ol_flags & (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6)) == RTE_MBUF_F_TX_IPV6);
    CHECK((mbuf.ol_flags & RTE_MBUF_F_TX_L4_MASK) ==
          (protocol == wire::ip_protocol::tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM));
    CHECK(mbuf.l2_len == 14);
    CHECK(mbuf.l3_len == 40);
}

}  // namespace
}  // namespace skerry
