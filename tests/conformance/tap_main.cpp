// Our own stack over a TAP device, in real time: its sockets reach each other through the stack, and whatever they send
// to others ends in a device that nobody listens to. UDP only, so far.

#include "fixture.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <sched.h>

#include <iostream>

namespace skerry::conformance {

constinit const net::IpAddr own_ip = net::IpAddr::v4(198, 18, 0, 2);
const bool has_every_address = false;

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "tap:conformance0";
    config.ip = "198.18.0.2/24";
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

}  // namespace skerry::conformance

int main(int argc, char** argv) {
    // A network of its own, so that the device is made here and goes with the program.
    if (::unshare(CLONE_NEWNET) != 0) {
        std::cout << "skipped: no network namespace of its own; run it as root\n";
        return skerry::tests::skip_exit_code;
    }
    if (auto runtime = skerry::conformance::make_runtime(); !runtime) {
        std::cout << "skipped: tap cannot run here: " << runtime.error().message << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
