#pragma once

// What a program sets of how its connections begin, before there is one: on the socket that connects, or on its
// listener for those that it accepts. Read when a SYN leaves, so that a connection that stands asks nobody for it.

#include "limits.hpp"

#include "../ip_marks.hpp"

#include <cstdint>
#include <optional>

namespace skerry::stack::tcp {

/// 0, or nothing, is what the stack's limits say.
struct Opening {
    /// What is kept unread. The window of a SYN is as much, at most 65'535 bytes.
    std::uint32_t receive_buffer_bytes = 0;
    std::uint32_t send_buffer_bytes = 0;  ///< what is kept until it is acknowledged
    /// Bounds the segments of both directions: what is offered to the peer, and what leaves. At least mss_min.
    std::uint16_t mss_max = 0;
    std::optional<std::uint8_t> window_scale;  ///< what is offered, at most 14
    std::optional<LossDetection> loss_detection;
    std::optional<bool> tail_probe;
    std::optional<bool> proportional_rate;
    IpMarks marks;  ///< of all that it sends

    [[nodiscard]] std::uint32_t receive_buffer_or(std::uint32_t configured) const noexcept {
        return receive_buffer_bytes != 0 ? receive_buffer_bytes : configured;
    }
    [[nodiscard]] std::uint32_t send_buffer_or(std::uint32_t configured) const noexcept {
        return send_buffer_bytes != 0 ? send_buffer_bytes : configured;
    }
};

}  // namespace skerry::stack::tcp
