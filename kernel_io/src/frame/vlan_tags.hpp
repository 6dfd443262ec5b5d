#pragma once

// Whether a VLAN's tag is seen. A card may take tags off what comes and keep them beside the packet (rx-vlan-offload,
// which most have on): XDP then sees a frame of any VLAN as one of none, and before Linux 6.8 a program cannot ask. So
// it is switched off while ours has the interface, and on again behind that. The kernel looks at the tags itself then:
// what it has in VLANs on the same interface goes on, with a little more work for each packet. A process that is killed
// leaves it off.
//
// Between the ends of a veth nothing takes tags off, but the other end's kernel does not put them on while its
// tx-vlan-offload is on.
//
// Source: ethtool(8), -K rxvlan; Linux's __ethtool_set_flags().

#include "ethernet_device.hpp"

#include <skerry/base/result.hpp>

#include <string>
#include <utility>

namespace skerry::kernel_io::frame {

/// An interface's tags, which stay in the frames for as long as this lives.
class VlanTags {
public:
    VlanTags() noexcept = default;
    VlanTags(VlanTags&& other) noexcept
        : device_(std::move(other.device_)), were_off_(std::exchange(other.were_off_, false)) {}
    VlanTags& operator=(VlanTags&& other) noexcept {
        std::swap(device_, other.device_);
        std::swap(were_off_, other.were_off_);
        return *this;
    }
    ~VlanTags();

    /// Has the card leave them where they are.
    ///
    /// Errors: unsupported: it takes them off whatever it is told; permission_denied; what else the kernel says.
    [[nodiscard]] static Result<VlanTags> keep_in_frames(const EthernetDevice& device);

    /// Whether the card took them off before.
    [[nodiscard]] bool were_off() const noexcept { return were_off_; }

private:
    EthernetDevice device_;
    bool were_off_ = false;
};

}  // namespace skerry::kernel_io::frame
