#pragma once

// How long the packets of a port may be, and so the memory of its frames.

#include <cstdint>

namespace skerry::backend {

inline constexpr std::uint16_t mtu_usual = 1500;  ///< Ethernet's: RFC 894
inline constexpr std::uint16_t mtu_max = 9216;  ///< jumbo frames, as long as nearly all cards and switches have them

/// A frame with a packet of `mtu` bytes: its Ethernet header and a VLAN's tag stand in front.
[[nodiscard]] constexpr std::uint32_t frame_bytes_for(std::uint16_t mtu) noexcept { return mtu + 14U + 4U; }

}  // namespace skerry::backend
