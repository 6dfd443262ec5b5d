#pragma once

// When an event happens.
//
//     0.250      so long after the script's beginning       0.1~0.3      at some time between
//     +0.250     so long after the event before             +0.1~+0.3    likewise
//     +          at once after it                           *            at any time
//     +0...0.2   a call that waits: begins at once and ends 0.2 s after the event before

#include "cursor.hpp"

#include <cstdint>
#include <optional>

namespace skerry::pkt::syntax {

/// What the nanoseconds of an event count from.
enum class TimeBase : std::uint8_t {
    start,     ///< the beginning of the script
    previous,  ///< the event before
    any,       ///< nothing: it may happen at any time
};

/// Shape:    0 <= begin <= until, 0 <= begin <= call_end; all from the same base, below 10^18.
struct EventTime {
    Position at;
    TimeBase base = TimeBase::start;
    std::int64_t begin_ns = 0;
    /// The last moment of a range.
    std::optional<std::int64_t> until_ns;
    /// When a call that waits returns.
    std::optional<std::int64_t> call_end_ns;
};

/// Whether an event's time may stand at this place.
[[nodiscard]] bool begins_time(const Cursor& in);
[[nodiscard]] EventTime read_time(Cursor& in);

}  // namespace skerry::pkt::syntax
