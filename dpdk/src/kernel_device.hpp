#pragma once

// The kernel's interface that a port of net_af_packet or net_af_xdp lies on. These drivers of DPDK 22.11 say nothing of
// it: they give 1,500 for its MTU, and of a packet that no card has finished they tell as of any other.

#include <cstdint>
#include <optional>

namespace skerry::dpdk {

struct KernelDevice {
    std::uint16_t mtu = 0;
    /// What comes may have left another kernel, or this one, without its checksum: stack/unfinished_checksum.hpp.
    bool is_cable = false;

    /// Of the port `id`; none where no interface lies below.
    [[nodiscard]] static std::optional<KernelDevice> below(std::uint16_t id) noexcept;
};

}  // namespace skerry::dpdk
