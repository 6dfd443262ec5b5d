#pragma once

// The kernel's sockets, in real time. Included by the one file of a program, which names the driver in `driver` and the
// flavour.

#include "fixture.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <iostream>

namespace skerry::conformance {

extern const char* const driver;  // as --backend takes it
extern const runtime::Flavour flavour;

constinit const net::IpAddr own_ip = net::IpAddr::v4_loopback();
const bool has_every_address = false;

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.flavour = flavour;
    config.cores = topology::available_cpus().value().lowest(1);
    config.pin = false;
    config.backend = driver;
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

}  // namespace skerry::conformance

int main(int argc, char** argv) {
    if (auto runtime = skerry::conformance::make_runtime(); !runtime) {
        std::cout << "skipped: " << skerry::conformance::driver << " cannot run here: " << runtime.error().message
                  << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
