// Several cores with one set of addresses, which the first finds out, and what of neighbours' words reaches whom.

#include "support/autoconf_host.hpp"
#include "support/stack_cores.hpp"
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

struct Cores : StackCores {
    explicit Cores(const stack::StackConfig& config, const stack::SteeringOptions& how = options(3, 1))
        : StackCores(how, config) {}

    void input(std::size_t core, const Bytes& frame) {
        give(core, frame);
        cross();
    }
    std::vector<Bytes> run(std::chrono::nanoseconds time) {
        std::vector<Bytes> all;
        for (const time::Instant end = now + time; now < end; now = now + 50ms) {
            cross();
            for (auto& core : cores)
                for (Bytes& frame : taken(*core)) all.push_back(std::move(frame));
        }
        cross();
        return all;
    }
    [[nodiscard]] const stack::Ipv6Facts& facts(std::size_t core) { return cores[core]->stack.ipv6(); }
};

TEST_CASE("the first core makes addresses of what routers say, whoever hears it, and all have them",
          "[stack][steering][autoconf]") {
    Cores cores(autoconf_config());
    (void)cores.run(2200ms);
    const std::size_t heard_by = GENERATE(0, 2);
    cores.input(heard_by, router_says(router_with({prefix_of()})));
    CHECK(cores.facts(1).addresses[0].state == AddressState::tentative);
    const auto out = cores.run(2200ms);
    CHECK(of_type(out, Icmpv6Type::neighbour_solicitation).size() == 1);
    for (const std::size_t core : {0, 1, 2}) {
        CAPTURE(core);
        CHECK(cores.facts(core) == cores.facts(0));
        CHECK(cores.facts(core).addresses[0].state == AddressState::preferred);
        CHECK(cores.facts(core).router[0] == gateway6);
        cores.input(core, solicitation(gateway6, cores.facts(0).addresses[0].address, router_mac));
        CHECK(of_type(cores.taken(core), Icmpv6Type::neighbour_advertisement).size() == 1);
    }
    TextSocket& there = cores[1].bind(7000, false, Hosts::own_v6);
    const Ends6 ends{far6, cores.facts(0).addresses[0].address};
    cores.input(2, ipv6(stack::wire::ip_protocol::udp, udp6(9, 7000, "x", ends), ends));
    CHECK(there.text() == "x");
    cores.input(heard_by, router_says(router_with({}, 0)));
    for (const std::size_t core : {0, 1, 2}) CHECK(cores.facts(core).routers == 0);
}

TEST_CASE("a duplicate that another core hears of is one", "[stack][steering][autoconf][duplicate]") {
    stack::StackConfig config = host6_config();
    config.checks_address6 = true;
    Cores cores(config);
    (void)cores.run(500ms);
    const bool is_claim = GENERATE(true, false);
    Told told;
    told.solicited = false;
    cores.input(2, is_claim ? advertisement(host6, told, Ipv6Addr::all_nodes()) : solicitation(Ipv6Addr{}, host6));
    for (const std::size_t core : {0, 1, 2}) CHECK(cores.facts(core).duplicate == host6);
    (void)cores.run(2s);
    for (const std::size_t core : {0, 1, 2}) {
        CHECK_FALSE(cores.facts(core).addresses[0].is_usable());
        CHECK(cores.facts(core).link_local.is_usable());
        CHECK(cores.facts(core).is_settled);
    }
    CHECK(cores[0].stack.drops()[Drop::ndp_duplicate] == 1);
}

TEST_CASE("a flood of what routers say costs the first core no more than its share",
          "[stack][steering][autoconf][limits]") {
    Cores cores(autoconf_config());
    (void)cores.run(2200ms);
    const std::uint64_t before = cores.crossed();
    for (int i = 0; i < 10'000; ++i) {
        cores.give(2, router_says(router_with({})));
        if (i % 64 == 0) cores.cross();
    }
    cores.cross();
    CHECK(cores[2].stack.drops()[Drop::steering_rate] > 9'000);
    CHECK(cores.crossed() - before < 1'000);
}

// --- answers

/// A flood of advertisements that say that they were asked for, until what may cross in this moment is used up.
void flood(Cores& cores) {
    for (std::uint16_t host = 0; host < 500; ++host) cores.give(0, advertisement(near6(host)));
    REQUIRE(cores[0].stack.drops()[Drop::steering_rate] > 0);
    cores.cross();
}

TEST_CASE("a flood of advertisements takes nothing from the answers that another core waits for",
          "[stack][steering][ndp][limits]") {
    Cores cores(host6_config());
    TextSocket& there = cores[1].bind(7001, false, Hosts::any_v6);
    const auto to = cores[1].stack.hosts().name(peer6);
    REQUIRE(cores[1].stack.udp().send(there, to, 9, {}, cores.now));
    REQUIRE(cores.taken(1).size() == 1);
    flood(cores);
    cores.input(0, advertisement());
    const auto sent = cores.taken(1);
    REQUIRE(sent.size() == 1);
    CHECK(is_udp_to(sent.front(), peer_mac));
    CHECK(cores[0].stack.steering()->stats().answers == 1);
    cores.input(0, advertisement());  // nobody waits any more
    CHECK(cores[0].stack.steering()->stats().answers == 1);
    CHECK(cores[2].stack.steering()->stats().received < 500);
}

TEST_CASE("a flood of ARP replies takes nothing from the answers that another core waits for",
          "[stack][steering][arp][limits]") {
    Cores cores(host_config());
    TextSocket& there = cores[1].bind(7001);
    REQUIRE(cores[1].stack.udp().send(there, peer_ip, 9, {}, cores.now));
    REQUIRE(cores.taken(1).size() == 1);
    for (std::uint32_t host = 0; host < 500; ++host)
        cores.give(0, arp(stack::wire::ArpOperation::reply, stack::wire::Ipv4Addr{peer_ip.bits + 5 + host % 100}));
    REQUIRE(cores[0].stack.drops()[Drop::steering_rate] > 0);
    cores.cross();
    cores.input(0, arp(stack::wire::ArpOperation::reply));
    CHECK(cores.taken(1).size() == 1);
    CHECK(cores[0].stack.steering()->stats().answers == 1);
}

TEST_CASE("each core that asks gets the answer, and who has given up gets none", "[stack][steering][ndp]") {
    Cores cores(host6_config());
    for (const std::size_t core : {1, 2}) {
        TextSocket& socket = cores[core].bind(static_cast<std::uint16_t>(7000 + core), false, Hosts::any_v6);
        const auto to = cores[core].stack.hosts().name(peer6);
        REQUIRE(cores[core].stack.udp().send(socket, to, 9, {}, cores.now));
    }
    SECTION("all wait") {
        cores.input(0, advertisement());
        CHECK(cores[0].stack.steering()->stats().answers == 2);
    }
    SECTION("nobody waits any more") {
        (void)cores.run(5s);
        cores.input(0, advertisement());
        CHECK(cores[0].stack.steering()->stats().answers == 0);
    }
}

Ipv6Addr prefix_number(std::uint16_t number) { return Ipv6Addr::of(0x2001, 0xdb8, number, 0, 0, 0, 0, 0); }

TEST_CASE("no core is left the owner of a connection whose address ended", "[stack][steering][autoconf][tcp]") {
    Cores cores(autoconf_config());
    (void)cores.run(2200ms);
    cores.input(0, router_says(router_with({prefix_of(network, 10, 10)})));
    (void)cores.run(2200ms);
    REQUIRE(cores.facts(0).addresses[0].is_usable());
    stack::Stack& first = cores[0].stack;
    TestEndpoint ours;
    REQUIRE(first.tcp().connect(ours, Hosts::own_v6_at(0), 80, cores.now, {Hosts::own_v6_at(0)}));  // to ourselves
    const stack::FlowKey key(ours.tcb->tuple, first.hosts().identity(ours.tcb->tuple.remote));
    REQUIRE(cores.shared->flows().find(key) == 0);
    cores.now = cores.now + 10s;
    first.advance(cores.now);
    CHECK(cores.facts(0).addresses[0].state == AddressState::none);
    CHECK(ours.tcb->state == stack::tcp::State::closed);
    CHECK(cores.shared->flows().find(key) == stack::FlowOwners::nobody);
    first.tcp().forget(ours);
}

TEST_CASE("a listener that closes leaves the port to another of its core, on another address",
          "[stack][steering][autoconf][tcp]") {
    Cores cores(autoconf_config());
    (void)cores.run(2200ms);
    cores.input(0, router_says(router_with({prefix_of(prefix_number(1)), prefix_of(prefix_number(2))})));
    (void)cores.run(2200ms);
    stack::tcp::Tcp& first = cores[0].stack.tcp();
    stack::tcp::Tcp& second = cores[1].stack.tcp();
    TestAcceptor stays;
    TestAcceptor goes;
    REQUIRE(first.listen(stays, Hosts::own_v6_at(0), 80, 16, false));
    REQUIRE(first.listen(goes, Hosts::own_v6_at(1), 80, 16, false));
    first.close(goes, cores.now);
    TestAcceptor other;
    CHECK(second.listen(other, Hosts::own_v6_at(0), 80, 16, false) == Errc::address_in_use);
    CHECK(cores.shared->tcp_ports().in_use(80) == stack::core_bit(0));  // where first segments go, by whatever queue
    first.close(stays, cores.now);
    CHECK(cores.shared->tcp_ports().in_use(80) == 0);
}

TEST_CASE("a core that hears late of two addresses in one place ends the connections of the first",
          "[stack][steering][autoconf][tcp]") {
    Cores cores(autoconf_config());
    (void)cores.run(2200ms);
    for (std::uint16_t i = 0; i < stack::Ipv6Facts::addresses_max; ++i)
        cores.input(0, router_says(router_with({prefix_of(prefix_number(i), i == 0 ? 10 : 7200, 10)})));
    (void)cores.run(2200ms);
    stack::Stack& late = cores[1].stack;
    const Ipv6Addr before = cores.facts(1).addresses[0].address;
    TestEndpoint ours;
    REQUIRE(late.tcp().connect(ours, late.hosts().name(far6), 80, cores.now, {Hosts::own_v6_at(0)}));
    const auto pass_on_the_first = [&cores](std::chrono::nanoseconds time) {
        for (const time::Instant end = cores.now + time; cores.now < end; cores.now = cores.now + 50ms)
            (void)cores.taken(0);
    };
    pass_on_the_first(150s);
    cores.give(0, router_says(router_with({prefix_of(prefix_number(8))})));
    pass_on_the_first(2200ms);
    REQUIRE(cores.facts(0).addresses[0].is_usable());
    REQUIRE(cores.facts(0).addresses[0].address != before);
    REQUIRE(ours.tcb->state == stack::tcp::State::syn_sent);
    cores.cross();
    CHECK(cores.facts(1).addresses[0] == cores.facts(0).addresses[0]);
    CHECK(ours.tcb->state == stack::tcp::State::closed);
    late.tcp().forget(ours);
}

}  // namespace
}  // namespace skerry
