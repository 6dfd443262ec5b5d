#pragma once

// Hot path. A long segment of TCP that the kernel gave whole, because it had not to be cut for a wire that is not
// there: cut here, into what the sender's card would have sent. Everything behind the port sees packets as long as the
// MTU allows, whose frames are the pool's; what is saved is what each of them would have cost the kernel, and a system
// call. It costs one more copy of the payload, which the caches have.
//
// Rejected: the long segment as one frame for TCP. It would be the first frame that no pool bounds and no ring between
// cores is made for, and saves the stack's own work for a segment alone, which is a tenth of what the call took.
//
// Source: Linux, net/ipv4/tcp_offload.c, tcp_gso_segment(), for what each segment has of the whole one's flags.

#include "virtio_header.hpp"

#include <skerry/backend/frame.hpp>
#include <skerry/stack/wire/ethernet.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace skerry::kernel_io::frame {

/// Finishes the checksum of a received packet that its sender's kernel left to a card, or sees that it need not: `good`
/// of a usual one of TCP or UDP, which crossed no wire. False when what the header says of it cannot be true.
[[nodiscard]] bool settle_checksum(backend::Frame& packet, const VirtioHeader& header) noexcept;

/// Threads: one core.
class LongSegment {
public:
    /// Ethernet's header in front of the longest packet.
    static constexpr std::size_t bytes_max = stack::wire::ethernet_bytes + 65'535;

    LongSegment() : memory_(new std::byte[bytes_max]) {}

    /// Where it has to be before begin(). While it is empty().
    [[nodiscard]] std::span<std::byte> memory() noexcept { return {memory_.get(), bytes_max}; }

    /// Looks at `bytes` of memory() and at what came in front of them. `frame_bytes`: what a frame has room for.
    ///
    /// Errors: false, and it stays empty: no whole segment of TCP, headers that contradict each other, an IPv4 header
    ///         whose checksum does not hold, pieces that no frame would hold.
    [[nodiscard]] bool begin(std::size_t bytes, const VirtioHeader& header, std::size_t frame_bytes) noexcept;

    [[nodiscard]] bool empty() const noexcept { return at_ == end_; }

    /// Writes the next segment into an empty frame, with a checksum that need not be verified. It must not be empty().
    void next(backend::Frame& frame) noexcept;

private:
    [[nodiscard]] bool read_network(std::size_t bytes, const VirtioHeader& header) noexcept;
    void write_lengths(std::byte* at, std::size_t payload_bytes) const noexcept;

    std::unique_ptr<std::byte[]> memory_;
    std::size_t at_ = 0;  // of the next one's payload
    std::size_t end_ = 0;
    std::size_t tcp_at_ = 0;
    std::size_t header_bytes_ = 0;
    std::size_t segment_bytes_ = 0;
    std::uint16_t number_ = 0;  // of the next one
    bool is_v6_ = false;
};

}  // namespace skerry::kernel_io::frame
