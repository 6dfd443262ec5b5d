// A port of net_memif is closed as soon as the other end calls the link up: DPDK's own thread is just then about to do
// the same here.

#include "support/catch.hpp"
#include "support/port_reflector.hpp"

#include <unistd.h>

#include <string>
#include <utility>

namespace skerry {
namespace {

std::string device(const std::string& name, const std::string& role) {
    return "vdev=" + name + ",role=" + role + ",id=0,socket=/tmp/skerry-memif-close-" + std::to_string(::getpid()) +
           ",socket-abstract=no;hugepages=off;memory=128;mbufs=2047";
}

/// A port that begins to connect to the other one.
runtime::Runtime connect() {
    runtime::Config config;
    config.dpdk = device("net_memif1", "client");
    config.flavour = runtime::Flavour::current_thread;
    config.pin = false;
    auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).build();
    if (!runtime) FAIL(runtime.error().message);
    return std::move(*runtime);
}

TEST_CASE("a port of net_memif that closes while it connects leaves the other one as it was", "[dpdk]") {
    const tests::PortReflector other(device("net_memif0", "server"));
    if (!other.failure().empty()) FAIL(other.failure());
    for (int round = 0; round < 200; ++round) {
        INFO("round " << round);
        {
            const runtime::Runtime client = connect();
            REQUIRE(other.wait_for_link(true));
        }
        REQUIRE(other.wait_for_link(false));
    }
    const runtime::Runtime client = connect();
    CHECK(other.wait_for_link(true));
}

}  // namespace
}  // namespace skerry
