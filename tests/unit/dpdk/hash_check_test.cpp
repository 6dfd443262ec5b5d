// Whether a port spreads as it was told: what is looked at, and how long.

#include "support/catch.hpp"
#include "support/ipv6_host.hpp"

#include "hash_check.hpp"

#include <skerry/stack/wire/tcp.hpp>

#include <cstdint>

namespace skerry {
namespace {

using namespace tests;
using dpdk::HashCheck;
using stack::Steering;
namespace wire = stack::wire;

constexpr std::uint16_t peer_port = 5000;
constexpr std::uint16_t host_port = 7000;

stack::SteeringOptions options(bool hashes_v6 = true) {
    stack::SteeringOptions how;
    how.cores = how.queues = 16;
    how.hash_predicts = true;
    how.hashes_v6 = hashes_v6;
    how.seed = 7;
    return how;
}

Bytes segment() {
    wire::TcpHeader header;
    header.source_port = peer_port;
    header.destination_port = host_port;
    Bytes bytes(wire::tcp_bytes);
    wire::write(header, bytes.data());
    return bytes;
}
Bytes v4() { return ipv4(wire::ip_protocol::tcp, segment()); }
Bytes v6() { return ipv6(wire::ip_protocol::tcp, segment()); }

Bytes in_vlan(Bytes frame) {
    frame.insert(frame.begin() + 12, {std::byte{0x81}, std::byte{0}, std::byte{0}, std::byte{7}});
    return frame;
}

std::uint16_t queue_of_v4(const Steering& steering) {
    return steering.queue_of(steering.toeplitz().hash({host_ip, peer_ip, host_port, peer_port}));
}
std::uint16_t queue_of_v6(const Steering& steering) {
    return steering.queue_of(steering.toeplitz().hash(peer6, host6, peer_port, host_port));
}

TEST_CASE("a segment's queue is known in both families, and behind a tag", "[dpdk][steering]") {
    const Steering steering(options());
    HashCheck check(&steering);
    CHECK(check.queue_of(v4(), steering) == queue_of_v4(steering));
    CHECK(check.queue_of(in_vlan(v4()), steering) == queue_of_v4(steering));
    CHECK(check.queue_of(v6(), steering) == queue_of_v6(steering));
    CHECK(check.queue_of(in_vlan(v6()), steering) == queue_of_v6(steering));
}

TEST_CASE("what is no whole segment says nothing of the port", "[dpdk][steering]") {
    const Steering steering(options());
    HashCheck check(&steering);
    CHECK_FALSE(check.queue_of(ipv4(wire::ip_protocol::udp, segment()), steering));
    CHECK_FALSE(check.queue_of(ipv6(wire::ip_protocol::udp, segment()), steering));
    CHECK_FALSE(check.queue_of(ipv4(wire::ip_protocol::tcp, Bytes(4)), steering));
    CHECK_FALSE(check.queue_of(ethernet(wire::ether_type::arp, Bytes(28)), steering));
    CHECK_FALSE(check.queue_of(Bytes(10), steering));
}

TEST_CASE("of each family so many segments are looked at, whatever comes of the other", "[dpdk][steering]") {
    const Steering steering(options());
    HashCheck check(&steering);
    for (int i = 0; i < HashCheck::segments_of_each; ++i) REQUIRE(check.queue_of(v4(), steering));
    CHECK_FALSE(check.queue_of(v4(), steering));
    CHECK_FALSE(check.is_over());
    for (int i = 0; i < HashCheck::segments_of_each; ++i) REQUIRE(check.queue_of(v6(), steering));
    CHECK_FALSE(check.queue_of(v6(), steering));
    CHECK(check.is_over());
}

TEST_CASE("a port that does not hash IPv6 is not held to it, and one whose hash says nothing to none",
          "[dpdk][steering]") {
    const Steering steering(options(false));
    HashCheck check(&steering);
    CHECK_FALSE(check.queue_of(v6(), steering));
    for (int i = 0; i < HashCheck::segments_of_each; ++i) REQUIRE(check.queue_of(v4(), steering));
    CHECK(check.is_over());
    CHECK(HashCheck(nullptr).is_over());
}

}  // namespace
}  // namespace skerry
