#include "kernel_device.hpp"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <rte_config.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace skerry::dpdk {

namespace {

bool has_driver_of_cables(int any_socket, ifreq request) noexcept {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    request.ifr_data = reinterpret_cast<char*>(&info);
    if (::ioctl(any_socket, SIOCETHTOOL, &request) != 0) return false;
    const std::string_view driver(info.driver);
    return driver == "veth" || driver == "macvlan";
}

}  // namespace

std::optional<KernelDevice> KernelDevice::below(std::uint16_t id) noexcept {
    rte_eth_dev_info info{};
    ifreq request{};
    if (rte_eth_dev_info_get(id, &info) != 0 || info.if_index == 0) return std::nullopt;
    if (::if_indextoname(info.if_index, request.ifr_name) == nullptr) return std::nullopt;
    const int any_socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any_socket < 0) return std::nullopt;
    std::optional<KernelDevice> device;
    if (::ioctl(any_socket, SIOCGIFMTU, &request) == 0) {
        constexpr int largest = 0xffff;
        device.emplace();
        device->mtu = static_cast<std::uint16_t>(std::clamp(request.ifr_mtu, 0, largest));
        device->is_cable = has_driver_of_cables(any_socket, request);
    }
    ::close(any_socket);
    return device;
}

}  // namespace skerry::dpdk
