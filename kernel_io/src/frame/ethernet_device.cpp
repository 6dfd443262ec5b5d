#include "ethernet_device.hpp"

#include "../os_socket.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/base/virtual_cable.hpp>

#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace skerry::kernel_io::frame {

using backend::SetupError;

namespace {

// Devices without an answer, as virtual cables, have one queue unless they were made otherwise.
std::uint32_t receive_queues_of(int any_socket, ifreq request) noexcept {
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    request.ifr_data = reinterpret_cast<char*>(&channels);
    if (::ioctl(any_socket, SIOCETHTOOL, &request) != 0) return 1;
    return std::max(1U, channels.rx_count + channels.combined_count);
}

}  // namespace

Result<EthernetDevice, SetupError> EthernetDevice::find(const std::string& name) {
    ifreq request{};
    if (name.empty() || name.size() >= sizeof request.ifr_name)
        return Unexpected(SetupError{name + ": not an interface name"});
    std::memcpy(request.ifr_name, name.data(), name.size());
    const OwnedFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!any) return Unexpected(SetupError{name + ": " + last_error().message()});
    EthernetDevice device;
    device.name = name;
    if (::ioctl(any.get(), SIOCGIFINDEX, &request) != 0)
        return Unexpected(SetupError{name + ": there is no such interface here; ip link shows those that there are"});
    device.index = static_cast<std::uint32_t>(request.ifr_ifindex);
    if (::ioctl(any.get(), SIOCGIFHWADDR, &request) != 0 || request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return Unexpected(SetupError{name + ": no Ethernet device; choose one with an Ethernet address, as a veth"});
    std::memcpy(device.mac.data(), request.ifr_hwaddr.sa_data, device.mac.size());
    if (::ioctl(any.get(), SIOCGIFMTU, &request) == 0)
        device.mtu = static_cast<std::uint16_t>(std::min<int>(request.ifr_mtu, backend::mtu_usual));
    device.receive_queues = receive_queues_of(any.get(), request);
    device.is_cable = is_virtual_cable(any.get(), request);
    return device;
}

bool EthernetDevice::is_kernels(const net::IpAddr& address) noexcept {
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) return false;
    bool found = false;
    for (const ifaddrs* one = all; one != nullptr && !found; one = one->ifa_next) {
        if (one->ifa_addr == nullptr) continue;
        const bool is_v6 = one->ifa_addr->sa_family == AF_INET6;
        if (!is_v6 && one->ifa_addr->sa_family != AF_INET) continue;
        sockaddr_storage own{};
        const std::size_t bytes = is_v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
        std::memcpy(&own, one->ifa_addr, bytes);
        const auto read = net::from_os(own, static_cast<socklen_t>(bytes));
        found = read && read->ip() == address;
    }
    ::freeifaddrs(all);
    return found;
}

// An interface whose MTU is too small for IPv6, or a kernel without it, has no such file.
bool EthernetDevice::has_kernels_ipv6() const {
    const OwnedFd file(::open(("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6").c_str(), O_RDONLY | O_CLOEXEC));
    char is_disabled = '1';
    return file && ::read(file.get(), &is_disabled, 1) == 1 && is_disabled == '0';
}

// Numbers of interfaces are not used twice.
bool EthernetDevice::exists() const noexcept {
    const OwnedFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    request.ifr_ifindex = static_cast<int>(index);
    return !any || ::ioctl(any.get(), SIOCGIFNAME, &request) == 0 || errno != ENODEV;
}

}  // namespace skerry::kernel_io::frame
