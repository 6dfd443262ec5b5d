#pragma once

// What a fresh TCP socket is told that the stack itself has no setting for: the machine sets it on each one.

#include <cstdint>

namespace skerry::pkt {

struct SocketDefaults {
    bool keep_alive = false;
    std::uint16_t keep_alive_idle_s = 7200;
    std::uint16_t keep_alive_interval_s = 75;
    std::uint8_t keep_alive_count = 9;  ///< FreeBSD's is 8
};

}  // namespace skerry::pkt
