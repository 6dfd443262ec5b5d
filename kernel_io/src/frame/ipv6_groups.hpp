#pragma once

// The groups in which our IPv6 addresses are asked for (solicited-node multicast) on an interface that the kernel has,
// too. A card drops what goes to Ethernet groups that nobody on the machine is in, and a switch that listens to MLD
// (RFC 4541) forgets who does not answer its questions: those go to all hosts, so the kernel has them. Where it speaks
// IPv6 it is in the groups with us, and answers for us; where it does not the program hands its questions to our stack,
// and the card is told by a packet socket.

#include "../os_socket.hpp"
#include "ethernet_device.hpp"

#include <skerry/base/result.hpp>
#include <skerry/stack/wire/addresses.hpp>

#include <span>
#include <utility>

namespace skerry::kernel_io::frame {

/// In them for as long as it lives. It receives nothing itself.
class Ipv6Groups {
public:
    Ipv6Groups() noexcept = default;

    /// Joins those of our addresses. With none nothing is done.
    ///
    /// Errors: what the kernel says.
    [[nodiscard]] static Result<Ipv6Groups> join(const EthernetDevice& device,
                                                 std::span<const stack::wire::Ipv6Addr> ours);

    /// Whether the kernel answers questions about them.
    [[nodiscard]] bool are_kernels() const noexcept { return are_kernels_; }

private:
    Ipv6Groups(OwnedFd joined, bool are_kernels) noexcept : joined_(std::move(joined)), are_kernels_(are_kernels) {}

    OwnedFd joined_;
    bool are_kernels_ = false;
};

}  // namespace skerry::kernel_io::frame
