// The kernel's sockets by io_uring.

#include "over_kernel.hpp"

namespace skerry::conformance {

constinit const char* const driver = "io_uring";
constinit const runtime::Flavour flavour = runtime::Flavour::current_thread;

}  // namespace skerry::conformance
