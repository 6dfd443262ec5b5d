// What a user writes of several ports: a part for each, with plus signs between them.

#include <skerry/stack/options.hpp>
#include <skerry/stack/ports/ports_options.hpp>

#include "support/catch.hpp"

#include <string>

namespace skerry {
namespace {

backend::Options two() {
    backend::Options options;
    options.ip = "198.18.0.2/24+198.19.0.2/24";
    options.gateway = "198.18.0.1+";
    options.routes = "+10.0.0.0/8:198.19.0.1,192.0.2.0/24:198.19.0.1";
    options.vlan = 7;
    return options;
}

std::string refusal(const backend::Options& options, std::size_t ports = 2) {
    const auto each = stack::options_of_ports(options, ports);
    return each ? std::string() : each.error().message;
}

TEST_CASE("parts stand between plus signs", "[stack][options][ports]") {
    using Parts = std::vector<std::string_view>;
    CHECK(stack::parts_of_ports("") == Parts{""});
    CHECK(stack::parts_of_ports("a") == Parts{"a"});
    CHECK(stack::parts_of_ports("a+b+c") == Parts{"a", "b", "c"});
    CHECK(stack::parts_of_ports("+a+") == Parts{"", "a", ""});
}

TEST_CASE("each port has its part, and nothing where that is empty", "[stack][options][ports]") {
    const auto each = stack::options_of_ports(two(), 2);
    REQUIRE(each);
    REQUIRE(each->size() == 2);
    CHECK((*each)[0].ip == "198.18.0.2/24");
    CHECK((*each)[0].gateway == "198.18.0.1");
    CHECK((*each)[0].routes.empty());
    CHECK((*each)[1].ip == "198.19.0.2/24");
    CHECK((*each)[1].gateway.empty());
    CHECK((*each)[1].routes == "10.0.0.0/8:198.19.0.1,192.0.2.0/24:198.19.0.1");
    CHECK((*each)[1].ip6.empty());
    CHECK((*each)[0].vlan == 7);
    CHECK((*each)[1].vlan == 7);
    for (const backend::Options& options : *each) {
        stack::StackConfig config;
        CHECK(stack::apply(options, config));
    }
}

TEST_CASE("as many parts as ports, in each option", "[stack][options][ports]") {
    const std::string what = "; write one for each port with + between them, and nothing in it where a port has none";
    CHECK(refusal(two()).empty());
    CHECK(refusal(two(), 3) == "--ip=198.18.0.2/24+198.19.0.2/24: 2 parts for 3 ports" + what);
    CHECK(refusal(two(), 1) == "--ip=198.18.0.2/24+198.19.0.2/24: 2 parts for 1 port" + what);
    backend::Options options = two();
    options.gateway = "198.18.0.1";
    CHECK(refusal(options) == "--gateway=198.18.0.1: 1 part for 2 ports" + what);
    options = two();
    options.ip6 = "auto";
    CHECK(refusal(options) == "--ip6=auto: 1 part for 2 ports" + what);
    options = two();
    options.routes = "10.0.0.0/8";
    CHECK(refusal(options) == "--route=10.0.0.0/8: 1 part for 2 ports" + what);
    CHECK(refusal(backend::Options(), 9) == "9 ports are named; one stack has 8 at most");
    CHECK(refusal(backend::Options(), 8).empty());
}

TEST_CASE("two ports cannot have one address", "[stack][options][ports]") {
    std::array<stack::StackConfig, 2> ports;
    CHECK_FALSE(stack::trouble_of_ports(ports));
    for (stack::StackConfig& each : ports) each.address = stack::wire::Ipv4Addr::of(198, 18, 0, 2);
    CHECK(stack::trouble_of_ports(ports)->message == "--ip=198.18.0.2: two ports cannot have one address");
    ports[1].address.bits += 1;
    CHECK_FALSE(stack::trouble_of_ports(ports));
    REQUIRE(ports[1].more_addresses.add({ports[0].address, 28}));
    CHECK(stack::trouble_of_ports(ports)->message == "--ip=198.18.0.2: two ports cannot have one address");
    ports[1].more_addresses = {};
    for (stack::StackConfig& each : ports) each.address6 = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
    CHECK(stack::trouble_of_ports(ports)->message == "--ip6=2001:db8::2: two ports cannot have one address");
    ports[1].address6.low += 1;
    CHECK_FALSE(stack::trouble_of_ports(ports));
    REQUIRE(ports[1].more_addresses6.add({ports[0].address6, 64}));
    CHECK(stack::trouble_of_ports(ports)->message == "--ip6=2001:db8::2: two ports cannot have one address");
}

}  // namespace
}  // namespace skerry
