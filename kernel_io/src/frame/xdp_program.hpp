#pragma once

// The program in the interface's receive path that decides who gets a packet: ours are what is sent to our addresses,
// ARP that asks for ours or answers it, and neighbour solicitations for ours; in no VLAN, where the card leaves tags to
// be seen (vlan_tags.hpp). Everything else goes on to the kernel, so the container's own network works as before on the
// same interface, with the same Ethernet address. Groups and broadcasts are the kernel's too: a packet goes one way
// only, and who else waits for them is not known here. Only where the kernel has no IPv6 are the questions of routers
// and switches about groups (MLD) for us, since nobody else would answer them.
//
// It is 34 instructions, two for each further IPv4 address, 34 for IPv6 and 11 for those questions, written here and
// loaded by bpf(2). libxdp and libbpf would load it from an object file that clang makes at build time, with a
// dispatcher for several programs on one interface; that is two libraries and a compiler for what these few calls do,
// once, at start. They help nothing where packets pass.
//
// It is attached by a link (Linux 5.9): the kernel takes it off when the process ends, however it ends.

#include "../os_socket.hpp"
#include "ethernet_device.hpp"

#include <skerry/backend/backend.hpp>
#include <skerry/base/result.hpp>
#include <skerry/stack/own_ipv4.hpp>
#include <skerry/stack/own_ipv6.hpp>
#include <skerry/stack/wire/addresses.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace skerry::kernel_io::frame {

/// How a program is attached.
enum class XdpMode : std::uint8_t {
    native,  ///< in the device's driver
    generic,  ///< in the kernel's common path, behind the making of its own packet
};

/// What is sent to these is ours.
struct XdpAddresses {
    stack::wire::Ipv4Addr v4;  ///< 0.0.0.0, there is no IPv4
    stack::MoreIpv4 more_v4;
    stack::wire::Ipv6Addr v6;  ///< ::, there is no IPv6
    stack::MoreIpv6 more_v6;
    stack::wire::Ipv6Addr link_local6;  ///< and not the kernel's, which has the same Ethernet address
    bool hears_queries = false;  ///< of MLD, too: the kernel has no IPv6 on this interface

    [[nodiscard]] bool has_v4() const noexcept { return !v4.is_unspecified(); }
    [[nodiscard]] bool has_v6() const noexcept { return !v6.is_unspecified(); }
};

/// A program in the kernel, and the table of sockets that it hands packets to.
class XdpProgram {
public:
    /// Loads it for these addresses.
    ///
    /// Errors: a line with the next step: a capability is missing, the kernel has no such programs.
    [[nodiscard]] static Result<XdpProgram, backend::SetupError> load(const EthernetDevice& device,
                                                                      const XdpAddresses& ours);

    /// Hands what comes by queue 0 to this socket of AF_XDP, which is bound, from now on: in the driver if that can,
    /// else in the kernel's common path.
    ///
    /// Errors: a line with the next step: another program is attached, or what the device says.
    [[nodiscard]] Result<XdpMode, backend::SetupError> attach(const EthernetDevice& device, int socket);

    /// Takes it off again; packets go to the kernel as before.
    void detach() noexcept { link_ = OwnedFd(); }

private:
    XdpProgram(OwnedFd sockets, OwnedFd program) noexcept
        : sockets_(std::move(sockets)), program_(std::move(program)) {}

    OwnedFd sockets_;
    OwnedFd program_;
    OwnedFd link_;
};

}  // namespace skerry::kernel_io::frame
