#pragma once

// How much may be under way. The sender finds losses and recovers from them; what it then may send is asked here, of
// an algorithm that is a table of functions over a few bytes inside the connection, so that another one is another
// table.

#include "limits.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skerry::stack::tcp {

/// What an acknowledgement says.
struct AckSample {
    std::uint32_t acked_bytes = 0;
    std::uint32_t in_flight_before = 0;
    std::chrono::nanoseconds round_trip{};  ///< 0: not measured
    bool is_window_limited = false;  ///< all that the window allowed was under way: growing it means something
};

struct Congestion;

struct CongestionOps {
    std::string_view name;
    void (*init)(Congestion&) noexcept;  ///< the window is set already
    void (*on_ack)(Congestion&, const AckSample&) noexcept;  ///< outside of recovery
    void (*on_loss)(Congestion&, std::uint32_t in_flight) noexcept;  ///< recovery begins: sets the threshold
    void (*on_timeout)(Congestion&, std::uint32_t in_flight, bool is_first) noexcept;
};

/// A connection's part.
struct Congestion {
    const CongestionOps* ops = nullptr;
    std::uint32_t window = 0;     ///< bytes
    std::uint32_t threshold = 0;  ///< slow start below it
    std::uint32_t mss = 0;
    std::array<std::uint32_t, 1> own{};  ///< the algorithm's; more where one needs more

    void init(const CongestionOps& algorithm, std::uint32_t segment_bytes, std::uint32_t first_window) noexcept {
        ops = &algorithm;
        mss = segment_bytes;
        window = first_window;
        ops->init(*this);
    }
};
static_assert(sizeof(Congestion) == 24);

/// The window that a connection starts with, in bytes: RFC 6928 section 2.
[[nodiscard]] std::uint32_t initial_window(const TcpLimits& limits, std::uint32_t segment_bytes) noexcept;

/// RFC 5681 and 6582, with bytes counted as RFC 3465 does and no limit to them in slow start: acknowledgements are
/// sent once a burst, and a window that grew by two segments for each would hardly grow.
extern const CongestionOps new_reno;

}  // namespace skerry::stack::tcp
