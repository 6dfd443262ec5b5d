// --route: networks that are behind a router of their own, and networks of the link.

#include <skerry/stack/ipv6_link.hpp>
#include <skerry/stack/options.hpp>

#include "support/catch.hpp"
#include "support/ipv6_host.hpp"

#include <string>

namespace skerry {
namespace {

using namespace tests;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;

backend::Options with_routes(std::string routes, const char* ip = "198.18.0.2/24", const char* ip6 = "2001:db8::2/64") {
    backend::Options options;
    options.ip = ip;
    options.ip6 = ip6;
    options.routes = std::move(routes);
    return options;
}

std::string refusal(const backend::Options& options) {
    stack::StackConfig config;
    const auto applied = stack::apply(options, config);
    return applied ? std::string() : applied.error().message;
}

TEST_CASE("a route has its network, its prefix and its router, or no router", "[stack][options][routes]") {
    stack::StackConfig config;
    const char* const text =
        "198.51.100.0/24:198.18.0.1,10.0.0.0/8,2001:db8:1::/48:fe80::1,2001:db8:2::/48,"
        "0.0.0.0/0:198.18.0.9,2001:db8::/32:2001:db8::9";
    REQUIRE(stack::apply(with_routes(text), config));
    REQUIRE(config.routes.size() == 3);
    CHECK(config.routes[0] == stack::Ipv4Route{Ipv4Addr::of(198, 51, 100, 0), 24, Ipv4Addr::of(198, 18, 0, 1)});
    CHECK(config.routes[1] == stack::Ipv4Route{Ipv4Addr::of(10, 0, 0, 0), 8, {}});
    CHECK(config.routes[2] == stack::Ipv4Route{{}, 0, Ipv4Addr::of(198, 18, 0, 9)});
    REQUIRE(config.routes6.size() == 3);
    const Ipv6Addr near_router = Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    CHECK(config.routes6[0] == stack::Ipv6Route{Ipv6Addr::of(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0), 48, near_router});
    CHECK(config.routes6[1] == stack::Ipv6Route{Ipv6Addr::of(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0), 48, {}});
    CHECK(config.routes6[2].router == Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9));
}

TEST_CASE("a route that cannot be is refused with what can", "[stack][options][routes]") {
    struct Wrong {
        const char* route;
        const char* why;
    };
    const std::string form =
        "write a network and its router, 198.51.100.0/24:198.18.0.1, or 10.0.0.0/8 alone for hosts "
        "that are on the link";
    for (const char* const bad : {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/8:", "10.0.0.0/8:x", "10.0.0.0/8:fe80::1",
                                  "2001:db8:1::/129", "2001:db8:1::/48:198.18.0.1", "/8", "x/8"})
        CHECK(refusal(with_routes(bad)) == std::string("--route=") + bad + ": " + form);
    for (const Wrong& wrong :
         {Wrong{"10.1.2.3/8", "bits behind the prefix are set; the network is 10.0.0.0/8"},
          Wrong{"2001:db8:1::1/48", "bits behind the prefix are set; the network is 2001:db8:1::/48"},
          Wrong{"224.0.0.0/4:198.18.0.1", "not a network of hosts elsewhere"},
          Wrong{"ff00::/8:fe80::1", "not a network of hosts elsewhere"},
          Wrong{"10.0.0.0/8:192.0.2.1", "the router is not another host of the network 198.18.0.2/24"},
          Wrong{"10.0.0.0/8:198.18.0.2", "the router is not another host of the network 198.18.0.2/24"},
          Wrong{"10.0.0.0/8:198.18.0.255", "the router is not another host of the network 198.18.0.2/24"},
          Wrong{"2001:db8:1::/48:2001:db8:9::1", "the router is not another host of the network of --ip6"},
          Wrong{"2001:db8:0:0:8000::/65:fe80::1", "all of the network 2001:db8::2/64 is on the link"}})
        CHECK(refusal(with_routes(wrong.route)) == std::string("--route=") + wrong.route + ": " + wrong.why);
    CHECK(refusal(with_routes("10.0.0.0/8", "")) == "--route=10.0.0.0/8: there is no IPv4 without --ip");
    CHECK(refusal(with_routes("2001:db8:1::/48", "198.18.0.2/24", "")) ==
          "--route=2001:db8:1::/48: there is no IPv6 without --ip6");
    CHECK(refusal(with_routes("10.0.0.0/8", "dhcp")) ==
          "--route=10.0.0.0/8: of no use with --ip=dhcp, whose server tells the routes");
    CHECK(refusal(with_routes("2001:db8:1::/48:2001:db8::1", "", "auto")) ==
          "--route=2001:db8:1::/48:2001:db8::1: with --ip6=auto a router has a link-local address");
}

TEST_CASE("there are sixteen routes of each family, and no more", "[stack][options][routes][limits]") {
    std::string four;
    std::string six;
    for (int i = 0; i < 16; ++i) {
        four += "," + std::string("10.") + std::to_string(i) + ".0.0/16";
        six += ",2001:db8:" + std::to_string(i + 1) + "::/48";
    }
    CHECK(refusal(with_routes((four + six).substr(1))).empty());
    CHECK(refusal(with_routes((four + ",10.99.0.0/16").substr(1))) ==
          "--route=10.99.0.0/16: one more than the 16 routes of IPv4 that there may be; put networks together");
    CHECK(refusal(with_routes((six + ",2001:db8:99::/48").substr(1))) ==
          "--route=2001:db8:99::/48: one more than the 16 routes of IPv6 that there may be; put networks together");
}

/// A host of both families without gateways.
stack::StackConfig routed(const char* routes) {
    stack::StackConfig config = host6_config();
    config.gateway6 = {};
    config.gateway = {};
    stack::StackConfig said;
    REQUIRE(stack::apply(with_routes(routes), said));
    config.routes = said.routes;
    config.routes6 = said.routes6;
    return config;
}

TEST_CASE("an IPv6 route goes by its router, the longest first", "[stack][ndp][routes]") {
    Ipv6Host host(routed("2001:db8:ffff::/48:2001:db8::9,2001:db8::/32:2001:db8::8"));
    host.send(far6);
    CHECK(asks_in_group(host.only(), Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9)));
    host.send(Ipv6Addr::of(0x2001, 0xdb8, 0xfffe, 0, 0, 0, 0, 1));
    CHECK(asks_in_group(host.only(), Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 8)));
    const auto nowhere = host.stack.hosts().name(Ipv6Addr::of(0x3fff, 0, 0, 0, 0, 0, 0, 1));
    CHECK(host.stack.udp().send(host.socket, nowhere, 9, {}, host.now).error() == Errc::unreachable);
}

TEST_CASE("without a router the hosts of an IPv6 route are on the link", "[stack][ndp][routes]") {
    Ipv6Host host(routed("2001:db8:ffff::/48"));
    host.send(far6);
    CHECK(asks_in_group(host.only(), far6));
    host.give(advertisement(far6));
    CHECK(is_udp_to(host.only(), peer_mac));
}

TEST_CASE("what no IPv6 route covers goes by the gateway", "[stack][ndp][routes]") {
    stack::StackConfig config = routed("2001:db8:1::/48:2001:db8::9");
    config.gateway6 = gateway6;
    Ipv6Host host(config);
    host.send(far6);
    CHECK(asks_in_group(host.only(), gateway6, host6_near));
}

}  // namespace
}  // namespace skerry
