// The kernel's sockets by epoll.

#include "over_kernel.hpp"

namespace skerry::conformance {

constinit const char* const driver = "epoll";

}  // namespace skerry::conformance
