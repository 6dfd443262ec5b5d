// Several cores with one IPv6 address: whose a datagram, a piece, an error or an echo is, and who hears of neighbours.

#include "support/ipv6_host.hpp"
#include "support/stack_cores.hpp"

#include <skerry/stack/wire/mld.hpp>

#include <algorithm>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::Icmpv6Type;
using stack::wire::Ipv6Addr;
using stack::wire::MacAddr;

constexpr auto udp = stack::wire::ip_protocol::udp;
constexpr auto icmpv6 = stack::wire::ip_protocol::icmpv6;
constexpr Ipv6Addr group = Ipv6Addr::of(0xff15, 0, 0, 0, 0, 0, 0, 0x77);
constexpr MacAddr other_mac{{2, 0, 0, 0, 0, 9}};

struct Cores : StackCores {
    explicit Cores(const stack::SteeringOptions& how = options(2, 1), const stack::StackConfig& config = host6_config())
        : StackCores(how, config) {}

    /// A socket of text at port `port` of a core, of both families.
    TextSocket& open(std::size_t core, std::uint16_t port, bool is_shared = false,
                     stack::wire::Ipv4Addr local = stack::Hosts::any_v6) {
        return cores[core]->bind(port, is_shared, local);
    }
    void input(const Bytes& frame) {
        give(0, frame);
        cross();
    }
    /// All that left, of whichever core.
    std::vector<Bytes> all_taken() {
        std::vector<Bytes> all;
        for (auto& core : cores)
            for (Bytes& frame : taken(*core)) all.push_back(std::move(frame));
        return all;
    }
    void meet(const Ipv6Addr& neighbour = peer6, const MacAddr& mac = peer_mac) {
        input(solicitation(neighbour, host6, mac));
        (void)all_taken();
    }
    void send(std::size_t core, const TextSocket& from, const Ipv6Addr& to, std::string_view text = "x") {
        REQUIRE(cores[core]->stack.udp().send(from, cores[core]->stack.hosts().name(to), 9,
                                              std::as_bytes(std::span(text)), now));
    }
    void join(std::size_t core, TextSocket& socket, const Ipv6Addr& to) {
        REQUIRE(cores[core]->stack.udp().join(socket, cores[core]->stack.hosts().name(to), now));
    }
};

Bytes datagram(std::uint16_t to, std::string_view text, const Ends6& ends = {}, std::uint16_t from = 5000) {
    return ipv6(udp, udp6(from, to, text, ends), ends);
}

// --- datagrams

TEST_CASE("an IPv6 datagram reaches the core that has the socket", "[stack][steering][udp][ipv6]") {
    Cores cores;
    TextSocket& here = cores.open(0, 7000);
    TextSocket& there = cores.open(1, 7001);
    cores.input(datagram(7000, "near"));
    cores.input(datagram(7001, "far"));
    CHECK(here.text() == "near");
    CHECK(there.text() == "far");
    CHECK(cores.crossed() == 1);
    CHECK(cores[0].stack.drops().total() == 0);
    CHECK(cores[1].stack.drops().total() == 0);
}

TEST_CASE("one that a core gets by IPv6 is answered by it", "[stack][steering][udp][ipv6]") {
    Cores cores;
    cores.meet();
    TextSocket& there = cores.open(1, 7001);
    cores.send(1, there, peer6, "answer");
    const std::vector<Bytes> sent = cores.all_taken();
    REQUIRE(sent.size() == 1);
    CHECK(is_udp_to(sent.front(), peer_mac));
}

TEST_CASE("cores that share a port of IPv6 each get some, and a peer always the same one",
          "[stack][steering][udp][ipv6]") {
    Cores cores;
    TextSocket& a = cores.open(0, 7000, true);
    TextSocket& b = cores.open(1, 7000, true);
    std::array<std::size_t, 2> got{};
    for (std::uint16_t host = 0; host < 200; ++host) {
        const Bytes frame = datagram(7000, "x", {near6(host), host6});
        cores.input(frame);
        const bool is_a = a.text() == "x";
        CHECK((b.text() == "x") != is_a);
        ++got[is_a ? 0 : 1];
        cores.input(frame);
        CHECK((is_a ? a : b).text() == "x");
    }
    CHECK(got[0] > 60);
    CHECK(got[1] > 60);
}

TEST_CASE("an IPv6 datagram to a port of nobody is refused once", "[stack][steering][udp][ipv6][icmp]") {
    Cores cores;
    cores.meet();
    cores.input(datagram(7009, "anybody?"));
    CHECK(cores.taken(0).size() == 1);
    CHECK(cores.taken(1).empty());
}

TEST_CASE("our two IPv6 addresses and the families are told apart on every core", "[stack][steering][udp][ipv6]") {
    Cores cores(StackCores::options(3, 1));
    TextSocket& v4 = cores[0].bind(7000);
    TextSocket& global = cores.open(1, 7000, false, stack::Hosts::own_v6);
    TextSocket& near = cores.open(2, 7000, false, stack::Hosts::own_link_local);
    cores.input(datagram(7000, "global"));
    cores.input(datagram(7000, "near", {peer6_near, host6_near}));
    cores.input(ipv4(udp, udp_segment(5000, 7000, "v4")));
    CHECK(v4.text() == "v4");
    CHECK(global.text() == "global");
    CHECK(near.text() == "near");
    TextSocket refused;
    CHECK(cores[0].stack.udp().open(refused, stack::Hosts::any_v6, 7000).error() == Errc::address_in_use);
}

// --- pieces

TEST_CASE("an IPv6 datagram in pieces is put together once, by whatever queues they come",
          "[stack][steering][udp][ipv6][reassembly]") {
    Cores cores(StackCores::options(3, 3));
    std::vector<TextSocket*> sockets;
    for (std::uint16_t core = 0; core < 3; ++core)
        sockets.push_back(&cores.open(core, static_cast<std::uint16_t>(7000 + core)));
    for (std::uint32_t id = 0; id < 60; ++id) {
        const std::size_t owner = id % 3;
        const std::string text(40, static_cast<char>('a' + id % 26));
        const Bytes whole = udp6(5000, static_cast<std::uint16_t>(7000 + owner), text);
        const Bytes first(whole.begin(), whole.begin() + 24);
        const Bytes rest(whole.begin() + 24, whole.end());
        constexpr auto fragment = stack::wire::ip_protocol::fragment;
        cores.give(id % 2, ipv6(fragment, joined({fragment_header(udp, 24, false, id), rest})));
        cores.give(1 + id % 2, ipv6(fragment, joined({fragment_header(udp, 0, true, id), first})));
        cores.cross();
        CHECK(sockets[owner]->text() == text);
    }
    for (std::size_t core = 0; core < 3; ++core) CHECK(cores[core].stack.drops().total() == 0);
    CHECK(cores.crossed() > 60);
}

TEST_CASE("IPv6 pieces take half of a ring", "[stack][steering][ipv6][reassembly][limits]") {
    stack::SteeringOptions how = StackCores::options(2, 2);
    how.ring_frames = 16;
    Cores cores(how);
    TextSocket& there = cores.open(1, 7001);
    const Bytes first(24);
    for (std::uint32_t id = 0; id < 100; ++id)
        cores.give(0, ipv6(stack::wire::ip_protocol::fragment, joined({fragment_header(udp, 0, true, id), first})));
    CHECK(cores[0].stack.steering()->stats().sent == 8);
    const std::size_t ours = cores[0].stack.reassembly().datagrams();
    CHECK(ours < 70);
    CHECK(cores[0].stack.drops()[Drop::steering_full] == 100 - 8 - ours);
    for (int i = 0; i < 8; ++i) cores.give(0, datagram(7001, "whole"));
    cores.cross();
    for (int i = 0; i < 8; ++i) CHECK(there.text() == "whole");
}

// --- errors

TEST_CASE("an ICMPv6 error about a datagram is told to the socket that is connected, on whichever core",
          "[stack][steering][udp][ipv6][icmp]") {
    Cores cores;
    cores.meet();
    TextSocket& there = cores.open(1, 7001);
    REQUIRE(cores[1].stack.udp().connect(there, cores[1].stack.hosts().name(peer6), 9));
    cores.send(1, there, peer6);
    const std::vector<Bytes> sent = cores.all_taken();
    REQUIRE(sent.size() == 1);
    cores.input(error6(Icmpv6Type::unreachable, stack::wire::icmpv6_code::port_unreachable,
                       std::span(sent.front()).subspan(stack::wire::ethernet_bytes)));
    CHECK(there.untold == Errc::connection_refused);
    CHECK(cores[0].stack.drops().total() == 0);
}

// --- neighbours

TEST_CASE("a neighbour that asks for our IPv6 address is answered once, and all cores know it",
          "[stack][steering][ndp][ipv6]") {
    Cores cores(StackCores::options(3, 1));
    cores.input(solicitation());
    CHECK(cores.taken(0).size() == 1);
    CHECK(cores.taken(1).empty());
    CHECK(cores.taken(2).empty());
    for (std::size_t core = 0; core < 3; ++core) CHECK(cores[core].stack.neighbours().size() == 1);
    for (std::uint16_t core = 0; core < 3; ++core) {
        cores.send(core, cores.open(core, static_cast<std::uint16_t>(7000 + core)), peer6);
        const std::vector<Bytes> sent = cores.taken(core);
        REQUIRE(sent.size() == 1);
        CHECK(is_udp_to(sent.front(), peer_mac));
    }
}

TEST_CASE("who asks again for our IPv6 address is no news to the other cores", "[stack][steering][ndp][ipv6]") {
    Cores cores;
    cores.input(solicitation());
    const std::uint64_t before = cores.crossed();
    for (int i = 0; i < 10; ++i) cores.input(solicitation());
    CHECK(cores.crossed() == before);
    cores.input(solicitation(peer6, host6, other_mac));  // moved
    CHECK(cores.crossed() == before + 1);
    cores.send(1, cores.open(1, 7001), peer6);
    const std::vector<Bytes> sent = cores.taken(1);
    REQUIRE(sent.size() == 1);
    CHECK(is_udp_to(sent.front(), other_mac));
}

TEST_CASE("an advertisement reaches the core that asked", "[stack][steering][ndp][ipv6]") {
    Cores cores;
    TextSocket& there = cores.open(1, 7001);
    cores.send(1, there, peer6);
    const std::vector<Bytes> asked = cores.taken(1);
    REQUIRE(asked.size() == 1);
    CHECK(asks_in_group(asked.front(), peer6));
    cores.input(advertisement());
    const std::vector<Bytes> sent = cores.taken(1);
    REQUIRE(sent.size() == 1);
    CHECK(is_udp_to(sent.front(), peer_mac));
    CHECK(cores[0].stack.drops().total() == 0);
    CHECK(cores[1].stack.drops().total() == 0);
}

TEST_CASE("a flood of IPv6 neighbours costs other cores no more than their share", "[stack][steering][ndp][ipv6]") {
    Cores cores;
    for (std::uint16_t host = 0; host < 30'000; ++host) {
        cores.give(0, advertisement(near6(host)));
        if (host % 64 == 0) cores.cross();
        (void)cores.taken(0);
    }
    CHECK(cores[0].stack.drops()[Drop::steering_rate] > 0);
    CHECK(cores.crossed() < 15'000);
}

TEST_CASE("an IPv6 redirect that one core gets changes the way of all", "[stack][steering][redirect][ipv6]") {
    const bool is_believed = GENERATE(true, false);
    stack::StackConfig config = host6_config();
    config.accept_redirects = is_believed;
    Cores cores(StackCores::options(2, 1), config);
    cores.input(solicitation(gateway6, host6_near, peer_mac));
    std::array<TextSocket*, 2> sockets{&cores.open(0, 7000), &cores.open(1, 7001)};
    (void)cores.all_taken();
    stack::wire::NdpMessage message;
    message.type = Icmpv6Type::redirect;
    message.target = Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 0xfd);
    message.destination = far6;
    message.has_target_link = true;
    message.target_link = other_mac;
    cores.input(ndp(message, {gateway6, host6, stack::wire::ndp_hop_limit, host_mac}));
    for (const std::size_t core : {0, 1}) {
        CAPTURE(core);
        cores.send(core, *sockets[core], far6);
        const std::vector<Bytes> sent = cores.taken(core);
        REQUIRE(sent.size() == 1);
        CHECK(is_udp_to(sent.front(), is_believed ? other_mac : peer_mac));
    }
}

// --- groups and echoes

TEST_CASE("what is sent to an IPv6 group reaches the members of every core, and no core without",
          "[stack][steering][udp][ipv6]") {
    Cores cores(StackCores::options(3, 1));
    TextSocket& a = cores.open(1, 7000, true);
    TextSocket& b = cores.open(2, 7000, true, stack::Hosts::own_v6);
    TextSocket& c = cores.open(2, 7001);
    cores.join(1, a, group);
    cores.join(2, c, group);
    const Ends6 to_group{peer6, group};
    cores.input(datagram(7000, "seven", to_group));
    cores.input(datagram(7001, "one", to_group));
    cores.input(datagram(7002, "nobody", to_group));
    CHECK(a.text() == "seven");
    CHECK(b.text() == "-");
    CHECK(c.text() == "one");
    TextSocket& here = cores.open(0, 7003);
    cores.join(0, here, group);
    cores.send(0, here, group);
    cores.cross();
    cores.input(datagram(7001, "again", to_group));
    CHECK(c.text() == "again");
}

TEST_CASE("members on other cores hear what a core sends to their IPv6 group", "[stack][steering][udp][ipv6]") {
    Cores cores;
    TextSocket& member = cores.open(1, 9);
    cores.join(1, member, group);
    TextSocket& sender = cores.open(0, 7001);
    cores.send(0, sender, group, "to us too");
    cores.cross();
    CHECK(member.text() == "to us too");
}

TEST_CASE("an IPv6 group in pieces reaches members whichever core puts it together",
          "[stack][steering][udp][ipv6][reassembly]") {
    Cores cores(StackCores::options(3, 1));
    TextSocket& member = cores.open(2, 7000);
    cores.join(2, member, group);
    const Ends6 to_group{peer6, group};
    for (std::uint32_t id = 0; id < 20; ++id) {
        const Bytes whole = udp6(5000, 7000, "0123456789012345678901234567890123456789", to_group);
        constexpr auto fragment = stack::wire::ip_protocol::fragment;
        const Bytes first(whole.begin(), whole.begin() + 24);
        const Bytes rest(whole.begin() + 24, whole.end());
        cores.give(0, ipv6(fragment, joined({fragment_header(udp, 0, true, id), first}), to_group));
        cores.give(0, ipv6(fragment, joined({fragment_header(udp, 24, false, id), rest}), to_group));
        cores.cross();
        CHECK(member.text().size() == 40);
    }
}

TEST_CASE("an echo to an IPv6 group is answered once, by a core that is in it", "[stack][steering][ipv6][icmp]") {
    Cores cores(StackCores::options(3, 1));
    cores.meet();
    const Ends6 to_group{peer6, group};
    const Bytes echo = ipv6(icmpv6, echo6("x", to_group), to_group);
    cores.input(echo);
    CHECK(cores.all_taken().empty());
    TextSocket& member = cores.open(1, 7000);
    cores.join(1, member, group);
    (void)cores.all_taken();
    cores.input(echo);
    const std::vector<Bytes> sent = cores.all_taken();
    REQUIRE(sent.size() == 1);
    CHECK(icmp6_in(sent.front()).type == Icmpv6Type::echo_reply);
    CHECK(sent6_in(sent.front()).ip.source == host6);
}

bool is_mld(const Bytes& frame) {
    return is_ipv6(frame) && sent6_in(frame).ip.next_header == stack::wire::ip_protocol::hop_by_hop;
}

TEST_CASE("the groups of our own IPv6 addresses are told once, whatever the number of cores",
          "[stack][steering][ipv6][groups]") {
    stack::StackConfig config = host6_config();
    config.reports_own_groups = true;
    Cores cores(StackCores::options(3, 1), config);
    CHECK(std::ranges::count_if(cores.taken(0), is_mld) > 0);
    CHECK(std::ranges::count_if(cores.taken(1), is_mld) == 0);
    CHECK(std::ranges::count_if(cores.taken(2), is_mld) == 0);
}

}  // namespace
}  // namespace skerry
