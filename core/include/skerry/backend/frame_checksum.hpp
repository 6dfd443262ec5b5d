#pragma once

// What is known of the checksums of a packet that came: the one type for it, from the port to the parsers.

#include <cstdint>

namespace skerry::backend {

/// IPv4's and the transport's alike. Cards call pieces, ICMP and what is behind extension headers good too when they
/// found nothing wrong, whether they looked or not: the stack verifies those whatever the port says.
enum class FrameChecksum : std::uint8_t {
    unknown,  ///< nobody looked, or the port makes no statement: the stack verifies them
    good,     ///< the port verified them, or the packet comes from the same host and cannot be wrong
    bad,      ///< the port found one wrong: refused
};

}  // namespace skerry::backend
