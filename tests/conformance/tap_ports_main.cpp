// Our own stack over two TAP devices at once, in real time and in a network of its own. It talks to itself by the
// address of the first port, whose buffers programs are given and on which groups are joined, so the devices carry
// nothing; what is bound to no address is one socket in each port.

#include "fixture.hpp"

#include "support/own_network.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <iostream>

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

int main(int argc, char** argv) {
    std::string why_not = skerry::tests::enter_own_network();
    for (const char* const device : {"sk0", "sk1"})
        if (why_not.empty() && !(skerry::tests::ip("tuntap add " + std::string(device) + " mode tap") &&
                                 skerry::tests::ip("link set " + std::string(device) + " up")))
            why_not = "no TAP device can be made";
    if (why_not.empty())
        if (auto runtime = skerry::conformance::make_runtime(); !runtime) why_not = runtime.error().message;
    if (!why_not.empty()) {
        std::cout << "skipped: tap cannot run here: " << why_not << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
