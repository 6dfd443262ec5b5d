#pragma once

// What the kernel says of a network interface.

#include <skerry/backend/backend.hpp>
#include <skerry/backend/mtu.hpp>
#include <skerry/base/result.hpp>
#include <skerry/base/socket_addr.hpp>

#include <array>
#include <cstdint>
#include <string>

namespace skerry::kernel_io::frame {

struct EthernetDevice {
    std::string name;
    std::uint32_t index = 0;
    std::array<std::uint8_t, 6> mac{};
    std::uint16_t mtu = backend::mtu_usual;  ///< at most that: a chunk of AF_XDP's memory holds no jumbo frame
    std::uint32_t receive_queues = 1;
    bool is_cable = false;  ///< one end of a veth

    /// Looks the interface up.
    ///
    /// Errors: a line with the next step: there is none of that name, or it is no Ethernet device.
    [[nodiscard]] static Result<EthernetDevice, backend::SetupError> find(const std::string& name);

    /// Whether the kernel has this address on any interface here.
    [[nodiscard]] static bool is_kernels(const net::IpAddr& address) noexcept;

    /// Whether the kernel speaks IPv6 by it, as it is set now.
    [[nodiscard]] bool has_kernels_ipv6() const;

    /// Whether it is still there.
    [[nodiscard]] bool exists() const noexcept;
};

}  // namespace skerry::kernel_io::frame
