#include "kernel_device.hpp"

#include <skerry/base/owned_fd.hpp>
#include <skerry/base/virtual_cable.hpp>

#include <net/if.h>
#include <rte_config.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace skerry::dpdk {

std::optional<KernelDevice> KernelDevice::below(std::uint16_t id) noexcept {
    rte_eth_dev_info info{};
    ifreq request{};
    if (rte_eth_dev_info_get(id, &info) != 0 || info.if_index == 0) return std::nullopt;
    if (::if_indextoname(info.if_index, request.ifr_name) == nullptr) return std::nullopt;
    const OwnedFd any_socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!any_socket || ::ioctl(any_socket.get(), SIOCGIFMTU, &request) != 0) return std::nullopt;
    constexpr int largest = 0xffff;
    KernelDevice device;
    device.mtu = static_cast<std::uint16_t>(std::clamp(request.ifr_mtu, 0, largest));
    device.is_cable = is_virtual_cable(any_socket.get(), request);
    return device;
}

}  // namespace skerry::dpdk
