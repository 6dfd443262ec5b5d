#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::testing {

class Host;

/// A frame on the wire of a Simulation, as it is sent or as it arrives. Nothing in it outlives the call.
struct FrameEvent {
    enum class Kind : std::uint8_t { sent, arrived };

    Kind kind;
    const Host& from;
    const Host& to;
    std::span<const std::byte>
        frame;  ///< from its Ethernet header on; of one that arrives, what the wire has left of it
    const char* did;                   ///< sent: what the wire did to it, in words; null: nothing
};

}  // namespace skerry::testing
