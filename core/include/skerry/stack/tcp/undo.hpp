#pragma once

// What is kept to take back what a loss did to the window, should it prove to be none: an acknowledgement's timestamp
// is from before anything was sent again (Eifel), the peer reports a copy of all that was sent again (D-SACK), or
// behind a time-out something arrives that was not sent again (F-RTO).
//
// Source: RFC 3522, RFC 4015 section 3.2, RFC 3708, RFC 5682; the answer as Linux's, which is window and threshold as
//         they were.

#include "congestion.hpp"

#include "../sequence.hpp"

#include <cstdint>

namespace skerry::stack::tcp {

/// Where F-RTO is, behind a time-out: RFC 5682 section 2.1.
enum class ForwardStep : std::uint8_t {
    none,
    first_ack,   ///< the oldest was sent again, and nothing came since
    second_ack,  ///< that was acknowledged, and new segments were sent
};

struct Undo {
    std::uint32_t window_before = 0;     ///< the network's
    std::uint32_t threshold_before = 0;
    std::uint32_t begin = 0;     ///< the oldest number then that was not acknowledged
    std::uint32_t end = 0;       ///< behind all that was sent, when something was sent again last
    std::uint32_t stamp = 0;     ///< of the clock of timestamps: when something was sent again first
    std::uint32_t unmatched = 0; ///< segments sent again that no copy was reported of
    bool is_open = false;
    bool has_stamp = false;
    bool owed_cwr = false;  ///< before that: for a mark
    ForwardStep forward = ForwardStep::none;
    bool is_of_time_out = false;  ///< what is repaired; else the way turned out to take less

    void on_sent_again(std::uint32_t now_stamp, std::uint32_t nxt) noexcept {
        if (!is_open) return;
        if (!has_stamp) stamp = now_stamp;
        has_stamp = true;
        end = nxt;
        ++unmatched;
    }
    /// Whether an acknowledgement with this timestamp is of something that was sent before.
    [[nodiscard]] bool is_older(std::uint32_t echo) const noexcept {
        return is_open && has_stamp && echo != 0 && seq_before(echo, stamp);
    }
    /// The peer reports a copy that ends at `right`. Whether it has now reported all.
    [[nodiscard]] bool match(std::uint32_t right, std::uint32_t copies) noexcept {
        if (!is_open || unmatched == 0 || !seq_after(right, begin) || seq_after(right, end)) return false;
        unmatched -= copies < unmatched ? copies : unmatched;
        return unmatched == 0;
    }
};

}  // namespace skerry::stack::tcp
