#pragma once

// What the programs on DPDK share: one core with our own stack and one address, whose sockets reach each other by
// whatever is behind the port. Signals and descriptors are kernel_io's to watch. For the file with main().

#include "fixture.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <iostream>
#include <optional>
#include <string>

namespace skerry::conformance {

constinit const net::IpAddr own_ip = net::IpAddr::v4(198, 18, 0, 2);
const bool has_every_address = false;

/// What sockets send each other leaves by the device. `idle`: nothing, as the backend has it.
inline Result<runtime::Runtime, backend::SetupError> runtime_over(const std::string& device,
                                                                  std::optional<runtime::IdlePolicy> idle = {}) {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "dpdk";
    config.dpdk = device + ";loop=off";
    config.ip = "198.18.0.2/24";
    config.idle = idle;
    return runtime::Builder(config).offer(dpdk::make_backend()).offer(kernel_io::make_backend()).build();
}

inline int skip(const std::string& what, const std::string& why) {
    std::cout << "skipped: " << what << " cannot run here: " << why << '\n';
    return tests::skip_exit_code;
}

}  // namespace skerry::conformance
