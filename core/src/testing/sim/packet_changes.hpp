#pragma once

// What routers on the way make of packets.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry::testing {

/// The frame with which a router tells the sender of `frame` that only `mtu` bytes get through: ICMP or ICMPv6, from
/// the packet's own destination, as if the last router had that address. Over IPv6 it never says less than 1280, which
/// is asked of every link. Empty where none is due: no IP, an error, an IPv4 packet that may be cut into pieces, an
/// IPv6 packet to a group, whose address nobody answers from.
///
/// Source: RFC 1191 section 4; RFC 1812 section 4.3.2.7; RFC 4443 sections 2.4 (e) and 3.2; RFC 8200 section 5.
[[nodiscard]] std::vector<std::byte> too_big_answer(std::span<const std::byte> frame, std::uint16_t mtu);

/// Marks an IP packet "congestion experienced" whose sender knows ECN; false, and nothing is changed: it does not.
///
/// Source: RFC 3168 section 5.
bool mark_congestion(std::span<std::byte> frame) noexcept;

/// Whether a checksum covers the byte of a frame at `at`, so that its receiver notices when it is wrong: all of an IPv4
/// packet, and what is behind the header of IPv6, which has no checksum.
[[nodiscard]] bool is_in_a_sum(std::span<const std::byte> frame, std::size_t at) noexcept;

}  // namespace skerry::testing
