#pragma once

// Packets of a script as packets of the wire, and the other way round: is what the machine sent what the script
// expects?

#include "flow.hpp"
#include "live_packet.hpp"

#include "../syntax/packet.hpp"

#include <optional>
#include <string>

namespace skerry::pkt {

/// The bytes of a packet that the script sends to the machine within `flow`, in the machine's numbers.
///
/// Stops:  with a skip: headers around the innermost one, options whose bytes only a machine could know, timestamps
///         that echo none that was seen; with a failure: a window that is not said.
[[nodiscard]] LivePacket build_packet(const syntax::Packet& script, const Flow& flow);

/// What a script's expectation takes for granted.
struct Matching {
    std::int64_t stamp_tick_us = 0;  ///< of the machine's timestamps; 0: their values are not looked at
    std::int64_t tolerance_us = 0;
};

/// Why `live`, which the machine sent within `flow`, is not what the script expects; nothing when it is. What is
/// learned from it, the first sequence number and timestamps, is noted in `flow`.
///
/// Stops:  as build_packet().
[[nodiscard]] std::optional<std::string> mismatch(const syntax::Packet& script, const LivePacket& live, Flow& flow,
                                                  const Matching& matching);

/// A packet of the machine in the script's numbers, for people.
[[nodiscard]] std::string describe_in_script(LivePacket live, const Flow& flow);

/// How many bytes of payload the script says.
[[nodiscard]] std::size_t payload_bytes(const syntax::Packet& script);

}  // namespace skerry::pkt
