#include "interface.hpp"

#include "internal_fd.hpp"
#include "netlink.hpp"
#include "os_reason.hpp"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <utility>

namespace skerry::pkt::kernel {

namespace {

constexpr const char* device_name = "tun0";

using Failure = std::optional<Unsupported>;

unsigned char family_of(const net::IpAddr& address) { return address.is_v4() ? AF_INET : AF_INET6; }
std::span<const std::byte> bytes_of(const net::IpAddr& address) { return std::as_bytes(address.octets()); }

Result<OwnedFd, Unsupported> open_device() {
    OwnedFd fd = internal_fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return Unexpected(os_reason("/dev/net/tun"));
    ifreq request{};
    std::strncpy(request.ifr_name, device_name, sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) return Unexpected(os_reason("a TUN device"));
    return fd;
}

/// Interfaces, addresses and routes of a namespace.
class Setup {
public:
    explicit Setup(Netlink netlink) : netlink_(std::move(netlink)) {}

    [[nodiscard]] Failure bring_up(unsigned index, std::optional<std::uint16_t> mtu) {
        ifinfomsg body{};
        body.ifi_index = static_cast<int>(index);
        body.ifi_flags = body.ifi_change = IFF_UP;
        NetlinkRequest request(RTM_NEWLINK, NLM_F_ACK, body);
        if (mtu) request.add(IFLA_MTU, *mtu);
        return done(std::move(request), mtu ? "the interface with MTU " + std::to_string(*mtu) : "the loopback");
    }

    [[nodiscard]] Failure add_address(unsigned index, const net::IpAddr& address, std::uint8_t prefix_bits) {
        ifaddrmsg body{};
        body.ifa_family = family_of(address);
        body.ifa_prefixlen = prefix_bits;
        body.ifa_index = index;
        NetlinkRequest request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body);
        request.add(IFA_LOCAL, bytes_of(address));
        request.add(IFA_ADDRESS, bytes_of(address));
        if (address.is_v6()) request.add(IFA_FLAGS, IFA_F_NODAD);  // an address that is looked for cannot be used yet
        return done(std::move(request), "address " + to_string(address) + "/" + std::to_string(prefix_bits));
    }

    /// Onlink: the gateway need not be within the prefix, since nobody looks for it.
    [[nodiscard]] Failure add_default_route(unsigned index, const net::IpAddr& gateway, const net::IpAddr& local) {
        rtmsg body{};
        body.rtm_family = family_of(local);
        body.rtm_table = RT_TABLE_MAIN;
        body.rtm_protocol = RTPROT_STATIC;
        body.rtm_scope = RT_SCOPE_UNIVERSE;
        body.rtm_type = RTN_UNICAST;
        const bool has_gateway = !gateway.is_unspecified();
        if (has_gateway) body.rtm_flags = RTNH_F_ONLINK;
        NetlinkRequest request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body);
        request.add(RTA_OIF, index);
        if (has_gateway) request.add(RTA_GATEWAY, bytes_of(gateway));
        return done(std::move(request), "the default route by " + to_string(gateway));
    }

private:
    [[nodiscard]] Failure done(NetlinkRequest request, const std::string& what) {
        const int error = netlink_.ask(std::move(request));
        if (error == 0) return {};
        return os_reason(what, error);
    }

    Netlink netlink_;
};

Failure set_up(const SystemConfig& config) {
    auto netlink = Netlink::open(NETLINK_ROUTE);
    if (!netlink) return std::move(netlink).error();
    Setup setup(std::move(*netlink));
    const unsigned index = ::if_nametoindex(device_name);
    if (Failure failure = setup.bring_up(::if_nametoindex("lo"), {})) return failure;
    if (Failure failure = setup.bring_up(index, config.mtu)) return failure;
    if (Failure failure = setup.add_address(index, config.local, config.prefix_bits)) return failure;
    return setup.add_default_route(index, config.gateway, config.local);
}

}  // namespace

Result<OwnedFd, Unsupported> make_interface(const SystemConfig& config) {
    const bool has_gateway = !config.gateway.is_unspecified();
    if (has_gateway && config.gateway.family() != config.local.family())
        return Unexpected(unsupported("a gateway of another family than the address"));
    auto device = open_device();
    if (!device) return device;
    if (Failure failure = set_up(config)) return Unexpected(*std::move(failure));
    return device;
}

}  // namespace skerry::pkt::kernel
