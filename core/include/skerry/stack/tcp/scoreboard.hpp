#pragma once

// What is known of the segments under way besides the acknowledgement: which have arrived (SACK), which count as lost,
// and which of those were sent again. The marks stand in the send queue's descriptors, their sums here. A connection
// has one from the first loss, or the first segment out of order, until all of that is over.
//
// An acknowledgement of an honest peer costs what is new in it: a block that only grew is looked at where it grew, and
// what is lost, and what goes next, is found by moving boundaries forward. A peer that moves the beginnings of its
// blocks about has each segment under way looked at once for each block.
//
// Source: RFC 2018, RFC 6675 section 4.

#include "delivered.hpp"
#include "send_queue.hpp"

#include "../wire/tcp_options.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace skerry::stack::tcp {

class Scoreboard {
public:
    using Blocks = std::span<const wire::SackBlock>;

    /// `una` is the oldest number that is not acknowledged.
    explicit Scoreboard(std::uint32_t una) noexcept : highest_(una), judged_(una), next_(una), next_doubtful_(una) {}

    /// Marks what the blocks tell of, as far as it is whole segments under way; the rest means nothing. Returns how
    /// many bytes were not known of before; `delivered`, if there is one, is told of each segment. What is lost by
    /// that, mark_lost() says, or a Rack.
    std::uint32_t mark_arrived(SendQueue& queue, Blocks blocks, Delivered* delivered = nullptr) noexcept;
    /// Marks as lost whatever has three segments behind it that arrived. RFC 6675 asks for three ranges, or for more
    /// bytes than two full segments have; short segments in a row count here as well, as in Linux.
    void mark_lost(SendQueue& queue) noexcept;
    /// An acknowledgement during a recovery stopped in front of the oldest: it is lost, unless it went again already.
    void mark_front_lost(SendQueue& queue) noexcept;
    /// After a time-out: all that has not arrived is lost, what was sent again too. When the oldest has arrived the
    /// peer no longer has what it told of, and nothing has. Source: RFC 2018 section 8, RFC 6675 section 5.1.
    ///
    /// Spares what was sent later than `sent_until`, but for the oldest: RFC 8985 section 6.3.
    void mark_all_lost(SendQueue& queue, std::int64_t sent_until = std::numeric_limits<std::int64_t>::max()) noexcept;
    /// This one is lost, and if it was sent again, that too.
    void mark_lost_again(SendQueue& queue, std::uint32_t at) noexcept;
    /// Nothing was lost after all. What was judged is not judged again by what arrived behind it.
    void mark_none_lost(SendQueue& queue) noexcept;
    /// What leaves the queue when everything before `ack` is acknowledged. Returns how much of it had arrived before;
    /// `delivered`, if there is one, is told of the segments that had not.
    std::uint32_t forget(SendQueue& queue, std::uint32_t ack, Delivered* delivered = nullptr) noexcept;

    /// The oldest that is lost and was not sent again; null when there is none.
    [[nodiscard]] SendSegment* next_lost(SendQueue& queue) noexcept;
    /// The oldest that has neither arrived nor was sent again, in front of one that arrived: it may be lost.
    [[nodiscard]] SendSegment* next_doubtful(SendQueue& queue) noexcept;
    void on_sent_again(SendSegment& segment) noexcept;

    [[nodiscard]] bool has_lost() const noexcept { return lost_bytes_ != 0; }
    /// Something was sent again, and has not arrived.
    [[nodiscard]] bool has_sent_again() const noexcept { return again_bytes_ != 0; }
    /// So many segments have arrived in front of which something is missing.
    [[nodiscard]] std::uint32_t segments_arrived() const noexcept { return arrived_; }
    [[nodiscard]] std::uint32_t bytes_lost() const noexcept { return lost_bytes_; }
    /// Nothing is marked.
    [[nodiscard]] bool is_clean() const noexcept { return (arrived_bytes_ | lost_bytes_ | again_bytes_) == 0; }
    /// Of what was sent and is not acknowledged, so much is no longer on its way. It may be below zero, modulo 2^32.
    [[nodiscard]] std::uint32_t off_the_way() const noexcept { return arrived_bytes_ + lost_bytes_ - again_bytes_; }

private:
    [[nodiscard]] std::uint32_t already_seen(const wire::SackBlock& block) const noexcept;
    [[nodiscard]] std::uint32_t arrive(SendSegment& segment) noexcept;
    void lose(SendSegment& segment) noexcept;
    void judge_until(SendQueue& queue, std::uint32_t end) noexcept;

    std::uint32_t arrived_bytes_ = 0;
    std::uint32_t lost_bytes_ = 0;  // and have not arrived
    std::uint32_t again_bytes_ = 0;  // sent again, and have not arrived
    std::uint32_t arrived_ = 0;  // segments
    std::uint32_t arrived_in_front_ = 0;  // of judged_
    std::uint32_t highest_;  // the end of the farthest that arrived
    std::uint32_t judged_;  // what lies before it has arrived or is lost
    std::uint32_t next_;  // nothing before it is still to be sent again
    std::uint32_t next_doubtful_;  // nothing between judged_ and it may still be lost
    std::array<wire::SackBlock, wire::sack_blocks_max> seen_{};  // in the acknowledgement before
};

}  // namespace skerry::stack::tcp
