#include "ipv6_groups.hpp"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace skerry::kernel_io::frame {

namespace {

using stack::wire::Ipv6Addr;

bool join_as_host(int socket, const EthernetDevice& device, const Ipv6Addr& group) noexcept {
    ipv6_mreq wish{};
    const auto octets = group.octets();
    std::memcpy(&wish.ipv6mr_multiaddr, octets.data(), octets.size());
    wish.ipv6mr_interface = device.index;
    return ::setsockopt(socket, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &wish, sizeof wish) == 0;
}

bool let_pass(int socket, const EthernetDevice& device, const Ipv6Addr& group) noexcept {
    const auto mac = stack::wire::MacAddr::of_group(group);
    packet_mreq wish{};
    wish.mr_ifindex = static_cast<int>(device.index);
    wish.mr_type = PACKET_MR_MULTICAST;
    wish.mr_alen = static_cast<unsigned short>(mac.octets.size());
    std::memcpy(wish.mr_address, mac.octets.data(), mac.octets.size());
    return ::setsockopt(socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &wish, sizeof wish) == 0;
}

/// A socket in all of them, each joined by `join`; none if one cannot be.
template <class Join>
OwnedFd in_all(OwnedFd socket, const EthernetDevice& device, std::span<const Ipv6Addr> ours, Join join) noexcept {
    const bool are_joined = socket && std::all_of(ours.begin(), ours.end(), [&](const Ipv6Addr& address) {
                                return join(socket.get(), device, address.solicited_node());
                            });
    return are_joined ? std::move(socket) : OwnedFd();
}

}  // namespace

Result<Ipv6Groups> Ipv6Groups::join(const EthernetDevice& device, std::span<const Ipv6Addr> ours) {
    if (ours.empty()) return Ipv6Groups();
    if (device.has_kernels_ipv6())
        if (OwnedFd joined =
                in_all(OwnedFd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)), device, ours, &join_as_host))
            return Ipv6Groups(std::move(joined), true);
    OwnedFd joined = in_all(OwnedFd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)), device, ours, &let_pass);
    if (!joined) return last_error();
    return Ipv6Groups(std::move(joined), false);
}

}  // namespace skerry::kernel_io::frame
