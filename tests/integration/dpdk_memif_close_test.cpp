// A port of net_memif is closed at any moment of its connecting: DPDK's own thread is at it just then.

#include "support/catch.hpp"
#include "support/port_reflector.hpp"

#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
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
            std::this_thread::sleep_for(std::chrono::microseconds{round % 20 * 20});
        }
        REQUIRE(other.wait_for_link(false));
    }
    const runtime::Runtime client = connect();
    CHECK(other.wait_for_link(true));
}

}  // namespace
}  // namespace skerry
