#pragma once

// The blocks of a pcapng file, as tshark and Wireshark read it: a section, an interface for each port, a packet for
// each frame, and at the end how many frames there were. All numbers are in this machine's order, which the reader
// learns from the section's magic number; times are nanoseconds since 1970.
//
// Source: draft-ietf-opsawg-pcapng.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace skerry::trace::pcapng {

/// Of a frame, as its interface sees it.
enum class Direction : std::uint32_t { in = 1, out = 2 };

/// What stands in front of a frame's bytes. They are followed by zeros up to a multiple of 4, options, and the block's
/// length once more.
struct PacketHead {
    std::uint32_t type = 6;
    std::uint32_t block_bytes = 0;
    std::uint32_t interface = 0;
    std::uint32_t time_high = 0;
    std::uint32_t time_low = 0;
    std::uint32_t captured_bytes = 0;
    std::uint32_t frame_bytes = 0;
};
static_assert(sizeof(PacketHead) == 28);

/// The end of a packet that says its direction and nothing else.
struct PacketTail {
    std::uint16_t code = 2;
    std::uint16_t bytes = 4;
    Direction direction = Direction::in;
    std::uint32_t end_of_options = 0;
    std::uint32_t block_bytes = 0;
};
static_assert(sizeof(PacketTail) == 16);

[[nodiscard]] constexpr std::size_t padded(std::size_t bytes) noexcept { return (bytes + 3) / 4 * 4; }

/// The head of a packet whose `captured` bytes are recorded and whose block has `block_bytes`.
[[nodiscard]] constexpr PacketHead packet_head(std::uint32_t interface, std::int64_t at_ns, std::size_t captured,
                                               std::size_t frame_bytes, std::size_t block_bytes) noexcept {
    PacketHead head;
    head.block_bytes = static_cast<std::uint32_t>(block_bytes);
    head.interface = interface;
    head.time_high = static_cast<std::uint32_t>(static_cast<std::uint64_t>(at_ns) >> 32U);
    head.time_low = static_cast<std::uint32_t>(at_ns);
    head.captured_bytes = static_cast<std::uint32_t>(captured);
    head.frame_bytes = static_cast<std::uint32_t>(frame_bytes);
    return head;
}

/// The first block of a file.
[[nodiscard]] std::vector<std::byte> section();
/// Of Ethernet. They are numbered from 0 in their order; `snap_bytes` is how much of a frame is kept, 0: all.
[[nodiscard]] std::vector<std::byte> interface(std::string_view name, std::uint32_t snap_bytes);
/// One frame, whole; `comment` may be empty.
[[nodiscard]] std::vector<std::byte> packet(std::uint32_t interface, std::int64_t at_ns,
                                            std::span<const std::byte> frame, Direction direction,
                                            std::string_view comment);
/// How many frames passed an interface until `at_ns`, and how many of them are missing in the file.
[[nodiscard]] std::vector<std::byte> statistics(std::uint32_t interface, std::int64_t at_ns, std::uint64_t passed,
                                                std::uint64_t missing);

}  // namespace skerry::trace::pcapng
