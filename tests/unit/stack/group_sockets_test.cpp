// Which sockets hear what is sent to IPv4 groups.

#include "support/igmp_host.hpp"

#include <string_view>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using namespace tests::igmp_host;
using stack::Drop;

TEST_CASE("every member hears a datagram to its group, and nobody else", "[stack][igmp][udp]") {
    Fixture f;
    Socket& bound_to_group = f.bind(group, 7000);
    f.join(bound_to_group);
    Socket& not_member = f.bind({}, 7001);
    Socket& member = f.bind(other_group, 7000);
    f.join(member, other_group);
    f.hear_datagram(group, "one");
    f.hear_datagram(other_group, "other");
    f.hear_datagram(group, "two", 7001);
    f.hear_datagram(Ipv4Addr::of(239, 255, 77, 99), "none");
    CHECK(bound_to_group.text() == "one");
    CHECK(bound_to_group.text() == "-");
    CHECK(member.text() == "other");
    CHECK(member.text() == "-");
    CHECK(not_member.text() == "-");
    CHECK(f.dropped(Drop::ipv4_not_ours) == 1);
}

TEST_CASE("many sockets of a group each get a datagram of their own", "[stack][igmp][udp]") {
    Fixture f;
    for (int i = 0; i < 5; ++i) f.join(f.bind(group, 7000));
    f.hear_datagram(group, "for all");
    for (const auto& socket : f.open) CHECK(socket->text() == "for all");
}

TEST_CASE("what is sent to a group comes back to this host's members, unless the sender says no",
          "[stack][igmp][udp]") {
    Fixture f;
    Socket& member = f.bind({}, 7000);
    Socket& sender = f.bind({}, 7001);
    f.join(member);
    (void)f.said();
    const std::string_view text = "hello";
    REQUIRE(f.stack.udp().send(sender, group, 7000, std::as_bytes(std::span(text)), f.now));
    CHECK(f.taken().size() == 1);
    f.stack.input({}, f.now);
    CHECK(member.text() == "hello");
    sender.multicast_loop = false;
    REQUIRE(f.stack.udp().send(sender, group, 7000, std::as_bytes(std::span(text)), f.now));
    f.stack.input({}, f.now);
    CHECK(member.text() == "-");
}

TEST_CASE("a member for one source hears that one", "[stack][igmp][udp]") {
    Fixture f;
    Socket& member = f.bind({}, 7000);
    const Ipv4Addr absent = Ipv4Addr::of(198, 18, 0, 99);
    REQUIRE(f.stack.udp().join(member, group, absent, f.now));
    CHECK(f.said().size() == 1);
    f.hear_datagram(group, "not wanted");
    CHECK(member.text() == "-");
    REQUIRE(f.stack.udp().join(member, group, peer_ip, f.now));
    f.hear_datagram(group, "wanted");
    CHECK(member.text() == "wanted");
    CHECK(f.stack.udp().join(member, group, peer_ip, f.now).error() == Errc::address_in_use);
    CHECK(f.stack.udp().join(member, group, f.now).error() == Errc::address_in_use);
    CHECK(f.stack.udp().join(member, group, other_group, f.now).error() == Errc::invalid_argument);
    REQUIRE(f.stack.udp().leave(member, group, peer_ip, f.now));
    f.hear_datagram(group, "not any more");
    CHECK(member.text() == "-");
    REQUIRE(f.stack.udp().leave(member, group, absent, f.now));
    f.join(member);
    CHECK(f.stack.udp().join(member, group, peer_ip, f.now).error() == Errc::invalid_argument);
}

TEST_CASE("what cannot be joined or left says why", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    CHECK(f.stack.udp().join(socket, peer_ip, f.now).error() == Errc::invalid_argument);
    f.join(socket);
    CHECK(f.stack.udp().join(socket, group, f.now).error() == Errc::address_in_use);
    CHECK(f.stack.udp().leave(socket, other_group, f.now).error() == Errc::address_not_available);
    for (std::uint32_t i = 1; i < stack::Udp::groups_per_socket; ++i) f.join(socket, {group.bits + 10 + i});
    CHECK(f.stack.udp().join(socket, other_group, f.now).error() == Errc::no_buffers);
}

}  // namespace
}  // namespace skerry
