// The kernel's sockets by io_uring on a core with a thread of its own, for which the kernel makes another kind of ring.

#include "over_kernel.hpp"

namespace skerry::conformance {

constinit const char* const driver = "io_uring";
constinit const runtime::Flavour flavour = runtime::Flavour::per_core;

}  // namespace skerry::conformance
