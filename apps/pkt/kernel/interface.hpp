#pragma once

// The machine's one interface: a TUN device, which is a wire of IP packets without Ethernet, so without ARP, neighbour
// discovery and duplicate address detection. It has no offloads: what leaves is whole packets of at most the MTU, with
// their checksums.

#include "../host/outcome.hpp"
#include "../run/system.hpp"

#include <skerry/base/owned_fd.hpp>
#include <skerry/base/result.hpp>

#include <optional>

namespace skerry::pkt::kernel {

/// In the thread's namespace: the device with the address, the prefix and the MTU of `config`, up, and the default
/// route by its gateway; without one, by the device alone. The loopback is up too. The descriptor does not wait. With
/// it the device goes.
///
/// Errors: a reason: CAP_NET_ADMIN or /dev/net/tun is missing, or the kernel takes no such address or MTU.
[[nodiscard]] Result<OwnedFd, Unsupported> make_interface(const SystemConfig& config);

}  // namespace skerry::pkt::kernel
