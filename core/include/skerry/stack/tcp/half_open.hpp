#pragma once

// A connection that a peer began and has not confirmed: what a SYN said and what we answered. Small, because anybody
// can make us keep one, and not a Tcb, because most that come in a flood never become one.

#include "tuple.hpp"

#include "../timers.hpp"

#include <cstdint>

namespace skerry::stack::tcp {

class Acceptor;

struct HalfOpenLink : ListLink {};

struct HalfOpen : Timer, HalfOpenLink {
    Tuple tuple;
    std::uint32_t index = 0;  ///< in the slab
    Acceptor* acceptor = nullptr;
    std::uint32_t iss = 0;
    std::uint32_t irs = 0;
    std::uint32_t ts_recent = 0;
    std::uint32_t ts_offset = 0;
    std::uint32_t challenged_ms = 0;  ///< as mark_ms()
    std::uint16_t peer_mss = 0;
    std::uint16_t peer_window = 0;
    std::uint8_t peer_scale = 0;
    bool has_timestamps : 1 = false;
    bool has_scale : 1 = false;
    bool has_sack : 1 = false;
    bool has_ecn : 1 = false;
    bool was_answered_again : 1 = false;  ///< as the SYN came again
    std::uint8_t retries = 0;
    std::uint8_t own_scale = 0;  ///< what our SYN-ACK offers, if has_scale
};
static_assert(sizeof(HalfOpen) <= 104);

}  // namespace skerry::stack::tcp
