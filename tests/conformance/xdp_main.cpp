// Our own stack over AF_XDP on one end of a virtual cable, in real time and in a network of its own: what sockets send
// each other leaves by the port, crosses the cable to the kernel, where a packet socket sends it back, and comes in
// again.

#include "fixture.hpp"

#include "support/kernel_reflector.hpp"
#include "support/own_network.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <iostream>
#include <memory>
#include <string>

namespace skerry::conformance {

const bool has_every_address = false;
constinit const net::IpAddr own_ip = net::IpAddr::v4(198, 18, 0, 2);

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "xdp:sk1,loop=off";
    config.ip = "198.18.0.2/24";
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

}  // namespace skerry::conformance

int main(int argc, char** argv) {
    using namespace skerry::conformance;
    is_wire_slow = true;
    std::string why_not = skerry::tests::enter_own_network();
    if (why_not.empty() && !(skerry::tests::ip("link add sk0 type veth peer name sk1") &&
                             skerry::tests::ip("link set sk0 up") && skerry::tests::ip("link set sk1 up")))
        why_not = "no virtual cable (veth) can be made";
    std::unique_ptr<skerry::tests::KernelReflector> reflector;
    if (why_not.empty()) {
        reflector = std::make_unique<skerry::tests::KernelReflector>("sk0");
        why_not = reflector->failure();
    }
    if (why_not.empty())
        if (auto runtime = make_runtime(); !runtime) why_not = runtime.error().message;
    if (!why_not.empty()) {
        std::cout << "skipped: xdp cannot run here: " << why_not << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
