// What a user writes of addresses, and what is said of those that are found out.

#include <skerry/stack/ipv6_link.hpp>
#include <skerry/stack/options.hpp>

#include "support/catch.hpp"
#include "support/ipv6_host.hpp"

namespace skerry {
namespace {

using namespace tests;

backend::Options options_of(const char* ip, const char* ip6, const char* gateway = "") {
    backend::Options options;
    options.ip = ip;
    options.ip6 = ip6;
    options.gateway = gateway;
    return options;
}

std::string refusal(const backend::Options& options) {
    stack::StackConfig config;
    const auto applied = stack::apply(options, config);
    return applied ? std::string() : applied.error().message;
}

TEST_CASE("an address of one family is enough, and there is none of the other", "[stack][options]") {
    stack::StackConfig config;
    REQUIRE(stack::apply(options_of("", "2001:db8::2/64", "fe80::1"), config));
    CHECK_FALSE(config.has_v4());
    CHECK(config.address6 == host6);
    CHECK(config.checks_address6);
    CHECK(config.finds_out_ipv6());
    stack::StackConfig other;
    REQUIRE(stack::apply(options_of("198.18.0.2/24", ""), other));
    CHECK(other.has_v4());
    CHECK_FALSE(other.finds_out_ipv6());
    CHECK(refusal(options_of("", "")) ==
          "--ip: this backend has no address yet; write --ip=198.18.0.2/24, --ip=dhcp or --ip6=2001:db8::2/64");
    CHECK(refusal(options_of("", "2001:db8::2/64", "198.18.0.1")) ==
          "--gateway=198.18.0.1: there is no IPv4 without --ip");
}

TEST_CASE("auto is what routers give", "[stack][options]") {
    stack::StackConfig config;
    REQUIRE(stack::apply(options_of("", "auto"), config));
    CHECK(config.autoconf6);
    CHECK(config.reports_own_groups);
    CHECK(config.address6.is_unspecified());
    REQUIRE(stack::apply(options_of("198.18.0.2/24", "auto", "fe80::1"), config));
    CHECK(config.gateway6 == stack::wire::Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 1));
    CHECK(refusal(options_of("", "auto", "2001:db8::1")) ==
          "--gateway=2001:db8::1: with --ip6=auto a router has a link-local address");
    CHECK(refusal(options_of("", "automatic")) ==
          "--ip6=automatic: write an IPv6 address and the bits of its network, 2001:db8::2/64, or auto");
}

TEST_CASE("the IPv4 addresses of a port are told when it has several", "[stack][options][addresses]") {
    stack::StackConfig config;
    REQUIRE(stack::apply(options_of("198.18.0.2/24,203.0.113.2/28", "", "203.0.113.1"), config));
    CHECK(config.address == host_ip);
    CHECK(config.prefix_bits == 24);
    REQUIRE(config.more_addresses.size() == 1);
    CHECK(config.ipv4_at(1) == stack::OwnIpv4{stack::wire::Ipv4Addr::of(203, 0, 113, 2), 28});
    CHECK(config.gateway == stack::wire::Ipv4Addr::of(203, 0, 113, 1));
    CHECK(config.claims_address);
    CHECK(stack::text_of(config, {}) == "IPv4 addresses 198.18.0.2/24, 203.0.113.2/28");
    REQUIRE(stack::apply(options_of("198.18.0.2/24", ""), config));
    CHECK(config.more_addresses.empty());
    CHECK(stack::text_of(config, {}).empty());
}

TEST_CASE("several IPv4 addresses that there cannot be are refused", "[stack][options][addresses][error]") {
    CHECK(refusal(options_of("198.18.0.2/24,198.18.0.2/16", "")) ==
          "--ip=198.18.0.2/16: named twice; a port has an address once");
    CHECK(refusal(options_of("198.18.0.2/24,dhcp", "")) ==
          "--ip=dhcp: of no use beside other addresses; a server gives one, so write it alone");
    CHECK(refusal(options_of("198.18.0.2/24,", "")) ==
          "--ip=198.18.0.2/24,: write an IPv4 address and the bits of its network, 198.18.0.2/24, or dhcp");
    CHECK(refusal(options_of("198.18.0.255/16,198.18.0.2/24", "")) ==
          "--ip=198.18.0.255/16: not an address that a host can have");
    std::string nine = "198.18.0.1/24";
    for (int i = 2; i <= 9; ++i) nine += ",198.18.0." + std::to_string(i) + "/24";
    CHECK(refusal(options_of(nine.c_str(), "")) ==
          "--ip=198.18.0.9/24: one more than the 8 IPv4 addresses that a port may have; leave some out");
    CHECK(refusal(options_of("198.18.0.2/24,203.0.113.2/28", "", "203.0.113.2")) ==
          "--gateway=203.0.113.2: not another host of the networks 198.18.0.2/24,203.0.113.2/28");
    CHECK(refusal(options_of("198.18.0.2/24,203.0.113.2/28", "", "203.0.113.15")) ==
          "--gateway=203.0.113.15: not another host of the networks 198.18.0.2/24,203.0.113.2/28");
    backend::Options options = options_of("198.18.0.2/24,203.0.113.2/28", "");
    options.routes = "192.0.2.0/24:203.0.113.1";
    CHECK(refusal(options).empty());
    options.routes = "192.0.2.0/24:203.0.113.15";
    CHECK(refusal(options) ==
          "--route=192.0.2.0/24:203.0.113.15: the router is not another host of the networks "
          "198.18.0.2/24,203.0.113.2/28");
}

TEST_CASE("the IPv6 addresses of a port are told when it has several", "[stack][options][addresses]") {
    stack::StackConfig config;
    REQUIRE(stack::apply(options_of("", "2001:db8::2/64,2001:db8::3/64,fd00::2/48", "fd00::1"), config));
    CHECK(config.address6 == host6);
    REQUIRE(config.ipv6_count() == 3);
    CHECK(config.ipv6_at(2) == stack::OwnIpv6{stack::wire::Ipv6Addr::of(0xfd00, 0, 0, 0, 0, 0, 0, 2), 48});
    CHECK(config.gateway6 == stack::wire::Ipv6Addr::of(0xfd00, 0, 0, 0, 0, 0, 0, 1));
    CHECK(stack::text_of(config, {}) == "IPv6 addresses 2001:db8::2/64, 2001:db8::3/64, fd00::2/48");
    stack::Ipv6Facts facts = stack::facts_of(config);
    CHECK(facts.prefixes == 2);
    for (std::size_t i = 0; i < 3; ++i) CHECK(facts.addresses[i].state == stack::AddressState::tentative);
    facts.link_local.state = stack::AddressState::preferred;
    for (std::size_t i = 0; i < 3; ++i) facts.addresses[i].state = stack::AddressState::preferred;
    CHECK_FALSE(stack::trouble_of(config, facts));
    facts.addresses[2].state = stack::AddressState::none;
    facts.duplicate = facts.addresses[2].address;
    CHECK(stack::trouble_of(config, facts)->message ==
          "--ip6=fd00::2: another station on the link has this address; choose another one");
    REQUIRE(stack::apply(options_of("", "2001:db8::2/64"), config));
    CHECK(config.ipv6_count() == 1);
}

TEST_CASE("several IPv6 addresses that there cannot be are refused", "[stack][options][addresses][error]") {
    CHECK(refusal(options_of("", "2001:db8::2/64,2001:db8::2/48")) ==
          "--ip6=2001:db8::2/48: named twice; a port has an address once");
    CHECK(refusal(options_of("", "2001:db8::2/64,auto")) ==
          "--ip6=auto: of no use beside other addresses; routers say which there are");
    CHECK(refusal(options_of("", "2001:db8::2/64,")) ==
          "--ip6=2001:db8::2/64,: write an IPv6 address and the bits of its network, 2001:db8::2/64, or auto");
    std::string nine = "2001:db8::1/64";
    for (int i = 2; i <= 9; ++i) nine += ",2001:db8::" + std::to_string(i) + "/64";
    CHECK(refusal(options_of("", nine.c_str())) ==
          "--ip6=2001:db8::9/64: one more than the 8 IPv6 addresses that a port may have; leave some out");
    CHECK(refusal(options_of("", "2001:db8::2/64,fd00::2/48", "fd00::2")) ==
          "--gateway=fd00::2: not another host of the network of --ip6");
    backend::Options options = options_of("", "2001:db8::2/64,fd00::2/48");
    options.routes = "2001:db8:5::/48:fd00::1";
    CHECK(refusal(options).empty());
    options.routes = "fd00:0:0:1::/64:2001:db8::1";
    CHECK(refusal(options) == "--route=fd00:0:0:1::/64:2001:db8::1: all of the network fd00::2/48 is on the link");
}

TEST_CASE("an address that a server lent is told, which the options do not say", "[stack][options]") {
    stack::StackConfig config;
    REQUIRE(stack::apply(options_of("dhcp", ""), config));
    stack::Ipv6Facts facts;
    CHECK(stack::text_of(config, facts).empty());
    config.address = stack::wire::Ipv4Addr::of(198, 18, 0, 7);
    config.prefix_bits = 24;
    CHECK(stack::text_of(config, facts) == "IPv4 address 198.18.0.7/24 by DHCP, no router");
    config.gateway = stack::wire::Ipv4Addr::of(198, 18, 0, 1);
    CHECK(stack::text_of(config, facts) == "IPv4 address 198.18.0.7/24 by DHCP, router 198.18.0.1");
    config.autoconf6 = true;
    facts.addresses[1] = {host6, 64, stack::AddressState::preferred};
    facts.router[facts.routers++] = gateway6;
    CHECK(stack::text_of(config, facts) ==
          "IPv4 address 198.18.0.7/24 by DHCP, router 198.18.0.1, IPv6 address 2001:db8::2/64, router fe80::fe");
    config.uses_dhcp = false;
    CHECK(stack::text_of(config, facts) == "IPv6 address 2001:db8::2/64, router fe80::fe");
}

TEST_CASE("what was found out is told, and why a start fails", "[stack][options]") {
    stack::StackConfig config;
    config.autoconf6 = true;
    config.link_local6 = host6_near;
    stack::Ipv6Facts facts = stack::facts_of(config);
    CHECK(stack::trouble_of(config, facts)->message ==
          "--ip6: it was not found out in time whether another station has our address");
    facts.link_local.state = stack::AddressState::preferred;
    CHECK_FALSE(stack::trouble_of(config, facts));
    CHECK(stack::text_of(config, facts) == "no router has given an IPv6 address yet, fe80::ff:fe00:2, no router");
    facts.addresses[1] = {host6, 64, stack::AddressState::preferred};
    facts.router[facts.routers++] = gateway6;
    CHECK(stack::text_of(config, facts) == "IPv6 address 2001:db8::2/64, router fe80::fe");
    config.autoconf6 = false;
    config.checks_address6 = true;
    config.address6 = host6;
    facts = stack::facts_of(config);
    CHECK(stack::text_of(config, facts).empty());
    facts.link_local.state = stack::AddressState::preferred;
    facts.addresses[0].state = stack::AddressState::none;
    facts.duplicate = host6;
    CHECK(stack::trouble_of(config, facts)->message ==
          "--ip6=2001:db8::2: another station on the link has this address; choose another one");
    config.checks_address6 = false;
    CHECK_FALSE(stack::trouble_of(config, facts));
}

}  // namespace
}  // namespace skerry
