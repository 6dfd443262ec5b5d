#pragma once

// The kernel that this program runs on as the machine of a script: the same calls, the same packets, real time.

#include "../run/system.hpp"

namespace skerry::pkt {

/// A machine in a network namespace of its own, fresh each time: what one script has set or left open, no other sees.
/// Whatever the kernel does not keep per namespace is as it is.
///
/// Errors:   a reason: a profile other than Linux's, no permission (CAP_SYS_ADMIN, CAP_NET_ADMIN), a kernel without
///           TUN devices or sock_diag, an address or an MTU that it does not take.
/// Lifetime: at its end sockets, threads, interface and namespace go. A call that still waits is interrupted.
/// Threads:  one, which stays in its namespace and has precedence (precedence.hpp) as long as the machine is
///           there; the machine has some of its own.
/// Cost:     some 5 ms to make one and some 40 ms to end it, in which the kernel waits for its other processors.
[[nodiscard]] Result<std::unique_ptr<System>, Unsupported> make_kernel_system(const SystemConfig& config);

}  // namespace skerry::pkt
