// Whether another station has our address: RFC 4862 section 5.4.

#include "support/autoconf_host.hpp"

#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::AddressState;
using stack::Drop;
using stack::wire::Icmpv6Type;
using stack::wire::Ipv6Addr;

stack::StackConfig checked() {
    stack::StackConfig config = host6_config();
    config.checks_address6 = true;
    config.link_local6 = host6_near;
    config.reports_own_groups = true;
    return config;
}

/// Somebody's advertisement of an address, to all.
Bytes claim_of(const Ipv6Addr& address) {
    stack::wire::NdpMessage message;
    message.type = Icmpv6Type::neighbour_advertisement;
    message.target = address;
    message.overrides = message.has_target_link = true;
    message.target_link = peer_mac;
    return ndp(message, {peer6, Ipv6Addr::all_nodes(), 255, host_mac});
}

TEST_CASE("configured addresses are looked for, and used a second later", "[stack][duplicate]") {
    AutoconfHost f(checked());
    f.pass(0ns);
    const auto questions = of_type(f.taken(), Icmpv6Type::neighbour_solicitation);
    REQUIRE(questions.size() == 2);
    for (const Bytes& each : questions) {
        const Sent6 sent = sent6_in(each);
        const stack::wire::NdpMessage question = ndp_in(each);
        CHECK(sent.ip.source.is_unspecified());
        CHECK(sent.ip.destination == question.target.solicited_node());
        CHECK(sent.ip.hop_limit == 255);
        CHECK_FALSE(question.has_source_link);
        CHECK(question.has_nonce);
    }
    CHECK(ndp_in(questions[0]).target == host6);
    CHECK(ndp_in(questions[1]).target == host6_near);
    CHECK_FALSE(f.facts().is_settled);
    f.pass(999ms);
    f.give(solicitation());  // RFC 4862 section 5.4.3: who asks for a tentative address gets no answer
    CHECK(of_type(f.taken(), Icmpv6Type::neighbour_advertisement).empty());
    CHECK(f.address().state == AddressState::tentative);
    f.pass(1ms);
    CHECK(f.facts().is_settled);
    CHECK(f.address().state == AddressState::preferred);
    CHECK(f.facts().link_local.state == AddressState::preferred);
    (void)f.taken();
    f.give(solicitation());
    CHECK(of_type(f.taken(), Icmpv6Type::neighbour_advertisement).size() == 1);
}

TEST_CASE("RFC 4862 section 5.4.2: before it asks for an address the host joins its group", "[stack][duplicate]") {
    AutoconfHost f(checked());
    const auto out = f.run(1500ms);
    REQUIRE_FALSE(out.empty());
    const Sent6 first = sent6_in(out.front());
    CHECK(first.ip.destination == Ipv6Addr::all_mldv2_routers());
    CHECK(first.ip.source.is_unspecified());  // RFC 3590 section 4
}

TEST_CASE("RFC 4862 section 5.4.4: an address that another station says is its own is given up", "[stack][duplicate]") {
    AutoconfHost f(checked());
    f.pass(500ms);
    const bool is_link_local = GENERATE(false, true);
    const Ipv6Addr theirs = is_link_local ? host6_near : host6;
    f.give(claim_of(theirs));
    CHECK(f.dropped(Drop::ndp_duplicate) == 1);
    CHECK(f.facts().duplicate == theirs);
    f.run(10s);
    CHECK(f.facts().is_settled);
    CHECK(f.address().is_usable() == is_link_local);
    CHECK(f.facts().link_local.is_usable() != is_link_local);
    (void)f.taken();
    f.give(solicitation(peer6, theirs));
    CHECK(of_type(f.taken(), Icmpv6Type::neighbour_advertisement).empty());
}

TEST_CASE("RFC 4862 section 5.4.3: two that look for the same address neither have it", "[stack][duplicate]") {
    AutoconfHost f(checked());
    f.pass(500ms);
    f.give(solicitation(Ipv6Addr{}, host6));
    CHECK(f.dropped(Drop::ndp_duplicate) == 1);
    CHECK(f.address().state == AddressState::none);
}

TEST_CASE("RFC 7527 section 4: our own question that comes back means nothing", "[stack][duplicate]") {
    AutoconfHost f(checked());
    f.pass(0ns);
    for (const Bytes& question : of_type(f.taken(), Icmpv6Type::neighbour_solicitation)) f.give(question);
    f.pass(1s);
    CHECK(f.address().is_usable());
    CHECK(f.dropped(Drop::ndp_duplicate) == 0);
}

TEST_CASE("RFC 7217 section 6: an address of our own making that is another's is made anew, three times",
          "[stack][duplicate][autoconf]") {
    AutoconfHost f;
    f.settle_link();
    f.hear(router_with({prefix_of()}));
    for (std::uint8_t attempt = 0; attempt <= stack::Autoconf::attempts_max; ++attempt) {
        CAPTURE(unsigned{attempt});
        CHECK(f.address() == stack::OwnAddress{f.expected(network, attempt), 64, AddressState::tentative});
        f.give(claim_of(f.expected(network, attempt)));
    }
    CHECK(f.address().state == AddressState::none);
    CHECK(f.dropped(Drop::ndp_duplicate) == 4);
    f.get(router_with({prefix_of()}));
    CHECK(f.address().state == AddressState::none);  // it is not tried for ever
    f.get(router_with({prefix_of(other_network)}));
    CHECK(f.usable() == 1);
}

TEST_CASE("RFC 7217 section 6: a link-local address of our own making is made anew beside a configured one",
          "[stack][duplicate]") {
    stack::StackConfig config = checked();
    config.link_local6 = {};
    AutoconfHost f(config);
    f.pass(500ms);
    const Ipv6Addr link = Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 0);
    CHECK(f.facts().link_local.address == f.expected(link));
    f.give(claim_of(f.expected(link)));
    f.run(2100ms);
    CHECK(f.facts().link_local == stack::OwnAddress{f.expected(link, 1), 64, AddressState::preferred});
    CHECK(f.address().is_usable());
}

TEST_CASE("RFC 7217 section 6: after one duplicate the next address is taken", "[stack][duplicate][autoconf]") {
    AutoconfHost f;
    f.settle_link();
    f.hear(router_with({prefix_of()}));
    f.give(claim_of(f.expected()));
    f.run(2100ms);
    CHECK(f.address() == stack::OwnAddress{f.expected(network, 1), 64, AddressState::preferred});
}

TEST_CASE("an address in use is defended, and not given up", "[stack][duplicate]") {
    AutoconfHost f(checked());
    f.run(1500ms);
    f.give(claim_of(host6));
    CHECK(f.dropped(Drop::ndp_conflict) == 1);
    f.give(solicitation(Ipv6Addr{}, host6));
    const auto told = of_type(f.taken(), Icmpv6Type::neighbour_advertisement);
    REQUIRE(told.size() == 1);
    CHECK(sent6_in(told.front()).ip.destination == Ipv6Addr::all_nodes());
    CHECK(f.address().is_usable());
}

TEST_CASE("a question that could not leave is none, and is asked again a second later", "[stack][duplicate]") {
    stack::StackConfig config = checked();
    config.reports_own_groups = false;
    config.backlog_max = 8;
    AutoconfHost f(config);
    const bool is_full = GENERATE(false, true);
    std::vector<stack::Frame*> all;
    if (is_full)
        for (int i = 0; i < 8; ++i) f.give(arp(stack::wire::ArpOperation::request));
    else
        while (stack::Frame* const frame = f.frames.allocate()) all.push_back(frame);
    for (int i = 0; i < 5; ++i) f.pass(1s);
    CHECK(f.address().state == AddressState::tentative);
    CHECK(of_type(f.taken(), Icmpv6Type::neighbour_solicitation).empty());
    CHECK(f.dropped(Drop::transmit_full) == 0);
    for (stack::Frame* const frame : all) frame->drop();
    f.pass(1s);
    CHECK(f.address().state == AddressState::tentative);
    CHECK(of_type(f.taken(), Icmpv6Type::neighbour_solicitation).size() == 2);
    f.pass(1s);
    CHECK(f.address().is_usable());
}

TEST_CASE("a router puts a check off by five seconds at most", "[stack][duplicate][autoconf]") {
    AutoconfHost f;
    f.settle_link();
    stack::wire::NdpRouter router = router_with({});
    router.retransmit_ms = 60'000;
    f.hear(router);
    REQUIRE(f.facts().retransmit == 60s);
    f.hear(router_with({prefix_of()}));
    f.run(4900ms);
    CHECK(f.address().state == AddressState::tentative);
    f.run(1200ms);
    CHECK(f.address().is_usable());
}

}  // namespace
}  // namespace skerry
