// The network in memory that testing::Runtime has, in virtual time. A case that waits for what can never come aborts
// the program.

#include "fixture.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/testing/backend.hpp>

namespace skerry::conformance {

constinit const net::IpAddr own_ip = net::IpAddr::v4_loopback();
const bool has_every_address = true;

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "testing";
    return runtime::Builder(config).offer(testing::make_memory_backend()).build();
}

}  // namespace skerry::conformance

int main(int argc, char** argv) {
    skerry::conformance::is_time_virtual = true;
    skerry::conformance::is_network_on_heap = true;
    return skerry::tests::run_all(argc, argv);
}
