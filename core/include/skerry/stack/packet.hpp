#pragma once

// What a layer hands to the one above it.

#include "frame_queue.hpp"
#include "wire/ipv4.hpp"

#include "../time/instant.hpp"

#include <cstddef>
#include <span>

namespace skerry::stack {

/// An IPv4 packet for us. `frame` begins behind the IPv4 header, whose bytes still stand in front of it.
struct Packet {
    Frame& frame;
    const wire::Ipv4Header& ip;
    time::Instant now;
    bool is_steered = false;  ///< another core has judged that it is for this one
    bool is_reassembled = false;  ///< put together on this core: by whose queue its pieces came says nothing

    [[nodiscard]] std::span<const std::byte> payload() const noexcept { return frame.bytes(); }
    /// From the IPv4 header on, for an error that quotes it.
    [[nodiscard]] std::span<const std::byte> whole() const noexcept {
        return {frame.data - ip.header_bytes, std::size_t{ip.header_bytes} + frame.length};
    }
    /// Makes the frame begin with its IPv4 header again, for another core.
    [[nodiscard]] Frame& restored() const noexcept {
        frame.untrim_front(ip.header_bytes);
        return frame;
    }
    [[nodiscard]] bool is_verified() const noexcept { return frame.checksum == backend::FrameChecksum::good; }
};

}  // namespace skerry::stack
