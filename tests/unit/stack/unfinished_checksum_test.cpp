#include "support/catch.hpp"

#include <skerry/stack/unfinished_checksum.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry::stack {
namespace {

namespace wire = stack::wire;
using backend::FrameChecksum;

constexpr std::size_t transport_at = wire::ethernet_bytes + wire::ipv4_bytes;

void store_be16(std::byte* at, std::size_t value) {
    at[0] = static_cast<std::byte>(value >> 8U);
    at[1] = static_cast<std::byte>(value);
}

/// A packet of 198.18.0.1 for 198.18.0.2 with 40 bytes of transport, its checksum unfinished; 5 bytes of padding.
struct Packet {
    explicit Packet(std::uint8_t protocol) {
        constexpr std::array<std::uint8_t, 34> head{2,  0, 0, 0, 0, 2,  2, 0, 0, 0,   0,  1, 8, 0,   0x45, 0, 0,
                                                    60, 0, 7, 0, 0, 64, 0, 0, 0, 198, 18, 0, 1, 198, 18,   0, 2};
        for (std::size_t i = 0; i < head.size(); ++i) bytes[i] = static_cast<std::byte>(head[i]);
        bytes[wire::ethernet_bytes + 9] = static_cast<std::byte>(protocol);
        for (std::size_t i = transport_at; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
        seal_header();
        if (protocol == wire::ip_protocol::tcp)
            wire::seal_tcp_unfinished(transport(), pseudo());
        else
            wire::seal_udp_unfinished(transport(), pseudo());
    }
    void seal_header() {
        store_be16(&bytes[24], 0);
        wire::store_checksum(&bytes[24], wire::fold(wire::sum_of_20(&bytes[wire::ethernet_bytes])));
    }
    [[nodiscard]] std::span<std::byte> transport() { return std::span(bytes).subspan(transport_at, 40); }
    [[nodiscard]] std::uint64_t pseudo() {
        return wire::pseudo_header(wire::Ipv4Addr::of(198, 18, 0, 1), wire::Ipv4Addr::of(198, 18, 0, 2),
                                   static_cast<std::uint8_t>(bytes[wire::ethernet_bytes + 9]), 40);
    }
    [[nodiscard]] FrameChecksum checksum() const { return checksum_of_cable(bytes); }

    std::array<std::byte, transport_at + 45> bytes{};
};

TEST_CASE("a packet whose checksum was left to a card is taken for sound", "[stack][unfinished]") {
    CHECK(Packet(wire::ip_protocol::tcp).checksum() == FrameChecksum::good);
    CHECK(Packet(wire::ip_protocol::udp).checksum() == FrameChecksum::good);
}

/// The same by IPv6, of fd00::1 for fd00::2.
struct PacketV6 {
    explicit PacketV6(std::uint8_t protocol) {
        store_be16(&bytes[12], wire::ether_type::ipv6);
        wire::Ipv6Header header;
        header.payload_bytes = 40;
        header.next_header = protocol;
        header.hop_limit = 64;
        header.source = from;
        header.destination = to;
        wire::write(header, &bytes[wire::ethernet_bytes]);
        for (std::size_t i = transport_at_v6; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
        if (protocol == wire::ip_protocol::tcp)
            wire::seal_tcp_unfinished(transport(), pseudo());
        else
            wire::seal_udp_unfinished(transport(), pseudo());
    }
    [[nodiscard]] std::span<std::byte> transport() { return std::span(bytes).subspan(transport_at_v6, 40); }
    [[nodiscard]] std::uint64_t pseudo() const {
        return wire::pseudo_header(from, to, wire::load_8(&bytes[wire::ethernet_bytes + wire::ipv6_next_header_at]),
                                   40);
    }
    [[nodiscard]] FrameChecksum checksum() const { return checksum_of_cable(bytes); }

    static constexpr std::size_t transport_at_v6 = wire::ethernet_bytes + wire::ipv6_bytes;
    static constexpr wire::Ipv6Addr from{0xfd00'0000'0000'0000U, 1};
    static constexpr wire::Ipv6Addr to{0xfd00'0000'0000'0000U, 2};
    std::array<std::byte, transport_at_v6 + 45> bytes{};
};

TEST_CASE("a packet of IPv6 whose checksum was left to a card is taken for sound", "[stack][unfinished]") {
    for (const std::uint8_t protocol : {wire::ip_protocol::tcp, wire::ip_protocol::udp}) {
        PacketV6 packet(protocol);
        CHECK(packet.checksum() == FrameChecksum::good);
        PacketV6 another = packet;  // than what was summed up
        another.bytes[wire::ethernet_bytes + 39] ^= std::byte{4};
        CHECK(another.checksum() == FrameChecksum::unknown);
        PacketV6 longer = packet;  // by its header than it is
        store_be16(&longer.bytes[wire::ethernet_bytes + wire::ipv6_payload_length_at], 46);
        const std::uint64_t pseudo = wire::pseudo_header(PacketV6::from, PacketV6::to, protocol, 46);
        protocol == wire::ip_protocol::tcp ? wire::seal_tcp_unfinished(longer.transport(), pseudo)
                                           : wire::seal_udp_unfinished(longer.transport(), pseudo);
        CHECK(longer.checksum() == FrameChecksum::unknown);
        protocol == wire::ip_protocol::tcp ? wire::seal_tcp(packet.transport(), packet.pseudo())
                                           : wire::seal_udp(packet.transport(), packet.pseudo());
        CHECK(packet.checksum() == FrameChecksum::unknown);
    }
    PacketV6 of_another(wire::ip_protocol::udp);
    of_another.bytes[wire::ethernet_bytes + wire::ipv6_next_header_at] = std::byte{0};  // options come first
    CHECK(of_another.checksum() == FrameChecksum::unknown);
}

TEST_CASE("a packet of IPv6 that ends too early is not read behind its end", "[stack][unfinished]") {
    const PacketV6 whole(wire::ip_protocol::tcp);
    for (std::size_t size = 0; size < PacketV6::transport_at_v6 + 40; ++size) {
        const std::vector<std::byte> cut(whole.bytes.begin(), whole.bytes.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK(checksum_of_cable(cut) == FrameChecksum::unknown);  // a sanitizer sees a look too far
    }
}

/// The same with a tag that says a priority.
template <class AnyPacket>
std::vector<std::byte> tagged(const AnyPacket& packet) {
    std::vector<std::byte> frame(packet.bytes.begin(), packet.bytes.end());
    frame.insert(frame.begin() + 12, {std::byte{0x81}, std::byte{0}, std::byte{0xa0}, std::byte{0}});
    return frame;
}

TEST_CASE("an unfinished checksum is known behind a tag, too", "[stack][unfinished]") {
    for (const std::uint8_t protocol : {wire::ip_protocol::tcp, wire::ip_protocol::udp}) {
        CHECK(checksum_of_cable(tagged(Packet(protocol))) == FrameChecksum::good);
        CHECK(checksum_of_cable(tagged(PacketV6(protocol))) == FrameChecksum::good);
    }
    for (std::size_t size = 0; size < transport_at + 40 + wire::vlan_tag_bytes; ++size) {
        std::vector<std::byte> cut = tagged(Packet(wire::ip_protocol::tcp));
        cut.resize(size);
        cut.shrink_to_fit();
        CHECK(checksum_of_cable(cut) == FrameChecksum::unknown);
    }
}

TEST_CASE("a packet with a checksum is left to the stack, which verifies it", "[stack][unfinished]") {
    Packet tcp(wire::ip_protocol::tcp);
    wire::seal_tcp(tcp.transport(), tcp.pseudo());
    CHECK(tcp.checksum() == FrameChecksum::unknown);
    Packet udp(wire::ip_protocol::udp);
    wire::seal_udp(udp.transport(), udp.pseudo());
    CHECK(udp.checksum() == FrameChecksum::unknown);
    udp.transport()[6] ^= std::byte{1};
    CHECK(udp.checksum() == FrameChecksum::unknown);
}

TEST_CASE("an unfinished checksum says nothing of what it does not belong to", "[stack][unfinished]") {
    SECTION("a header of IPv4 that is damaged") {
        Packet packet(wire::ip_protocol::tcp);
        packet.bytes[22] ^= std::byte{1};
        CHECK(packet.checksum() == FrameChecksum::unknown);
    }
    SECTION("another address, with a header that holds") {
        Packet packet(wire::ip_protocol::tcp);
        packet.bytes[29] ^= std::byte{4};
        packet.seal_header();
        CHECK(packet.checksum() == FrameChecksum::unknown);
    }
    SECTION("a piece of a datagram") {
        Packet packet(wire::ip_protocol::udp);
        packet.bytes[20] = std::byte{0x20};
        packet.seal_header();
        CHECK(packet.checksum() == FrameChecksum::unknown);
    }
    SECTION("another protocol") {
        Packet packet(wire::ip_protocol::udp);
        packet.bytes[23] = std::byte{1};
        packet.seal_header();
        CHECK(packet.checksum() == FrameChecksum::unknown);
    }
    SECTION("another type than IPv4") {
        Packet packet(wire::ip_protocol::udp);
        packet.bytes[12] = std::byte{0x86};
        CHECK(packet.checksum() == FrameChecksum::unknown);
    }
}

TEST_CASE("a packet that ends too early is not read behind its end", "[stack][unfinished]") {
    const Packet whole(wire::ip_protocol::tcp);
    for (std::size_t size = 0; size < transport_at + 40; ++size) {
        const std::vector<std::byte> cut(whole.bytes.begin(), whole.bytes.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK(checksum_of_cable(cut) == FrameChecksum::unknown);  // a sanitizer sees a look too far
    }
    Packet lies(wire::ip_protocol::tcp);  // of a total length that ends inside the transport's header
    store_be16(&lies.bytes[16], 30);
    lies.seal_header();
    CHECK(lies.checksum() == FrameChecksum::unknown);
}

}  // namespace
}  // namespace skerry::stack
