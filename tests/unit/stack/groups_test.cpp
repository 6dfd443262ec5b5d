// Multicast: IGMPv2 towards the routers, and which sockets hear what.

#include "support/datagram.hpp"
#include "support/stack_host.hpp"

#include <skerry/stack/wire/igmp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::IgmpMessage;
using stack::wire::IgmpType;
using stack::wire::Ipv4Addr;

constexpr Ipv4Addr group = Ipv4Addr::of(239, 255, 77, 1);
constexpr Ipv4Addr other_group = Ipv4Addr::of(239, 255, 77, 2);

struct Socket final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
    std::string text() {
        const stack::UdpDatagram got = take();
        if (got.frame == nullptr) return "-";
        std::string text(reinterpret_cast<const char*>(got.frame->data), got.frame->length);
        got.frame->data[0] = std::byte{'!'};  // each may write to its own
        got.frame->drop();
        return text;
    }
};

struct Fixture : StackHost {
    ~Fixture() {
        for (const auto& socket : open) stack.udp().close(*socket, now);
        (void)taken();
        CHECK(stack.next_deadline() == time::Instant::max());
        CHECK(frames.out() == 0);
    }
    Socket& bind(Ipv4Addr local, std::uint16_t port) {
        open.push_back(std::make_unique<Socket>());
        REQUIRE(stack.udp().open(*open.back(), local, port));
        return *open.back();
    }
    void join(Socket& socket, Ipv4Addr to = group) { REQUIRE(stack.udp().join(socket, to, now)); }

    /// The IGMP messages that have left, each sound on its way.
    std::vector<IgmpMessage> said() {
        std::vector<IgmpMessage> all;
        for (const Bytes& frame : taken()) {
            stack::wire::EthernetHeader ethernet;
            REQUIRE(stack::wire::parse(frame, ethernet) == Drop::none);
            const auto packet = std::span(frame).subspan(ethernet.header_bytes);
            stack::wire::Ipv4Header ip;
            REQUIRE(stack::wire::parse(packet, ip) == Drop::none);
            CHECK(ip.ttl == 1);
            CHECK(ip.router_alert);
            CHECK(ip.protocol == stack::wire::ip_protocol::igmp);
            IgmpMessage message;
            REQUIRE(stack::wire::parse(packet.subspan(ip.header_bytes), message) == Drop::none);
            const Ipv4Addr to = message.type == IgmpType::leave ? stack::wire::igmp_all_routers : message.group;
            CHECK(ip.destination == to);
            CHECK(ethernet.destination == stack::wire::MacAddr::of_group(to));
            all.push_back(message);
        }
        return all;
    }

    void hear(IgmpType type, Ipv4Addr about, std::uint16_t tenths = 0) {
        IgmpMessage message;
        message.type = type;
        message.query_version = type == IgmpType::query ? 2 : 0;
        message.max_response_tenths = tenths;
        message.group = about;
        Bytes bytes(stack::wire::igmp_bytes);
        stack::wire::write(message, bytes.data());
        const Ipv4Addr to = about.is_unspecified() ? stack::wire::igmp_all_systems : about;
        Bytes frame = ipv4(stack::wire::ip_protocol::igmp, bytes, to);
        stack::wire::store_mac(frame.data(), stack::wire::MacAddr::of_group(to));
        give(frame);
    }

    void hear_datagram(Ipv4Addr to, std::string_view text, std::uint16_t port = 7000) {
        const Bytes bytes = sealed_datagram(5000, port, text, peer_ip, to);
        Bytes frame = ipv4(17, bytes, to);
        stack::wire::store_mac(frame.data(), stack::wire::MacAddr::of_group(to));
        give(frame);
    }

    std::vector<std::unique_ptr<Socket>> open;
};

TEST_CASE("a join is told at once and once more within 10 s, the last leave too", "[stack][igmp]") {
    Fixture f;
    Socket& first = f.bind({}, 7000);
    Socket& second = f.bind({}, 7001);
    f.join(first);
    auto said = f.said();
    REQUIRE(said.size() == 1);
    CHECK(said[0].type == IgmpType::report_v2);
    CHECK(said[0].group == group);
    f.join(second);
    CHECK(f.said().empty());
    f.pass(10s);
    CHECK(f.said().size() == 1);
    f.pass(100s);
    CHECK(f.said().empty());
    REQUIRE(f.stack.udp().leave(first, group, f.now));
    CHECK(f.said().empty());
    REQUIRE(f.stack.udp().leave(second, group, f.now));
    said = f.said();
    REQUIRE(said.size() == 1);
    CHECK(said[0].type == IgmpType::leave);
    CHECK(said[0].group == group);
}

TEST_CASE("a socket that is closed leaves its groups", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    f.join(socket);
    f.join(socket, other_group);
    (void)f.said();
    f.stack.udp().close(socket, f.now);
    f.open.clear();
    CHECK(f.said().size() == 2);
    CHECK_FALSE(f.stack.groups().has(group));
}

TEST_CASE("a query is answered within the time it gives, for the groups it asks about", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    f.join(socket);
    f.join(socket, other_group);
    f.pass(11s);
    (void)f.said();
    SECTION("all") {
        f.hear(IgmpType::query, {}, 50);
        CHECK(f.said().empty());
        f.pass(5s);
        CHECK(f.said().size() == 2);
    }
    SECTION("one") {
        f.hear(IgmpType::query, group, 10);
        f.pass(1s);
        const auto said = f.said();
        REQUIRE(said.size() == 1);
        CHECK(said[0].group == group);
    }
    SECTION("a flood of queries makes no flood of answers") {
        for (int i = 0; i < 1000; ++i) f.hear(IgmpType::query, {}, 100);
        f.pass(10s);
        CHECK(f.said().size() == 2);
    }
}

TEST_CASE("another host's report spares ours, and then the leave is its to tell", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    f.join(socket);
    f.pass(11s);
    (void)f.said();
    f.hear(IgmpType::query, group, 100);
    f.hear(IgmpType::report_v2, group);
    f.pass(20s);
    CHECK(f.said().empty());
    REQUIRE(f.stack.udp().leave(socket, group, f.now));
    CHECK(f.said().empty());
}

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

TEST_CASE("a member for one source hears that one, and the routers hear of the group alone", "[stack][igmp][udp]") {
    Fixture f;
    Socket& member = f.bind({}, 7000);
    const Ipv4Addr absent = Ipv4Addr::of(198, 18, 0, 99);
    REQUIRE(f.stack.udp().join(member, group, absent, f.now));
    CHECK(f.said().size() == 1);
    f.hear_datagram(group, "not wanted");
    CHECK(member.text() == "-");
    REQUIRE(f.stack.udp().join(member, group, peer_ip, f.now));
    CHECK(f.said().empty());
    f.hear_datagram(group, "wanted");
    CHECK(member.text() == "wanted");
    CHECK(f.stack.udp().join(member, group, peer_ip, f.now).error() == Errc::address_in_use);
    CHECK(f.stack.udp().join(member, group, f.now).error() == Errc::address_in_use);
    CHECK(f.stack.udp().join(member, group, other_group, f.now).error() == Errc::invalid_argument);
    REQUIRE(f.stack.udp().leave(member, group, peer_ip, f.now));
    CHECK(f.said().empty());
    REQUIRE(f.stack.udp().leave(member, group, absent, f.now));
    CHECK(f.said().size() == 1);
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
