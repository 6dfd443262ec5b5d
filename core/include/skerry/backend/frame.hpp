#pragma once

// Hot path. One piece of a packet, as every port and the stack see it: the descriptor in front of the packet's memory
// (an mbuf's private area, a chunk of AF_XDP's memory, a block of the heap). It is an owner of that memory too, so that
// an IoBuf can show a part of it to a program without a copy.
//
//   memory()          data             data + length          memory() + capacity
//      |   headroom     |   length bytes    |        tailroom        |

#include "../base/cache_line.hpp"
#include "../base/io_buf.hpp"
#include "frame_checksum.hpp"
#include "socket_ops.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::backend {

namespace frame_flag {
inline constexpr std::uint8_t device_memory = 1;  ///< the payload is on a device: only headers may be read
inline constexpr std::uint8_t has_vlan = 2;  ///< `vlan` is the packet's tag, which the port took off
/// The sender keeps a handle on the payload until it is acknowledged. It looks at nothing in front of it and wrote down
/// where it is, so that this packet's headers may be written there all the same.
inline constexpr std::uint8_t kept = 4;
/// To be sent, TCP or UDP in an IPv4 packet without options: its checksum field holds the sum of the pseudo header, and
/// the port adds the rest (PortInfo::checksums_sent).
inline constexpr std::uint8_t sum_missing = 8;
/// Between cores: a SYN that ended a connection in TIME-WAIT, and `hash` is where our numbers begin now.
inline constexpr std::uint8_t has_isn = 0x40;
/// Between cores, where a frame begins with its network header: this is ARP. Without it, IP.
inline constexpr std::uint8_t is_arp = 0x80;
}  // namespace frame_flag

/// A piece of a packet.
///
/// Lifetime: from FrameCache::allocate() or FramePort::receive() until it is released or transmitted. `handles` counts
///           those who hold it: who is not alone neither writes to it nor moves `data`.
/// Threads:  one core at a time, as IoBuf says.
struct alignas(cache_line_bytes) Frame : BufferOwner {
    std::byte* data = nullptr;
    Frame* next = nullptr;  ///< the packet's next piece; in queues of whole packets, the next packet
    std::int64_t rx_time_ns = 0;  ///< on the line of time::Instant; time_source says how good it is
    std::uint32_t hash = 0;  ///< what the port computed to choose the queue; 0: nothing
    std::uint16_t length = 0;  ///< bytes from `data` on
    std::uint16_t headroom = 0;  ///< bytes in front of `data`
    std::uint16_t vlan = 0;
    std::uint16_t queue = 0;  ///< the queue it came by
    FrameChecksum checksum = FrameChecksum::unknown;
    std::uint8_t flags = 0;
    TimeSource time_source = TimeSource::none;
    std::uint8_t port = 0;

    [[nodiscard]] std::byte* memory() const noexcept { return data - headroom; }
    [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data, length}; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data, length}; }
    [[nodiscard]] std::size_t tailroom() const noexcept { return capacity - headroom - std::size_t{length}; }
    [[nodiscard]] bool is_shared() const noexcept { return handles != 1; }

    /// Came by that queue in a burst that was taken in at `when`.
    void set_arrival(time::Instant when, std::uint16_t by) noexcept {
        rx_time_ns = when.as_nanos();
        time_source = TimeSource::burst;
        queue = by;
    }
    /// Came when and where `other` did, of which it is a copy or a part.
    void set_arrival(const Frame& other) noexcept {
        rx_time_ns = other.rx_time_ns;
        time_source = other.time_source;
        queue = other.queue;
    }
    /// Takes `count` bytes off the front. There must be as many.
    void trim_front(std::size_t count) noexcept {
        SKERRY_DEBUG_ASSERT(count <= length, "more was trimmed than the frame holds");
        data += count;
        length = static_cast<std::uint16_t>(length - count);
        headroom = static_cast<std::uint16_t>(headroom + count);
    }
    /// Takes back what trim_front() took off, which nobody has written over.
    void untrim_front(std::size_t count) noexcept {
        SKERRY_DEBUG_ASSERT(count <= headroom, "less was trimmed");
        data -= count;
        length = static_cast<std::uint16_t>(length + count);
        headroom = static_cast<std::uint16_t>(headroom - count);
    }
    /// Makes `count` more bytes in front and returns them. They must fit the headroom.
    [[nodiscard]] std::byte* prepend(std::size_t count) noexcept {
        SKERRY_DEBUG_ASSERT(count <= headroom && (!is_shared() || (flags & frame_flag::kept) != 0),
                            "no room in front, or another holder");
        data -= count;
        length = static_cast<std::uint16_t>(length + count);
        headroom = static_cast<std::uint16_t>(headroom - count);
        return data;
    }

    /// Gives one handle up.
    void drop() noexcept {
        if (handles == 1)
            release(this);
        else
            --handles;
    }

    /// The bytes as a buffer, which takes this handle over.
    [[nodiscard]] IoBuf to_buffer() noexcept { return {*this, memory(), capacity, headroom, length}; }
};
static_assert(sizeof(Frame) == 64);

}  // namespace skerry::backend
