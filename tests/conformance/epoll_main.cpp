// The kernel's sockets by epoll.

#include "over_kernel.hpp"

namespace skerry::conformance {

constinit const char* const driver = "epoll";
constinit const runtime::Flavour flavour = runtime::Flavour::current_thread;

}  // namespace skerry::conformance
