// Which of our addresses a packet comes from: the examples of RFC 6724 section 10.1 that one interface has.

#include <skerry/stack/ipv6_link.hpp>

#include "support/catch.hpp"
#include "support/ipv6_host.hpp"

namespace skerry {
namespace {

using stack::AddressState;
using stack::OwnAddress;
using stack::wire::Ipv6Addr;

constexpr Ipv6Addr global(std::uint16_t network, std::uint16_t host) {
    return Ipv6Addr::of(0x2001, 0xdb8, network, 0, 0, 0, 0, host);
}
constexpr Ipv6Addr near(std::uint16_t host) { return Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, host); }

OwnAddress own(const Ipv6Addr& address, AddressState state = AddressState::preferred, std::uint8_t bits = 64) {
    return {address, bits, state};
}

TEST_CASE("RFC 6724 section 5: of two addresses the better one is the source", "[stack][ipv6][source]") {
    struct Vector {
        Ipv6Addr destination;
        OwnAddress better, worse;
    };
    const AddressState old = AddressState::deprecated;
    const auto [destination, better, worse] = GENERATE_COPY(values<Vector>({
        {global(1, 1), own(global(3, 1)), own(near(1))},                                    // rule 2
        {Ipv6Addr::of(0xff05, 0, 0, 0, 0, 0, 0, 1), own(global(3, 1)), own(near(1))},       // rule 2
        {Ipv6Addr::of(0xff02, 0, 0, 0, 0, 0, 0, 1), own(near(1)), own(global(3, 1))},       // rule 2
        {global(1, 1), own(global(1, 1), old), own(global(2, 1))},                          // rule 1
        {near(1), own(near(2), old), own(global(1, 1))},                                    // rule 2 before 3
        {global(1, 1), own(global(3, 2)), own(global(1, 2), old)},                          // rule 3 before 8
        {global(1, 1), own(global(1, 2)), own(global(3, 2))},                               // rule 8
        {Ipv6Addr::of(0xfd00, 1, 0, 0, 0, 0, 0, 1), own(Ipv6Addr::of(0xfd11, 0, 0, 0, 0, 0, 0, 2)),
         own(global(1, 2))},                                                                // rule 6
        {global(1, 1), own(Ipv6Addr::of(0x3fff, 0, 0, 0, 0, 0, 0, 2)), own(Ipv6Addr::of(0xfd00, 1, 0, 0, 0, 0, 0, 2))},
    }));
    CHECK(is_better_source(better, worse, destination));
    CHECK_FALSE(is_better_source(worse, better, destination));
}

TEST_CASE("RFC 6724 section 2.2: bits behind the source's prefix do not count", "[stack][ipv6][source]") {
    const OwnAddress a = own(Ipv6Addr::of(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xff00), AddressState::preferred, 64);
    const OwnAddress b = own(Ipv6Addr::of(0x2001, 0xdb8, 1, 0, 1, 0, 0, 0), AddressState::preferred, 64);
    CHECK_FALSE(is_better_source(a, b, global(1, 0xff01)));
    CHECK_FALSE(is_better_source(b, a, global(1, 0xff01)));
}

TEST_CASE("the source of a packet is one that may be used", "[stack][ipv6][source]") {
    stack::StackConfig config = tests::host6_config();
    config.link_local6 = near(2);
    stack::Hosts hosts(7, config.address6, config.link_local6);
    stack::Ipv6Link link(config, hosts);
    CHECK(link.source_for(tests::far6) == stack::Hosts::own_v6);
    stack::Ipv6Facts facts = link.facts();
    facts.addresses[0].state = AddressState::tentative;
    facts.addresses[1] = own(global(7, 7));
    link.set(facts);
    CHECK(link.source_for(tests::far6) == stack::Hosts::own_v6_at(1));
    CHECK(hosts.name(global(7, 7)) == stack::Hosts::own_v6_at(1));
    CHECK_FALSE(hosts.is_own(tests::host6));
    CHECK(link.is_tentative(tests::host6));
    facts.addresses[1].state = AddressState::none;
    link.set(facts);
    CHECK(link.source_for(tests::far6) == stack::Hosts::own_link_local);
    facts.link_local.state = AddressState::none;
    link.set(facts);
    CHECK(link.source_for(tests::far6) == stack::Hosts::any_v6);
    CHECK_FALSE(link.has_any());
}

}  // namespace
}  // namespace skerry
