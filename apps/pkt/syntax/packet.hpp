#pragma once

// A packet that the script sends to the stack (`<`) or expects of it (`>`).

#include "cursor.hpp"
#include "extensions.hpp"
#include "icmp.hpp"
#include "ip.hpp"
#include "segments.hpp"

#include <variant>
#include <vector>

namespace skerry::pkt::syntax {

enum class Direction : std::uint8_t { inbound, outbound };

struct Packet {
    Position at;
    Direction direction = Direction::inbound;
    /// Right after the direction: the marks of the outermost IP header that the script does not write.
    IpFields fields;
    /// Headers that the script writes, the outermost first.
    std::vector<OuterHeader> outer;
    std::vector<ExtensionHeader> extensions;
    std::variant<TcpSegment, UdpDatagram, IcmpMessage, OtherProtocol> payload;
};

/// The direction stands here.
[[nodiscard]] Packet read_packet(Cursor& in);

}  // namespace skerry::pkt::syntax
