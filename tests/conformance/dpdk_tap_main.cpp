// Our own stack on DPDK, in real time, over a TAP device (net_tap) in a network of its own: what sockets send each
// other leaves by the port, reaches the kernel, where a packet socket sends it back, and comes in again.

#include "over_dpdk.hpp"

#include "support/kernel_reflector.hpp"
#include "support/own_network.hpp"

#include <memory>
#include <string>

namespace skerry::conformance {

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    return runtime_over("vdev=net_tap0,iface=sk0;hugepages=off", runtime::IdlePolicy::adaptive);
}

}  // namespace skerry::conformance

int main(int argc, char** argv) {
    using namespace skerry::conformance;
    is_wire_slow = true;
    std::string why_not = skerry::tests::enter_own_network();
    // There before DPDK takes it and after: the reflector looks at one device through all cases.
    if (why_not.empty() && !(skerry::tests::ip("tuntap add sk0 mode tap multi_queue") &&
                             skerry::tests::ip("link set sk0 up txqueuelen 10000")))
        why_not = "no TAP device can be made";
    std::unique_ptr<skerry::tests::KernelReflector> reflector;
    if (why_not.empty()) {
        reflector = std::make_unique<skerry::tests::KernelReflector>("sk0");
        why_not = reflector->failure();
    }
    if (why_not.empty())
        if (auto runtime = make_runtime(); !runtime) why_not = runtime.error().message;
    if (!why_not.empty()) return skip("net_tap", why_not);
    return skerry::tests::run_all(argc, argv);
}
