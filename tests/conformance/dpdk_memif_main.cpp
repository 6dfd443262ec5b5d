// Our own stack on DPDK, in real time, over shared memory (net_memif): what sockets send each other leaves by the port,
// crosses to another port, whose thread sends it back, and comes in again.

#include "fixture.hpp"

#include "support/port_reflector.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>

namespace skerry::conformance {

constinit const net::IpAddr own_ip = net::IpAddr::v4(198, 18, 0, 2);
const bool has_every_address = false;
const bool has_wire = true;

namespace {

std::unique_ptr<tests::PortReflector> reflector;

std::string device(const std::string& name, const std::string& role) {
    return "vdev=" + name + ",role=" + role + ",id=0,socket=/tmp/skerry-memif-" + std::to_string(::getpid()) +
           ",socket-abstract=no;hugepages=off";
}

}  // namespace

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    if (!reflector->wait_for_link(false)) return Unexpected(backend::SetupError{"the link of the last case stays up"});
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "dpdk";
    config.dpdk = device("net_memif0", "client") + ";loop=off";
    config.ip = "198.18.0.2/24";
    config.idle = runtime::IdlePolicy::adaptive;
    auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).offer(kernel_io::make_backend()).build();
    if (!runtime) return runtime;
    if (!reflector->wait_for_link(true)) return Unexpected(backend::SetupError{"the link does not come up"});
    reflector->resume();
    return runtime;
}

}  // namespace skerry::conformance

int main(int argc, char** argv) {
    using namespace skerry::conformance;
    is_wire_slow = true;
    reflector = std::make_unique<skerry::tests::PortReflector>(device("net_memif1", "server"));
    std::string why_not = reflector->failure();
    // net_memif of DPDK 22.11 takes its rings away on a thread of its own when the other end goes.
    before_runtime_ends = [] { reflector->pause(); };
    if (why_not.empty()) {
        if (auto runtime = make_runtime(); !runtime) why_not = runtime.error().message;
        reflector->pause();
    }
    if (!why_not.empty()) {
        std::cout << "skipped: net_memif cannot run here: " << why_not << '\n';
        return skerry::tests::skip_exit_code;
    }
    const int code = skerry::tests::run_all(argc, argv);
    reflector.reset();
    return code;
}
