// Our own stack on DPDK, in real time, over a TAP device (net_tap) in a network of its own: what sockets send each
// other leaves by the port, reaches the kernel, where a packet socket sends it back, and comes in again.

#include "fixture.hpp"

#include "support/kernel_reflector.hpp"
#include "support/own_network.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <iostream>
#include <memory>
#include <string>

namespace skerry::conformance {

constinit const net::IpAddr own_ip = net::IpAddr::v4(198, 18, 0, 2);
const bool has_every_address = false;
const bool has_wire = true;

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "dpdk";
    config.dpdk = "vdev=net_tap0,iface=sk0;hugepages=off;loop=off";
    config.ip = "198.18.0.2/24";
    config.idle = runtime::IdlePolicy::adaptive;
    return runtime::Builder(config).offer(dpdk::make_backend()).offer(kernel_io::make_backend()).build();
}

}  // namespace skerry::conformance

int main(int argc, char** argv) {
    skerry::conformance::is_wire_slow = true;
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
        if (auto runtime = skerry::conformance::make_runtime(); !runtime) why_not = runtime.error().message;
    if (!why_not.empty()) {
        std::cout << "skipped: net_tap cannot run here: " << why_not << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
