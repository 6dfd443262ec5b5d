// Our own stack on DPDK, in real time, over a port in memory that hands back what is sent: what sockets send each other
// leaves by the port and comes in by it. Signals and descriptors are kernel_io's to watch.

#include "fixture.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <iostream>

namespace skerry::conformance {

constinit const net::IpAddr own_ip = net::IpAddr::v4(198, 18, 0, 2);
const bool has_every_address = false;
const bool has_wire = true;

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "dpdk";
    config.dpdk = "vdev=net_ring0;loop=off";
    config.ip = "198.18.0.2/24";
    return runtime::Builder(config).offer(dpdk::make_backend()).offer(kernel_io::make_backend()).build();
}

}  // namespace skerry::conformance

int main(int argc, char** argv) {
    if (auto runtime = skerry::conformance::make_runtime(); !runtime) {
        std::cout << "skipped: dpdk cannot run here: " << runtime.error().message << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
