#pragma once

// What a fresh TCP socket is told that the stack itself has no setting for: the machine sets it on each one.

#include <cstdint>

namespace skerry::pkt {

struct SocketDefaults {
    bool keep_alive = false;
    std::uint16_t keep_alive_idle_s = 7200;
    std::uint16_t keep_alive_interval_s = 75;
    std::uint8_t keep_alive_count = 9;  ///< FreeBSD's is 8
    // What Linux tells of buffers that nobody set, before there is a connection: net.ipv4.tcp_rmem and tcp_wmem.
    int receive_buffer_told = 131'072;
    int send_buffer_told = 16'384;
};

}  // namespace skerry::pkt
