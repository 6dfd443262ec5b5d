#pragma once

// What stands in front of each packet of a TAP device that leaves checksums and the cutting of long segments to the
// other side. <linux/virtio_net.h> has it, and a name that C++ does not allow.
//
// Source: Virtual I/O Device 1.2, section 5.1.6; the numbers are in the machine's byte order, as TUNSETVNETLE and
// TUNSETVNETBE leave them.

#include <cstdint>

namespace skerry::kernel_io::frame {

struct VirtioHeader {
    static constexpr std::uint8_t sum_missing = 1;  ///< of `flags`: `checksum_start` and `checksum_offset` say which

    /// Of `kind`.
    static constexpr std::uint8_t whole = 0;
    static constexpr std::uint8_t long_tcp4 = 1;
    static constexpr std::uint8_t long_udp = 3;
    static constexpr std::uint8_t long_tcp6 = 4;

    std::uint8_t flags = 0;
    std::uint8_t kind = whole;
    std::uint16_t header_bytes = 0;     ///< of a long packet: Ethernet's to TCP's; a hint
    std::uint16_t segment_bytes = 0;    ///< payload of each piece but the last
    std::uint16_t checksum_start = 0;   ///< what is summed begins there, and goes on to the packet's end
    std::uint16_t checksum_offset = 0;  ///< the field, from there on
};
static_assert(sizeof(VirtioHeader) == 10);

}  // namespace skerry::kernel_io::frame
