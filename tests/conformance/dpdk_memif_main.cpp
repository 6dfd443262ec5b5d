// Our own stack on DPDK, in real time, over shared memory (net_memif): what sockets send each other leaves by the port,
// crosses to another port, whose thread sends it back, and comes in again.

#include "over_dpdk.hpp"

#include "support/port_reflector.hpp"

#include <unistd.h>

#include <memory>
#include <string>

namespace skerry::conformance {

namespace {

std::unique_ptr<tests::PortReflector> reflector;

std::string device(const std::string& name, const std::string& role) {
    return "vdev=" + name + ",role=" + role + ",id=0,socket=/tmp/skerry-memif-" + std::to_string(::getpid()) +
           ",socket-abstract=no;hugepages=off";
}

}  // namespace

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    if (!reflector->wait_for_link(false)) return Unexpected(backend::SetupError{"the link of the last case stays up"});
    auto runtime = runtime_over(device("net_memif0", "client"), runtime::IdlePolicy::adaptive);
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
    if (!why_not.empty()) return skip("net_memif", why_not);
    const int code = skerry::tests::run_all(argc, argv);
    // DPDK's own thread takes note that the other end has gone, and must not find the device closed meanwhile.
    (void)reflector->wait_for_link(false);
    reflector.reset();
    return code;
}
