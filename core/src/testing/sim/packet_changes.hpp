#pragma once

// What routers on the way make of packets.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry::testing {

/// The frame with which a router tells the sender of `frame` that only `mtu` bytes get through: ICMP, from the
/// packet's own destination, as if the last router had that address. Empty where none is due: no IPv4, a packet that
/// may be cut into pieces, an error.
///
/// Source: RFC 1191 section 4; RFC 1812 section 4.3.2.7.
[[nodiscard]] std::vector<std::byte> too_big_answer(std::span<const std::byte> frame, std::uint16_t mtu);

/// Marks an IPv4 packet "congestion experienced" whose sender knows ECN; false, and nothing is changed: it does not.
///
/// Source: RFC 3168 section 5.
bool mark_congestion(std::span<std::byte> frame) noexcept;

}  // namespace skerry::testing
