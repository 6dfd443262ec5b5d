#pragma once

// What a layer hands to the one above it.

#include "frame_queue.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "wire/ipv6_extensions.hpp"

#include "../time/instant.hpp"

#include <cstddef>
#include <span>

namespace skerry::stack {

/// What came in front of an IPv6 packet.
struct Ipv6Arrival {
    wire::Ipv6Header ip;
    wire::Ipv6Chain chain;
};

/// A packet for us. `frame` begins behind the network headers, whose bytes still stand in front of it. Those of IPv6
/// are told in IPv4's terms too: hosts by number (hosts.hpp), a header of all that stands before the transport's.
struct Packet {
    Frame& frame;
    const wire::Ipv4Header& ip;
    time::Instant now;
    bool is_steered = false;  ///< another core has judged that it is for this one
    bool is_reassembled = false;  ///< put together on this core: by whose queue its pieces came says nothing
    const Ipv6Arrival* v6 = nullptr;  ///< of an IPv6 packet

    [[nodiscard]] std::span<const std::byte> payload() const noexcept { return frame.bytes(); }
    /// From the IP header on, for an error that quotes it.
    [[nodiscard]] std::span<const std::byte> whole() const noexcept {
        return {frame.data - ip.header_bytes, std::size_t{ip.header_bytes} + frame.length};
    }
    /// Makes the frame begin with its IP header again, for another core.
    [[nodiscard]] Frame& restored() const noexcept {
        frame.untrim_front(ip.header_bytes);
        return frame;
    }
    [[nodiscard]] bool is_verified() const noexcept { return frame.checksum == backend::FrameChecksum::good; }
};

}  // namespace skerry::stack
