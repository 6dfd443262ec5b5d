// Our own stack over two TAP devices at once, in real time and in a network of its own. It talks to itself by the
// address of the first port, whose buffers programs are given and on which groups are joined, so the devices carry
// nothing; what is bound to no address is one socket in each port.

#include "over_taps.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

namespace skerry::conformance {

const bool has_every_address = false;
constinit const net::IpAddr own_ip = net::IpAddr::v4(198, 18, 0, 2);

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "tap:sk0+sk1";
    config.ip = "198.18.0.2/24+198.19.0.2/24";
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

}  // namespace skerry::conformance

int main(int argc, char** argv) { return skerry::conformance::run_over_taps(argc, argv, {"sk0", "sk1"}); }
