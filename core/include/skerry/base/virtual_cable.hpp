#pragma once

// Which interfaces of the kernel are virtual cables: what comes out of them was never on a wire, and may have left
// another kernel without its checksum (stack/unfinished_checksum.hpp).

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <string_view>

namespace skerry {

/// Whether `request` names a veth or a macvlan. `any_socket` is any socket of the namespace that it lies in.
[[nodiscard]] inline bool is_virtual_cable(int any_socket, ifreq request) noexcept {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    request.ifr_data = reinterpret_cast<char*>(&info);
    if (::ioctl(any_socket, SIOCETHTOOL, &request) != 0) return false;
    const std::string_view driver(info.driver);
    return driver == "veth" || driver == "macvlan";
}

}  // namespace skerry
