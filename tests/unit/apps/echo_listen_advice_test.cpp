#include "echo/listen_advice.hpp"

#include "support/catch.hpp"

#include <string>
#include <string_view>

namespace {

using namespace skerry;

std::string advice(net::IpAddr own, std::string_view ip6, std::string host) {
    net::StackNetwork network;
    network.address = own;
    return echo::listen_advice(network, ip6, {host + ":7001", host, 7001});
}

constexpr net::IpAddr none;
constexpr net::IpAddr v4 = net::IpAddr::v4(198, 18, 0, 2);

TEST_CASE("an address that our stack has not is told with those that it has", "[apps][echo][error]") {
    CHECK(advice(v4, "", "127.0.0.1") ==
          "our own stack has 198.18.0.2; write --listen=198.18.0.2:7001 or --listen=0.0.0.0:7001");
    CHECK(advice(none, "2001:db8::2/64", "127.0.0.1") ==
          "our own stack has 2001:db8::2; write --listen=[2001:db8::2]:7001 or --listen=[::]:7001");
}

TEST_CASE("of two families the one is advised that was asked for", "[apps][echo][error]") {
    CHECK(advice(v4, "2001:db8::2/64", "127.0.0.1") ==
          "our own stack has 198.18.0.2 and 2001:db8::2; write --listen=198.18.0.2:7001 or --listen=0.0.0.0:7001");
    CHECK(advice(v4, "2001:db8::2/64", "::1") ==
          "our own stack has 198.18.0.2 and 2001:db8::2; write --listen=[2001:db8::2]:7001 or --listen=[::]:7001");
    CHECK(advice(v4, "", "::1") ==
          "our own stack has 198.18.0.2; write --listen=198.18.0.2:7001 or --listen=0.0.0.0:7001");
}

TEST_CASE("all of several addresses are told, and the first is advised", "[apps][echo][error]") {
    net::StackNetwork network;
    network.address = v4;
    network.more_addresses = {net::IpAddr::v4(198, 18, 0, 3), net::IpAddr::v4(203, 0, 113, 2)};
    CHECK(echo::listen_advice(network, "", {"127.0.0.1:7001", "127.0.0.1", 7001}) ==
          "our own stack has 198.18.0.2, 198.18.0.3, 203.0.113.2; write --listen=198.18.0.2:7001 or "
          "--listen=0.0.0.0:7001");
    CHECK(advice(none, "2001:db8::2/64,fd00::2/48", "::1") ==
          "our own stack has 2001:db8::2, fd00::2; write --listen=[2001:db8::2]:7001 or --listen=[::]:7001");
}

TEST_CASE("of several ports the addresses of the first are advised", "[apps][echo][error]") {
    CHECK(advice(v4, "2001:db8::2/64+2001:db8:1::2/64", "::1") ==
          "our own stack has 198.18.0.2 and 2001:db8::2; write --listen=[2001:db8::2]:7001 or --listen=[::]:7001");
    CHECK(advice(v4, "+2001:db8:1::2/64", "127.0.0.1") ==
          "our own stack has 198.18.0.2; write --listen=198.18.0.2:7001 or --listen=0.0.0.0:7001");
}

TEST_CASE("addresses that others give are not named before they are there", "[apps][echo][error]") {
    CHECK(advice(none, "auto", "::1") == "our own stack has what routers give for IPv6; write --listen=[::]:7001");
    CHECK(advice(none, "", "127.0.0.1") == "our own stack has no address now; write --listen=0.0.0.0:7001");
}

}  // namespace
