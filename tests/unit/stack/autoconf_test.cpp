// Addresses from routers: RFC 4862 section 5.5, one rule after the other, and what ends with an address.

#include "support/autoconf_host.hpp"
#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::AddressState;
using stack::Drop;
using stack::Hosts;
using stack::wire::Icmpv6Type;
using stack::wire::Ipv6Addr;

TEST_CASE("the link-local address is looked for, then routers are asked", "[stack][autoconf]") {
    AutoconfHost f;
    CHECK(f.facts().link_local.state == AddressState::tentative);
    CHECK_FALSE(f.facts().is_settled);
    const auto out = f.run(2100ms);
    const auto questions = of_type(out, Icmpv6Type::neighbour_solicitation);
    REQUIRE(questions.size() == 1);
    const Ipv6Addr own = f.expected(Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 0));
    CHECK(sent6_in(questions.front()).ip.source.is_unspecified());
    CHECK(ndp_in(questions.front()).target == own);
    const auto asked = of_type(out, Icmpv6Type::router_solicitation);
    REQUIRE(asked.size() == 1);
    CHECK(sent6_in(asked.front()).ip.source == own);
    CHECK(sent6_in(asked.front()).ip.destination == Ipv6Addr::all_routers());
    CHECK(ndp_in(asked.front()).source_link == host_mac);
    CHECK(f.facts().link_local == stack::OwnAddress{own, 64, AddressState::preferred});
}

TEST_CASE("RFC 4861 section 6.3.7: routers are asked three times, four seconds apart, and then no more",
          "[stack][autoconf]") {
    AutoconfHost f;
    std::vector<time::Instant> asked;
    for (int i = 0; i < 1200; ++i) {
        f.pass(50ms);
        if (!of_type(f.taken(), Icmpv6Type::router_solicitation).empty()) asked.push_back(f.now);
        if (i == 200) CHECK_FALSE(f.facts().is_settled);
    }
    REQUIRE(asked.size() == 3);
    CHECK(asked[1] - asked[0] == 4s);
    CHECK(asked[2] - asked[1] == 4s);
    CHECK(f.facts().is_settled);
    CHECK(f.usable() == 0);
}

TEST_CASE("RFC 4861 section 6.3.7: a router that answers is asked no more, unless it says that it is none",
          "[stack][autoconf]") {
    AutoconfHost f;
    f.settle_link();
    const bool is_router = GENERATE(true, false);
    f.hear(router_with({}, is_router ? 1800 : 0));
    const auto more = of_type(f.run(10s), Icmpv6Type::router_solicitation);
    CHECK(more.size() == (is_router ? 0 : 2));
}

TEST_CASE("who waits for an address has a link-local one too, whenever a router is heard", "[stack][autoconf]") {
    std::size_t overtaken = 0;
    for (std::uint64_t seed = 1; seed < 20; ++seed) {
        stack::StackConfig config = autoconf_config();
        config.seed = seed;
        AutoconfHost f(config);
        f.hear(router_with({prefix_of()}));
        while (!f.facts().is_settled) {
            (void)f.run(50ms);
            overtaken += f.usable() == 1 && f.facts().link_local.state == AddressState::tentative ? 1 : 0;
        }
        CHECK(f.facts().link_local.is_usable());
        CHECK(f.usable() == 1);
    }
    CHECK(overtaken > 0);
}

TEST_CASE("RFC 4862 section 5.5.3: an address is made of a prefix, and used when it is known to be ours",
          "[stack][autoconf]") {
    AutoconfHost f;
    f.settle_link();
    f.hear(router_with({prefix_of()}));
    CHECK(f.address() == stack::OwnAddress{f.expected(), 64, AddressState::tentative});
    f.give(ipv6(stack::wire::ip_protocol::icmpv6, echo6("x", {far6, f.expected()}), {far6, f.expected()}));
    CHECK(f.dropped(Drop::ipv6_not_ours) == 1);
    const auto out = f.run(2100ms);
    const auto questions = of_type(out, Icmpv6Type::neighbour_solicitation);
    REQUIRE(questions.size() == 1);
    CHECK(ndp_in(questions.front()).target == f.expected());
    CHECK(f.address().state == AddressState::preferred);
    CHECK(f.facts().is_settled);
    const auto told = of_type(out, Icmpv6Type::neighbour_advertisement);
    REQUIRE(told.size() == 1);
    CHECK(ndp_in(told.front()).target == f.expected());
    CHECK(ndp_in(told.front()).overrides);
    f.give(solicitation(gateway6, f.expected(), router_mac));
    (void)f.taken();
    f.give(ipv6(stack::wire::ip_protocol::icmpv6, echo6("x", {far6, f.expected()}), {far6, f.expected()}));
    const auto answer = f.taken();
    REQUIRE(answer.size() == 1);
    CHECK(sent6_in(answer.front()).ip.source == f.expected());
    CHECK(sent6_in(answer.front()).ethernet.destination == router_mac);  // who is the way to what is not on the link
}

TEST_CASE("RFC 4862 section 5.5.3 (a) to (d): what no address is made of", "[stack][autoconf]") {
    AutoconfHost f;
    f.settle_link();
    stack::wire::NdpPrefix prefix = prefix_of();
    std::uint64_t refused = 1;
    SECTION("(a) not for addresses") {
        prefix.autonomous = false;
        refused = 0;
    }
    SECTION("(b) the link's own") {
        prefix = prefix_of(Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 0)), prefix.on_link = false;
    }
    SECTION("(c) preferred for longer than valid") { prefix.preferred_s = prefix.valid_s + 1; }
    SECTION("(d) valid for no time") {
        prefix.valid_s = prefix.preferred_s = 0;
        refused = 0;
    }
    SECTION("(d) not 64 bits") { prefix.prefix_bits = 65; }
    SECTION("a group") { prefix = prefix_of(Ipv6Addr::of(0xff02, 0, 0, 0, 0, 0, 0, 0)), prefix.on_link = false; }
    SECTION("where mapped addresses are") { prefix = prefix_of({}), prefix.on_link = false; }
    f.hear(router_with({prefix}));
    CHECK(f.address().state == AddressState::none);
    CHECK(f.dropped(Drop::ndp_prefix_refused) == refused);
    CHECK(of_type(f.run(3s), Icmpv6Type::neighbour_solicitation).empty());
}

// Each is what remains, what is said, and what remains then.
TEST_CASE("RFC 4862 section 5.5.3 (e): an address is not taken away in less than two hours", "[stack][autoconf]") {
    struct Vector {
        std::uint32_t first_s, said_s, left_s;
    };
    constexpr std::uint32_t hours_2 = 7200;
    const auto [first_s, said_s, left_s] = GENERATE(values<Vector>({
        {86'400, 10'800, 10'800},     // (1) more than two hours
        {86'400, 7'201, 7'201},       // (1)
        {3'600, 7'000, 7'000},        // (1) more than what remains
        {3'600, 60, 3'590},           // (2) at most two hours remain: ignored
        {86'400, 60, hours_2},        // (3)
        {86'400, 0, hours_2},         // (3)
        {86'400, hours_2, hours_2},   // (3)
        {stack::wire::ndp_infinite_s, 60, hours_2},
        {3'600, stack::wire::ndp_infinite_s, 1'000'000'000},
    }));
    CAPTURE(first_s, said_s, left_s);
    AutoconfHost f;
    f.settle_link();
    f.get(router_with({prefix_of(network, first_s, std::min(first_s, 3600U))}));
    f.run(10s - 2100ms);
    f.hear(router_with({prefix_of(network, said_s, said_s)}));
    const bool for_ever = left_s == 1'000'000'000;
    f.pass(std::chrono::seconds{left_s} - 1ms);
    CHECK(f.address().is_usable());
    f.pass(1ms);
    CHECK(f.address().is_usable() == for_ever);
}

TEST_CASE("RFC 4862 section 5.5.4: a deprecated address is answered from, and chosen when there is no other",
          "[stack][autoconf]") {
    AutoconfHost f;
    f.settle_link();
    f.get(router_with({prefix_of(network, 86'400, 100)}));
    CHECK(f.address().state == AddressState::preferred);
    f.pass(100s);
    CHECK(f.address().state == AddressState::deprecated);
    const auto to = f.stack.hosts().name(far6);
    TextSocket6 socket;
    REQUIRE(f.stack.udp().open(socket, Hosts::any_v6, 7000));
    const auto source = [&] {
        f.give(solicitation(gateway6, f.facts().link_local.address, router_mac));
        (void)f.taken();
        REQUIRE(f.stack.udp().send(socket, to, 9, {}, f.now));
        const auto out = f.taken();
        REQUIRE(out.size() == 1);
        return sent6_in(out.front()).ip.source;
    };
    CHECK(source() == f.expected());
    f.get(router_with({prefix_of(other_network)}));
    CHECK(source() == f.expected(other_network));  // RFC 6724 rule 3
    f.hear(router_with({prefix_of(network, 86'400, 14'400)}));
    CHECK(f.address(0).state == AddressState::preferred);
    f.hear(router_with({prefix_of(network, 86'400, 0)}));  // an advertisement may deprecate at once
    CHECK(f.address(0).state == AddressState::deprecated);
    f.stack.udp().close(socket, f.now);
}

TEST_CASE("RFC 4862 section 5.5.4: from an address that ended nothing leaves, and nothing comes to it",
          "[stack][autoconf][tcp]") {
    AutoconfHost f;
    f.settle_link();
    f.get(router_with({prefix_of(network, 7200, 7200)}, 9000));
    f.give(solicitation(gateway6, f.expected(), router_mac));
    TestEndpoint endpoint;
    TextSocket6 socket;
    REQUIRE(f.stack.udp().open(socket, Hosts::own_v6, 7000));
    (void)f.taken();
    f.pass(7190s);
    f.give(solicitation(gateway6, f.expected(), router_mac));
    REQUIRE(f.stack.tcp().connect(endpoint, f.stack.hosts().name(far6), 80, f.now));
    (void)f.taken();
    f.run(20s);
    CHECK(f.address().state == AddressState::none);
    REQUIRE(endpoint.tcb != nullptr);
    CHECK(endpoint.tcb->state == stack::tcp::State::closed);
    CHECK(stack::tcp::Tcp::take_error(*endpoint.tcb) == Errc::connection_aborted);
    f.stack.tcp().forget(endpoint);
    const std::uint64_t before = f.dropped(Drop::ipv6_not_ours);
    f.give(ipv6(stack::wire::ip_protocol::icmpv6, echo6("x", {far6, f.expected()}), {far6, f.expected()}));
    f.give(solicitation(gateway6, f.expected(), router_mac));
    CHECK(f.dropped(Drop::ipv6_not_ours) == before + 2);
    (void)f.stack.udp().send(socket, f.stack.hosts().name(gateway6), 9, {}, f.now);
    CHECK(f.dropped(Drop::ipv6_no_source) == 1);
    CHECK(of_type(f.taken(), Icmpv6Type::neighbour_advertisement).empty());
    SECTION("when it comes back what is bound to it is bound again") {
        f.get(router_with({prefix_of()}));
        CHECK(f.address().is_usable());
        const Ends6 ends{far6, f.expected()};
        f.give(ipv6(stack::wire::ip_protocol::udp, udp6(9, 7000, "again", ends), ends));
        CHECK(socket.text() == "again");
    }
    f.stack.udp().close(socket, f.now);
}

TEST_CASE("an address has a place for each of eight prefixes, and no more", "[stack][autoconf][limits]") {
    AutoconfHost f;
    f.settle_link();
    const auto prefix = [](std::uint16_t number) { return Ipv6Addr::of(0x2001, 0xdb8, number, 0, 0, 0, 0, 0); };
    TextSocket6 socket;
    for (std::uint16_t i = 0; i < 10; ++i) f.hear(router_with({prefix_of(prefix(i), i == 0 ? 10 : 7200, 10)}));
    f.run(3s);
    CHECK(f.usable() == stack::Ipv6Facts::addresses_max);
    CHECK(f.dropped(Drop::ndp_addresses_full) == 2);
    REQUIRE(f.stack.udp().open(socket, Hosts::own_v6, 7000));
    f.run(10s);
    CHECK(f.usable() == stack::Ipv6Facts::addresses_max - 1);
    f.get(router_with({prefix_of(prefix(8))}));
    CHECK(f.dropped(Drop::ndp_addresses_full) == 3);  // its place rests: a TIME-WAIT may know it
    f.pass(2min);
    f.get(router_with({prefix_of(prefix(8))}));
    CHECK(f.usable() == stack::Ipv6Facts::addresses_max);
    CHECK(f.address(0).address == f.expected(prefix(8)));
    const Ends6 ends{far6, f.address(0).address};
    f.give(ipv6(stack::wire::ip_protocol::udp, udp6(9, 7000, "for the other", ends), ends));
    CHECK(socket.text() == "-");  // it was bound to an address that is gone
    f.stack.udp().close(socket, f.now);
}

TEST_CASE("where addresses are configured what routers say is not acted upon", "[stack][autoconf]") {
    AutoconfHost f(host6_config());
    f.hear(router_with({prefix_of()}));
    CHECK(f.dropped(Drop::ndp_not_acted_on) == 1);
    CHECK(f.usable() == 1);
    CHECK(f.taken().empty());
    CHECK(f.stack.next_deadline() == time::Instant::max());
}

TEST_CASE("a flood of what routers say is limited", "[stack][autoconf][limits]") {
    AutoconfHost f;
    f.settle_link();
    for (int i = 0; i < 10'000; ++i) f.hear(router_with({}));
    CHECK(f.dropped(Drop::ndp_router_rate) > 9'000);
    f.pass(1s);
    f.get(router_with({prefix_of()}));
    CHECK(f.usable() == 1);
}

TEST_CASE("an address that ends leaves a group that it did not join to the program that did",
          "[stack][autoconf][limits]") {
    stack::StackConfig config = autoconf_config();
    config.groups_max = 2;  // one is the link-local address's
    AutoconfHost f(config);
    f.settle_link();
    TextSocket6 socket;
    REQUIRE(f.stack.udp().open(socket, Hosts::any_v6, 7000));
    const auto other = f.stack.hosts().name(Ipv6Addr::of(0xff02, 0, 0, 0, 0, 0, 0, 0x77));
    REQUIRE(f.stack.udp().join(socket, other, f.now));
    f.get(router_with({prefix_of(network, 10, 10)}));
    REQUIRE(f.address().is_usable());
    REQUIRE(f.stack.udp().leave(socket, f.stack.hosts().name(Ipv6Addr::of(0xff02, 0, 0, 0, 0, 0, 0, 0x77)), f.now));
    const Ipv6Addr group = f.expected().solicited_node();
    REQUIRE(f.stack.udp().join(socket, f.stack.hosts().name(group), f.now));
    f.run(20s);
    REQUIRE(f.address().state == AddressState::none);
    CHECK(f.stack.groups().has(f.stack.hosts().name(group)));
    f.stack.udp().close(socket, f.now);
}

}  // namespace
}  // namespace skerry
