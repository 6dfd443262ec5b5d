// The kernel's sockets by io_uring, in real time.

#include "fixture.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <iostream>

namespace skerry::conformance {

constinit const net::IpAddr own_ip = net::IpAddr::v4_loopback();
const bool has_wire = false;
const bool has_every_address = false;

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "io_uring";
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

}  // namespace skerry::conformance

int main(int argc, char** argv) {
    if (auto runtime = skerry::conformance::make_runtime(); !runtime) {
        std::cout << "skipped: io_uring cannot run here: " << runtime.error().message << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
