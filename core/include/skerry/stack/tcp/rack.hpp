#pragma once

// Recent acknowledgement (RACK): a segment is lost when one that was sent after it has arrived, and so long ago that
// it should have come too. So the last segment of a burst that was sent again, and is lost again, is found as well, and
// segments that only overtook each other are waited for: for a quarter of the least round trip, which grows while the
// peer reports copies that it had, up to a whole one. Three that arrived behind a hole tell at once, until it is known
// that segments overtake each other here.
//
// A connection has one from the first segment out of order on. What was acknowledged before lies before what it is
// told first, so nothing is missed. Rejected: a list in the order of sending (RFC 8985 section 9.1 suggests one). What
// was sent once is in that order already, so each look ends behind the last that was sent again; a queue has at most
// some hundred segments.
//
// Source: RFC 8985 section 6.

#include "send_queue.hpp"

#include "../sequence.hpp"
#include "../../time/instant.hpp"

#include <chrono>
#include <cstdint>

namespace skerry::stack::tcp {

class Scoreboard;

class Rack {
public:
    /// `una` is the oldest number that is not acknowledged, `least` the least round trip that is known.
    Rack(std::uint32_t una, std::chrono::nanoseconds least, time::Instant now) noexcept
        : least_(least), least_at_(now), farthest_(una), round_end_(una) {}

    /// Something is missing again; everything before `una` is acknowledged.
    void resume(std::uint32_t una) noexcept { farthest_ = una; }

    /// `segment` has arrived, as an acknowledgement says that came now. Section 6.2, steps 1 to 3.
    void arrived(const SendSegment& segment, time::Instant now) noexcept;
    /// The same of one that was sent again, when what arrived is known to have been sent before: how far it lies is
    /// all that counts.
    void arrived_before(const SendSegment& segment) noexcept { note_order(segment); }

    /// An acknowledgement came up to `una`; `has_copy`: it reports something that arrived twice, and `nxt` is behind
    /// all that was sent. Section 6.2, step 4.
    void adapt(std::uint32_t una, std::uint32_t nxt, bool has_copy) noexcept;
    /// Whether anything was learned that a connection should keep.
    [[nodiscard]] bool has_learned() const noexcept { return has_reordering_ || quarters_ != 1; }
    void on_recovery_over() noexcept;
    /// A recovery proved to be none.
    void on_spurious() noexcept;

    /// How long a segment is waited for that should be here.
    [[nodiscard]] std::chrono::nanoseconds window(bool is_recovering, std::uint32_t segments_arrived,
                                                  std::chrono::nanoseconds smoothed) const noexcept;
    /// Marks what is lost. Returns how long to wait for the rest of what may be; 0: nothing more may be. Section 6.2,
    /// step 5.
    [[nodiscard]] std::chrono::nanoseconds mark_lost(SendQueue& queue, Scoreboard& board,
                                                     std::chrono::nanoseconds window, time::Instant now) const noexcept;

    /// At a time-out, what was sent later may still be on its way. Section 6.3.
    [[nodiscard]] std::int64_t lost_if_sent_until(std::chrono::nanoseconds smoothed, time::Instant now) const noexcept;

private:
    [[nodiscard]] bool is_sent_before_newest(const SendSegment& segment) const noexcept {
        return segment.sent_ns < newest_ns_ ||
               (segment.sent_ns == newest_ns_ && seq_before(segment.end(), newest_end_));
    }
    void note_order(const SendSegment& segment) noexcept;
    void note_least(std::chrono::nanoseconds round_trip, time::Instant now) noexcept;

    std::chrono::nanoseconds least_;
    time::Instant least_at_;
    std::chrono::nanoseconds round_trip_{0};  // of the newest; 0: nothing arrived yet
    std::int64_t newest_ns_ = 0;  // when that one was sent which was sent last of those that arrived
    std::uint32_t newest_end_ = 0;
    std::uint32_t farthest_;  // the end of the farthest that arrived
    std::uint32_t round_end_;  // no report of a copy counts until this is acknowledged
    bool is_round_over_ = true;
    bool has_reordering_ = false;
    std::uint8_t quarters_ = 1;  // of the least round trip
    std::uint8_t recoveries_left_ = 0;  // until it is one quarter again
};

}  // namespace skerry::stack::tcp
