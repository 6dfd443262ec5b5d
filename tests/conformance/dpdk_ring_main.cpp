// Our own stack on DPDK, in real time, over a port in memory that hands back what is sent: what sockets send each other
// leaves by the port and comes in by it.

#include "over_dpdk.hpp"

namespace skerry::conformance {

Result<runtime::Runtime, backend::SetupError> make_runtime() { return runtime_over("vdev=net_ring0"); }

}  // namespace skerry::conformance

int main(int argc, char** argv) {
    using namespace skerry::conformance;
    if (auto runtime = make_runtime(); !runtime) return skip("dpdk", runtime.error().message);
    return skerry::tests::run_all(argc, argv);
}
