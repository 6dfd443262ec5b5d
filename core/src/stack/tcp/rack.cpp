#include <skerry/stack/tcp/rack.hpp>

#include <skerry/stack/tcp/scoreboard.hpp>

#include <algorithm>

namespace skerry::stack::tcp {

namespace {

constexpr std::uint32_t arrivals_that_tell = 3;  // RFC 5681's three duplicates
constexpr std::uint8_t recoveries_until_forgotten = 16;
constexpr auto least_is_old = std::chrono::minutes{5};  // the way may be another one by then

bool has(const SendSegment& segment, std::uint8_t flags) noexcept { return (segment.flags & flags) != 0; }

}  // namespace

void Rack::note_least(std::chrono::nanoseconds round_trip, time::Instant now) noexcept {
    if (round_trip > least_ && now - least_at_ < least_is_old) return;
    least_ = round_trip;
    least_at_ = now;
}

void Rack::note_order(const SendSegment& segment) noexcept {
    if (!seq_before(segment.end(), farthest_))
        farthest_ = segment.end();
    else if (!has(segment, sent_flag::again))
        has_reordering_ = true;
}

void Rack::arrived(const SendSegment& segment, time::Instant now) noexcept {
    note_order(segment);
    const std::chrono::nanoseconds round_trip{now.as_nanos() - segment.sent_ns};
    // So soon that it must be the first one that arrived.
    if (has(segment, sent_flag::again) && round_trip < least_) return;
    if (!has(segment, sent_flag::again)) note_least(round_trip, now);
    round_trip_ = round_trip;
    if (is_sent_before_newest(segment)) return;
    newest_ns_ = segment.sent_ns;
    newest_end_ = segment.end();
}

void Rack::adapt(std::uint32_t una, std::uint32_t nxt, bool has_copy) noexcept {
    // One that ends behind what was ever sent is of 2^31 bytes ago.
    const bool is_over = seq_at_or_after(una, round_end_) || seq_after(round_end_, nxt);
    if (is_over) is_round_over_ = true;
    if (!has_copy || !is_round_over_) return;
    is_round_over_ = false;
    round_end_ = nxt;
    if (quarters_ != 0xff) ++quarters_;
    recoveries_left_ = recoveries_until_forgotten;
}

void Rack::on_recovery_over() noexcept {
    if (recoveries_left_ != 0 && --recoveries_left_ == 0) quarters_ = 1;
}

void Rack::on_spurious() noexcept {
    if (quarters_ != 1 && recoveries_left_ < recoveries_until_forgotten) ++recoveries_left_;
}

std::chrono::nanoseconds Rack::window(bool is_recovering, std::uint32_t segments_arrived,
                                      std::chrono::nanoseconds smoothed) const noexcept {
    const bool is_told = is_recovering || segments_arrived >= arrivals_that_tell;
    if (!has_reordering_ && is_told) return std::chrono::nanoseconds{0};
    return std::min(least_ / 4 * quarters_, smoothed);
}

std::chrono::nanoseconds Rack::mark_lost(SendQueue& queue, Scoreboard& board, std::chrono::nanoseconds window,
                                         time::Instant now) const noexcept {
    std::chrono::nanoseconds wait{0};
    for (std::uint32_t at = 0; at < queue.sent(); ++at) {
        const SendSegment& segment = queue[at];
        if (has(segment, sent_flag::arrived)) continue;
        if (has(segment, sent_flag::lost) && !has(segment, sent_flag::sent_for_loss)) continue;
        if (!is_sent_before_newest(segment)) {
            if (!has(segment, sent_flag::again)) break;  // what lies behind was sent later still
            continue;
        }
        const std::chrono::nanoseconds left{segment.sent_ns - now.as_nanos() + (round_trip_ + window).count()};
        if (left.count() <= 0)
            board.mark_lost_again(queue, at);
        else
            wait = std::max(wait, left);
    }
    return wait;
}

std::int64_t Rack::lost_if_sent_until(std::chrono::nanoseconds smoothed, time::Instant now) const noexcept {
    const std::chrono::nanoseconds round_trip = round_trip_.count() != 0 ? round_trip_ : smoothed;
    return now.as_nanos() - (round_trip + window(true, 0, smoothed)).count();
}

}  // namespace skerry::stack::tcp
