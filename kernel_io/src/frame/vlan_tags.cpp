#include "vlan_tags.hpp"

#include "../os_socket.hpp"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

namespace skerry::kernel_io::frame {

namespace {

/// The five features of a device that are told by flags.
class Flags {
public:
    explicit Flags(const EthernetDevice& device) noexcept : any_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        std::memcpy(request_.ifr_name, device.name.data(), device.name.size());
        request_.ifr_data = reinterpret_cast<char*>(&value_);
    }
    /// False, and errno: there is no answer.
    [[nodiscard]] bool get(std::uint32_t& flags) noexcept {
        value_ = {ETHTOOL_GFLAGS, 0};
        const bool is_answered = ::ioctl(any_.get(), SIOCETHTOOL, &request_) == 0;
        flags = value_.data;
        return is_answered;
    }
    [[nodiscard]] bool set(std::uint32_t flags) noexcept {
        value_ = {ETHTOOL_SFLAGS, flags};
        return ::ioctl(any_.get(), SIOCETHTOOL, &request_) == 0;
    }

private:
    OwnedFd any_;
    ifreq request_{};
    ethtool_value value_{};
};

}  // namespace

// A device that knows no such question takes nothing off.
Result<VlanTags> VlanTags::keep_in_frames(const EthernetDevice& device) {
    VlanTags tags;
    Flags flags(device);
    std::uint32_t before = 0;
    if (!flags.get(before) || (before & ETH_FLAG_RXVLAN) == 0) return tags;
    if (!flags.set(before & ~std::uint32_t{ETH_FLAG_RXVLAN})) return last_error();
    tags.device_ = device;
    tags.were_off_ = true;
    std::uint32_t now = 0;
    if (!flags.get(now) || (now & ETH_FLAG_RXVLAN) != 0) return Errc::unsupported;
    return tags;
}

// What else was changed meanwhile stays so.
VlanTags::~VlanTags() {
    if (!were_off_) return;
    Flags flags(device_);
    std::uint32_t now = 0;
    if (flags.get(now)) (void)flags.set(now | ETH_FLAG_RXVLAN);
}

}  // namespace skerry::kernel_io::frame
