#include "common/backends.hpp"

#include "support/catch.hpp"

#include <string>

namespace {

using namespace skerry;

constexpr const char* why =
    ": not used: auto took epoll, whose network is the kernel's; for our own stack name dpdk, "
    "tap:IF or xdp:IF";

TEST_CASE("what only our own stack takes is told where auto has taken the kernel's", "[apps][backends]") {
    runtime::Config config;
    CHECK(apps::unused_network(config, "epoll").empty());
    config.ip = "198.18.0.2/24";
    CHECK(apps::unused_network(config, "epoll") == std::string("--ip") + why);
    config.ip6 = "auto";
    config.gateway = "198.18.0.1";
    config.routes = "10.0.0.0/8";
    config.tcp = "lowlat";
    config.vlan = 7;
    CHECK(apps::unused_network(config, "epoll") == std::string("--ip, --ip6, --gateway, --route, --tcp, --vlan") + why);
}

TEST_CASE("nothing is told of a network that is used, or whose driver was named", "[apps][backends]") {
    runtime::Config config;
    config.ip = "198.18.0.2/24";
    CHECK(apps::unused_network(config, "dpdk").empty());
    config.backend = "epoll";  // what the file says of it has a note of its own
    CHECK(apps::unused_network(config, "epoll").empty());
}

}  // namespace
